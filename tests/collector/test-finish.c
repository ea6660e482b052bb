/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever was recorded, there is a profile of it: no recording, file or moment may cost the whole of it.
 * Needs no root: the recorded "/" is a folder of the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "finish.h"
#include "lives.h"
#include "memory.h"
#include "touched.h"

DEFINE_CLEANUP(struct profile *, profile_free)

struct place {
        struct collection collection;
        char folder[64];
};

static int place_setup(void **state)
{
        struct place *place = calloc(1, sizeof *place);
        struct view *view = &place->collection.view;
        struct mounts *mounts = &place->collection.mounts;
        struct stat status;

        /* in memory, where sizes and times may be anything; else wherever there is a folder */
        strcpy(place->folder, "/dev/shm/bootahead-test-XXXXXX");
        if (!mkdtemp(place->folder)) {
                strcpy(place->folder, "/tmp/bootahead-test-XXXXXX");
                assert_non_null(mkdtemp(place->folder));
        }
        *view = (struct view){.sys = -1, .dev = -1, .run = -1};
        view->root = open(place->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        view->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        strcpy(view->prefix, place->folder);
        assert_int_equal(fstat(view->root, &status), 0);
        mounts->filesystems = calloc(1, sizeof *mounts->filesystems);
        mounts->filesystems[0] =
                (struct filesystem){.device = status.st_dev, .mount = strdup("/"), .type = strdup("test")};
        mounts->count = 1;
        place->collection.recording = recording_new(&recording_default_limits);
        *state = place;
        return 0;
}

static int place_teardown(void **state)
{
        struct place *place = *state;
        char command[128];

        recording_free(place->collection.recording);
        mounts_done(&place->collection.mounts);
        view_close(&place->collection.view);
        snprintf(command, sizeof command, "rm -rf %s", place->folder);
        assert_int_equal(system(command), 0);
        free(place);
        return 0;
}

/* The texts belong to the profile, which takes them along. */
static void forget_texts(struct recording *recording)
{
        for (uint32_t i = 0; i < recording->n_files; i++)
                recording->files[i].path = NULL;
        for (uint32_t i = 0; i < recording->n_processes; i++) {
                struct recorded_process *process = &recording->processes[i];

                process->executable = process->unit = process->arguments = NULL;
        }
        recording->texts = profile_new();
}

static struct profile *finish(struct place *place)
{
        struct profile *profile = NULL;
        const char *why = "";

        assert_int_equal(finish_profile(&place->collection, &profile), 0);
        if (profile_check(profile, &why) != 0)
                fail_msg("the profile would be lost: %s", why);
        forget_texts(place->collection.recording);
        return profile;
}

/* make - a file of that name, recorded as opened by @process under @path; Return: its descriptor */
static int make(struct place *place, const char *name, const char *path, uint32_t process)
{
        struct recording *recording = place->collection.recording;
        int fd = openat(place->collection.view.root, name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        struct stat status;
        uint32_t file;

        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &status), 0);
        file = recording_add_file(recording,
                                  &(struct file_key){.device = status.st_dev, .inode = status.st_ino});
        recording_set_path(recording, file, path);
        recording_access(recording, file, process, PROFILE_ACCESS_OPEN, 1);
        return fd;
}

enum { PAIRS = 1000 }; /* enough to see the other thread run in between */

struct swapping {
        int folder;
        bool stop;
};

static void *swap(void *data)
{
        struct swapping *swapping = data;

        while (!__atomic_load_n(&swapping->stop, __ATOMIC_RELAXED))
                for (int i = 0; i < PAIRS; i++) {
                        char one[16], other[16];

                        snprintf(one, sizeof one, "one-%d", i);
                        snprintf(other, sizeof other, "other-%d", i);
                        renameat2(swapping->folder, one, swapping->folder, other, RENAME_EXCHANGE);
                }
        return NULL;
}

/* A program that saves by renaming keeps two inodes going round under one name. */
static void test_two_files_of_one_name(void **state)
{
        struct place *place = *state;
        struct recording *recording = place->collection.recording;
        struct swapping swapping = {.folder = place->collection.view.root};
        uint32_t process = recording_add_process(recording, 1, 0, 1);
        pthread_t thread;

        for (int i = 0; i < 2 * PAIRS; i++) {
                char name[16];

                snprintf(name, sizeof name, "%s-%d", i < PAIRS ? "one" : "other", i % PAIRS);
                close(make(place, name, NULL, process));
        }
        assert_int_equal(pthread_create(&thread, NULL, swap, &swapping), 0);
        for (int round = 0; round < 3; round++) {
                for (uint32_t i = 0; i < recording->n_files; i++) {
                        char path[16];

                        snprintf(path, sizeof path, "/one-%u", i % PAIRS);
                        recording_set_path(recording, i, path);
                }
                profile_free(finish(place));
        }
        __atomic_store_n(&swapping.stop, true, __ATOMIC_RELAXED);
        pthread_join(thread, NULL);
}

/* An empty file of the largest size and with the last time that there can be. */
static void test_odd_file(void **state)
{
        struct place *place = *state;
        CLEANUP(profile_free) struct profile *profile = NULL;
        uint32_t process = recording_add_process(place->collection.recording, 1, 0, 1);
        const struct timespec times[] = {{.tv_sec = INT64_MAX}, {.tv_sec = INT64_MAX}};
        _cleanup_close_ int fd = make(place, "odd", "/odd", process);

        for (int bits = 63; bits > 40 && ftruncate(fd, (off_t)(((uint64_t)1 << bits) - 1)) < 0; bits--)
                ;
        assert_int_equal(pwrite(fd, "x", 1, 0), 1);
        assert_int_equal(pwrite(fd, "x", 1, ((off_t)1 << 40) - 1), 1);
        futimens(fd, times);
        alarm(10); /* looking through all of it would take years */
        profile = finish(place);
        alarm(0);
        assert_int_equal(profile->n_files, 1);
        assert_true(profile->files[0].size >= (uint64_t)1 << 40);
        assert_int_equal(profile->n_ranges, 2);
        assert_int_equal(profile->ranges[1].page, (1 << 28) - 1);
}

/* The last page that a range can name ends with the last byte of a file that is no whole number of pages. */
static void test_last_page(void **state)
{
        struct place *place = *state;
        struct collection *collection = &place->collection;
        const uint64_t last = UINT32_MAX, page = (uint64_t)sysconf(_SC_PAGESIZE);
        const struct touched_span spans[] = {{.first = 0, .last = 1}, {.first = last - 1, .last = last}};
        uint32_t process = recording_add_process(collection->recording, 1, 0, 1);
        _cleanup_close_ int fd = make(place, "long", "/long", process);
        CLEANUP(profile_free) struct profile *profile = NULL;

        if (ftruncate(fd, (off_t)(last * page + 1)) < 0)
                skip(); /* this filesystem has no such files */
        collection->contents = PROFILE_CONTENT_TOUCHED_PAGES;
        collection->touched = touched_new();
        for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
                touched_add(collection->touched, &collection->recording->files[0].key, &spans[i]);
        profile = finish(place);
        touched_free(TAKE(collection->touched));
        assert_int_equal(profile->n_ranges, 1);
        assert_int_equal(profile->boots[0].losses[PROFILE_LOSS_RANGES], 1);
}

/* More text than a recording holds: what has no room is counted, the rest is there. */
static void test_long_names(void **state)
{
        enum { PROCESSES = MEMORY_TEXTS / PROFILE_STRING_MAX + 100 };
        struct place *place = *state;
        struct recording *recording = place->collection.recording;
        CLEANUP(profile_free) struct profile *profile = NULL;
        char executable[PROFILE_STRING_MAX + 1];

        memset(executable, 'x', PROFILE_STRING_MAX);
        executable[PROFILE_STRING_MAX] = '\0';
        close(make(place, "file", "/file", recording_add_process(recording, 1, 0, 1)));
        for (uint32_t i = 0; i < PROCESSES; i++) {
                uint32_t process = recording_add_process(recording, i + 2, 0, 1);
                char number[9];

                snprintf(number, sizeof number, "%08x", i);
                memcpy(executable, number, 8);
                recording_set_text(recording, &recording->processes[process].executable, executable);
                recording_access(recording, 0, process, PROFILE_ACCESS_OPEN, 2);
        }
        profile = finish(place);
        assert_int_equal(profile->n_processes, PROCESSES + 1);
        assert_int_equal(profile->n_accesses, PROCESSES + 1);
        assert_in_range(profile->boots[0].losses[PROFILE_LOSS_PROCESSES], 100, 300);
        assert_string_equal(profile->processes[PROCESSES].executable, "");
        assert_true(*profile->boots[0].kernel);
}

/* Events of processes in an order that cannot be: ends before beginnings, circles of parents, any time. */
static void test_impossible_lives(void **state)
{
        struct place *place = *state;
        struct lives lives = {.recording = place->collection.recording, .all = true};
        uint64_t x = 1;

        place->collection.contents = PROFILE_CONTENT_LIVES;
        close(make(place, "file", "/file", lives_found(&lives, 1, 0, 1)));
        for (int round = 0; round < 300; round++) {
                for (int i = 0; i < 20; i++) {
                        uint32_t pid, parent;
                        uint64_t time_us, index = PROFILE_NONE;

                        x = x * 6364136223846793005u + 1442695040888963407u;
                        pid = (uint32_t)(x >> 33) % 6;
                        parent = (uint32_t)(x >> 40) % 6;
                        time_us = x >> (20 + i % 44);
                        switch ((x >> 50) % 5) {
                        case 0:
                                index = lives_found(&lives, pid, parent, x >> 60);
                                break;
                        case 1:
                                index = lives_fork(&lives, pid, parent, x >> 60, time_us);
                                break;
                        case 2:
                                index = lives_exec(&lives, pid, time_us);
                                break;
                        case 3:
                                index = lives_exit(&lives, pid, (uint32_t)x, x & 1 << 20, time_us);
                                break;
                        default:
                                index = recording_find_process(place->collection.recording, pid);
                        }
                        if (index != PROFILE_NONE && x & 1 << 21)
                                recording_access(place->collection.recording, 0, (uint32_t)index, i % 16,
                                                 time_us);
                }
                recording_set_path(place->collection.recording, 0, "/file");
                profile_free(finish(place));
        }
}

/* Intervals that end before they begin, more than there is room for, and none of a kind forgotten. */
static void test_intervals(void **state)
{
        struct place *place = *state;
        struct recording *recording = place->collection.recording;
        CLEANUP(profile_free) struct profile *profile = NULL;

        for (uint64_t i = 0; i < 2 * RECORDING_INTERVALS; i++)
                recording_interval(recording, PROFILE_INTERVAL_SHED, 1000 + 10 * i,
                                   i % 2 ? 1005 + 10 * i : 1);
        recording_interval(recording, PROFILE_INTERVAL_BLIND, 500, 400);
        recording_interval(recording, PROFILE_INTERVAL_BLIND, 400, 600);
        profile = finish(place);
        assert_in_range(profile->n_intervals, RECORDING_INTERVALS / 2, RECORDING_INTERVALS);
        assert_int_equal(profile->intervals[0].kind, PROFILE_INTERVAL_BLIND); /* in order of their start */
        assert_int_equal(profile->intervals[0].start_us, 400);
        assert_int_equal(profile->intervals[0].end_us, 600);
        assert_int_equal(profile->intervals[1].start_us, 1000);
        assert_int_equal(profile->intervals[profile->n_intervals - 1].end_us,
                         1005 + 10 * (2 * RECORDING_INTERVALS - 1));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_two_files_of_one_name, place_setup, place_teardown),
                cmocka_unit_test_setup_teardown(test_odd_file, place_setup, place_teardown),
                cmocka_unit_test_setup_teardown(test_last_page, place_setup, place_teardown),
                cmocka_unit_test_setup_teardown(test_long_names, place_setup, place_teardown),
                cmocka_unit_test_setup_teardown(test_impossible_lives, place_setup, place_teardown),
                cmocka_unit_test_setup_teardown(test_intervals, place_setup, place_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
