/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine with a table of functions that writes down what it is asked for. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>

#include "engine.h"

enum { READS = 3000, ANSWERS = 8, APART = 1 << 20 };

/* What was issued, as places in the plan; files answer by their number. */
struct record {
        const struct plan *plan;
        pthread_mutex_t lock;
        size_t issued[READS];
        size_t n_issued;
        unsigned int opened, closed, open_at_once, most_open;
        int answers[ANSWERS]; /* what open says for file number i; above: 0 */
        unsigned int calls;
        bool refuses, fails;
        uint64_t room; /* 0: any */
};

enum { DESCRIPTOR = 1000 }; /* of file i: DESCRIPTOR + i; of a device: DESCRIPTOR - 1 - filesystem */

static int descriptor_of(const struct plan_read *read)
{
        return read->file == PROFILE_NONE ? DESCRIPTOR - 1 - (int)read->filesystem
                                          : DESCRIPTOR + (int)read->file;
}

static int record_open(void *data, const struct plan_read *read, int *ret_fd)
{
        struct record *record = data;

        if (read->file < ANSWERS && record->answers[read->file])
                return record->answers[read->file];
        pthread_mutex_lock(&record->lock);
        record->opened++;
        if (++record->open_at_once > record->most_open)
                record->most_open = record->open_at_once;
        pthread_mutex_unlock(&record->lock);
        *ret_fd = descriptor_of(read);
        return 0;
}

/* A read is one piece, and lies where the plan has it: batches keep the plan's order. */
static size_t record_locate(void *data, int fd, const struct plan_read *read, struct piece *ret, size_t room)
{
        const struct record *record = data;

        assert_int_equal(fd, descriptor_of(read));
        assert_true(room > 0);
        *ret = (struct piece){.fd = fd,
                              .offset = read->offset,
                              .length = read->length,
                              .position = (uint64_t)(read - record->plan->reads + 1) * APART};
        return 1;
}

static unsigned int record_read(void *data, const struct piece *pieces, size_t count)
{
        struct record *record = data;

        pthread_mutex_lock(&record->lock);
        record->calls++;
        for (size_t i = 0; i < count; i++) {
                assert_true(record->n_issued < READS);
                record->issued[record->n_issued++] = (size_t)(pieces[i].position / APART - 1);
        }
        pthread_mutex_unlock(&record->lock);
        return record->refuses ? (unsigned int)count : 0;
}

static bool record_wait(void *data, const struct piece *piece)
{
        (void)piece;
        return !((struct record *)data)->fails;
}

static uint64_t record_room(void *data)
{
        const struct record *record = data;

        return record->room ? record->room : UINT64_MAX;
}

static void record_close(void *data, int fd)
{
        struct record *record = data;

        (void)fd;
        pthread_mutex_lock(&record->lock);
        record->closed++;
        record->open_at_once--;
        pthread_mutex_unlock(&record->lock);
}

static const struct engine_class recorder = {
        .open = record_open,
        .locate = record_locate,
        .read_ahead = record_read,
        .wait = record_wait,
        .room = record_room,
        .close = record_close,
};

/* Twenty reads of a device, then files of one to four reads each. */
static void make_plan(struct plan_read *reads, size_t count, struct plan *ret)
{
        uint32_t file = 0, left = 1;

        for (size_t i = 0; i < count; i++) {
                bool device = i < 20;

                if (!device && left-- == 0)
                        left = ++file % 4;
                reads[i] = (struct plan_read){
                        .file = device ? PROFILE_NONE : file, .offset = i * PAGE, .length = PAGE};
        }
        *ret = (struct plan){.reads = reads, .n_reads = count, .n_metadata = 20, .files = file + 1};
}

static void run(struct record *record, const struct plan *plan, const struct engine_settings *settings,
                struct engine_counters *counters)
{
        record->plan = plan;
        pthread_mutex_init(&record->lock, NULL);
        engine_run(&recorder, record, plan, settings, counters);
        pthread_mutex_destroy(&record->lock);
        assert_int_equal(record->closed, record->opened);
}

static void test_one_thread_keeps_order(void **state)
{
        struct engine_settings settings = {.threads = 1};
        struct engine_counters counters = {0};
        struct record record = {0};
        struct plan_read reads[READS];
        struct rlimit limit;
        struct plan plan;

        (void)state;
        make_plan(reads, READS, &plan);
        run(&record, &plan, &settings, &counters);
        assert_int_equal(record.n_issued, READS);
        for (size_t i = 0; i < READS; i++)
                assert_int_equal(record.issued[i], i);
        assert_true(record.calls < READS / 100);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_true(record.most_open < limit.rlim_cur);
        assert_int_equal(counters.files, plan.files);
        assert_int_equal(counters.metadata_requests, 20);
        assert_int_equal(counters.metadata_bytes, 20 * PAGE);
        assert_int_equal(counters.requests, READS - 20);
        assert_int_equal(counters.bytes, (READS - 20) * PAGE);
        assert_int_equal(counters.errors + counters.late + counters.failed, 0);
}

static void test_many_threads_issue_each_once(void **state)
{
        static const unsigned int threads[] = {0, 2, 7, 64, 1000};
        struct plan_read reads[READS];
        struct plan plan;

        (void)state;
        make_plan(reads, READS, &plan);
        for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
                struct engine_settings settings = {.threads = threads[t]};
                struct engine_counters counters = {0};
                struct record record = {0};
                unsigned char seen[READS] = {0};

                run(&record, &plan, &settings, &counters);
                assert_int_equal(record.n_issued, READS);
                for (size_t i = 0; i < READS; i++)
                        assert_int_equal(seen[record.issued[i]]++, 0);
                assert_true(record.opened >=
                            1 + plan.files); /* a file is opened once for its reads, but ... */
                assert_true(record.opened <= 1 + plan.files + record.calls); /* ... where a batch is full */
                assert_int_equal(counters.files, plan.files);
                assert_int_equal(counters.requests + counters.metadata_requests, READS);
        }
}

static void test_counters(void **state)
{
        struct plan_read reads[] = {
                {.file = PROFILE_NONE, .length = PAGE},
                {.file = 0, .length = PAGE},
                {.file = 0, .length = PAGE},
                {.file = 1, .length = PAGE},
                {.file = 2, .length = PAGE},
                {.file = 3, .length = PAGE},
                {.file = 4, .length = 2 * PAGE},
                {.file = 5, .length = PAGE},
        };
        struct plan plan = {.reads = reads, .n_reads = sizeof reads / sizeof *reads, .n_metadata = 1};
        struct engine_settings settings = {.threads = 1};
        struct engine_counters counters = {0};
        struct record record = {.answers = {PLACE_GONE, PLACE_CHANGED, -EACCES, PLACE_GONE, 0, -EMFILE}};

        (void)state;
        run(&record, &plan, &settings, &counters);
        assert_int_equal(counters.gone, 2); /* files, not reads */
        assert_int_equal(counters.changed, 1);
        assert_int_equal(counters.failed, 2);
        assert_int_equal(counters.files, 1);
        assert_int_equal(counters.requests, 1);
        assert_int_equal(counters.bytes, 2 * PAGE);
        assert_int_equal(counters.metadata_requests, 1);
        assert_int_equal(counters.errors, 0);
}

static void test_refused_reads(void **state)
{
        struct engine_settings settings = {.threads = 3};
        struct engine_counters counters = {0};
        struct record record = {.refuses = true};
        struct plan_read reads[40];
        struct plan plan;

        (void)state;
        make_plan(reads, 40, &plan);
        run(&record, &plan, &settings, &counters);
        assert_int_equal(record.n_issued, 40);
        assert_int_equal(counters.errors, 40);
}

/* Files of a page each. */
static void make_pages(struct plan_read *reads, uint32_t count, struct plan *ret)
{
        for (uint32_t i = 0; i < count; i++)
                reads[i] = (struct plan_read){.file = i, .length = PAGE};
        *ret = (struct plan){.reads = reads, .n_reads = count};
}

/* Of ten batches of five pages each all but the last are waited for. */
static void test_failed_reads(void **state)
{
        struct engine_settings settings = {.threads = 1, .in_flight = 10 * PAGE};
        struct engine_counters counters = {0};
        struct record record = {.fails = true};
        struct plan_read reads[50];
        struct plan plan;

        (void)state;
        make_pages(reads, 50, &plan);
        run(&record, &plan, &settings, &counters);
        assert_int_equal(counters.requests, 50);
        assert_int_equal(counters.errors, 9);
}

/* Memory that somebody takes in the middle. */
static void test_less_memory(void **state)
{
        struct engine_settings settings = {.threads = 1, .in_flight = 10 * PAGE};
        struct engine_counters counters = {0};
        struct record record = {.room = 12 * PAGE};
        struct plan_read reads[50];
        struct plan plan;

        (void)state;
        make_pages(reads, 50, &plan);
        run(&record, &plan, &settings, &counters);
        assert_int_equal(counters.bytes, 15 * PAGE);
        assert_int_equal(counters.cut_bytes, 35 * PAGE);
        assert_int_equal(record.n_issued, 15);
}

/* A device that is not there is an error, and no file that failed. */
static int refuse_open(void *data, const struct plan_read *read, int *ret_fd)
{
        (void)data;
        (void)read;
        (void)ret_fd;
        return -ENODEV;
}

static void test_no_device(void **state)
{
        const struct engine_class class = {.open = refuse_open};
        struct plan_read reads[] = {{.file = PROFILE_NONE, .length = PAGE}};
        struct plan plan = {.reads = reads, .n_reads = 1, .n_metadata = 1};
        struct engine_settings settings = {.threads = 1};
        struct engine_counters counters = {0};

        (void)state;
        engine_run(&class, NULL, &plan, &settings, &counters);
        assert_int_equal(counters.errors, 1);
        assert_int_equal(counters.failed, 0);
        assert_int_equal(counters.metadata_requests, 0);
}

static void test_deadline(void **state)
{
        struct engine_settings settings = {.threads = 4, .deadline_us = 1};
        struct engine_counters counters = {0};
        struct record record = {0};
        struct plan_read reads[50];
        struct plan plan;

        (void)state;
        make_plan(reads, 50, &plan);
        run(&record, &plan, &settings, &counters);
        assert_int_equal(record.opened, 0);
        assert_int_equal(record.n_issued, 0);
        assert_int_equal(counters.late, 50);

        settings.deadline_us = UINT64_MAX;
        run(&record, &plan, &settings, &counters);
        assert_int_equal(record.n_issued, 50);
        assert_int_equal(counters.late, 50);
}

/* The real engine, on a profile with files that do not lie below the mount point of their filesystem: the
 * regular file /d (as seen from /) has that path, and is not opened by it. */
static void test_outside_of_its_mount(void **state)
{
        _cleanup_profile_ struct profile *profile =
                fixture_profile(FILESYSTEMS FILE_LINE("/d", 1, 0) FILE_LINE("/var/log", 1, 0)
                                        FILE_LINE("/variable", 1, 0) RANGE_LINE("/d", 0, 1, 0));
        _cleanup_close_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char folder[] = "/tmp/bootahead-test-XXXXXX", path[64];
        struct mounted mounted[2] = {{.root = -1, .device = -1}, {.root = -1, .device = -1}};
        struct place place = {.proc = proc};
        struct engine_files files = {.place = &place, .profile = profile, .mounted = mounted};

        (void)state;
        assert_non_null(mkdtemp(folder));
        mounted[1].root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (uint32_t file = 0; file < 3; file++) {
                static const char *const names[] = {"d", "log", "variable"};
                int made = openat(mounted[1].root, names[file], O_CREAT | O_RDWR | O_CLOEXEC, 0600);
                struct plan_read read = {.filesystem = 1, .file = file, .length = PAGE};
                int fd = -1, r = engine_readahead.open(&files, &read, &fd);

                assert_true(made >= 0);
                close(made);
                assert_int_equal(r, file == 1 ? 0 : PLACE_GONE);
                if (r == 0)
                        engine_readahead.close(&files, fd);
                snprintf(path, sizeof path, "%s/%s", folder, names[file]);
                assert_int_equal(unlink(path), 0);
        }
        close(mounted[1].root);
        assert_int_equal(rmdir(folder), 0);
}

/* What can't be mapped is asked for all the same, and counted where that is refused too. */
static void test_not_to_be_mapped(void **state)
{
        struct mounted mounted = {.root = -1, .device = -1, .window = 32 * PAGE};
        struct engine_files files = {.mounted = &mounted};
        struct piece pieces[3] = {{.length = 100 * PAGE}, {.length = 100 * PAGE}, {.length = 100 * PAGE}};
        char path[] = "/tmp/bootahead-test-XXXXXX";
        int pipes[2];

        (void)state;
        assert_int_equal(pipe(pipes), 0);
        pieces[0].fd = pieces[2].fd = mkstemp(path);
        pieces[1].fd = pipes[0];
        assert_true(pieces[0].fd >= 0);
        assert_int_equal(engine_readahead.read_ahead(&files, pieces, 3), 1);
        pieces[1].fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(engine_readahead.read_ahead(&files, pieces, 3), 0);
        close(pieces[1].fd);
        close(pieces[0].fd);
        close(pipes[0]);
        close(pipes[1]);
        assert_int_equal(unlink(path), 0);
}

/* Issued and not yet waited for, in bytes. */
struct owed {
        uint64_t bytes, most, last, before;
        unsigned int open, waits;
};

static int owe_open(void *data, const struct plan_read *read, int *ret_fd)
{
        struct owed *owed = data;

        owed->open++;
        *ret_fd = descriptor_of(read);
        return 0;
}

static size_t owe_locate(void *data, int fd, const struct plan_read *read, struct piece *ret, size_t room)
{
        (void)data;
        (void)room;
        *ret = (struct piece){
                .fd = fd, .length = read->length, .position = (uint64_t)(read->file + 1) * APART};
        return 1;
}

static unsigned int owe_read(void *data, const struct piece *pieces, size_t count)
{
        struct owed *owed = data;

        owed->before = owed->last;
        owed->last = 0;
        for (size_t i = 0; i < count; i++)
                owed->last += pieces[i].length;
        owed->bytes += owed->last;
        if (owed->bytes > owed->most)
                owed->most = owed->bytes;
        return 0;
}

static bool owe_wait(void *data, const struct piece *piece)
{
        struct owed *owed = data;

        assert_true(piece->length > 0);
        owed->bytes -= owed->before;
        owed->waits++;
        return true;
}

static uint64_t any_room(void *data)
{
        (void)data;
        return UINT64_MAX;
}

static void owe_close(void *data, int fd)
{
        struct owed *owed = data;

        (void)fd;
        owed->open--;
}

static const struct engine_class owing = {
        .open = owe_open,
        .locate = owe_locate,
        .read_ahead = owe_read,
        .wait = owe_wait,
        .room = any_room,
        .close = owe_close,
};

/* The disk never owes more than two bins, each of which ends with the file that fills it. */
static void test_in_flight(void **state)
{
        struct plan_read reads[300];
        struct plan plan = {.reads = reads, .n_reads = 300};
        struct engine_settings settings = {.threads = 1, .in_flight = 20 * PAGE};
        struct engine_counters counters = {0};
        struct owed owed = {0};

        (void)state;
        for (uint32_t i = 0; i < 300; i++)
                reads[i] = (struct plan_read){.file = i, .length = (1 + i % 3) * PAGE};
        engine_run(&owing, &owed, &plan, &settings, &counters);
        assert_in_range(owed.most, 20 * PAGE, 24 * PAGE);
        assert_in_range(owed.waits, 45, 55);
        assert_int_equal(owed.open, 0);
        assert_int_equal(counters.requests, 300);

        owed = (struct owed){0};
        settings.in_flight = 0;
        engine_run(&owing, &owed, &plan, &settings, &counters);
        assert_int_equal(owed.waits, 0);
        assert_int_equal(owed.open, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_one_thread_keeps_order),
                cmocka_unit_test(test_many_threads_issue_each_once),
                cmocka_unit_test(test_counters),
                cmocka_unit_test(test_refused_reads),
                cmocka_unit_test(test_failed_reads),
                cmocka_unit_test(test_less_memory),
                cmocka_unit_test(test_no_device),
                cmocka_unit_test(test_deadline),
                cmocka_unit_test(test_in_flight),
                cmocka_unit_test(test_not_to_be_mapped),
                cmocka_unit_test(test_outside_of_its_mount),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
