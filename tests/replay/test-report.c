/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The report is JSON, whatever bytes a path has, complete, and replaced as a whole. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <json-c/json.h>

#include "report.h"

typedef struct json_object *json;
DEFINE_CLEANUP(json, json_object_put)

static char folder[] = "/tmp/bootahead-test-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
        (void)state;
        if (!mkdtemp(folder))
                return -1;
        snprintf(path, sizeof path, "%s/report.json", folder);
        return 0;
}

/* Nothing but the report may be left: rmdir says so. */
static int remove_folder(void **state)
{
        (void)state;
        return unlink(path) < 0 || rmdir(folder) < 0 ? -1 : 0;
}

/* Strict: no trailing commas, no comments, no bytes that are not UTF-8. */
static json parse(void)
{
        struct json_tokener *tokener = json_tokener_new();
        _cleanup_fclose_ FILE *file = fopen(path, "re");
        char text[65536];
        size_t n;
        json object;

        assert_non_null(tokener);
        assert_non_null(file);
        n = fread(text, 1, sizeof text - 1, file);
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        object = json_tokener_parse_ex(tokener, text, (int)n);
        if (json_tokener_get_error(tokener) != json_tokener_success)
                fail_msg("%s in: %.*s", json_tokener_error_desc(json_tokener_get_error(tokener)), (int)n,
                         text);
        json_tokener_free(tokener);
        assert_true(json_object_is_type(object, json_type_object));
        return object;
}

static void assert_text(json object, const char *name, const char *expected)
{
        json member = NULL;

        assert_true(json_object_object_get_ex(object, name, &member));
        assert_true(json_object_is_type(member, json_type_string));
        assert_string_equal(json_object_get_string(member), expected);
}

static void assert_number(json object, const char *name, uint64_t expected)
{
        json member = NULL;

        assert_true(json_object_object_get_ex(object, name, &member));
        assert_true(json_object_is_type(member, json_type_int));
        assert_true(json_object_get_uint64(member) == expected);
}

static void test_paths(void **state)
{
        static const struct {
                const char *path, *shown;
        } cases[] = {
                {"", ""},
                {"/a \"b\" \\c", "/a \"b\" \\c"},
                {"/\x01\n\r\t\x1f\x7f", "/\x01\n\r\t\x1f\x7f"},
                {"/\xc3\x9c\xe2\x82\xac\xf0\x9f\x98\x80", "/\xc3\x9c\xe2\x82\xac\xf0\x9f\x98\x80"},
                {"/\xff\x80z", "/\\xff\\x80z"},
                {"/\xc3", "/\\xc3"},                                     /* cut short */
                {"/\xe2\x82", "/\\xe2\\x82"},                            /* cut short */
                {"/\xf0\x9f\x98z", "/\\xf0\\x9f\\x98z"},                 /* cut short */
                {"/\xc0\xaf\xe0\x80\xaf", "/\\xc0\\xaf\\xe0\\x80\\xaf"}, /* longer than needed */
                {"/\xed\xa0\x80", "/\\xed\\xa0\\x80"},                   /* half of a surrogate pair */
                {"/\xf4\x90\x80\x80", "/\\xf4\\x90\\x80\\x80"},          /* above U+10FFFF */
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct replay_result result = {.profile = cases[i].path, .why = cases[i].path};
                CLEANUP(json_object_put) json object = NULL;

                assert_int_equal(report_write(AT_FDCWD, path, &result), 0);
                object = parse();
                assert_text(object, "profile", cases[i].shown);
                assert_text(object, "why", cases[i].shown);
                assert_text(object, "result", "refused");
        }
}

static void test_every_single_byte(void **state)
{
        (void)state;
        for (unsigned int byte = 1; byte < 256; byte++) {
                char name[] = {'/', (char)byte, 'x', '\0'};
                struct replay_result result = {.profile = name};
                CLEANUP(json_object_put) json object = NULL;

                assert_int_equal(report_write(AT_FDCWD, path, &result), 0);
                object = parse();
                if (byte < 0x80)
                        assert_text(object, "profile", name);
        }
}

static void test_figures(void **state)
{
        struct replay_result result = {
                .profile = "/p",
                .times = {1, 2, 3, INT64_MAX},
                .skipped_files = 4,
                .cut_bytes = 2,
                .counters = {.files = 6,
                             .gone = 7,
                             .changed = 8,
                             .failed = 9,
                             .requests = 10,
                             .metadata_requests = 11,
                             .bytes = UINT64_C(1) << 40,
                             .metadata_bytes = 13,
                             .gap_bytes = 19,
                             .cut_bytes = 3,
                             .errors = 14,
                             .late = 15},
                .walks = {.walks = 16, .gone = 17, .late = 18},
        };
        static const struct {
                const char *name;
                uint64_t value;
        } members[] = {
                {"start_us", 1},
                {"verified_us", 2},
                {"planned_us", 3},
                {"end_us", INT64_MAX},
                {"files_skipped", 4},
                {"cut_bytes", 5},
                {"files", 6},
                {"files_gone", 7},
                {"files_changed", 8},
                {"files_failed", 9},
                {"requests", 10},
                {"metadata_requests", 11},
                {"bytes", UINT64_C(1) << 40},
                {"metadata_bytes", 13},
                {"gap_bytes", 19},
                {"errors", 14},
                {"late_requests", 15},
                {"walks", 16},
                {"walks_gone", 17},
                {"walks_late", 18},
                {"version", 1},
        };
        CLEANUP(json_object_put) json object = NULL;

        (void)state;
        assert_int_equal(report_write(AT_FDCWD, path, &result), 0);
        object = parse();
        assert_text(object, "result", "done");
        assert_text(object, "why", "");
        for (size_t i = 0; i < sizeof members / sizeof *members; i++)
                assert_number(object, members[i].name, members[i].value);
        assert_true(json_object_object_get_ex(object, "processor_us", NULL));
        assert_int_equal(json_object_object_length(object), 4 + sizeof members / sizeof *members);
}

static void test_boot(void **state)
{
        struct profile_boot boot = {.id = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, [15] = 0xff},
                                    .kernel = "6.12",
                                    .os = "debian 12",
                                    .wall_us = 5};
        struct replay_result result = {.profile = "/p", .boot = &boot};
        CLEANUP(json_object_put) json object = NULL;

        (void)state;
        assert_int_equal(report_write(AT_FDCWD, path, &result), 0);
        object = parse();
        assert_text(object, "profile_boot", "01234567-89ab-cdef-0000-0000000000ff");
        assert_text(object, "profile_kernel", "6.12");
        assert_text(object, "profile_os", "debian 12");
        assert_number(object, "profile_wall_us", 5);
}

/* Who reads the old one goes on reading the old one. */
static void test_replaced(void **state)
{
        struct replay_result first = {.profile = "/first"}, second = {.profile = "/second"};
        _cleanup_fclose_ FILE *before = NULL;
        CLEANUP(json_object_put) json object = NULL;
        char text[4096] = "";

        (void)state;
        assert_int_equal(report_write(AT_FDCWD, path, &first), 0);
        before = fopen(path, "re");
        assert_non_null(before);
        assert_int_equal(report_write(AT_FDCWD, path, &second), 0);
        assert_true(fread(text, 1, sizeof text - 1, before) > 0);
        assert_non_null(strstr(text, "/first"));
        object = parse();
        assert_text(object, "profile", "/second");
}

static void test_failures(void **state)
{
        struct replay_result result = {.profile = "/p"};
        char far[PATH_MAX + 8], blocked[96];

        (void)state;
        memset(far, 'a', sizeof far - 1);
        far[sizeof far - 1] = '\0';
        assert_int_equal(report_write(AT_FDCWD, far, &result), -ENAMETOOLONG);
        snprintf(blocked, sizeof blocked, "%s/none/report", folder);
        assert_int_equal(report_write(AT_FDCWD, blocked, &result), -ENOENT);
        snprintf(blocked, sizeof blocked, "%s/folder", folder);
        assert_int_equal(mkdir(blocked, 0700), 0);
        assert_int_equal(report_write(AT_FDCWD, blocked, &result), -EISDIR);
        assert_int_equal(rmdir(blocked), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_paths),    cmocka_unit_test(test_every_single_byte),
                cmocka_unit_test(test_figures),  cmocka_unit_test(test_boot),
                cmocka_unit_test(test_replaced), cmocka_unit_test(test_failures),
        };

        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
