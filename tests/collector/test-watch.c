/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a watcher lets through, how its lines look, and that nobody can make it keep more than its bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "watch-filter.h"
#include "watch-folders.h"
#include "watch-names.h"
#include "watch-output.h"
#include "watch-print.h"

static struct watch_event an_open(void)
{
        return (struct watch_event){.class = WATCH_OPEN,
                                    .pid = 7,
                                    .time_us = 12000345,
                                    .executable = "/usr/sbin/sshd",
                                    .unit = "ssh.service",
                                    .path = "/etc/ssh/sshd_config",
                                    .user = 1000,
                                    .user_known = true,
                                    .device = makedev(254, 1)};
}

static struct watch_filter opens(void)
{
        return (struct watch_filter){.classes = WATCH_OPEN | WATCH_RENAME | WATCH_EXEC, .succeeded = true};
}

static void test_below(void **state)
{
        (void)state;
        assert_true(watch_path_is_below("/etc/ssh/x", "/etc/ssh"));
        assert_true(watch_path_is_below("/etc/ssh", "/etc/ssh"));
        assert_true(watch_path_is_below("/etc/ssh/x", "/etc/ssh//"));
        assert_true(watch_path_is_below("/x", "/"));
        assert_false(watch_path_is_below("/etc/sshd", "/etc/ssh"));
        assert_false(watch_path_is_below("/etc", "/etc/ssh"));
        assert_false(watch_path_is_below("x", "/"));
}

static void test_one_option(void **state)
{
        struct watch_event event = an_open();
        struct watch_filter filter = opens();

        (void)state;
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_YES);
        filter.classes = WATCH_RENAME;
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_NO);
        filter = opens();
        event.error = ENOENT;
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_NO);
        filter.failed = true;
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_YES);
        filter.succeeded = false;
        event.error = 0;
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_NO);

        filter = opens();
        filter.devices[filter.n_devices++] = makedev(254, 2);
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_NO);
        filter.devices[filter.n_devices++] = makedev(254, 1);
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_YES);
        event.device = 0;
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_UNKNOWN);

        filter = opens();
        filter.users[filter.n_users++] = 0;
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_NO);
        filter.users[filter.n_users++] = 1000;
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_YES);
        event.user_known = false;
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_UNKNOWN);
}

static void test_units_and_executables(void **state)
{
        static const struct {
                const char *value;
                enum watch_match unit, executable;
        } cases[] = {
                {"ssh", WATCH_YES, WATCH_NO},
                {"ssh.service", WATCH_YES, WATCH_NO},
                {"ss*", WATCH_YES, WATCH_NO},
                {"*.service", WATCH_YES, WATCH_NO},
                {"ssh.socket", WATCH_NO, WATCH_NO},
                {"sshd", WATCH_NO, WATCH_YES},
                {"/usr/sbin/sshd", WATCH_NO, WATCH_YES},
                {"/usr/sbin", WATCH_NO, WATCH_YES},
                {"/usr/sb", WATCH_NO, WATCH_NO},
                {"", WATCH_NO, WATCH_NO},
        };
        struct watch_event event = an_open(), unknown = an_open();

        (void)state;
        unknown.unit = unknown.executable = NULL;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct watch_filter filter = opens();

                filter.units = (struct watch_texts){{cases[i].value}, 1};
                assert_int_equal(watch_filter_match(&filter, &event), cases[i].unit);
                assert_int_equal(watch_filter_match(&filter, &unknown), WATCH_UNKNOWN);
                filter.units.n = 0;
                filter.executables = (struct watch_texts){{cases[i].value}, 1};
                assert_int_equal(watch_filter_match(&filter, &event), cases[i].executable);
                assert_int_equal(watch_filter_match(&filter, &unknown), WATCH_UNKNOWN);
        }
}

static void test_paths(void **state)
{
        struct watch_event event = an_open();
        struct watch_filter filter = opens();

        (void)state;
        filter.paths = (struct watch_texts){{"/var", "/etc"}, 2};
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_YES);
        event.path = "etc/passwd";
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_UNKNOWN);
        event.path = "/usr/x";
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_NO);
        event.class = WATCH_RENAME;
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_UNKNOWN);
        event.new_path = "/usr/y";
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_NO);
        event.new_path = "/var/y";
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_YES);
        event.class = WATCH_EXEC;
        event.path = "/bin/run";
        event.new_path = NULL;
        event.executable = "/etc/alternatives/run";
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_YES);
        event.class = WATCH_EXIT;
        filter.classes = WATCH_EXIT;
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_NO);
}

/* What is certainly not wanted is not counted as unknown. */
static void test_all_options(void **state)
{
        struct watch_event event = an_open();
        struct watch_filter filter = opens();

        (void)state;
        event.unit = NULL;
        filter.units = (struct watch_texts){{"ssh"}, 1};
        filter.paths = (struct watch_texts){{"/etc"}, 1};
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_UNKNOWN);
        event.unit = "ssh.service";
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_YES);
        event.unit = NULL;
        event.path = "/usr";
        assert_int_equal(watch_filter_match(&filter, &event), WATCH_NO);
}

static void test_names_of_classes(void **state)
{
        (void)state;
        for (uint32_t class = 1; class <= WATCH_ALL; class <<= 1) {
                const char *name = watch_class_name(class);

                assert_non_null(name);
                assert_int_equal(watch_class_find(name, strlen(name)), class);
                assert_int_equal(watch_class_find(name, strlen(name) - 1), 0);
        }
        assert_null(watch_class_name(WATCH_ALL + 1));
}

static void assert_line(const struct watch_event *event, bool json, const char *expected)
{
        char text[1024] = "";
        FILE *file = fmemopen(text, sizeof text, "we");
        struct watch_line line = {event, event->user_known ? "me" : NULL};

        assert_non_null(file);
        if (json)
                watch_print_json(file, &line);
        else
                watch_print_text(file, &line);
        fclose(file);
        assert_string_equal(text, expected);
}

static void test_text(void **state)
{
        struct watch_event event = an_open();

        (void)state;
        assert_line(&event, false,
                    "12.000345 open 7 /usr/sbin/sshd ssh.service me ok /etc/ssh/sshd_config\n");
        event.error = ENOENT;
        event.unit = "";
        event.executable = NULL;
        event.user_known = false;
        assert_line(&event, false, "12.000345 open 7 ? - ? ENOENT /etc/ssh/sshd_config\n");
        event.error = 0;
        event.class = WATCH_RENAME;
        event.path = "/a b\\c\n\x1b[2J\x7f\xc2\x9b\xff-\xc3\xa4";
        assert_line(&event, false,
                    "12.000345 rename 7 ? - ? ok "
                    "/a\\x20b\\x5cc\\x0a\\x1b[2J\\x7f\\xc2\\x9b\\xff-\xc3\xa4 ?\n");
        event.class = WATCH_FORK;
        event.child = 8;
        assert_line(&event, false, "12.000345 fork 7 ? - ? child=8\n");
        event.class = WATCH_EXIT;
        event.status = 3 << 8;
        assert_line(&event, false, "12.000345 exit 7 ? - ? status=3\n");
        event.status = 9;
        assert_line(&event, false, "12.000345 exit 7 ? - ? signal=9\n");
}

static void test_json(void **state)
{
        struct watch_event event = an_open();

        (void)state;
        assert_line(&event, true,
                    "{\"time_us\":12000345,\"class\":\"open\",\"pid\":7,\"executable\":\"/usr/sbin/sshd\","
                    "\"unit\":\"ssh.service\",\"uid\":1000,\"user\":\"me\",\"result\":\"ok\","
                    "\"device\":\"254:1\",\"path\":\"/etc/ssh/sshd_config\"}\n");
        event = (struct watch_event){
                .class = WATCH_RENAME, .pid = 7, .error = EPERM, .path = "/\xff\"", .new_path = "/n\n"};
        assert_line(&event, true,
                    "{\"time_us\":0,\"class\":\"rename\",\"pid\":7,\"result\":\"failed\",\"errno\":1,"
                    "\"error\":\"EPERM\",\"path\":\"/\\\\xff\\\"\",\"path_escaped\":true,"
                    "\"new_path\":\"/n\\u000a\"}\n");
}

static void test_clean_names(void **state)
{
        static const char *const cases[][2] = {
                {"/a//b", "/a/b"},      {"/./a/./b/.", "/a/b"}, {"//", "/"},   {"/", "/"},
                {"/a/../b", "/a/../b"}, {"/.a/b.", "/.a/b."},   {"/a/", "/a"}, {"", ""},
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char name[32];

                strcpy(name, cases[i][0]);
                watch_clean_name(name);
                assert_string_equal(name, cases[i][1]);
        }
}

static void test_folders(void **state)
{
        struct watched_folders *folders = watched_folders_new();
        union {
                struct file_handle handle;
                char storage[sizeof(struct file_handle) + MAX_HANDLE_SZ];
        } at = {.handle = {.handle_bytes = 8, .handle_type = 1}};

        (void)state;
        assert_non_null(folders);
        assert_null(watched_folders_recall(folders, 1, &at.handle));
        watched_folders_learn(folders, 1, &at.handle, "/a");
        assert_string_equal(watched_folders_recall(folders, 1, &at.handle), "/a");
        watched_folders_learn(folders, 1, &at.handle, "/b");
        assert_string_equal(watched_folders_recall(folders, 1, &at.handle), "/b");
        assert_null(watched_folders_recall(folders, 2, &at.handle));
        at.handle.handle_type = 2;
        assert_null(watched_folders_recall(folders, 1, &at.handle));
        for (uint32_t i = 0; i < 100000; i++) { /* far more than there is room for */
                memcpy(at.handle.f_handle, &i, sizeof i);
                watched_folders_learn(folders, 1, &at.handle, "/c");
                assert_string_equal(watched_folders_recall(folders, 1, &at.handle), "/c");
        }
        watched_folders_free(folders);
}

static void test_order_of_a_round(void **state)
{
        struct watch_output *output;
        char text[16] = "";
        int ends[2];

        (void)state;
        assert_int_equal(pipe(ends), 0);
        output = watch_output_new(ends[1]);
        assert_non_null(output);
        assert_true(watch_output_add(output, 20, "c\n", 2));
        assert_true(watch_output_add(output, 10, "a\n", 2));
        assert_true(watch_output_add(output, 10, "b\n", 2));
        assert_true(watch_output_is_empty(output));
        watch_output_end_round(output);
        assert_true(watch_output_add(output, 5, "d\n", 2));
        watch_output_end_round(output);
        assert_int_equal(watch_output_flush(output), 0);
        assert_true(watch_output_is_empty(output));
        assert_int_equal(read(ends[0], text, sizeof text - 1), 8);
        assert_string_equal(text, "a\nb\nc\nd\n");
        close(ends[0]);
        assert_true(watch_output_add(output, 1, "e\n", 2));
        watch_output_end_round(output);
        assert_int_equal(watch_output_flush(output), 0 - EPIPE);
        watch_output_free(output);
        close(ends[1]);
}

/* A reader that does not read: what there was room for comes out whole, and nothing else. */
static void test_slow_reader(void **state)
{
        struct watch_output *output;
        char line[101], text[65536];
        size_t added = 0, received = 0;
        int ends[2];
        ssize_t n;

        (void)state;
        assert_int_equal(pipe(ends), 0);
        output = watch_output_new(ends[1]);
        assert_non_null(output);
        memset(line, 'x', sizeof line);
        line[99] = '\n';
        for (int i = 0; i < 100000; i++) {
                added += watch_output_add(output, (uint64_t)i, line, 100) ? 100 : 0;
                watch_output_end_round(output);
                assert_int_equal(watch_output_flush(output), 0);
        }
        assert_in_range(added, 4 << 20, 5 << 20);
        assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
        while ((n = read(ends[0], text, sizeof text)) > 0) {
                received += (size_t)n;
                assert_int_equal(watch_output_flush(output), 0);
        }
        assert_int_equal(received, added);
        assert_true(watch_output_is_empty(output));
        watch_output_free(output);
        close(ends[0]);
        close(ends[1]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_below),
                cmocka_unit_test(test_one_option),
                cmocka_unit_test(test_units_and_executables),
                cmocka_unit_test(test_paths),
                cmocka_unit_test(test_all_options),
                cmocka_unit_test(test_names_of_classes),
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_json),
                cmocka_unit_test(test_clean_names),
                cmocka_unit_test(test_folders),
                cmocka_unit_test(test_order_of_a_round),
                cmocka_unit_test(test_slow_reader),
        };

        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
