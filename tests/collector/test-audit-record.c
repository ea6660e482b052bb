/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parser of audit records, on lines as Linux 6.1 and 6.12 write them and on damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libaudit.h>

#include "audit-record.h"

static const char syscall_text[] =
        "audit(1700000000.123:456): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7ffd1 "
        "a2=80000 "
        "a3=0 items=1 ppid=41 pid=42 auid=4294967295 uid=0 gid=0 tty=(none) ses=4294967295 comm=\"a b\" "
        "exe=\"/usr/bin/a b\" subj=unconfined key=\"bootahead\"";

static struct audit_record parse(uint16_t type, const char *text)
{
        struct audit_record record;

        assert_true(audit_record_parse(type, text, strlen(text), &record));
        return record;
}

static void test_syscall(void **state)
{
        struct audit_record record = parse(AUDIT_SYSCALL, syscall_text);
        char executable[64];

        (void)state;
        assert_int_equal(record.time_ms, 1700000000123);
        assert_int_equal(record.serial, 456);
        assert_int_equal(record.arch, 0xc000003e);
        assert_int_equal(record.syscall, 257);
        assert_int_equal(record.pid, 42);
        assert_int_equal(record.ppid, 41);
        assert_true(record.success);
        assert_int_equal(record.arguments[0], 0xffffff9c);
        assert_int_equal(record.arguments[2], 0x80000);
        assert_true(audit_text_is(&record.key, "bootahead"));
        assert_false(audit_text_is(&record.key, "bootahea"));
        assert_true(audit_text_decode(&record.executable, executable, sizeof executable));
        assert_string_equal(executable, "/usr/bin/a b");
}

static void test_path(void **state)
{
        struct audit_record record =
                parse(AUDIT_PATH, "audit(1.5:9): item=1 name=612062C3A40A inode=1234567890123 dev=fe:0a "
                                  "mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=CREATE cap_fp=0");
        char name[16];

        (void)state;
        assert_int_equal(record.time_ms, 1005);
        assert_true(record.has_inode);
        assert_int_equal(record.inode, 1234567890123);
        assert_int_equal(record.device_major, 0xfe);
        assert_int_equal(record.device_minor, 0x0a);
        assert_int_equal(record.mode, 0100755);
        assert_int_equal(record.name_type, AUDIT_NAME_CREATE);
        assert_true(audit_text_decode(&record.name, name, sizeof name));
        assert_string_equal(name, "a b\xc3\xa4\n");
}

static void test_absent(void **state)
{
        struct audit_record record = parse(AUDIT_PATH, "audit(1.5:9): item=0 name=(null) nametype=UNKNOWN");
        char name[16];

        (void)state;
        assert_false(record.has_inode);
        assert_int_equal(record.name_type, AUDIT_NAME_UNKNOWN);
        assert_false(audit_text_decode(&record.name, name, sizeof name));
}

static void test_bad_heads(void **state)
{
        static const char *const bad[] = {
                "",
                "audit",
                "audit(",
                "audit()",
                "audit(1:2):",
                "audit(1.1:2)",
                "audit(1.1000:2): ",
                "audit(1.1:x): ",
                "audit(99999999999999999999.1:2): ",
                "audit(1.1:99999999999999999999): ",
                "AUDIT(1.1:2): ",
        };
        struct audit_record record;

        (void)state;
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                assert_false(audit_record_parse(AUDIT_PATH, bad[i], strlen(bad[i]), &record));
}

/* Cut anywhere, a record is read or refused, never read beyond its end. */
static void test_truncated(void **state)
{
        (void)state;
        for (size_t length = 0; length < sizeof syscall_text; length++) {
                char *exact = malloc(length ? length : 1);
                struct audit_record record;

                memcpy(exact, syscall_text, length);
                audit_record_parse(AUDIT_SYSCALL, exact, length, &record);
                free(exact);
        }
}

static void test_bad_values(void **state)
{
        struct audit_record record =
                parse(AUDIT_SYSCALL,
                      "audit(1.1:2): pid=4294967296 ppid=-1 syscall=1x arch=zz a0= exe=2F746 key=\"a");
        char executable[16];

        (void)state;
        assert_int_equal(record.pid, 0);
        assert_int_equal(record.ppid, 0);
        assert_int_equal(record.syscall, 0);
        assert_int_equal(record.arch, 0);
        assert_false(audit_text_decode(&record.executable, executable, sizeof executable));
}

static void test_decode_bounds(void **state)
{
        struct audit_text text = {.start = "616263", .length = 6, .hexadecimal = true};
        struct audit_text with_nul = {.start = "610062", .length = 6, .hexadecimal = true};
        char small[3], fits[4];

        (void)state;
        assert_false(audit_text_decode(&text, small, sizeof small));
        assert_true(audit_text_decode(&text, fits, sizeof fits));
        assert_string_equal(fits, "abc");
        assert_false(audit_text_decode(&with_nul, fits, sizeof fits));
}

static const char *words(const char *text, size_t size)
{
        static char buffer[64];

        *buffer = '\0';
        audit_record_words(text, strlen(text), buffer, size);
        return buffer;
}

static void test_words(void **state)
{
        char buffer[16] = "sh";
        static const char more[] = "audit(1.000:2): a1=\"-c\"";

        (void)state;
        assert_string_equal(words("audit(1.000:2): argc=3 a0=\"sh\" a1=\"-c\" a2=6C73202D6C", 64),
                            "sh -c ls -l");
        assert_string_equal(words("audit(1.000:2): argc=2 a0=\"x=1\" a1=\"\" a2=\"y\"", 64), "x=1  y");
        /* one long word in parts; the second record of a long line goes on where the first ended */
        assert_string_equal(
                words("audit(1.000:2): argc=1 a0_len=5 a0[0]=\"ab\" a0[1]=6364 a0[2]=\"e\" a1=\"f\"", 64),
                "abcde f");
        audit_record_words(more, sizeof more - 1, buffer, sizeof buffer);
        assert_string_equal(buffer, "sh -c");
        /* what does not fit is cut, and what is broken is left out */
        assert_string_equal(words("audit(1.000:2): argc=2 a0=\"abcdef\" a1=\"g\"", 5), "abcd");
        assert_string_equal(words("audit(1.000:2): argc=2 a0=616263 a1=\"g\"", 3), "ab");
        assert_string_equal(words("audit(1.000:2): argc=2 a0=6x a1=\"g\"", 64), "g");
        assert_string_equal(words("audit(1.000:2): argc=1 a0", 64), "");
        assert_string_equal(words("", 64), "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_syscall),       cmocka_unit_test(test_path),
                cmocka_unit_test(test_absent),        cmocka_unit_test(test_bad_heads),
                cmocka_unit_test(test_truncated),     cmocka_unit_test(test_bad_values),
                cmocka_unit_test(test_decode_bounds), cmocka_unit_test(test_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
