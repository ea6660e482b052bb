/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plan as a function of profile, limits and what is mounted. */
#include "fixture.h"

static const enum plan_part all_there[] = {PLAN_PART, PLAN_PART};

static void test_empty(void **state)
{
        _cleanup_profile_ struct profile *profile = fixture_profile("");
        _cleanup_plan_ struct plan plan = {0};

        (void)state;
        assert_int_equal(plan_make(profile, &fixture_no_limits, all_there, &plan), 0);
        assert_int_equal(plan.n_reads, 0);
        assert_int_equal(plan.bytes, 0);
        assert_int_equal(plan.files, 0);
}

/* The table of files is in order of names, the plan in order of use; files without ranges are not in it. */
static void test_order(void **state)
{
        _cleanup_profile_ struct profile *profile = fixture_profile(
                FILESYSTEMS FILE_LINE("/a", 0, 40960) FILE_LINE("/b", 0, 40960) FILE_LINE("/none", 0, 40960)
                        FILE_LINE("/var/c", 1, 40960) RANGE_LINE("/var/c", 3, 2, 0) RANGE_LINE("/b", 0, 1, 5)
                                RANGE_LINE("/a", 9, 1, 5) METADATA_LINE(0, 7, 2) METADATA_LINE(1, 1, 1));
        _cleanup_plan_ struct plan plan = {0};

        (void)state;
        assert_int_equal(plan_make(profile, &fixture_no_limits, all_there, &plan), 0);
        fixture_assert_reads(profile, &plan, "@/ 7 2\n@/var 1 1\n/var/c 3 2\n/b 0 1\n/a 9 1\n");
        assert_int_equal(plan.n_metadata, 2);
        assert_int_equal(plan.files, 3);
        assert_int_equal(plan.bytes, 7 * PAGE);
        assert_int_equal(plan.cut_bytes, 0);
        assert_int_equal(plan.skipped_files, 0);
}

static void test_ranges_of_one_file(void **state)
{
        _cleanup_profile_ struct profile *profile = fixture_profile(
                FILESYSTEMS FILE_LINE("/a", 0, 409600) FILE_LINE("/b", 0, 409600) RANGE_LINE("/a", 0, 2, 0)
                        RANGE_LINE("/b", 4, 1, 1) RANGE_LINE("/a", 50, 1, 2) RANGE_LINE("/b", 20, 1, 3)
                                RANGE_LINE("/a", 30, 1, 4));
        _cleanup_plan_ struct plan plan = {0};

        (void)state;
        assert_int_equal(plan_make(profile, &fixture_no_limits, all_there, &plan), 0);
        fixture_assert_reads(profile, &plan, "/a 0 2\n/a 30 1\n/a 50 1\n/b 4 1\n/b 20 1\n");
        assert_int_equal(plan.files, 2);
}

static void test_gap(void **state)
{
        _cleanup_profile_ struct profile *profile = fixture_profile(
                FILESYSTEMS FILE_LINE("/a", 0, 409600) RANGE_LINE("/a", 0, 2, 0) RANGE_LINE("/a", 2, 1, 0)
                        RANGE_LINE("/a", 7, 1, 0) RANGE_LINE("/a", 13, 2, 0) METADATA_LINE(0, 10, 1)
                                METADATA_LINE(0, 15, 1) METADATA_LINE(0, 21, 1) METADATA_LINE(1, 22, 1));
        struct plan_limits limits = fixture_no_limits;

        (void)state;
        for (limits.gap_pages = 3; limits.gap_pages <= 5; limits.gap_pages++) {
                static const char *const expected[] = {
                        "@/ 10 1\n@/ 15 1\n@/ 21 1\n@/var 22 1\n/a 0 3\n/a 7 1\n/a 13 2\n",
                        "@/ 10 6\n@/ 21 1\n@/var 22 1\n/a 0 8\n/a 13 2\n",
                        "@/ 10 12\n@/var 22 1\n/a 0 15\n",
                };
                _cleanup_plan_ struct plan plan = {0};
                uint64_t bytes = 0;

                assert_int_equal(plan_make(profile, &limits, all_there, &plan), 0);
                fixture_assert_reads(profile, &plan, expected[limits.gap_pages - 3]);
                for (size_t i = 0; i < plan.n_reads; i++)
                        bytes += plan.reads[i].length;
                assert_int_equal(plan.bytes, bytes); /* what lies between is read, and counted, too */
        }
}

/* Neighbours of different files have nothing to join, however close their offsets are. */
static void test_files_do_not_join(void **state)
{
        _cleanup_profile_ struct profile *profile =
                fixture_profile(FILESYSTEMS FILE_LINE("/a", 0, 40960) FILE_LINE("/b", 0, 40960)
                                        RANGE_LINE("/a", 0, 2, 0) RANGE_LINE("/b", 2, 2, 0));
        struct plan_limits limits = fixture_no_limits;
        _cleanup_plan_ struct plan plan = {0};

        (void)state;
        limits.gap_pages = 100;
        assert_int_equal(plan_make(profile, &limits, all_there, &plan), 0);
        fixture_assert_reads(profile, &plan, "/a 0 2\n/b 2 2\n");
}

static void test_overlap(void **state)
{
        _cleanup_profile_ struct profile *profile = fixture_profile(
                FILESYSTEMS FILE_LINE("/a", 0, 409600) RANGE_LINE("/a", 0, 10, 0) RANGE_LINE("/a", 3, 2, 0)
                        RANGE_LINE("/a", 5, 10, 0) RANGE_LINE("/a", 5, 10, 1));
        _cleanup_plan_ struct plan plan = {0};

        (void)state;
        assert_int_equal(plan_make(profile, &fixture_no_limits, all_there, &plan), 0);
        fixture_assert_reads(profile, &plan, "/a 0 15\n");
        assert_int_equal(plan.bytes, 15 * PAGE);
        assert_int_equal(plan.files, 1);
}

static void test_filesystem_not_there(void **state)
{
        static const enum plan_part no_root[] = {PLAN_ABSENT, PLAN_PART}, none[2] = {PLAN_ABSENT},
                                    rest[] = {PLAN_PART, PLAN_DONE};
        _cleanup_profile_ struct profile *profile = fixture_profile(
                FILESYSTEMS FILE_LINE("/a", 0, 40960) FILE_LINE("/b", 0, 40960) FILE_LINE("/var/c", 1, 40960)
                        RANGE_LINE("/a", 0, 1, 0) RANGE_LINE("/b", 0, 1, 0) RANGE_LINE("/var/c", 0, 1, 0)
                                RANGE_LINE("/a", 5, 1, 0) METADATA_LINE(0, 7, 2) METADATA_LINE(1, 1, 1));
        _cleanup_plan_ struct plan plan = {0}, nothing = {0}, later = {0};

        (void)state;
        assert_int_equal(plan_make(profile, &fixture_no_limits, no_root, &plan), 0);
        fixture_assert_reads(profile, &plan, "@/var 1 1\n/var/c 0 1\n");
        assert_int_equal(plan.skipped_files, 2);
        assert_int_equal(plan.files, 1);
        assert_int_equal(plan.cut_bytes, 0);

        assert_int_equal(plan_make(profile, &fixture_no_limits, none, &nothing), 0);
        assert_int_equal(nothing.n_reads, 0);
        assert_int_equal(nothing.skipped_files, 3);

        assert_int_equal(plan_make(profile, &fixture_no_limits, rest, &later), 0);
        fixture_assert_reads(profile, &later, "@/ 7 2\n/a 0 1\n/a 5 1\n/b 0 1\n");
        assert_int_equal(later.skipped_files, 0);
}

#define LIMITED                                                                                              \
        FILESYSTEMS FILE_LINE("/a", 0, 409600) FILE_LINE("/b", 0, 409600) FILE_LINE("/c", 0, 409600)         \
                RANGE_LINE("/a", 0, 4, 0) RANGE_LINE("/b", 0, 4, 0) RANGE_LINE("/a", 2, 4, 0)                \
                        RANGE_LINE("/b", 20, 3, 0) RANGE_LINE("/c", 0, 1, 0) METADATA_LINE(0, 7, 2)

/* What does not fit is left out and counted; what is smaller and comes later may still fit. */
static void test_limit_of_bytes(void **state)
{
        static const struct {
                uint64_t pages, cut;
                const char *reads;
                uint32_t files;
        } cases[] = {
                {16, 0, "@/ 7 2\n/a 0 6\n/b 0 4\n/b 20 3\n/c 0 1\n", 3},
                {15, 1, "@/ 7 2\n/a 0 6\n/b 0 4\n/b 20 3\n", 2},
                {14, 3, "@/ 7 2\n/a 0 6\n/b 0 4\n/c 0 1\n", 3},
                {7, 9, "@/ 7 2\n/a 0 4\n/c 0 1\n", 2},
                {1, 17, "/c 0 1\n", 1},
                {0, 18, "", 0},
        };
        _cleanup_profile_ struct profile *profile = fixture_profile(LIMITED);

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct plan_limits limits = {.bytes = cases[i].pages * PAGE, .files = UINT32_MAX};
                _cleanup_plan_ struct plan plan = {0};

                assert_int_equal(plan_make(profile, &limits, all_there, &plan), 0);
                fixture_assert_reads(profile, &plan, cases[i].reads);
                assert_int_equal(plan.files, cases[i].files);
                assert_int_equal(plan.cut_bytes, cases[i].cut * PAGE);
                assert_true(plan.bytes <= limits.bytes);
        }
}

/* Files that are not there do not use up the limit. */
static void test_limit_of_files(void **state)
{
        static const struct {
                uint64_t cut;
                const char *reads;
        } cases[] = {
                {8 + 7 + 1, "@/ 7 2\n"},
                {7 + 1, "@/ 7 2\n/a 0 6\n"},
                {1, "@/ 7 2\n/a 0 6\n/b 0 4\n/b 20 3\n"},
                {0, "@/ 7 2\n/a 0 6\n/b 0 4\n/b 20 3\n/c 0 1\n"},
        };
        _cleanup_profile_ struct profile *profile = fixture_profile(LIMITED);

        (void)state;
        for (uint32_t files = 0; files < sizeof cases / sizeof *cases; files++) {
                struct plan_limits limits = {.bytes = UINT64_MAX, .files = files};
                _cleanup_plan_ struct plan plan = {0};

                assert_int_equal(plan_make(profile, &limits, all_there, &plan), 0);
                fixture_assert_reads(profile, &plan, cases[files].reads);
                assert_int_equal(plan.files, files);
                assert_int_equal(plan.cut_bytes, cases[files].cut * PAGE);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_ranges_of_one_file),
                cmocka_unit_test(test_gap),
                cmocka_unit_test(test_files_do_not_join),
                cmocka_unit_test(test_overlap),
                cmocka_unit_test(test_filesystem_not_there),
                cmocka_unit_test(test_limit_of_bytes),
                cmocka_unit_test(test_limit_of_files),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
