/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The content, the settings and the statistics of a modelled disk; see store.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "store.h"

#define NS_PER_US 1000u
#define LATENCY_MOST_US 60000000u

static int set_path(const char *value, char **ret)
{
        free(*ret);
        *ret = strdup(value);
        return *ret ? 0 : -ENOMEM;
}

static int set_switch(const char *value, bool *ret)
{
        *ret = strcmp(value, "true") == 0;
        return *ret || strcmp(value, "false") == 0 ? 0 : -EINVAL;
}

static int set_number(const char *value, uint64_t most, uint64_t *ret)
{
        char *end;

        errno = 0;
        *ret = strtoull(value, &end, 10);
        return errno || end == value || *end || *value == '-' || *ret > most ? -EINVAL : 0;
}

static int set_latency(struct store *store, const char *value)
{
        uint64_t us = 0;
        int r = set_number(value, LATENCY_MOST_US, &us);

        store->model.latency_ns = us * NS_PER_US;
        return r;
}

static int set_depth(struct store *store, const char *value)
{
        uint64_t depth = 0;
        int r = set_number(value, SERVICE_DEPTH_MAX, &depth);

        store->model.depth = (unsigned int)depth;
        return r;
}

int store_option(struct store *store, const char *key, const char *value)
{
        if (strcmp(key, "file") == 0)
                return set_path(value, &store->file);
        if (strcmp(key, "report") == 0)
                return set_path(value, &store->report);
        if (strcmp(key, "keep") == 0)
                return set_switch(value, &store->keep);
        if (strcmp(key, "free-writes") == 0)
                return set_switch(value, &store->free_writes);
        if (strcmp(key, "fail-every") == 0)
                return set_number(value, UINT32_MAX, &store->fail_every);
        if (strcmp(key, "head") == 0)
                return set_switch(value, &store->model.head);
        if (strcmp(key, "latency-us") == 0)
                return set_latency(store, value);
        if (strcmp(key, "depth") == 0)
                return set_depth(store, value);
        if (strcmp(key, "rate") == 0)
                return set_number(value, UINT32_MAX, &store->model.rate);
        return -ENOENT;
}

/* A modelled disk never waits for the real one: what the file holds is in memory before it is served. */
static void bring_in(int fd, uint8_t *map, off_t size)
{
        off_t start = 0, end;

        while ((start = lseek(fd, start, SEEK_DATA)) >= 0 && start < size) {
                end = lseek(fd, start, SEEK_HOLE);
                if (end <= start)
                        end = size;
                (void)madvise(map + start, (size_t)(end - start), MADV_POPULATE_READ);
                start = end;
        }
}

static int map_file(struct store *store)
{
        _cleanup_close_ int fd = open(store->file, (store->keep ? O_RDWR : O_RDONLY) | O_CLOEXEC);
        int flags = store->keep ? MAP_SHARED : MAP_PRIVATE | MAP_NORESERVE;
        struct stat status;
        void *map;

        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode) || status.st_size == 0)
                return -EINVAL;
        map = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, flags, fd, 0);
        if (map == MAP_FAILED)
                return -errno;
        bring_in(fd, map, status.st_size);
        store->map = map;
        store->size = store->model.size = (uint64_t)status.st_size;
        return 0;
}

int store_open(struct store *store)
{
        int r;

        if (!store->file || store->model.depth == 0)
                return -EINVAL;
        if (store->model.head && (store->model.depth != 1 || store->model.rate == 0))
                return -EINVAL;
        r = map_file(store);
        if (r == 0)
                service_init(&store->service, &store->model);
        return r;
}

void store_done(struct store *store)
{
        if (store->map)
                munmap(store->map, store->size);
        free(store->file);
        free(store->report);
        *store = (struct store){0};
}

uint64_t store_begin(struct store *store, enum direction direction, uint64_t now, uint64_t offset,
                     uint64_t bytes)
{
        struct store_statistics *s = &store->statistics;

        s->requests[direction]++;
        s->bytes[direction] += bytes;
        if (s->in_flight++ == 0)
                s->busy_since = now;
        if (s->in_flight > s->in_flight_most)
                s->in_flight_most = s->in_flight;
        if (direction == DIRECTION_WRITE && store->free_writes)
                return now;
        return service_finish(&store->service, now, offset, bytes);
}

bool store_fails(const struct store *store)
{
        return store->fail_every && store->statistics.requests[DIRECTION_READ] % store->fail_every == 0;
}

void store_end(struct store *store, uint64_t now)
{
        struct store_statistics *s = &store->statistics;

        if (--s->in_flight == 0)
                s->busy_ns += now - s->busy_since;
}

int store_report(const struct store *store)
{
        const struct store_statistics *s = &store->statistics;
        _cleanup_fclose_ FILE *out = NULL;

        if (!store->report)
                return 0;
        out = fopen(store->report, "we");
        if (!out)
                return -errno;
        fprintf(out,
                "{\"read_requests\": %" PRIu64 ", \"read_bytes\": %" PRIu64 ", \"write_requests\": %" PRIu64
                ", \"write_bytes\": %" PRIu64 ", \"flushes\": %" PRIu64
                ", \"busy_seconds\": %.6f, \"in_flight_most\": %u}\n",
                s->requests[DIRECTION_READ], s->bytes[DIRECTION_READ], s->requests[DIRECTION_WRITE],
                s->bytes[DIRECTION_WRITE], s->flushes, (double)s->busy_ns / 1e9, s->in_flight_most);
        return fflush(out) == 0 ? 0 : -errno;
}
