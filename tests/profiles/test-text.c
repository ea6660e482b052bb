/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unit tests of the text twin: it says all that the tables say, and the reader takes what FORMAT.md
 * allows and names the line of what it does not.
 */
#include "fixture.h"

#include <string.h>

static void test_round_trip(void **state)
{
        _cleanup_profile_ struct profile *profile = sample_profile();
        _cleanup_free_ char *expected = NULL, *got = text_of(profile);
        size_t n;

        (void)state;
        expected = sample_text(&n);
        assert_int_equal(strlen(got), n);
        assert_string_equal(got, expected);
}

static void test_same_bodies(void **state)
{
        _cleanup_profile_ struct profile *profile = sample_profile(), *again = NULL;
        _cleanup_free_ char *text = text_of(profile);

        (void)state;
        assert_int_equal(load_text(text, strlen(text), &again, NULL, NULL), 0);
        for (size_t i = 0; i < n_layouts; i++) {
                struct body one = {}, other = {};

                assert_int_equal(body_encode(profile, &layouts[i], &one), 0);
                assert_int_equal(body_encode(again, &layouts[i], &other), 0);
                assert_int_equal(one.n, other.n);
                assert_memory_equal(one.bytes, other.bytes, one.n);
                body_done(&one);
                body_done(&other);
        }
}

/* Every byte, in a string as long as a string can be. */
static void test_escapes(void **state)
{
        _cleanup_profile_ struct profile *profile = profile_new(), *again = NULL;
        struct profile_boot *boot = profile_add_boot(profile);
        char string[PROFILE_STRING_MAX + 1];
        _cleanup_free_ char *text = NULL;

        (void)state;
        for (size_t i = 0; i < PROFILE_STRING_MAX; i++)
                string[i] = (char)(1 + i % 255);
        string[PROFILE_STRING_MAX] = '\0';
        boot->kernel = boot->os = boot->machine = boot->choice = profile_string(profile, string);
        text = text_of(profile);
        for (const char *c = text; *c; c++)
                assert_true(*c == '\n' || (*c >= 0x20 && *c <= 0x7e));
        assert_int_equal(load_text(text, strlen(text), &again, NULL, NULL), 0);
        assert_string_equal(again->boots[0].choice, string);

        /* nothing but escapes: the longest line that there can be */
        memset(string, '\xff', PROFILE_STRING_MAX);
        boot->kernel = boot->os = boot->machine = boot->choice = profile_string(profile, string);
        memset(boot->losses, 0xff, sizeof(boot->losses));
        boot->wall_us = boot->start_us = boot->end_us = UINT64_MAX;
        boot->sources = 15;
        free(text);
        text = text_of(profile);
        profile_free(TAKE(again));
        assert_int_equal(load_text(text, strlen(text), &again, NULL, NULL), 0);
        assert_string_equal(again->boots[0].kernel, string);
}

static void test_ignores_comments(void **state)
{
        static const char text[] =
                "bootahead-profile 1\n"
                "# a remark\n"
                "\n"
                "filesystem 0 uuid=00000000-0000-0000-0000-000000000000 device=loop type=\"\\x65xt4\""
                " mount=\"/\"\n"
                "#\n"
                "end\n"
                "# and one behind the end\n";
        _cleanup_profile_ struct profile *profile = NULL;

        (void)state;
        assert_int_equal(load_text(text, strlen(text), &profile, NULL, NULL), 0);
        assert_int_equal(profile->filesystems[0].device, PROFILE_DEVICE_LOOP);
        assert_string_equal(profile->filesystems[0].type, "ext4");
}

/* A sample line is replaced, and this is what the reader says and where. */
struct fault {
        const char *find, *replace;
        const char *why;
        size_t line;
        int result;
};

static const struct fault faults[] = {
        {"bootahead-profile 2", "bootahead-profile 3", "newer version", 1, PROFILE_FOREIGN},
        {"bootahead-profile 2", "bootahead-profile 99999999999999999999", "not the text", 1, PROFILE_CORRUPT},
        {"bootahead-profile 2", "bootahead-profile 0", "not the text", 1, PROFILE_CORRUPT},
        {"bootahead-profile 2", "bootahead-profile 2 ", "not the text", 1, PROFILE_CORRUPT},
        {"bootahead-profile 2", "# remark", "not the text", 1, PROFILE_CORRUPT},
        {"boot 0 ", "boot 1 ", "boot's number", 2, PROFILE_CORRUPT},
        {"boot 0 ", "boot 00 ", "boot's number", 2, PROFILE_CORRUPT},
        {"id=0011", "id=001", "boot's number, id", 2, PROFILE_CORRUPT},
        {"ccddee", "CCDDEE", "boot's number, id", 2, PROFILE_CORRUPT},
        {"audit+fanotify-gap", "audit+", "sources", 2, PROFILE_CORRUPT},
        {"audit+fanotify-gap", "audit+audit", "sources", 2, PROFILE_CORRUPT},
        {"audit+fanotify-gap", "fanotify+audit", "sources", 2, PROFILE_CORRUPT},
        {"audit+fanotify-gap", "magic", "sources", 2, PROFILE_CORRUPT},
        {"wall=1763700000123456", "wall=18446744073709551616", "times", 2, PROFILE_CORRUPT},
        {"wall=1763700000123456", "wall=+1", "times", 2, PROFILE_CORRUPT},
        {"wall=1763700000123456", "wall=-1", "times", 2, PROFILE_CORRUPT},
        {"wall=1763700000123456", "wall=", "times", 2, PROFILE_CORRUPT},
        {"end=14812999", "end=1", "ends before it starts", 2, PROFILE_CORRUPT},
        {" kernel=", "  kernel=", "string is missing", 2, PROFILE_CORRUPT},
        {"machine=\"qemu\"", "machine=\"qemu", "string is missing", 2, PROFILE_CORRUPT},
        {"machine=\"qemu\"", "machine=qemu", "string is missing", 2, PROFILE_CORRUPT},
        {"machine=\"qemu\"", "machine=\"\\x00\"", "wrongly quoted", 2, PROFILE_CORRUPT},
        {"machine=\"qemu\"", "machine=\"\\xFF\"", "wrongly quoted", 2, PROFILE_CORRUPT},
        {"machine=\"qemu\"", "machine=\"\\x4\"", "wrongly quoted", 2, PROFILE_CORRUPT},
        {"machine=\"qemu\"", "machine=\"\\n\"", "wrongly quoted", 2, PROFILE_CORRUPT},
        {"machine=\"qemu\"", "machine=\"\t\"", "wrongly quoted", 2, PROFILE_CORRUPT},
        {"machine=\"qemu\"", "machine=\"\xc3\x9c\"", "wrongly quoted", 2, PROFILE_CORRUPT},
        {"older than audit\" contents", "older than audit\"  contents", "behind its last field", 2,
         PROFILE_CORRUPT},
        {"loss socket=12", "loss socket=12x", "behind its last field", 3, PROFILE_CORRUPT},
        {"loss socket=12", "loss socket", "loss without a number", 3, PROFILE_CORRUPT},
        {"loss socket=12", "loss sockets=12", "unknown kind of loss", 3, PROFILE_CORRUPT},
        {"loss socket=12", "lose socket=12", "unknown kind", 3, PROFILE_CORRUPT},
        {"loss socket=12", "end", "behind its end", 4, PROFILE_CORRUPT},
        {"filesystem 0", "filesystem 1", "filesystem's number", 17, PROFILE_CORRUPT},
        {"device=solid", "device=gas", "device", 17, PROFILE_CORRUPT},
        {"device=solid", "device=solid-", "device", 17, PROFILE_CORRUPT},
        {"mount=\"/\"", "mount=\"\"", "mount point", 17, PROFILE_CORRUPT},
        {"file \"/etc/passwd\"", "file \"/etc/../passwd\"", "resolved", 22, PROFILE_CORRUPT},
        {"file \"/etc/passwd\"", "file \"/etc/a\"", "ascending", 22, PROFILE_CORRUPT},
        {"file \"/etc/passwd\"", "file \"/etc/ld.so.cache\"", "ascending", 22, PROFILE_CORRUPT},
        {"filesystem=1 size=", "filesystem=3 size=", "not there", 20, PROFILE_CORRUPT},
        {"filesystem=1 size=", "filesystem=4294967296 size=", "filesystem", 20, PROFILE_CORRUPT},
        {"size=9223372036854775807", "size=9223372036854775808", "larger", 24, PROFILE_CORRUPT},
        {"mtime=-9223372036854775808", "mtime=-9223372036854775809", "time", 24, PROFILE_CORRUPT},
        {"mtime=9223372036854775807", "mtime=9223372036854775808", "time", 25, PROFILE_CORRUPT},
        {"mtime=-1 ", "mtime=-0 ", "time", 23, PROFILE_CORRUPT},
        {"range \"/usr/lib/systemd/systemd\"", "range \"/usr/lib/none\"", "not listed", 32, PROFILE_CORRUPT},
        {"page=0 count=25", "page=0 count=0", "empty", 32, PROFILE_CORRUPT},
        {"page=0 count=25", "page=0 count=4294967296", "pages", 32, PROFILE_CORRUPT},
        {"count=5 use=1012", "count=5 use=1013", "order of first use", 34, PROFILE_CORRUPT},
        {"metadata filesystem=0 page=0", "metadata filesystem=9 page=0", "not there", 38, PROFILE_CORRUPT},
        {"process 0 boot=0", "process 0 boot=2", "not there", 46, PROFILE_CORRUPT},
        {"parent=3", "parent=4294967295", "parent", 48, PROFILE_CORRUPT},
        {"parent=3", "parent=7", "parent is not there", 62, PROFILE_CORRUPT},
        {"parent=3", "parent=2", "own ancestor", 62, PROFILE_CORRUPT},
        {"contents=touched", "contents=teached", "contents", 2, PROFILE_CORRUPT},
        {"contents=touched-pages", "contents=lives", "contents", 2, PROFILE_CORRUPT},
        {"walk \"/\"", "walk \"\"", "walk's path", 43, PROFILE_CORRUPT},
        {"kind=listed", "kind=list", "walk's", 43, PROFILE_CORRUPT},
        {"filesystem=0 use=1012", "filesystem=4 use=1012", "not there", 44, PROFILE_CORRUPT},
        {"filesystem=0 use=1012", "filesystem=0 use=4294967296", "walk's", 44, PROFILE_CORRUPT},
        {"fork=300000 exit", "exit=300000 exit", "wrongly quoted", 48, PROFILE_CORRUPT},
        {"status=256", "status=4294967296", "status", 48, PROFILE_CORRUPT},
        {"flags=exited", "flags=exhausted", "flags", 48, PROFILE_CORRUPT},
        {"flags=exited", "flags=exited ", "string is missing", 48, PROFILE_CORRUPT},
        {"interval boot=1", "interval boot=2", "not there", 60, PROFILE_CORRUPT},
        {"kind=shed", "kind=shy", "kind", 58, PROFILE_CORRUPT},
        {"end=6000000", "end=999999", "ends before it starts", 58, PROFILE_CORRUPT},
        {"access \"/etc/passwd\" process=2", "access \"/etc/passwd\" process=5", "not there", 56,
         PROFILE_CORRUPT},
        {"open+write+create", "open+write+create+", "flags", 56, PROFILE_CORRUPT},
        {"open+write+create", "write+open", "flags", 56, PROFILE_CORRUPT},
        {"time=300123", "time=249999", "order of time", 56, PROFILE_CORRUPT},
        {"kind=blind start=0 end=0\n", "kind=blind start=0 end=0\nloss socket=1\n", "later than its kind", 61,
         PROFILE_CORRUPT},
        {"\nend\n", "\n", "ends before its end", 61, PROFILE_CORRUPT},
        {"\nend\n", "\nend", "cut short", 61, PROFILE_CORRUPT},
        {"\nend\n", "\nend\nend\n", "behind its end", 62, PROFILE_CORRUPT},
        {"\nend\n", "\nEnd\n", "unknown kind", 61, PROFILE_CORRUPT},
};

/* substitute - the sample's text with the first @find replaced */
static char *substitute(const struct fault *fault)
{
        _cleanup_free_ char *text = NULL;
        const char *at;
        char *changed;
        size_t n;

        text = sample_text(&n);
        at = strstr(text, fault->find);
        if (!at)
                fail_msg("no '%s' in the sample", fault->find);
        assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, fault->replace,
                             at + strlen(fault->find)) > 0);
        return changed;
}

static void test_faults(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
                const struct fault *fault = &faults[i];
                _cleanup_free_ char *text = substitute(fault);
                struct profile *profile = NULL;
                const char *why = "";
                size_t line = 0;
                int r;

                r = load_text(text, strlen(text), &profile, &line, &why);
                if (r != fault->result || line != fault->line || !strstr(why, fault->why))
                        fail_msg("'%s': %d, line %zu, '%s'", fault->replace, r, line, why);
                assert_null(profile);
        }
}

/* What version 1 has written is text of today. */
static void test_version_1(void **state)
{
        _cleanup_fclose_ FILE *in = fopen(SOURCE_DIR "/sample-1.txt", "re");
        _cleanup_profile_ struct profile *profile = NULL;

        (void)state;
        assert_non_null(in);
        assert_int_equal(profile_load(in, &profile, NULL, NULL), 0);
        assert_int_equal(profile->boots[0].contents, 0);
        assert_int_equal(profile->n_walks + profile->n_intervals, 0);
        assert_string_equal(profile->processes[0].arguments, "");
}

static void assert_corrupt(const char *text, size_t n, const char *expected)
{
        struct profile *profile = NULL;
        const char *why = "";
        size_t line;

        assert_int_equal(load_text(text, n, &profile, &line, &why), PROFILE_CORRUPT);
        if (!strstr(why, expected))
                fail_msg("'%s' is no '%s'", why, expected);
}

static void test_no_text(void **state)
{
        enum { HUGE = 1 << 20 };
        _cleanup_free_ char *huge = malloc(HUGE);

        (void)state;
        memset(huge, 'x', HUGE);
        memcpy(huge, "bootahead-profile 1\n", 20);
        assert_corrupt(huge, HUGE, "too long");
        assert_corrupt("bootahead-profile 1\nend\0\n", 25, "NUL");
        assert_corrupt("\n", 1, "not the text");
        assert_corrupt("x", 1, "cut short");
        assert_corrupt("bootahead-profile 1\nloss socket=1\nend\n", 38, "loss without a boot");
        assert_corrupt("bootahead-profile 1\nrange \"/a\" page=0 count=1 use=0\nend\n", 56, "not listed");
}

static void test_empty_text(void **state)
{
        _cleanup_fclose_ FILE *in = fopen("/dev/null", "re");
        struct profile *profile = NULL;
        const char *why = "";

        (void)state;
        assert_int_equal(profile_load(in, &profile, NULL, &why), PROFILE_CORRUPT);
        assert_string_equal(why, "the text is empty");
}

static void test_too_many(void **state)
{
        _cleanup_free_ char *text = NULL;
        size_t n;
        FILE *out = open_memstream(&text, &n);

        (void)state;
        fputs("bootahead-profile 1\n", out);
        for (int i = 0; i <= PROFILE_FILESYSTEMS_MAX; i++)
                fprintf(out,
                        "filesystem %d uuid=00000000-0000-0000-0000-000000000000 device=mmc type=\"\" "
                        "mount=\"/\"\n",
                        i);
        fputs("end\n", out);
        fclose(out);
        assert_corrupt(text, n, "more than the format allows");
}

static void test_dump_fails(void **state)
{
        _cleanup_profile_ struct profile *profile = sample_profile();
        _cleanup_fclose_ FILE *full = fopen("/dev/full", "we");

        (void)state;
        assert_non_null(full);
        assert_true(profile_dump(profile, full) < 0);
        profile->accesses[0].file = PROFILE_NONE;
        assert_int_equal(profile_dump(profile, full), PROFILE_CORRUPT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip), cmocka_unit_test(test_same_bodies),
                cmocka_unit_test(test_escapes),    cmocka_unit_test(test_ignores_comments),
                cmocka_unit_test(test_faults),     cmocka_unit_test(test_no_text),
                cmocka_unit_test(test_empty_text), cmocka_unit_test(test_too_many),
                cmocka_unit_test(test_dump_fails), cmocka_unit_test(test_version_1),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
