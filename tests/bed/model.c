/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nbdkit plugin: a file as a disk that is as slow as a modelled one.
 *
 * Owns the export, the waiting and the statistics; how long a request takes is decided in service.c.
 * The file is mapped. Without keep=true the mapping is private: what is written stays in memory and is
 * gone when the server ends, so that each boot finds the same disk.
 */
#define NBDKIT_API_VERSION 2
#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nbdkit-plugin.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "service.h"

enum direction { DIRECTION_READ, DIRECTION_WRITE, DIRECTION_COUNT };

struct statistics {
        uint64_t requests[DIRECTION_COUNT];
        uint64_t bytes[DIRECTION_COUNT];
        uint64_t flushes;
        uint64_t busy_ns; /* at least one request was there */
        unsigned int in_flight, in_flight_most;
        uint64_t busy_since;
};

static struct {
        char *file, *report;
        int keep, free_writes, head;
        int64_t latency_us, rate;
        unsigned int depth;
        uint8_t *map;
        uint64_t size;
        struct service service;
        struct statistics statistics;
        pthread_mutex_t lock; /* of service and statistics */
} disk = {.depth = 1, .lock = PTHREAD_MUTEX_INITIALIZER};

static uint64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void wait_until(uint64_t time_ns)
{
        struct timespec time = {.tv_sec = (time_t)(time_ns / 1000000000u),
                                .tv_nsec = (long)(time_ns % 1000000000u)};

        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
                continue;
}

static int set_number(const char *value, int64_t *ret)
{
        *ret = nbdkit_parse_size(value);
        return *ret < 0 ? -1 : 0;
}

static int set_switch(const char *value, int *ret)
{
        *ret = nbdkit_parse_bool(value);
        return *ret < 0 ? -1 : 0;
}

static int set_path(const char *value, char **ret)
{
        free(*ret);
        *ret = nbdkit_absolute_path(value);
        return *ret ? 0 : -1;
}

static int model_config(const char *key, const char *value)
{
        if (strcmp(key, "file") == 0)
                return set_path(value, &disk.file);
        if (strcmp(key, "report") == 0)
                return set_path(value, &disk.report);
        if (strcmp(key, "keep") == 0)
                return set_switch(value, &disk.keep);
        if (strcmp(key, "free-writes") == 0)
                return set_switch(value, &disk.free_writes);
        if (strcmp(key, "head") == 0)
                return set_switch(value, &disk.head);
        if (strcmp(key, "latency-us") == 0)
                return set_number(value, &disk.latency_us);
        if (strcmp(key, "rate") == 0)
                return set_number(value, &disk.rate);
        if (strcmp(key, "depth") == 0)
                return nbdkit_parse_unsigned("depth", value, &disk.depth);
        nbdkit_error("unknown parameter '%s'", key);
        return -1;
}

static int model_config_complete(void)
{
        if (!disk.file) {
                nbdkit_error("file= is missing");
                return -1;
        }
        if (disk.depth < 1 || disk.depth > SERVICE_DEPTH_MAX) {
                nbdkit_error("depth=%u is not within 1 and %d", disk.depth, SERVICE_DEPTH_MAX);
                return -1;
        }
        if (disk.head && (disk.depth != 1 || disk.rate == 0)) {
                nbdkit_error("a disk with a head has a rate, and no depth");
                return -1;
        }
        return 0;
}

static int map_file(void)
{
        _cleanup_close_ int fd = open(disk.file, (disk.keep ? O_RDWR : O_RDONLY) | O_CLOEXEC);
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0 || status.st_size == 0) {
                nbdkit_error("'%s': %s", disk.file, fd < 0 ? strerror(errno) : "empty");
                return -1;
        }
        disk.size = (uint64_t)status.st_size;
        disk.map = mmap(NULL, disk.size, PROT_READ | PROT_WRITE,
                        disk.keep ? MAP_SHARED : MAP_PRIVATE | MAP_NORESERVE, fd, 0);
        if (disk.map == MAP_FAILED) {
                nbdkit_error("'%s': mmap: %s", disk.file, strerror(errno));
                disk.map = NULL;
                return -1;
        }
        return 0;
}

static int model_get_ready(void)
{
        if (map_file() < 0)
                return -1;
        service_init(&disk.service, &(struct service_model){
                                            .latency_ns = (uint64_t)disk.latency_us * 1000u,
                                            .depth = disk.depth,
                                            .rate = (uint64_t)disk.rate,
                                            .head = disk.head,
                                            .size = disk.size,
                                    });
        return 0;
}

/* The default slack would lengthen a 100 µs wait by half; the threads of connections inherit it. */
static int model_after_fork(void)
{
        return prctl(PR_SET_TIMERSLACK, 1ul, 0ul, 0ul, 0ul);
}

static void report_statistics(void)
{
        const struct statistics *s = &disk.statistics;
        _cleanup_fclose_ FILE *out = fopen(disk.report, "we");

        if (!out) {
                nbdkit_error("'%s': %s, statistics are lost", disk.report, strerror(errno));
                return;
        }
        fprintf(out,
                "{\"read_requests\": %" PRIu64 ", \"read_bytes\": %" PRIu64 ", \"write_requests\": %" PRIu64
                ", \"write_bytes\": %" PRIu64 ", \"flushes\": %" PRIu64
                ", \"busy_seconds\": %.6f, \"in_flight_most\": %u}\n",
                s->requests[DIRECTION_READ], s->bytes[DIRECTION_READ], s->requests[DIRECTION_WRITE],
                s->bytes[DIRECTION_WRITE], s->flushes, (double)s->busy_ns / 1e9, s->in_flight_most);
}

static void model_unload(void)
{
        if (disk.map && disk.report)
                report_statistics();
        if (disk.map)
                munmap(disk.map, disk.size);
        free(disk.file);
        free(disk.report);
}

static void *model_open(int readonly)
{
        (void)readonly;
        return NBDKIT_HANDLE_NOT_NEEDED;
}

static int64_t model_get_size(void *handle)
{
        (void)handle;
        return (int64_t)disk.size;
}

static int model_can_multi_conn(void *handle)
{
        (void)handle;
        return 1;
}

/* begin - counts a request in; when it is due */
static uint64_t begin(enum direction direction, uint64_t offset, uint32_t bytes)
{
        struct statistics *s = &disk.statistics;
        uint64_t now, due;

        pthread_mutex_lock(&disk.lock);
        now = now_ns();
        due = direction == DIRECTION_WRITE && disk.free_writes
                      ? now
                      : service_finish(&disk.service, now, offset, bytes);
        s->requests[direction]++;
        s->bytes[direction] += bytes;
        if (s->in_flight++ == 0)
                s->busy_since = now;
        if (s->in_flight > s->in_flight_most)
                s->in_flight_most = s->in_flight;
        pthread_mutex_unlock(&disk.lock);
        return due;
}

static void end(void)
{
        struct statistics *s = &disk.statistics;

        pthread_mutex_lock(&disk.lock);
        if (--s->in_flight == 0)
                s->busy_ns += now_ns() - s->busy_since;
        pthread_mutex_unlock(&disk.lock);
}

static int model_pread(void *handle, void *buffer, uint32_t count, uint64_t offset, uint32_t flags)
{
        uint64_t due = begin(DIRECTION_READ, offset, count);

        (void)handle;
        (void)flags;
        memcpy(buffer, disk.map + offset, count);
        wait_until(due);
        end();
        return 0;
}

static int model_pwrite(void *handle, const void *buffer, uint32_t count, uint64_t offset, uint32_t flags)
{
        uint64_t due = begin(DIRECTION_WRITE, offset, count);

        (void)handle;
        (void)flags;
        memcpy(disk.map + offset, buffer, count);
        wait_until(due);
        end();
        return 0;
}

/* What is written is in memory already; the models have no volatile cache. */
static int model_flush(void *handle, uint32_t flags)
{
        (void)handle;
        (void)flags;
        pthread_mutex_lock(&disk.lock);
        disk.statistics.flushes++;
        pthread_mutex_unlock(&disk.lock);
        return 0;
}

static struct nbdkit_plugin plugin = {
        .name = "model",
        .description = "a file as a disk that is as slow as a modelled one",
        .unload = model_unload,
        .config = model_config,
        .config_complete = model_config_complete,
        .config_help = "file=FILE [keep=true] [latency-us=N] [depth=N] [rate=BYTES] [head=true] "
                       "[free-writes=true] [report=FILE]",
        .magic_config_key = "file",
        .get_ready = model_get_ready,
        .after_fork = model_after_fork,
        .open = model_open,
        .get_size = model_get_size,
        .can_multi_conn = model_can_multi_conn,
        .pread = model_pread,
        .pwrite = model_pwrite,
        .flush = model_flush,
        .errno_is_preserved = 1,
};

NBDKIT_REGISTER_PLUGIN(plugin)
