/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sections that are whole, checksummed and wrong inside: counts, lengths, indices and orders that do not
 * hold. Here the reader has only its own tests between the bytes and its tables.
 */
#include "fixture.h"

#include <string.h>

/* where the columns of a section begin: behind the strings, of which the bytes are counted */
static size_t columns_at(const struct craft_section *section)
{
        const uint8_t *bytes = section->body.bytes;
        size_t n = get_u32(bytes + 4), at = BODY_FIXED + 4 * n;

        for (size_t i = 0; i < n; i++)
                at += bytes[BODY_FIXED + 2 * n + i] | bytes[BODY_FIXED + 3 * n + i] << 8;
        return at;
}

/* value - the lowest byte of row @row in the column before which a row has @width bytes */
static uint8_t *value(struct craft_section *section, size_t width, size_t row)
{
        return section->body.bytes + columns_at(section) + width * get_u32(section->body.bytes) + row;
}

/* plane - one of the four planes of the strings' lengths: shared low, high, rest low, high */
static uint8_t *plane(struct craft_section *section, size_t i)
{
        return section->body.bytes + BODY_FIXED + i * get_u32(section->body.bytes + 4);
}

/* own - where the strings' own bytes begin */
static uint8_t *own(struct craft_section *section)
{
        return plane(section, 4);
}

/* clang-format off */
static void no_body(struct craft_section *s) { craft_body(s, "1234567", 7); }
static void cut_body(struct craft_section *s) { s->body.n--; }
static void cut_to_counts(struct craft_section *s) { s->body.n = BODY_FIXED; }
static void cut_in_strings(struct craft_section *s) { s->body.n = columns_at(s) - 1; }
static void many_rows(struct craft_section *s) { put_bytes(s->body.bytes, UINT32_MAX, 4); }
static void few_rows(struct craft_section *s) { put_bytes(s->body.bytes, get_u32(s->body.bytes) - 1, 4); }
static void more_rows(struct craft_section *s) { put_bytes(s->body.bytes, get_u32(s->body.bytes) + 1, 4); }
static void many_strings(struct craft_section *s) { put_bytes(s->body.bytes + 4, UINT32_MAX, 4); }
static void few_strings(struct craft_section *s) { put_bytes(s->body.bytes + 4, 3, 4); }
static void first_shares(struct craft_section *s) { plane(s, 0)[0] = 1; }
static void shares_too_much(struct craft_section *s) { plane(s, 0)[1] = 200; }
static void long_string(struct craft_section *s) { plane(s, 3)[0] = 0x10; }
static void nul_in_string(struct craft_section *s) { own(s)[3] = '\0'; }
static void string_order(struct craft_section *s) { own(s)[1] = 'z'; }
/* clang-format on */

static void same_string(struct craft_section *s)
{
        plane(s, 0)[1] = plane(s, 2)[0]; /* all of the first, and nothing of its own */
        plane(s, 2)[1] = 0;
}

/* the third string of the processes begins as the second goes on */
static void shares_too_little(struct craft_section *s)
{
        own(s)[6] = 's';
}

/* paths with "..", "//" and a relative one: the first file is /boot/efi/EFI/BOOT/BOOTX64.EFI */
/* clang-format off */
static void parent_path(struct craft_section *s) { memcpy(own(s), "/../aaaa", 8); }
static void double_slash(struct craft_section *s) { memcpy(own(s), "/a//aaaa", 8); }
static void relative_path(struct craft_section *s) { memcpy(own(s), ".boot/ef", 8); }
static void string_index(struct craft_section *s) { *value(s, 16, 0) = 200; } /* kernel */
static void string_behind(struct craft_section *s) { *value(s, 16, 0) = (uint8_t)get_u32(s->body.bytes + 4); }
static void boot_source(struct craft_section *s) { *value(s, 16 + 4 * 4, 0) = 0xff; } /* sources */
static void device_kind(struct craft_section *s) { *value(s, 16 + 4 + 4, 0) = 9; } /* device */
static void file_filesystem(struct craft_section *s) { *value(s, 0, 0) = 3; } /* filesystem */
static void file_size(struct craft_section *s) { *value(s, 4 + 7, 0) = 0x80; } /* size */
static void range_file(struct craft_section *s) { *value(s, 0, 0) = 0xfe; } /* file */
static void range_file_negative(struct craft_section *s) { *value(s, 0, 0) = 0xff; } /* file */
static void range_count(struct craft_section *s) { *value(s, 4 + 4, 0) = 0; } /* count */
static void range_wraps(struct craft_section *s) { memset(value(s, 4, 0), 0xff, 4 * 6); } /* page */
static void range_order(struct craft_section *s) { memset(value(s, 12, 1), 0xff, 1 + 3 * 6); } /* use */
static void metadata_fs(struct craft_section *s) { *value(s, 0, 0) = 7; } /* filesystem */
/* clang-format on */

static void metadata_order(struct craft_section *s)
{
        *value(s, 4, 1) = 0;
        value(s, 4 + 1, 1)[0] = 0;
}

static void seconds(struct craft_section *s)
{
        memset(value(s, 0, 0), 0xff, 8 * 12);
}

/* one more than fits, in the first row's four planes */
static void nanoseconds(struct craft_section *s)
{
        for (size_t i = 0; i < 4; i++)
                *value(s, 8 + i, 0) = (uint8_t)(1000000000 >> 8 * i);
}

/* arguments of 257 bytes: the second string, the first being empty, goes on with bytes of its own */
static void long_arguments(struct craft_section *s)
{
        enum { MORE = PROFILE_ARGUMENTS_MAX + 1 };
        _cleanup_free_ uint8_t *bytes = malloc(s->body.n + MORE);
        size_t at = (size_t)(own(s) - s->body.bytes), length = plane(s, 2)[1];

        plane(s, 2)[1] = (uint8_t)(length + MORE);
        plane(s, 3)[1] = (uint8_t)((length + MORE) >> 8);
        memcpy(bytes, s->body.bytes, at + length);
        memset(bytes + at + length, 'a', MORE);
        memcpy(bytes + at + length + MORE, s->body.bytes + at + length, s->body.n - at - length);
        craft_body(s, bytes, s->body.n + MORE);
}

/* clang-format off */
static void process_boot(struct craft_section *s) { *value(s, 0, 0) = 2; } /* boot */
static void process_parent(struct craft_section *s) { *value(s, 16, 1) = 5; } /* parent */
static void process_circle(struct craft_section *s) { *value(s, 16, 1) = 1; } /* parent */
static void process_unit(struct craft_section *s) { *value(s, 24, 0) = 0x7f; } /* unit */
static void access_file(struct craft_section *s) { *value(s, 0, 0) = 0xf0; } /* file */
static void access_process(struct craft_section *s) { *value(s, 4, 0) = 10; } /* process */
static void access_flags(struct craft_section *s) { *value(s, 4 + 4 + 8, 0) = 16; } /* flags */
static void walk_path(struct craft_section *s) { *value(s, 0, 0) = 3; } /* path */
static void walk_relative(struct craft_section *s) { own(s)[0] = '.'; }
static void walk_filesystem(struct craft_section *s) { *value(s, 4, 1) = 3; } /* filesystem */
static void walk_kind(struct craft_section *s) { *value(s, 4 + 4 + 4, 2) = 3; } /* kind */
static void interval_boot(struct craft_section *s) { *value(s, 0, 0) = 2; } /* boot */
static void interval_kind(struct craft_section *s) { *value(s, 4, 0) = 2; } /* kind */
static void interval_end(struct craft_section *s) { *value(s, 4 + 4 + 8 + 2, 0) = 0; } /* end */
static void life_arguments(struct craft_section *s) { *value(s, 3 * 8 + 4 + 4, 0) = 3; } /* arguments */
/* clang-format on */

static const struct {
        const char *name;
        uint32_t type;
        void (*spoil)(struct craft_section *);
        const char *why;
} cases[] = {
        {"no body", SECTION_BOOTS, no_body, "too short"},
        {"cut boots", SECTION_BOOTS, cut_body, "ends within its columns"},
        {"cut files", SECTION_FILES, cut_body, "ends within its columns"},
        {"cut accesses", SECTION_ACCESSES, cut_body, "ends within its columns"},
        {"cut behind the counts", SECTION_FILES, cut_to_counts, "fewer strings"},
        {"cut in the strings", SECTION_FILES, cut_in_strings, "ends within its strings"},
        {"many boots", SECTION_BOOTS, many_rows, "more rows"},
        {"many files", SECTION_FILES, many_rows, "one path for each file"},
        {"many ranges", SECTION_RANGES, many_rows, "more rows"},
        {"many accesses", SECTION_ACCESSES, many_rows, "more rows"},
        {"fewer files than paths", SECTION_FILES, few_rows, "one path for each file"},
        {"one range more", SECTION_RANGES, more_rows, "ends within its columns"},
        {"fewer details than files", SECTION_DETAILS, few_rows, "other ones than the table"},
        {"more details than files", SECTION_DETAILS, more_rows, "other ones than the table"},
        {"many strings", SECTION_PROCESSES, many_strings, "fewer strings"},
        {"fewer paths than files", SECTION_FILES, few_strings, "one path for each file"},
        {"first string shares", SECTION_FILES, first_shares, "shares more than there is"},
        {"string shares too much", SECTION_FILES, shares_too_much, "shares more than there is"},
        {"string too long", SECTION_FILES, long_string, "too long"},
        {"NUL in a string", SECTION_FILES, nul_in_string, "NUL"},
        {"string order", SECTION_FILES, string_order, "not in ascending order"},
        {"same string twice", SECTION_FILES, same_string, "not in ascending order"},
        {"empty string twice", SECTION_PROCESSES, same_string, "strings are not in ascending order"},
        {"string shares too little", SECTION_PROCESSES, shares_too_little,
         "strings are not in ascending order"},
        {"path with ..", SECTION_FILES, parent_path, "no resolved absolute path"},
        {"path with //", SECTION_FILES, double_slash, "no resolved absolute path"},
        {"relative path", SECTION_FILES, relative_path, "no resolved absolute path"},
        {"string index", SECTION_BOOTS, string_index, "string is referred to"},
        {"string index behind the last", SECTION_BOOTS, string_behind, "string is referred to"},
        {"unknown source", SECTION_BOOTS, boot_source, "unknown source"},
        {"unknown device", SECTION_FILESYSTEMS, device_kind, "kind of device"},
        {"file's filesystem", SECTION_FILES, file_filesystem, "file refers to a filesystem"},
        {"file's size", SECTION_FILES, file_size, "larger than a file"},
        {"range's file", SECTION_RANGES, range_file, "range refers to a file"},
        {"range's negative file", SECTION_RANGES, range_file_negative, "range refers to a file"},
        {"empty range", SECTION_RANGES, range_count, "range is empty"},
        {"range behind the last page", SECTION_RANGES, range_wraps, "ends behind the last"},
        {"range order", SECTION_RANGES, range_order, "order of first use"},
        {"metadata's filesystem", SECTION_METADATA, metadata_fs, "metadata refers to a filesystem"},
        {"metadata order", SECTION_METADATA, metadata_order, "not in ascending order"},
        {"seconds out of range", SECTION_DETAILS, seconds, "time is out of range"},
        {"nanoseconds out of range", SECTION_DETAILS, nanoseconds, "time is out of range"},
        {"process's boot", SECTION_PROCESSES, process_boot, "process refers to a boot"},
        {"process's parent", SECTION_PROCESSES, process_parent, "parent is not there"},
        {"process's own parent", SECTION_PROCESSES, process_circle, "own ancestor"},
        {"process's unit", SECTION_PROCESSES, process_unit, "string is referred to"},
        {"access's file", SECTION_ACCESSES, access_file, "access refers to a file"},
        {"access's process", SECTION_ACCESSES, access_process, "access refers to a process"},
        {"walk's path", SECTION_WALKS, walk_path, "string is referred to"},
        {"walk's relative path", SECTION_WALKS, walk_relative, "walk's path"},
        {"walk's filesystem", SECTION_WALKS, walk_filesystem, "walk refers to a filesystem"},
        {"walk's kind", SECTION_WALKS, walk_kind, "walk is of an unknown kind"},
        {"cut walks", SECTION_WALKS, cut_body, "ends within its columns"},
        {"interval's boot", SECTION_INTERVALS, interval_boot, "interval refers to a boot"},
        {"interval's kind", SECTION_INTERVALS, interval_kind, "interval is of an unknown kind"},
        {"interval's end", SECTION_INTERVALS, interval_end, "ends before it starts"},
        {"fewer lives than processes", SECTION_LIVES, few_rows, "other ones than the table"},
        {"cut lives", SECTION_LIVES, cut_body, "ends within its columns"},
        {"life's arguments", SECTION_LIVES, life_arguments, "string is referred to"},
        {"long arguments", SECTION_LIVES, long_arguments, "arguments are missing or too long"},
        {"access's flags", SECTION_ACCESSES, access_flags, "unknown flag"},
};

static void test_bodies(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                _cleanup_craft_ struct craft *craft = craft_new();
                _cleanup_profile_ struct profile *profile = NULL;
                const char *why = "";
                int r;

                cases[i].spoil(craft_section(craft, cases[i].type));
                r = craft_read(craft, PROFILE_PART_ALL, &profile, &why);
                if (r != PROFILE_CORRUPT || !strstr(why, cases[i].why))
                        fail_msg("%s: %d, '%s'", cases[i].name, r, why);
                r = craft_read(craft, PROFILE_PART_REPLAY, &profile, &why);
                if (r != (cases[i].type < SECTION_REPLAY_END ? PROFILE_CORRUPT : 0))
                        fail_msg("%s, replay's part: %d", cases[i].name, r);
        }
}

/* Short sections that would unfold into gigabytes of strings: each must be a new one, so there is an end. */
static void test_unfolding_strings(void **state)
{
        enum { N = 40000 };
        _cleanup_craft_ struct craft *craft = craft_new();
        _cleanup_free_ uint8_t *bytes = calloc(1, BODY_FIXED + 4 * N + 4096 + N);
        struct profile *profile = NULL;
        uint8_t *at = bytes + BODY_FIXED;
        const char *why = "";

        (void)state;
        put_bytes(bytes + 4, N, 4);
        for (size_t i = 0; i < N; i++) { /* the first has 4000 bytes, each other one appends or raises one */
                size_t shared = i == 0 ? 0 : 4000 + (i - 1) / 250 % 90, rest = i == 0 ? 4000 : 1;

                at[i] = (uint8_t)shared;
                at[N + i] = (uint8_t)(shared >> 8);
                at[2 * N + i] = (uint8_t)rest;
                at[3 * N + i] = (uint8_t)(rest >> 8);
        }
        at += 4 * N;
        memset(at, 'a', 4000);
        for (size_t i = 1; i < N; i++)
                at[4000 + i - 1] = (uint8_t)(1 + (i - 1) % 250);
        craft_body(craft_section(craft, SECTION_PROCESSES), bytes, BODY_FIXED + 4 * N + 4000 + N - 1);
        assert_int_equal(craft_read(craft, PROFILE_PART_ALL, &profile, &why), PROFILE_CORRUPT);
        assert_string_equal(why, "the strings are too long in total");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bodies),
                cmocka_unit_test(test_unfolding_strings),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
