/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nbdkit plugin: a modelled disk as an NBD server, for virtual machines.
 *
 * Owns the export and the waiting; content and times come from store.h.
 */
#define NBDKIT_API_VERSION 2
#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

#include <errno.h>
#include <nbdkit-plugin.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "store.h"

static struct store disk;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the disk but for its content */

static uint64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void wait_until(uint64_t due)
{
        struct timespec time = {
                .tv_sec = (time_t)(due / 1000000000u),
                .tv_nsec = (long)(due % 1000000000u),
        };

        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
                continue;
}

static int model_config(const char *key, const char *value)
{
        int r = store_option(&disk, key, value);

        if (r < 0)
                nbdkit_error("'%s=%s': %s", key, value, strerror(-r));
        return r < 0 ? -1 : 0;
}

static int model_get_ready(void)
{
        int r = store_open(&disk);

        if (r < 0)
                nbdkit_error("'%s': %s", disk.file ? disk.file : "file=", strerror(-r));
        return r < 0 ? -1 : 0;
}

/* The default slack would lengthen a wait of 100 µs by half; the threads of connections inherit it. */
static int model_after_fork(void)
{
        return prctl(PR_SET_TIMERSLACK, 1ul, 0ul, 0ul, 0ul);
}

static void model_unload(void)
{
        int r = disk.map ? store_report(&disk) : 0;

        if (r < 0)
                nbdkit_error("'%s': %s, statistics are lost", disk.report, strerror(-r));
        store_done(&disk);
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

static uint64_t begin(enum direction direction, uint64_t offset, uint32_t bytes)
{
        uint64_t due;

        pthread_mutex_lock(&lock);
        due = store_begin(&disk, direction, now_ns(), offset, bytes);
        pthread_mutex_unlock(&lock);
        return due;
}

static void end(void)
{
        pthread_mutex_lock(&lock);
        store_end(&disk, now_ns());
        pthread_mutex_unlock(&lock);
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
        pthread_mutex_lock(&lock);
        disk.statistics.flushes++;
        pthread_mutex_unlock(&lock);
        return 0;
}

static struct nbdkit_plugin plugin = {
        .name = "model",
        .description = "a file as a disk that is as slow as a modelled one",
        .unload = model_unload,
        .config = model_config,
        .config_help = "file=FILE depth=N [latency-us=N] [rate=BYTES] [head=true] [free-writes=true] "
                       "[keep=true] [report=FILE]",
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
