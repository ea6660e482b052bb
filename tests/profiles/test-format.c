/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unit tests of the file format: what is written is read again, what replay needs is enough, and files of
 * later versions are read or refused as FORMAT.md says.
 */
#include "fixture.h"
#include "format-write.h"

#include <fcntl.h>
#include <string.h>

#define _cleanup_packed_ __attribute__((cleanup(packed_done)))

static void assert_same(const struct profile *one, const struct profile *other)
{
        _cleanup_free_ char *a = text_of(one), *b = text_of(other);

        assert_string_equal(a, b);
}

static void assert_round_trip(const struct profile *profile)
{
        _cleanup_profile_ struct profile *again = NULL;
        _cleanup_packed_ struct packed packed = {};
        const char *why = "";

        assert_int_equal(format_pack(profile, &packed), 0);
        if (read_bytes(packed.bytes, packed.n, PROFILE_PART_ALL, &again, &why) != 0)
                fail_msg("%s", why);
        assert_same(profile, again);
}

static void test_round_trip(void **state)
{
        _cleanup_profile_ struct profile *profile = sample_profile(), *empty = profile_new();

        (void)state;
        assert_round_trip(profile);
        assert_round_trip(empty);
}

/* add_noise - a table with every kind of value, so that each byte of each column gets used */
static void add_noise(struct profile *profile, uint32_t n)
{
        uint64_t x = 1;

        for (uint32_t i = 0; i < n; i++) {
                struct profile_file *file = profile_add_file(profile);
                struct profile_range *range = profile_add_range(profile);
                struct profile_process *process = profile_add_process(profile);
                struct profile_access *access = profile_add_access(profile);
                char path[64];

                x = x * 6364136223846793005u + 1442695040888963407u;
                snprintf(path, sizeof(path), "/%c/%08x%s", 'a' + (char)(i % 3), i, i % 2 ? "/longer" : "");
                *file = (struct profile_file){.path = profile_string(profile, path),
                                              .size = x >> (1 + i % 63),
                                              .mtime_ns = (int64_t)(x >> i % 64) * (i % 5 ? 1 : -1),
                                              .inode = x << i % 64};
                *range = (struct profile_range){.file = (uint32_t)(x >> 32) % n,
                                                .page = (uint32_t)x >> 1,
                                                .count = 1 + ((uint32_t)(x >> 40) >> i % 20),
                                                .first_use_us = (uint32_t)(x >> 7)};
                *process = (struct profile_process){.pid = (uint32_t)(x >> i % 40),
                                                    .start_ticks = x >> i % 60,
                                                    .parent = i % 3 ? (uint32_t)(x >> 33) % i : PROFILE_NONE,
                                                    .executable = profile_string(profile, path + i % 9),
                                                    .unit = file->path,
                                                    .arguments = profile_string(profile, path + i % 7),
                                                    .fork_us = x >> i % 50,
                                                    .exec_us = x >> i % 63,
                                                    .exit_us = i % 4 ? x >> i % 40 : 0,
                                                    .exit_status = (uint32_t)(x >> i % 33),
                                                    .flags = i % 8};
                *access = (struct profile_access){.file = (uint32_t)(x >> 20) % n,
                                                  .process = (uint32_t)(x >> 24) % n,
                                                  .time_us = x >> i % 30,
                                                  .flags = i % 16};
        }
}

static void test_round_trip_noise(void **state)
{
        _cleanup_profile_ struct profile *profile = sample_profile();

        (void)state;
        profile->n_files = profile->n_ranges = profile->n_processes = profile->n_accesses = 0;
        add_noise(profile, 3000);
        assert_int_equal(profile_sort(profile), 0);
        assert_round_trip(profile);
}

/* What was read shares its strings with what is added, though nothing was looked for while it was read. */
static void test_strings_after_reading(void **state)
{
        _cleanup_profile_ struct profile *profile = sample_profile(), *again = NULL;
        _cleanup_packed_ struct packed packed = {};
        const char *added;

        (void)state;
        add_noise(profile, 3000);
        assert_int_equal(profile_sort(profile), 0);
        assert_int_equal(format_pack(profile, &packed), 0);
        assert_int_equal(read_bytes(packed.bytes, packed.n, PROFILE_PART_REPLAY, &again, NULL), 0);
        added = profile_string(again, "/added");
        for (size_t i = 0; i < again->n_files; i++) {
                _cleanup_free_ char *path = strdup(again->files[i].path);

                assert_non_null(path);
                assert_ptr_equal(profile_string(again, path), again->files[i].path);
        }
        assert_ptr_equal(profile_string(again, "/added"), added);
}

static void test_longest_strings(void **state)
{
        _cleanup_profile_ struct profile *profile = sample_profile();
        char path[PROFILE_STRING_MAX + 1];

        (void)state;
        memset(path, 'p', PROFILE_STRING_MAX);
        path[PROFILE_STRING_MAX] = '\0';
        path[0] = '/';
        path[PROFILE_STRING_MAX - 1] = 'a';
        profile->files[1].path = profile_string(profile, path);
        path[PROFILE_STRING_MAX - 1] = 'b';
        profile->files[2].path = profile_string(profile, path);
        profile->boots[0].choice = profile->files[2].path;
        assert_int_equal(profile_sort(profile), 0);
        assert_round_trip(profile);
}

static void test_deterministic(void **state)
{
        _cleanup_profile_ struct profile *profile = sample_profile(), *again = sample_profile();
        _cleanup_packed_ struct packed one = {}, other = {};

        (void)state;
        assert_int_equal(format_pack(profile, &one), 0);
        assert_int_equal(format_pack(again, &other), 0);
        assert_int_equal(one.n, other.n);
        assert_memory_equal(one.bytes, other.bytes, one.n);
}

static void test_replay_part(void **state)
{
        _cleanup_profile_ struct profile *expected = sample_profile(), *replay = NULL;
        _cleanup_packed_ struct packed packed = {};

        (void)state;
        assert_int_equal(format_pack(expected, &packed), 0);
        assert_int_equal(read_bytes(packed.bytes, packed.n, PROFILE_PART_REPLAY, &replay, NULL), 0);
        assert_int_equal(replay->n_processes, 0);
        assert_int_equal(replay->n_accesses, 0);
        assert_int_equal(replay->n_intervals, 0);
        expected->n_processes = expected->n_accesses = expected->n_intervals = 0;
        for (size_t i = 0; i < expected->n_files; i++) {
                expected->files[i].mtime_ns = 0;
                expected->files[i].inode = 0;
        }
        assert_same(expected, replay);
}

/* Whatever lies behind replay's part: replay does not look at it. */
static void test_replay_part_is_enough(void **state)
{
        _cleanup_profile_ struct profile *replay = NULL, *all = NULL;
        _cleanup_craft_ struct craft *craft = craft_new();
        const char *why;

        (void)state;
        for (uint32_t type = SECTION_DETAILS; type <= SECTION_LIVES; type++) {
                struct craft_section *section = craft_section(craft, type);

                section->frame = calloc(1, 100);
                section->frame_n = 100;
        }
        assert_int_equal(craft_read(craft, PROFILE_PART_REPLAY, &replay, &why), 0);
        assert_int_equal(craft_read(craft, PROFILE_PART_ALL, &all, &why), PROFILE_CORRUPT);
}

static void test_read_keeps_descriptor(void **state)
{
        _cleanup_profile_ struct profile *one = NULL, *other = NULL;
        _cleanup_craft_ struct craft *craft = craft_new();
        _cleanup_free_ uint8_t *bytes = NULL;
        _cleanup_close_ int fd = -1;
        size_t n;

        (void)state;
        bytes = craft_build(craft, &n);
        fd = bytes_fd(bytes, n);
        assert_int_equal(lseek(fd, 7, SEEK_SET), 7);
        assert_int_equal(profile_read(fd, PROFILE_PART_ALL, &one, NULL), 0);
        assert_int_equal(lseek(fd, 0, SEEK_CUR), 7);
        assert_int_equal(profile_read(fd, PROFILE_PART_ALL, &other, NULL), 0);
        assert_same(one, other);
}

/* ---- Growth: what a later version may add, and this one must understand ------------------- */

static void assert_reads_as_sample(struct craft *craft)
{
        _cleanup_profile_ struct profile *expected = sample_profile(), *got = NULL, *replay = NULL;
        const char *why = "";

        if (craft_read(craft, PROFILE_PART_ALL, &got, &why) != 0 ||
            craft_read(craft, PROFILE_PART_REPLAY, &replay, &why) != 0)
                fail_msg("%s", why);
        assert_same(expected, got);
        assert_int_equal(replay->n_files, expected->n_files);
}

static void test_crafted_like_written(void **state)
{
        _cleanup_craft_ struct craft *craft = craft_new();

        (void)state;
        assert_reads_as_sample(craft);
}

static void test_larger_header(void **state)
{
        _cleanup_craft_ struct craft *craft = craft_new();

        (void)state;
        craft->header_extra = 40;
        craft->entry_size = 48;
        assert_reads_as_sample(craft);
}

static void newer_version(uint8_t *header)
{
        put_bytes(header + HEADER_VERSION, 7, 2);
        put_bytes(header + HEADER_COMPATIBLE, UINT32_MAX, 4);
}

static void test_newer_but_compatible(void **state)
{
        _cleanup_craft_ struct craft *craft = craft_new();

        (void)state;
        craft->patch = newer_version;
        for (size_t i = 0; i < craft->n; i++)
                craft->sections[i].flags = 0xffff;
        assert_reads_as_sample(craft);
}

static void test_unknown_sections(void **state)
{
        static const uint32_t types[] = {7, 15, 21, UINT32_MAX};
        _cleanup_craft_ struct craft *craft = craft_new();

        (void)state;
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
                size_t at = types[i] < SECTION_REPLAY_END ? 6 + i : craft->n;

                craft_body(craft_insert(craft, at, types[i]), "later", 5);
                craft->sections[at].unpacked_more = INT64_MAX; /* none of its reader's business */
        }
        assert_reads_as_sample(craft);
}

static void test_appended_columns(void **state)
{
        _cleanup_craft_ struct craft *craft = craft_new();

        (void)state;
        for (size_t i = 0; i < craft->n; i++) {
                _cleanup_free_ uint8_t *bytes = calloc(1, craft->sections[i].body.n + 1000);

                memcpy(bytes, craft->sections[i].body.bytes, craft->sections[i].body.n);
                craft_body(&craft->sections[i], bytes, craft->sections[i].body.n + 1000);
        }
        assert_reads_as_sample(craft);
}

/* cut - takes bytes off the end of a section's body, as an older writer would have left them out */
static void cut(struct craft *craft, uint32_t type, size_t n)
{
        craft_section(craft, type)->body.n -= n;
}

/* Every place between the columns that version 1 did not have is an end. */
static void test_older_boots(void **state)
{
        (void)state;
        for (int missing = 1; missing <= 4; missing++) {
                _cleanup_craft_ struct craft *craft = craft_new();
                _cleanup_profile_ struct profile *profile = NULL;
                const char *why = "";

                cut(craft, SECTION_BOOTS, (missing < 4 ? 8 * (size_t)missing : 3 * 8 + 4) * 2);
                if (craft_read(craft, PROFILE_PART_ALL, &profile, &why) != 0)
                        fail_msg("%s", why);
                assert_int_equal(profile->boots[0].losses[PROFILE_LOSS_TOUCHED], 0);
                assert_int_equal(profile->boots[0].losses[PROFILE_LOSS_LIVES], missing >= 2 ? 0 : 10);
                assert_int_equal(profile->boots[0].losses[PROFILE_LOSS_TRACE], missing >= 3 ? 0 : 9);
                assert_int_equal(profile->boots[0].contents != 0, missing < 4);
                assert_int_equal(profile->boots[0].losses[PROFILE_LOSS_PAGES], UINT64_MAX);
        }
        for (size_t missing = 1; missing < (3 * 8 + 4) * 2; missing++) {
                _cleanup_craft_ struct craft *craft = craft_new();
                _cleanup_profile_ struct profile *profile = NULL;
                int expected = missing % 16 == 0 ? 0 : PROFILE_CORRUPT;

                cut(craft, SECTION_BOOTS, missing);
                assert_int_equal(craft_read(craft, PROFILE_PART_ALL, &profile, NULL), expected);
        }
}

/* Optional sections that are not there: empty tables and what a process had before there were lives. */
static void test_without_optional(void **state)
{
        static const uint32_t optional[] = {SECTION_WALKS, SECTION_INTERVALS, SECTION_LIVES};
        _cleanup_profile_ struct profile *profile = sample_profile();
        _cleanup_packed_ struct packed whole = {}, bare = {};

        (void)state;
        assert_int_equal(format_pack(profile, &whole), 0);
        assert_int_equal(get_u16(whole.bytes + HEADER_SECTIONS), n_layouts);
        profile->n_walks = profile->n_intervals = 0;
        for (size_t i = 0; i < profile->n_processes; i++) {
                struct profile_process *process = &profile->processes[i];

                process->fork_us = process->exec_us = process->exit_us = 0;
                process->exit_status = process->flags = 0;
                process->arguments = "";
        }
        for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
                assert_true(body_is_left_out(profile, layout_find(optional[i])));
        assert_int_equal(format_pack(profile, &bare), 0);
        assert_int_equal(get_u16(bare.bytes + HEADER_SECTIONS), n_layouts - 3);
        assert_round_trip(profile);
        profile->processes[4].arguments = "-"; /* one field of one process is a reason */
        assert_false(body_is_left_out(profile, layout_find(SECTION_LIVES)));
        assert_round_trip(profile);
}

/* Members of a set that a later version has: dropped, without a word. */
static void test_unknown_members(void **state)
{
        _cleanup_craft_ struct craft *craft = craft_new();
        struct body *boots = &craft_section(craft, SECTION_BOOTS)->body;
        struct body *lives = &craft_section(craft, SECTION_LIVES)->body;

        (void)state;
        memset(boots->bytes + boots->n - 2 * (3 * 8 + 3), 0xff, 2 * 3); /* all planes but the lowest */
        memset(lives->bytes + lives->n - 5 * (4 + 3), 0xff, 5 * 3);
        assert_reads_as_sample(craft);
}

static void needs_newer(uint8_t *header)
{
        put_bytes(header + HEADER_NEEDS, FORMAT_VERSION + 1, 2);
}

static void incompatible(uint8_t *header)
{
        put_bytes(header + HEADER_INCOMPATIBLE, 1u << 31, 4);
}

static void assert_foreign(struct craft *craft, const char *expected)
{
        _cleanup_profile_ struct profile *profile = NULL;
        const char *why = "";

        assert_int_equal(craft_read(craft, PROFILE_PART_ALL, &profile, &why), PROFILE_FOREIGN);
        assert_non_null(strstr(why, expected));
        assert_int_equal(craft_read(craft, PROFILE_PART_REPLAY, &profile, NULL), PROFILE_FOREIGN);
        assert_null(profile);
}

static void test_foreign(void **state)
{
        static const uint32_t types[] = {SECTION_BOOTS, SECTION_RANGES, SECTION_ACCESSES};

        (void)state;
        for (int i = 0; i < 2; i++) {
                _cleanup_craft_ struct craft *craft = craft_new();

                craft->patch = i == 0 ? needs_newer : incompatible;
                /* a newer format may change everything behind the header's fixed part */
                craft->entry_size = i == 0 ? ENTRY_FIXED : 100;
                assert_foreign(craft, i == 0 ? "newer than this reader" : "feature");
        }
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
                _cleanup_craft_ struct craft *craft = craft_new();

                craft_section(craft, types[i])->flags = 1u << 16;
                assert_foreign(craft, "section needs a newer reader");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_round_trip_noise),
                cmocka_unit_test(test_strings_after_reading),
                cmocka_unit_test(test_longest_strings),
                cmocka_unit_test(test_deterministic),
                cmocka_unit_test(test_replay_part),
                cmocka_unit_test(test_replay_part_is_enough),
                cmocka_unit_test(test_read_keeps_descriptor),
                cmocka_unit_test(test_crafted_like_written),
                cmocka_unit_test(test_larger_header),
                cmocka_unit_test(test_newer_but_compatible),
                cmocka_unit_test(test_unknown_sections),
                cmocka_unit_test(test_appended_columns),
                cmocka_unit_test(test_older_boots),
                cmocka_unit_test(test_without_optional),
                cmocka_unit_test(test_unknown_members),
                cmocka_unit_test(test_foreign),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
