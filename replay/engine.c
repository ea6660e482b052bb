/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum {
        THREADS_MAX = 64,
        STACK_SIZE = 64 << 10,
        FILES_MAX = 4096,  /* open at once: the limit that the kernel gives to the first processes */
        FILES_SPARED = 64, /* of that limit for all else */
        BATCH_FILES = FILES_MAX / 2,
        BATCH_READS = 8192,
        BATCH_PIECES = 2 * BATCH_READS,
};

struct work {
        const struct engine_class *class;
        void *data;
        const struct plan *plan;
        const struct engine_settings *settings;
        struct engine_counters *counters;
        size_t files_most;  /* of a batch */
        uint64_t bin_bytes; /* asked for at once */
        bool grow;
        pthread_mutex_t lock;
        size_t next; /* read that is to be taken next */
};

struct batch {
        struct piece pieces[BATCH_PIECES];
        int fds[BATCH_FILES];
        size_t n_pieces, n_fds;
};

bool engine_is_late(uint64_t deadline_us)
{
        struct timespec now;

        if (!deadline_us)
                return false;
        clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u > deadline_us;
}

uint64_t engine_bytes(const struct engine_counters *counters)
{
        return counters->bytes + counters->metadata_bytes + counters->gap_bytes;
}

static bool is_device(const struct plan_read *read)
{
        return read->file == PROFILE_NONE;
}

static bool same_file(const struct plan_read *a, const struct plan_read *b)
{
        return a->file == b->file && a->filesystem == b->filesystem;
}

/* What a thread takes next: reads of devices, or of whole files where they are not too many. */
static size_t take(struct work *work, uint64_t bytes_most, size_t *ret_first)
{
        const struct plan_read *reads;
        size_t count, files = 0, most;
        uint64_t bytes = 0;

        pthread_mutex_lock(&work->lock);
        *ret_first = work->next;
        reads = work->plan->reads + work->next;
        most = work->plan->n_reads - work->next;
        if (most > BATCH_READS)
                most = BATCH_READS;
        for (count = 0; count < most; count++) {
                bool next = count == 0 || !same_file(&reads[count], &reads[count - 1]);

                if (count > 0 && is_device(&reads[count]) != is_device(&reads[0]))
                        break;
                if (next && (files == work->files_most || bytes >= bytes_most) && count > 0)
                        break;
                files += next;
                bytes += reads[count].length;
        }
        work->next += count;
        pthread_mutex_unlock(&work->lock);
        return count;
}

static void count_open(struct engine_counters *counters, const struct plan_read *read, int r)
{
        if (is_device(read))
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

static void fill(struct work *work, struct batch *batch, size_t first, size_t count)
{
        const struct engine_class *class = work->class;
        int fd = -1, r = 0;
        size_t n;

        for (size_t i = first; i < first + count; i++) {
                const struct plan_read *read = &work->plan->reads[i];
                bool begins = i == 0 || !same_file(read, read - 1);

                if (begins || i == first) {
                        r = class->open(work->data, read, &fd);
                        if (begins)
                                count_open(work->counters, read, r);
                        if (r == 0)
                                batch->fds[batch->n_fds++] = fd;
                }
                if (r != 0)
                        continue;
                n = class->locate(work->data, fd, read, batch->pieces + batch->n_pieces,
                                  BATCH_PIECES - batch->n_pieces);
                for (; n > 0; n--)
                        batch->pieces[batch->n_pieces++].need = (uint32_t)(i - first);
        }
}

static void empty(struct work *work, struct batch *batch)
{
        for (size_t i = 0; i < batch->n_fds; i++)
                work->class->close(work->data, batch->fds[i]);
        batch->n_pieces = batch->n_fds = 0;
}

static void count_pieces(struct engine_counters *counters, const struct piece *pieces, size_t count,
                         bool metadata)
{
        for (size_t i = 0; i < count; i++) {
                if (metadata) {
                        counters->metadata_requests++;
                        counters->metadata_bytes += pieces[i].length;
                } else if (pieces[i].fd == BATCH_DEVICE) {
                        counters->gap_bytes += pieces[i].length;
                } else {
                        counters->requests++;
                        counters->bytes += pieces[i].length;
                }
        }
}

static uint64_t bytes_of(const struct piece *pieces, size_t count)
{
        uint64_t bytes = 0;

        for (size_t i = 0; i < count; i++)
                bytes += pieces[i].length;
        return bytes;
}

/* What is read into memory that others have taken since pushes out what the boot needs. */
static bool has_room(const struct work *work)
{
        return engine_bytes(work->counters) < work->class->room(work->data);
}

/* The disk has one bin to work on while the next is made ready; what the boot itself reads need not queue
 * behind everything. @owed is the last piece that was asked for. */
static void issue(struct work *work, struct batch *batch, bool metadata, struct piece *owed)
{
        struct engine_counters *counters = work->counters;
        size_t end;

        batch->n_pieces = batch_arrange(batch->pieces, batch->n_pieces, BATCH_PIECES, work->bin_bytes);
        for (size_t i = 0; i < batch->n_pieces; i = end) {
                const struct piece *pieces = &batch->pieces[i];

                for (end = i + 1; end < batch->n_pieces && batch->pieces[end].bin == pieces->bin; end++)
                        ;
                if (engine_is_late(work->settings->deadline_us)) {
                        counters->late += (unsigned int)(end - i);
                        continue;
                }
                if (!has_room(work)) {
                        counters->cut_bytes += bytes_of(pieces, end - i);
                        continue;
                }
                count_pieces(counters, pieces, end - i, metadata);
                counters->errors += work->class->read_ahead(work->data, pieces, end - i);
                if (owed->length > 0 && work->settings->in_flight > 0)
                        counters->errors += !work->class->wait(work->data, owed);
                *owed = batch->pieces[end - 1];
        }
}

/* What is owed last belongs to the batch before. */
static void issue_all(struct work *work, struct batch *batches)
{
        uint64_t most = work->bin_bytes;
        size_t first, count, current = 0;
        struct piece owed = {0};

        while ((count = take(work, most, &first)) > 0) {
                if (engine_is_late(work->settings->deadline_us)) {
                        work->counters->late += (unsigned int)count;
                        continue;
                }
                fill(work, &batches[current], first, count);
                if (batches[current].n_pieces > 0) {
                        issue(work, &batches[current], is_device(&work->plan->reads[first]), &owed);
                        current = !current;
                }
                empty(work, &batches[current]);
                if (work->grow && first >= work->plan->n_metadata)
                        most = UINT64_MAX;
        }
        empty(work, &batches[0]);
        empty(work, &batches[1]);
}

static void *worker(void *argument)
{
        struct work *work = argument;
        struct batch *batches = calloc(2, sizeof *batches);

        if (batches)
                issue_all(work, batches);
        else
                work->counters->errors++;
        free(batches);
        return NULL;
}

/* How many files may be open at once; the more are, the more neighbours find each other. */
static size_t files_at_once(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return FILES_SPARED;
        limit.rlim_cur = limit.rlim_max < FILES_MAX ? limit.rlim_max : FILES_MAX;
        setrlimit(RLIMIT_NOFILE, &limit);
        return limit.rlim_cur > 2 * FILES_SPARED ? (size_t)limit.rlim_cur - FILES_SPARED : FILES_SPARED;
}

void engine_run(const struct engine_class *class, void *data, const struct plan *plan,
                const struct engine_settings *settings, struct engine_counters *counters)
{
        unsigned int wanted = settings->threads < THREADS_MAX ? settings->threads : THREADS_MAX, started = 0;
        size_t batches = 2 * (size_t)(wanted > 0 ? wanted : 1);
        struct work work = {
                .class = class,
                .data = data,
                .plan = plan,
                .settings = settings,
                .counters = counters,
                .files_most = files_at_once() / batches,
                .bin_bytes = settings->in_flight ? settings->in_flight / batches : UINT64_MAX,
                .grow = wanted <= 1,
                .lock = PTHREAD_MUTEX_INITIALIZER,
        };
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
