/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unit tests of the tables in memory: strings, adding up to the limits, sorting, checking.
 */
#include "fixture.h"

#include <errno.h>
#include <string.h>

static void test_strings_are_shared(void **state)
{
        _cleanup_profile_ struct profile *profile = profile_new();
        const char *first = profile_string(profile, "/usr/bin/true");
        char again[] = "/usr/bin/true";

        (void)state;
        assert_ptr_equal(profile_string(profile, again), first);
        assert_ptr_not_equal(profile_string(profile, "/usr/bin/tru"), first);
        assert_string_equal(profile_string(profile, ""), "");
        /* none of them moves or is lost while the set grows */
        for (int i = 0; i < 20000; i++) {
                char name[64];

                snprintf(name, sizeof(name), "/usr/share/number/%d", i * 7919 % 10000);
                assert_string_equal(profile_string(profile, name), name);
        }
        assert_ptr_equal(profile_string(profile, "/usr/bin/true"), first);
}

static void test_string_limits(void **state)
{
        _cleanup_profile_ struct profile *profile = profile_new();
        char name[PROFILE_STRING_MAX + 2];
        size_t added = 0;

        (void)state;
        memset(name, 'a', sizeof(name));
        name[PROFILE_STRING_MAX + 1] = '\0';
        errno = 0;
        assert_null(profile_string(profile, name));
        assert_int_equal(errno, ENAMETOOLONG);
        name[PROFILE_STRING_MAX] = '\0';
        for (;; added++) {
                snprintf(name, 9, "%08zu", added);
                name[8] = 'a';
                if (!profile_string(profile, name))
                        break;
        }
        assert_int_equal(errno, E2BIG);
        assert_int_equal(added, PROFILE_STRINGS_MAX / (PROFILE_STRING_MAX + 1));
        snprintf(name, 9, "%08d", 0);
        name[8] = 'a';
        assert_non_null(profile_string(profile, name)); /* one that is there costs nothing */
}

/* Whoever has little memory for strings is told so, and all that are there already stay to be had. */
static void test_string_memory(void **state)
{
        _cleanup_profile_ struct profile *profile = profile_new();
        char name[24];
        size_t added = 0, memory = 1 << 20;

        (void)state;
        do {
                errno = 0;
                snprintf(name, sizeof(name), "%zu", added++);
        } while (profile_string_within(profile, name, memory));
        assert_int_equal(errno, E2BIG);
        assert_in_range(added, memory / 128, memory / 16);
        for (size_t i = 0; i + 1 < added; i++) {
                snprintf(name, sizeof(name), "%zu", i);
                assert_non_null(profile_string_within(profile, name, memory));
        }
        assert_null(profile_string_within(profile, "another", memory));
        assert_non_null(profile_string(profile, "another"));
}

static void test_add_limits(void **state)
{
        _cleanup_profile_ struct profile *profile = profile_new();

        (void)state;
        for (int i = 0; i < PROFILE_BOOTS_MAX; i++)
                assert_non_null(profile_add_boot(profile));
        errno = 0;
        assert_null(profile_add_boot(profile));
        assert_int_equal(errno, E2BIG);
        for (int i = 0; i < PROFILE_FILESYSTEMS_MAX; i++)
                assert_non_null(profile_add_filesystem(profile));
        assert_null(profile_add_filesystem(profile));
        for (uint32_t i = 0; i < PROFILE_FILES_MAX; i++)
                assert_non_null(profile_add_file(profile));
        assert_null(profile_add_file(profile));
        assert_int_equal(profile->n_files, PROFILE_FILES_MAX);
        for (uint32_t i = 0; i < PROFILE_METADATA_MAX; i++)
                assert_non_null(profile_add_metadata(profile));
        assert_null(profile_add_metadata(profile));
        for (uint32_t i = 0; i < PROFILE_WALKS_MAX; i++)
                assert_non_null(profile_add_walk(profile));
        assert_null(profile_add_walk(profile));
        for (uint32_t i = 0; i < PROFILE_PROCESSES_MAX; i++)
                assert_non_null(profile_add_process(profile));
        assert_null(profile_add_process(profile));
        for (uint32_t i = 0; i < PROFILE_INTERVALS_MAX; i++)
                assert_non_null(profile_add_interval(profile));
        assert_null(profile_add_interval(profile));
}

static void test_add_zeroes(void **state)
{
        static const struct profile_range zero;
        _cleanup_profile_ struct profile *profile = profile_new();

        (void)state;
        for (int i = 0; i < 100; i++) {
                struct profile_range *range = profile_add_range(profile);

                assert_memory_equal(range, &zero, sizeof(zero));
                memset(range, 0xff, sizeof(*range));
        }
        profile->n_ranges = 50; /* a caller that drops entries may add again */
        for (int i = 0; i < 100; i++)
                assert_memory_equal(profile_add_range(profile), &zero, sizeof(zero));
        assert_int_equal(profile->n_ranges, 150);
}

static void test_adopt(void **state)
{
        _cleanup_profile_ struct profile *profile = profile_new();
        struct profile_access *accesses = calloc(16, sizeof(*accesses));

        (void)state;
        accesses[4].file = 4;
        profile_adopt_accesses(profile, accesses, 5);
        for (uint32_t i = 5; i < 100; i++)
                profile_add_access(profile)->file = i;
        assert_int_equal(profile->n_accesses, 100);
        for (uint32_t i = 4; i < 100; i++)
                assert_int_equal(profile->accesses[i].file, i);
        profile_adopt_accesses(profile, NULL, 0);
        assert_non_null(profile_add_access(profile));
}

static void test_names(void **state)
{
        (void)state;
        for (int i = 0; i < PROFILE_LOSS_COUNT; i++)
                for (int j = 0; j < i; j++)
                        assert_string_not_equal(profile_loss_name(i), profile_loss_name(j));
        assert_string_equal(profile_content_name(PROFILE_CONTENT_LIVES), "lives");
        for (uint32_t one = 1; one & PROFILE_CONTENTS; one <<= 1)
                for (uint32_t other = 1; other < one; other <<= 1)
                        assert_string_not_equal(profile_content_name(one), profile_content_name(other));
        for (int i = 0; i < PROFILE_DEVICE_COUNT; i++)
                for (int j = 0; j < i; j++)
                        assert_string_not_equal(profile_device_name(i), profile_device_name(j));
}

static void add_file(struct profile *profile, const char *path)
{
        struct profile_file *file = profile_add_file(profile);

        file->path = profile_string(profile, path);
        file->inode = profile->n_files;
}

static void assert_walks_in_order(const struct profile_walk *one, const struct profile_walk *other)
{
        assert_true(one->first_use_us < other->first_use_us ||
                    (one->first_use_us == other->first_use_us && one->filesystem < other->filesystem));
}

static void assert_intervals_in_order(const struct profile_interval *one,
                                      const struct profile_interval *other)
{
        assert_true(one->boot < other->boot ||
                    (one->boot == other->boot && one->start_us < other->start_us) ||
                    (one->boot == other->boot && one->start_us == other->start_us &&
                     one->end_us < other->end_us));
}

static void test_sort(void **state)
{
        _cleanup_profile_ struct profile *profile = profile_new();

        (void)state;
        add_file(profile, "/usr/b");
        add_file(profile, "/usr/\xff");
        add_file(profile, "/usr/a");
        add_file(profile, "/usr");
        for (uint32_t i = 0; i < 1000; i++) {
                struct profile_range *range = profile_add_range(profile);
                struct profile_access *access = profile_add_access(profile);
                struct profile_metadata *metadata = profile_add_metadata(profile);
                struct profile_walk *walk = profile_add_walk(profile);
                struct profile_interval *interval = profile_add_interval(profile);

                *range = (struct profile_range){.file = i % 4, .page = i, .first_use_us = i * 7 % 10};
                *access = (struct profile_access){.file = 3 - i % 4, .process = i, .time_us = i * 3 % 5};
                *metadata = (struct profile_metadata){.filesystem = 1 - i % 2, .page = (i * 7919) % 1000};
                *walk = (struct profile_walk){.filesystem = i, .first_use_us = i * 7 % 10};
                *interval = (struct profile_interval){
                        .boot = 1 - i % 2, .start_us = i * 7 % 10, .end_us = 1000 + i};
        }
        profile->ranges[10].file = 77;
        profile->accesses[10].file = PROFILE_NONE;
        assert_int_equal(profile_sort(profile), 0);

        assert_string_equal(profile->files[0].path, "/usr");
        assert_string_equal(profile->files[1].path, "/usr/a");
        assert_string_equal(profile->files[2].path, "/usr/b");
        assert_string_equal(profile->files[3].path, "/usr/\xff");
        assert_int_equal(profile->files[3].inode, 2);
        for (size_t i = 0; i < profile->n_ranges; i++) {
                static const uint32_t moved[] = {2, 3, 1, 0};
                const struct profile_range *range = &profile->ranges[i];
                const struct profile_access *access = &profile->accesses[i];

                assert_int_equal(range->file, range->page == 10 ? 77 : moved[range->page % 4]);
                assert_int_equal(access->file,
                                 access->process == 10 ? PROFILE_NONE : moved[3 - access->process % 4]);
                if (i == 0)
                        continue;
                /* in order, and what ties keeps its order */
                assert_true(range[-1].first_use_us < range->first_use_us ||
                            (range[-1].first_use_us == range->first_use_us && range[-1].page < range->page));
                assert_true(access[-1].time_us < access->time_us ||
                            (access[-1].time_us == access->time_us && access[-1].process < access->process));
                assert_true(profile->metadata[i - 1].filesystem < profile->metadata[i].filesystem ||
                            (profile->metadata[i - 1].filesystem == profile->metadata[i].filesystem &&
                             profile->metadata[i - 1].page < profile->metadata[i].page));
                assert_walks_in_order(&profile->walks[i - 1], &profile->walks[i]);
                assert_intervals_in_order(&profile->intervals[i - 1], &profile->intervals[i]);
        }
}

/* What profile_check() would refuse, and a recording can't exclude: a file is replaced while it is looked at.
 */
static void test_sort_joins(void **state)
{
        _cleanup_profile_ struct profile *profile = profile_new();

        (void)state;
        profile_add_filesystem(profile)->type = "ext4";
        profile->filesystems[0].mount = "/";
        add_file(profile, "/b");
        add_file(profile, "/a");
        add_file(profile, "/b");
        add_file(profile, "/b");
        profile_add_process(profile)->executable = "";
        profile->processes[0].unit = "";
        profile->processes[0].parent = PROFILE_NONE;
        profile_add_boot(profile);
        profile->boots[0].kernel = profile->boots[0].os = profile->boots[0].machine =
                profile->boots[0].choice = "";
        for (uint32_t i = 0; i < 4; i++) {
                *profile_add_range(profile) = (struct profile_range){.file = i, .page = i, .count = 1};
                *profile_add_access(profile) = (struct profile_access){.file = i};
                *profile_add_metadata(profile) = (struct profile_metadata){.page = i / 3, .count = 1 + i % 2};
        }
        assert_int_equal(profile_sort(profile), 0);
        assert_int_equal(profile_check(profile, NULL), 0);
        assert_int_equal(profile->n_files, 2);
        assert_string_equal(profile->files[1].path, "/b");
        assert_int_equal(profile->files[1].inode, 1); /* the first */
        for (uint32_t i = 0; i < 4; i++) {
                assert_int_equal(profile->ranges[i].page, i);
                assert_int_equal(profile->ranges[i].file, i == 1 ? 0 : 1);
                assert_int_equal(profile->accesses[i].file, i == 1 ? 0 : 1);
        }
        assert_int_equal(profile->n_metadata, 2);
        assert_int_equal(profile->metadata[0].count, 2);
        assert_int_equal(profile->metadata[1].page, 1);
}

static void test_sort_keeps_sorted(void **state)
{
        _cleanup_profile_ struct profile *profile = sample_profile(), *empty = profile_new();
        _cleanup_free_ char *before = text_of(profile), *after = NULL;

        (void)state;
        assert_int_equal(profile_sort(profile), 0);
        after = text_of(profile);
        assert_string_equal(before, after);
        assert_int_equal(profile_sort(empty), 0);
}

static char long_words[PROFILE_ARGUMENTS_MAX + 2]; /* one byte more than may be */

/* Each breaks one promise of the sample. */
/* clang-format off */
static void no_kernel(struct profile *p) { p->boots[1].kernel = NULL; }
static void unknown_source(struct profile *p) { p->boots[0].sources = 1u << 4; }
static void ends_early(struct profile *p) { p->boots[0].end_us = p->boots[0].start_us - 1; }
static void unknown_content(struct profile *p) { p->boots[0].contents = PROFILE_CONTENTS + 1; }
static void no_type(struct profile *p) { p->filesystems[0].type = NULL; }
static void relative_mount(struct profile *p) { p->filesystems[0].mount = "srv"; }
static void unknown_device(struct profile *p) { p->filesystems[0].device = PROFILE_DEVICE_COUNT; }
static void no_path(struct profile *p) { p->files[0].path = NULL; }
static void empty_path(struct profile *p) { p->files[0].path = ""; }
static void relative_path(struct profile *p) { p->files[0].path = "boot"; }
static void root_path(struct profile *p) { p->files[0].path = "/"; }
static void dot_path(struct profile *p) { p->files[0].path = "/boot/./efi"; }
static void dot_dot_path(struct profile *p) { p->files[0].path = "/boot/.."; }
static void double_slash(struct profile *p) { p->files[0].path = "/boot//efi"; }
static void slash_at_end(struct profile *p) { p->files[0].path = "/boot/efi/"; }
static void same_path(struct profile *p) { p->files[1].path = p->files[0].path; }
static void path_order(struct profile *p) { p->files[1].path = "/a"; }
static void huge_file(struct profile *p) { p->files[1].size = (uint64_t)1 << 63; }
static void no_filesystem(struct profile *p) { p->files[1].filesystem = 3; }
static void range_file(struct profile *p) { p->ranges[0].file = (uint32_t)p->n_files; }
static void range_empty(struct profile *p) { p->ranges[0].count = 0; }
static void range_end(struct profile *p) { p->ranges[4].count = 2; }
static void range_order(struct profile *p) { p->ranges[0].first_use_us = 2000; }
static void metadata_filesystem(struct profile *p) { p->metadata[4].filesystem = 3; }
static void metadata_empty(struct profile *p) { p->metadata[0].count = 0; }
static void metadata_end(struct profile *p) { p->metadata[4].count = 2; }
static void metadata_order(struct profile *p) { p->metadata[1].page = 0; }
static void metadata_filesystem_order(struct profile *p) { p->metadata[0].filesystem = 1; }
static void no_walk_path(struct profile *p) { p->walks[0].path = NULL; }
static void walk_path(struct profile *p) { p->walks[0].path = "/.."; }
static void walk_filesystem(struct profile *p) { p->walks[0].filesystem = 3; }
static void walk_kind(struct profile *p) { p->walks[0].kind = PROFILE_WALK_COUNT; }
static void walk_order(struct profile *p) { p->walks[0].first_use_us = 1013; }
static void process_boot(struct profile *p) { p->processes[0].boot = 2; }
static void process_text(struct profile *p) { p->processes[0].unit = NULL; }
static void no_arguments(struct profile *p) { p->processes[0].arguments = NULL; }
static void long_arguments(struct profile *p) { p->processes[0].arguments = long_words; }
static void process_flags(struct profile *p) { p->processes[0].flags = PROFILE_PROCESS_FLAGS + 1; }
static void process_parent(struct profile *p) { p->processes[0].parent = 5; }
static void process_itself(struct profile *p) { p->processes[4].parent = 4; }
static void process_circle(struct profile *p) { p->processes[0].parent = 2; }
static void access_file(struct profile *p) { p->accesses[6].file = PROFILE_NONE; }
static void access_process(struct profile *p) { p->accesses[6].process = 5; }
static void access_flags(struct profile *p) { p->accesses[6].flags = 1u << 4; }
static void access_order(struct profile *p) { p->accesses[0].time_us = 1013; }
static void interval_boot(struct profile *p) { p->intervals[2].boot = 2; }
static void interval_kind(struct profile *p) { p->intervals[0].kind = PROFILE_INTERVAL_COUNT; }
static void interval_end(struct profile *p) { p->intervals[0].end_us = 999999; }
static void interval_order(struct profile *p) { p->intervals[0].start_us = 1000001; }
static void interval_boot_order(struct profile *p) { p->intervals[0].boot = 1; }
static void too_many(struct profile *p) { p->n_files = PROFILE_FILES_MAX + 1; }
/* clang-format on */

static void test_check(void **state)
{
        static const struct {
                void (*spoil)(struct profile *);
                const char *why;
        } faults[] = {
                {no_kernel, "a boot's text"},
                {unknown_source, "unknown source"},
                {ends_early, "ends before it starts"},
                {unknown_content, "unknown contents"},
                {no_type, "filesystem's type"},
                {relative_mount, "mount point"},
                {unknown_device, "kind of device"},
                {no_path, "file's path"},
                {empty_path, "file's path"},
                {relative_path, "file's path"},
                {root_path, "file's path"},
                {dot_path, "file's path"},
                {dot_dot_path, "file's path"},
                {double_slash, "file's path"},
                {slash_at_end, "file's path"},
                {same_path, "ascending order of their paths"},
                {path_order, "ascending order of their paths"},
                {huge_file, "larger than a file"},
                {no_filesystem, "file refers to a filesystem"},
                {range_file, "range refers to a file"},
                {range_empty, "range is empty"},
                {range_end, "range ends behind"},
                {range_order, "order of first use"},
                {metadata_filesystem, "metadata refers to a filesystem"},
                {metadata_empty, "metadata range is empty"},
                {metadata_end, "metadata range ends behind"},
                {metadata_order, "metadata is not in ascending order"},
                {metadata_filesystem_order, "metadata is not in ascending order"},
                {no_walk_path, "walk's path"},
                {walk_path, "walk's path"},
                {walk_filesystem, "walk refers to a filesystem"},
                {walk_kind, "walk is of an unknown kind"},
                {walk_order, "walks are not in order"},
                {process_boot, "process refers to a boot"},
                {process_text, "process's text"},
                {no_arguments, "arguments are missing"},
                {long_arguments, "arguments are missing or too long"},
                {process_flags, "unknown flag"},
                {process_parent, "parent is not there"},
                {process_itself, "own ancestor"},
                {process_circle, "own ancestor"},
                {access_file, "access refers to a file"},
                {access_process, "access refers to a process"},
                {access_flags, "unknown flag"},
                {access_order, "accesses are not in order"},
                {interval_boot, "interval refers to a boot"},
                {interval_kind, "interval is of an unknown kind"},
                {interval_end, "ends before it starts"},
                {interval_order, "not in order of boot and start"},
                {interval_boot_order, "not in order of boot and start"},
                {too_many, "more entries than the format allows"},
        };

        (void)state;
        memset(long_words, 'w', PROFILE_ARGUMENTS_MAX + 1);
        for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
                _cleanup_profile_ struct profile *profile = sample_profile();
                const char *why = NULL;

                assert_int_equal(profile_check(profile, &why), 0);
                faults[i].spoil(profile);
                assert_int_equal(profile_check(profile, &why), PROFILE_CORRUPT);
                assert_int_equal(profile_check(profile, NULL), PROFILE_CORRUPT);
                if (!strstr(why, faults[i].why))
                        fail_msg("'%s' is no '%s'", why, faults[i].why);
        }
}

static void test_check_accepts(void **state)
{
        _cleanup_profile_ struct profile *profile = sample_profile(), *empty = profile_new();

        (void)state;
        assert_int_equal(profile_check(empty, NULL), 0);
        profile->files[0].path = "/..."; /* three dots are a name like others */
        assert_int_equal(profile_check(profile, NULL), 0);
        profile->files[0].path = "/.a/..b";
        assert_int_equal(profile_check(profile, NULL), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_strings_are_shared),
                cmocka_unit_test(test_string_limits),
                cmocka_unit_test(test_string_memory),
                cmocka_unit_test(test_add_limits),
                cmocka_unit_test(test_add_zeroes),
                cmocka_unit_test(test_adopt),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_sort),
                cmocka_unit_test(test_sort_joins),
                cmocka_unit_test(test_sort_keeps_sorted),
                cmocka_unit_test(test_check),
                cmocka_unit_test(test_check_accepts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
