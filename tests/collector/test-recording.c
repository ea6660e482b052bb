/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The recording: each file once, bounded, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "memory.h"
#include "recording.h"

static void test_files_once(void **state)
{
        struct recording *recording = recording_new(&recording_default_limits);

        (void)state;
        for (uint64_t inode = 1; inode <= 5000; inode++) {
                struct file_key key = {.device = 1 + inode % 3, .inode = inode / 3};

                assert_int_equal(recording_find_file(recording, &key), PROFILE_NONE);
                assert_int_equal(recording_add_file(recording, &key), inode - 1);
        }
        for (uint64_t inode = 1; inode <= 5000; inode++) {
                struct file_key key = {.device = 1 + inode % 3, .inode = inode / 3};

                assert_int_equal(recording_find_file(recording, &key), inode - 1);
        }
        recording_free(recording);
}

static void test_limits(void **state)
{
        const struct recording_limits limits = {.files = 2, .processes = 1, .accesses = 3};
        struct recording *recording = recording_new(&limits);

        (void)state;
        for (uint64_t inode = 1; inode <= 5; inode++)
                recording_add_file(recording, &(struct file_key){1, inode});
        assert_int_equal(recording->n_files, 2);
        assert_int_equal(recording->losses[PROFILE_LOSS_FILES], 3);
        assert_int_equal(recording_add_process(recording, 7, 1, 0), 0);
        assert_int_equal(recording_add_process(recording, 8, 1, 0), PROFILE_NONE);
        for (int i = 0; i < 5; i++)
                recording_access(recording, 0, 0, PROFILE_ACCESS_OPEN, 10);
        assert_int_equal(recording->n_accesses, 3);
        assert_int_equal(recording->losses[PROFILE_LOSS_ACCESSES], 2);
        recording_access(recording, 1, PROFILE_NONE, PROFILE_ACCESS_OPEN, 20);
        assert_int_equal(recording->files[1].n_accesses, 1); /* the file stays known all the same */
        recording_free(recording);
}

static void test_time_never_runs_back(void **state)
{
        struct recording *recording = recording_new(&recording_default_limits);

        (void)state;
        recording_add_file(recording, &(struct file_key){1, 1});
        recording_add_file(recording, &(struct file_key){1, 2});
        recording_add_process(recording, 7, 1, 0);
        recording_access(recording, 0, 0, PROFILE_ACCESS_OPEN, 100);
        recording_access(recording, 1, 0, PROFILE_ACCESS_OPEN, 90);
        recording_access(recording, 0, 0, PROFILE_ACCESS_OPEN, 110);
        assert_int_equal(recording->accesses[1].time_us, 100);
        assert_int_equal(recording->files[1].first_us, 100);
        assert_int_equal(recording->files[0].first_us, 100);
        recording_free(recording);
}

static void test_pid_reuse(void **state)
{
        struct recording *recording = recording_new(&recording_default_limits);

        (void)state;
        assert_int_equal(recording_add_process(recording, 7, 1, 100), 0);
        assert_int_equal(recording_add_process(recording, 7, 1, 200), 1);
        assert_int_equal(recording_find_process(recording, 7), 1);
        assert_int_equal(recording_find_process(recording, 8), PROFILE_NONE);
        recording_free(recording);
}

/* What is too long is cut, what has no room left out; either way the process says so. */
static void test_arguments(void **state)
{
        struct recording *recording = recording_new(&recording_default_limits);
        uint32_t process = recording_add_process(recording, 7, 1, 100);
        const struct recorded_process *recorded = &recording->processes[process];
        char words[PROFILE_ARGUMENTS_MAX + 2];

        (void)state;
        memset(words, 'w', sizeof words);
        words[PROFILE_ARGUMENTS_MAX + 1] = '\0';
        recording_set_arguments(recording, process, words);
        assert_int_equal(strlen(recorded->arguments), PROFILE_ARGUMENTS_MAX);
        assert_true(recorded->arguments_cut);
        words[PROFILE_ARGUMENTS_MAX] = '\0';
        recording_set_arguments(recording, process, words);
        assert_string_equal(recorded->arguments, words);
        assert_false(recorded->arguments_cut);
        for (uint32_t i = 0; i < MEMORY_TEXTS / PROFILE_ARGUMENTS_MAX && recorded->arguments; i++) {
                snprintf(words, sizeof words, "%0*u", PROFILE_ARGUMENTS_MAX, i);
                recording_set_arguments(recording, process, words);
        }
        assert_null(recorded->arguments);
        assert_true(recorded->arguments_cut);
        recording_add_file(recording, &(struct file_key){1, 1});
        recording_set_path(recording, 0, "/there/is/room/for/files");
        assert_string_equal(recording->files[0].path, "/there/is/room/for/files");
        recording_set_arguments(recording, process, NULL);
        assert_false(recorded->arguments_cut);
        recording_free(recording);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_files_once),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_time_never_runs_back),
                cmocka_unit_test(test_pid_reuse),
                cmocka_unit_test(test_arguments),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
