/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The recording: each file once, bounded, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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
        assert_int_equal(recording->losses[PROFILE_LOSS_PROCESSES], 1);
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_files_once),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_time_never_runs_back),
                cmocka_unit_test(test_pid_reuse),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
