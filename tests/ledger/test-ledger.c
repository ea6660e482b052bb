/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger's file: what is written is read, the last hundred are kept, damaged lines go alone, writers do
 * not lose each other's boots, and a failure leaves the old one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "ledger.h"

static char path[32];
static int folder;

static int make_folder(void **state)
{
        (void)state;
        strcpy(path, "/tmp/test-ledger-XXXXXX");
        if (!mkdtemp(path))
                return -1;
        folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return folder < 0 ? -1 : 0;
}

/* Nothing but the ledger may be left: rmdir says so. */
static int remove_folder(void **state)
{
        (void)state;
        unlinkat(folder, LEDGER_NAME, 0);
        unlinkat(folder, LEDGER_NAME, AT_REMOVEDIR);
        close(folder);
        return rmdir(path);
}

static struct ledger_entry entry_of(int number)
{
        struct ledger_entry entry = {
                .wall_us = 1000000u + (unsigned)number, .mode = "replay", .why = "a \"profile\"\n"};

        snprintf(entry.boot, sizeof entry.boot, "boot-%d", number);
        ledger_know(&entry, LEDGER_FINISH_US, 11500000);
        return entry;
}

static void write_text(const char *text, size_t size)
{
        int fd = openat(folder, LEDGER_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_int_equal(write(fd, text, size), size);
        close(fd);
}

static int add(int number)
{
        _cleanup_free_ struct ledger *ledger = NULL;
        struct ledger_entry entry = entry_of(number);

        return ledger_add(folder, &entry, &ledger);
}

static struct ledger *read_it(void)
{
        struct ledger *ledger;

        assert_int_equal(ledger_read(folder, &ledger), 0);
        return ledger;
}

static void test_round_trip(void **state)
{
        _cleanup_free_ struct ledger *added = NULL, *ledger = NULL;
        struct ledger_entry full = {.wall_us = UINT64_MAX, .untypical = true};

        (void)state;
        memset(full.boot, 'b', sizeof full.boot - 1);
        memset(full.mode, 'm', sizeof full.mode - 1);
        memset(full.why, '\x01', sizeof full.why - 1);
        memset(full.kernel, '"', sizeof full.kernel - 1);
        memset(full.os, '\\', sizeof full.os - 1);
        memset(full.disk, '/', sizeof full.disk - 1);
        memset(full.profile, 'p', sizeof full.profile - 1);
        for (int figure = 0; figure < LEDGER_FIGURE_COUNT; figure++)
                ledger_know(&full, (enum ledger_figure)figure, UINT64_MAX - (unsigned)figure);
        assert_int_equal(ledger_add(folder, &full, &added), 0);
        ledger = read_it();
        assert_int_equal(ledger->n, 1);
        assert_memory_equal(&ledger->entries[0], &full, sizeof full);
        assert_memory_equal(added, ledger, sizeof *ledger);
}

static void test_absent_stays_absent(void **state)
{
        _cleanup_free_ struct ledger *ledger = NULL;

        (void)state;
        assert_int_equal(add(1), 0);
        ledger = read_it();
        for (int figure = 0; figure < LEDGER_FIGURE_COUNT; figure++)
                assert_int_equal(ledger_knows(&ledger->entries[0], (enum ledger_figure)figure),
                                 figure == LEDGER_FINISH_US);
}

static void test_odd_bytes(void **state)
{
        _cleanup_free_ struct ledger *added = NULL, *ledger = NULL;
        struct ledger_entry entry = entry_of(1);

        (void)state;
        strcpy(entry.why, "'/\xff\xc3\x9c\xe2\x82'");
        assert_int_equal(ledger_add(folder, &entry, &added), 0);
        ledger = read_it();
        assert_int_equal(ledger->n, 1);
        assert_string_equal(ledger->entries[0].why, "'/?\xc3\x9c?"
                                                    "?'");
}

static void test_the_last_are_kept(void **state)
{
        _cleanup_free_ struct ledger *ledger = NULL;

        (void)state;
        for (int i = 0; i < LEDGER_BOOTS + 5; i++)
                assert_int_equal(add(i), 0);
        ledger = read_it();
        assert_int_equal(ledger->n, LEDGER_BOOTS);
        assert_string_equal(ledger->entries[0].boot, "boot-5");
        assert_string_equal(ledger->entries[LEDGER_BOOTS - 1].boot, "boot-104");
}

static void test_once_per_boot(void **state)
{
        _cleanup_free_ struct ledger *ledger = NULL;

        (void)state;
        assert_int_equal(add(1), 0);
        assert_int_equal(add(1), LEDGER_KNOWN);
        ledger = read_it();
        assert_int_equal(ledger->n, 1);
}

static void test_damaged(void **state)
{
        static const char *const lines[] = {
                "",
                "garbage",
                "[]",
                "null",
                "{}",
                "{\"version\":1}",
                "{\"version\":2,\"boot\":\"x\",\"mode\":\"replay\"}",
                "{\"version\":1,\"boot\":\"\",\"mode\":\"replay\"}",
                "{\"version\":1,\"boot\":7,\"mode\":\"replay\"}",
                "{\"version\":1,\"boot\":\"x\",\"mode\":\"a mode that is too long\"}",
                "{\"version\":1,\"boot\":\"x\",\"mode\":\"replay\",\"finish_us\":-1}",
                "{\"version\":1,\"boot\":\"x\",\"mode\":\"replay\",\"finish_us\":1.5}",
                "{\"version\":1,\"boot\":\"x\",\"mode\":\"replay\",\"finish_us\":\"1\"}",
                "{\"version\":1,\"boot\":\"x\",\"mode\":\"replay\"",
                "{\"version\":1,\"boot\":\"x\",\"mode\":\"replay\"} {}",
                "{\"version\":1,\"boot\":\"\xff\",\"mode\":\"replay\"}",
                "{\"version\":1,\"boot\":\"boot-1\",\"mode\":\"replay\"}", /* known */
                "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]",
        };
        static const char good[] = "{\"version\":1,\"boot\":\"boot-%d\",\"mode\":\"replay\",\"later\":[1]}\n";
        char text[1024];

        (void)state;
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                _cleanup_free_ struct ledger *ledger = NULL, *after = NULL;
                int n = snprintf(text, sizeof text, good, 1);

                n += snprintf(text + n, sizeof text - (size_t)n, "%s\n", lines[i]);
                n += snprintf(text + n, sizeof text - (size_t)n, good, 2);
                write_text(text, (size_t)n);
                print_message("%s\n", lines[i]);
                ledger = read_it();
                assert_int_equal(ledger->n, 2);
                assert_int_equal(ledger->damaged, 1);
                assert_int_equal(add(3), 0);
                after = read_it();
                assert_int_equal(after->n, 3);
                assert_int_equal(after->damaged, 0);
        }
}

static void test_long_lines_and_zeros(void **state)
{
        static const char good[] = "{\"version\":1,\"boot\":\"a\",\"mode\":\"off\"}\n";
        size_t size = 3 * LEDGER_LINE_MAX;
        _cleanup_free_ char *text = calloc(1, size + sizeof good);

        (void)state;
        for (int filler = 0; filler < 'x' + 1; filler += 'x') {
                _cleanup_free_ struct ledger *ledger = NULL;

                memset(text, filler, size);
                text[size - 1] = '\n';
                memcpy(text + size, good, sizeof good - 1);
                write_text(text, size + sizeof good - 1);
                ledger = read_it();
                assert_int_equal(ledger->n, 1);
                assert_int_equal(ledger->damaged, 1);
        }
}

static void test_no_file(void **state)
{
        _cleanup_free_ struct ledger *ledger = NULL, *none = NULL;
        struct ledger_entry entry = entry_of(1);

        (void)state;
        ledger = read_it();
        assert_int_equal(ledger->n, 0);
        assert_int_equal(mkfifoat(folder, LEDGER_NAME, 0600), 0);
        assert_int_equal(ledger_read(folder, &none), -EBADMSG);
        assert_int_equal(add(1), 0); /* takes its place */
        unlinkat(folder, LEDGER_NAME, 0);
        assert_int_equal(mkdirat(folder, LEDGER_NAME, 0700), 0);
        assert_int_equal(ledger_add(folder, &entry, &none), -EISDIR);
        free(TAKE(none));
}

static void test_full_disk(void **state)
{
        struct rlimit old, little = {.rlim_cur = 60, .rlim_max = RLIM_INFINITY};
        _cleanup_free_ struct ledger *ledger = NULL;

        (void)state;
        assert_int_equal(add(1), 0);
        signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &old);
        little.rlim_max = old.rlim_max;
        setrlimit(RLIMIT_FSIZE, &little);
        assert_int_equal(add(2), -EFBIG);
        setrlimit(RLIMIT_FSIZE, &old);
        ledger = read_it();
        assert_int_equal(ledger->n, 1);
}

static void test_writers_at_once(void **state)
{
        enum { WRITERS = 4, EACH = 4 };
        _cleanup_free_ struct ledger *ledger = NULL;

        (void)state;
        for (int writer = 0; writer < WRITERS; writer++) {
                if (fork() != 0)
                        continue;
                for (int i = 0; i < EACH; i++)
                        if (add(writer * EACH + i) != 0)
                                _exit(1);
                _exit(0);
        }
        for (int writer = 0; writer < WRITERS; writer++) {
                int status;

                assert_true(wait(&status) > 0);
                assert_int_equal(status, 0);
        }
        ledger = read_it();
        assert_int_equal(ledger->n, WRITERS * EACH);
        assert_int_equal(ledger->damaged, 0);
}

/* A kill is the nearest to a power cut that a test can have: old or new, and nothing beside it (teardown). */
static void test_killed(void **state)
{
        (void)state;
        for (int i = 0; i < 30; i++) {
                _cleanup_free_ struct ledger *ledger = NULL;
                pid_t child = fork();

                if (child == 0)
                        for (int n = 0;; n++)
                                add(n % 200);
                usleep((useconds_t)(i * 300));
                kill(child, SIGKILL);
                waitpid(child, NULL, 0);
                unlinkat(folder, "." LEDGER_NAME ".new",
                         0); /* of one killed in the act of naming; the next does that */
                ledger = read_it();
                assert_int_equal(ledger->damaged, 0);
        }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
        const struct CMUnitTest tests[] = {
                TEST(test_round_trip),
                TEST(test_absent_stays_absent),
                TEST(test_odd_bytes),
                TEST(test_the_last_are_kept),
                TEST(test_once_per_boot),
                TEST(test_damaged),
                TEST(test_long_lines_and_zeros),
                TEST(test_no_file),
                TEST(test_full_disk),
                TEST(test_writers_at_once),
                TEST(test_killed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
