/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
        THREADS_MAX = 64,
        STACK_SIZE = 64 << 10,
        QUEUE_MAX = 128,
};

struct work {
        const struct engine_class *class;
        void *data;
        const struct plan *plan;
        const struct engine_settings *settings;
        struct engine_counters *counters;
        pthread_mutex_t lock;
        size_t next; /* read that is to be taken next */
};

bool engine_is_late(uint64_t deadline_us)
{
        struct timespec now;

        if (!deadline_us)
                return false;
        clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u > deadline_us;
}

/* A thread takes all reads of a file, or one of a device. */
static size_t take(struct work *work, size_t *ret_first)
{
        const struct plan *plan = work->plan;
        size_t count = 0;

        pthread_mutex_lock(&work->lock);
        *ret_first = work->next;
        if (work->next < plan->n_reads)
                count = 1;
        while (count && work->next + count < plan->n_reads && plan->reads[*ret_first].file != PROFILE_NONE &&
               plan->reads[work->next + count].file == plan->reads[*ret_first].file)
                count++;
        work->next += count;
        pthread_mutex_unlock(&work->lock);
        return count;
}

static void count_open(struct engine_counters *counters, const struct plan_read *read, int r)
{
        if (read->file == PROFILE_NONE)
                counters->errors += r != 0;
        else if (r == PLACE_GONE)
                counters->gone++;
        else if (r == PLACE_CHANGED)
                counters->changed++;
        else if (r < 0)
                counters->failed++;
        else
                counters->files++;
}

/* What one thread has issued and not yet seen to be there, oldest first. The boot's own reads wait behind
 * whatever stands in the device's queue, so not everything may stand there at once. */
struct queue {
        struct entry {
                int fd;
                const struct plan_read *last; /* of this descriptor's reads */
                uint64_t bytes;
        } entries[QUEUE_MAX];
        size_t first, count;
        uint64_t bytes;
};

static void take_oldest(struct work *work, struct queue *queue, bool wait)
{
        const struct entry *oldest = &queue->entries[queue->first];

        if (wait)
                work->class->wait(work->data, oldest->fd, oldest->last);
        work->class->close(work->data, oldest->fd);
        queue->bytes -= oldest->bytes;
        queue->first = (queue->first + 1) % QUEUE_MAX;
        queue->count--;
}

static void enqueue(struct work *work, struct queue *queue, int fd, const struct plan_read *reads,
                    size_t count)
{
        struct entry entry = {.fd = fd, .last = &reads[count - 1]};
        uint64_t limit = work->settings->in_flight;

        if (!limit) {
                work->class->close(work->data, fd);
                return;
        }
        for (size_t i = 0; i < count; i++)
                entry.bytes += reads[i].length;
        if (queue->count == QUEUE_MAX)
                take_oldest(work, queue, true);
        queue->entries[(queue->first + queue->count++) % QUEUE_MAX] = entry;
        queue->bytes += entry.bytes;
        while (queue->count > 1 && queue->bytes > limit)
                take_oldest(work, queue, true);
}

static void issue(struct work *work, struct queue *queue, const struct plan_read *reads, size_t count)
{
        struct engine_counters *counters = work->counters;
        int fd, r = work->class->open(work->data, reads, &fd);

        count_open(counters, reads, r);
        if (r != 0)
                return;
        for (size_t i = 0; i < count; i++) {
                if (work->class->read_ahead(work->data, fd, &reads[i]) < 0) {
                        counters->errors++;
                } else if (reads[i].file == PROFILE_NONE) {
                        counters->metadata_requests++;
                        counters->metadata_bytes += reads[i].length;
                } else {
                        counters->requests++;
                        counters->bytes += reads[i].length;
                }
        }
        enqueue(work, queue, fd, reads, count);
}

static void *worker(void *argument)
{
        struct work *work = argument;
        struct queue queue = {0};
        size_t first, count;

        while ((count = take(work, &first)) > 0) {
                if (engine_is_late(work->settings->deadline_us))
                        work->counters->late += (unsigned int)count;
                else
                        issue(work, &queue, &work->plan->reads[first], count);
        }
        while (queue.count > 0)
                take_oldest(work, &queue, false);
        return NULL;
}

void engine_run(const struct engine_class *class, void *data, const struct plan *plan,
                const struct engine_settings *settings, struct engine_counters *counters)
{
        struct work work = {
                .class = class,
                .data = data,
                .plan = plan,
                .settings = settings,
                .counters = counters,
                .lock = PTHREAD_MUTEX_INITIALIZER,
        };
        unsigned int wanted = settings->threads < THREADS_MAX ? settings->threads : THREADS_MAX, started = 0;
        pthread_t threads[THREADS_MAX];
        pthread_attr_t attributes;

        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, STACK_SIZE);
        while (started + 1 < wanted && pthread_create(&threads[started], &attributes, worker, &work) == 0)
                started++;
        worker(&work); /* this thread is one of them, and the only one where no other can be had */
        while (started > 0)
                pthread_join(threads[--started], NULL);
        pthread_attr_destroy(&attributes);
}

/* ---- The real one ------------------------------------------------------------------------ */

static int open_file(void *data, const struct plan_read *read, int *ret_fd)
{
        const struct engine_files *files = data;
        const struct mounted *mounted = &files->mounted[read->filesystem];
        const struct profile_file *file;
        const char *below;

        if (read->file == PROFILE_NONE) {
                *ret_fd = mounted->device;
                return mounted->device < 0 ? -ENODEV : 0;
        }
        file = &files->profile->files[read->file];
        below = place_path_below(file->path, files->profile->filesystems[read->filesystem].mount);
        return below ? place_open_file(files->place, mounted, below, file->size, ret_fd) : PLACE_GONE;
}

/* posix_fadvise(2) returns the error's positive number and does not set errno. */
static int read_ahead(void *data, int fd, const struct plan_read *read)
{
        const struct engine_files *files = data;
        uint64_t window = files->mounted[read->filesystem].window, end = read->offset + read->length;

        for (uint64_t offset = read->offset; offset < end; offset += window) {
                uint64_t length = end - offset < window ? end - offset : window;
                int error = posix_fadvise(fd, (off_t)offset, (off_t)length, POSIX_FADV_WILLNEED);

                if (error)
                        return -error;
        }
        return 0;
}

/* Reading a byte of the last page returns when that page is there. */
static void wait_for(void *data, int fd, const struct plan_read *read)
{
        uint64_t last_page = (read->offset + read->length - 1) / PROFILE_PAGE_SIZE * PROFILE_PAGE_SIZE;
        char byte;

        (void)data;
        if (pread(fd, &byte, 1, (off_t)last_page) < 0)
                return; /* whatever the error is, it is the boot's own business to meet it */
}

static void close_file(void *data, int fd)
{
        const struct engine_files *files = data;

        for (size_t i = 0; i < files->profile->n_filesystems; i++)
                if (files->mounted[i].device == fd)
                        return; /* devices stay open for their next read */
        close(fd);
}

const struct engine_class engine_readahead = {
        .open = open_file,
        .read_ahead = read_ahead,
        .wait = wait_for,
        .close = close_file,
};
