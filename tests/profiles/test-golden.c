/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-golden [--print | --write FILE] - the format does not change by accident
 *
 * Compares the header's fixed part and the body of each of the sample's sections, before compression
 * since libzstd's versions differ, with sample.bodies. --print prints that file anew, for a change that
 * FORMAT.md has made on purpose; --write writes the sample as a profile, for other readers.
 */
#include "fixture.h"
#include "format-write.h"

#include <fcntl.h>
#include <string.h>

static void print_bytes(FILE *out, const uint8_t *bytes, size_t n)
{
        for (size_t i = 0; i < n; i++)
                fprintf(out, "%02x%s", bytes[i], i % 32 == 31 || i + 1 == n ? "\n" : "");
}

/* print_golden - what must stay as it is */
static void print_golden(FILE *out)
{
        _cleanup_profile_ struct profile *profile = sample_profile();
        __attribute__((cleanup(packed_done))) struct packed packed = {};

        fputs("# SPDX-License-Identifier: LGPL-2.1-or-later\n"
              "# sample.txt in the binary form: header without its checksum, then each section unpacked.\n",
              out);
        assert_int_equal(format_pack(profile, &packed), 0);
        memset(packed.bytes + HEADER_CHECKSUM, 0, 4); /* depends on the packed sizes */
        fputs("header\n", out);
        print_bytes(out, packed.bytes, HEADER_FIXED);
        for (size_t i = 0; i < n_layouts; i++) {
                struct body body = {};

                assert_int_equal(body_encode(profile, &layouts[i], &body), 0);
                fprintf(out, "section %u, %zu bytes\n", layouts[i].type, body.n);
                print_bytes(out, body.bytes, body.n);
                body_done(&body);
        }
}

static void test_bodies(void **state)
{
        _cleanup_fclose_ FILE *file = fopen(SOURCE_DIR "/sample.bodies", "re");
        _cleanup_free_ char *got = NULL, *expected = NULL;
        size_t n, room = 0;
        FILE *out = open_memstream(&got, &n);

        (void)state;
        print_golden(out);
        fclose(out);
        assert_non_null(file);
        assert_true(getdelim(&expected, &room, EOF, file) > 0);
        assert_string_equal(got, expected);
}

/* next_body - the bytes of the next section of a golden file */
static bool next_body(FILE *file, uint32_t *ret_type, struct body *ret)
{
        char line[128];
        size_t n;

        if (fscanf(file, "section %u, %zu bytes\n", ret_type, &n) != 2)
                return false;
        *ret = (struct body){.bytes = malloc(n), .room = n};
        assert_non_null(ret->bytes);
        while (ret->n < n && fgets(line, sizeof(line), file))
                for (unsigned byte, i = 0; sscanf(line + i, "%2x", &byte) == 1; i += 2)
                        ret->bytes[ret->n++] = (uint8_t)byte;
        return ret->n == n;
}

/* The bodies that version 1 has written are read as the text that it has written for them. */
static void test_version_1(void **state)
{
        _cleanup_fclose_ FILE *text = fopen(SOURCE_DIR "/sample-1.txt", "re");
        _cleanup_fclose_ FILE *file = fopen(SOURCE_DIR "/sample-1.bodies", "re");
        _cleanup_profile_ struct profile *expected = NULL, *got = NULL;
        _cleanup_free_ char *expected_text = NULL, *got_text = NULL;
        struct craft craft = {.entry_size = ENTRY_FIXED};
        _cleanup_free_ uint8_t *bytes = NULL;
        const char *why = "";
        char line[128];
        size_t n;

        (void)state;
        assert_non_null(text);
        assert_non_null(file);
        for (int skip = 0; skip < 4; skip++) /* remarks and header */
                assert_non_null(fgets(line, sizeof(line), file));
        while (next_body(file, &craft.sections[craft.n].type, &craft.sections[craft.n].body))
                craft.n++;
        assert_int_equal(craft.n, 8);
        bytes = craft_build(&craft, &n);
        if (read_bytes(bytes, n, PROFILE_PART_ALL, &got, &why) != 0 ||
            profile_load(text, &expected, NULL, &why) != 0)
                fail_msg("%s", why);
        expected_text = text_of(expected);
        got_text = text_of(got);
        assert_string_equal(got_text, expected_text);
        for (size_t i = 0; i < craft.n; i++) {
                body_done(&craft.sections[i].body);
                free(craft.sections[i].frame);
        }
}

/* The committed bytes are read as the committed text, whatever libzstd compresses them. */
static void test_text(void **state)
{
        _cleanup_craft_ struct craft *craft = craft_new();
        _cleanup_profile_ struct profile *profile = NULL;
        _cleanup_free_ char *expected = NULL, *got = NULL;
        size_t n;

        (void)state;
        expected = sample_text(&n);
        assert_int_equal(craft_read(craft, PROFILE_PART_ALL, &profile, NULL), 0);
        got = text_of(profile);
        assert_string_equal(got, expected);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bodies),
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_version_1),
        };

        if (argc == 3 && strcmp(argv[1], "--write") == 0) {
                _cleanup_profile_ struct profile *profile = sample_profile();

                return profile_write(AT_FDCWD, argv[2], profile, NULL) == 0 ? 0 : 1;
        }
        if (argc == 2 && strcmp(argv[1], "--print") == 0) {
                print_golden(stdout);
                return 0;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
