/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a boot does, as a table of what its first stage can see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decision.h"

enum { OFF = DECISION_OFF, CONTROL = DECISION_CONTROL, COLLECT = DECISION_COLLECT, REPLAY = DECISION_REPLAY };
enum { NONE = DECISION_MODE_COUNT };

#define ASKED "asked for on the kernel command line"
#define REPAIR "not an ordinary boot"
#define HANDED "handed on"
#define MASKED "bootahead-replay.service is masked"
#define OWN_INIT "init=" BOOTAHEAD_LIBEXECDIR "/bootahead-init"

static void test_choose(void **state)
{
        static const struct {
                const char *line;
                int mounted, profile, packages, next; /* what is seen */
                int mode;                             /* what is done */
                const char *why;
                int recorded;
        } cases[] = {
                /* nothing was handed on */
                {"quiet", 1, 0, 0, NONE, COLLECT, "there is no profile", 0},
                {"quiet", 1, 1, 0, NONE, REPLAY, "there is a profile", 0},
                {"quiet", 0, 0, 0, NONE, CONTROL, "/var/lib is not mounted yet", 0},
                {"quiet", 1, 0, 1, NONE, CONTROL, "the packages have changed, this boot is not typical", 0},
                {"quiet", 1, 1, 1, NONE, REPLAY, "there is a profile", 0},
                /* something was */
                {"quiet", 1, 1, 0, COLLECT, COLLECT, HANDED, 0},
                {"quiet", 1, 0, 0, COLLECT, COLLECT, HANDED, 0},
                {"quiet", 1, 1, 1, COLLECT, COLLECT, HANDED, 0}, /* not put off for ever */
                {"quiet", 1, 0, 1, COLLECT, COLLECT, HANDED, 0},
                {"quiet", 1, 1, 0, CONTROL, CONTROL, HANDED, 0},
                {"quiet", 1, 0, 0, CONTROL, COLLECT, "there is no profile", 0}, /* nothing to compare */
                {"quiet", 1, 1, 0, REPLAY, REPLAY, "there is a profile", 0},
                {"quiet", 1, 0, 0, REPLAY, COLLECT, "there is no profile", 0},
                {"quiet", 1, 1, 0, OFF, OFF, HANDED, 1},
                {"quiet", 1, 0, 0, OFF, OFF, HANDED, 1},
                {"quiet", 1, 1, 1, OFF, OFF, HANDED, 1},
                {"quiet", 0, 0, 0, OFF, CONTROL, "/var/lib is not mounted yet", 0},
                /* the command line overrules all */
                {"bootahead=off", 1, 1, 0, COLLECT, OFF, ASKED, 0},
                {"bootahead=control", 1, 1, 0, NONE, CONTROL, ASKED, 0},
                {"bootahead=collect", 1, 1, 0, OFF, COLLECT, ASKED, 0},
                {"bootahead=replay", 1, 0, 1, OFF, REPLAY, ASKED, 0},
                {"bootahead=replay", 0, 0, 0, NONE, REPLAY, ASKED, 0},
                {"bootahead=sometimes", 1, 1, 0, NONE, REPLAY, "there is a profile", 0},
                {"bootahead=collect bootahead=off\n", 1, 1, 0, NONE, OFF, ASKED, 0},
                /* boots that are none of ours */
                {"single", 1, 1, 0, NONE, OFF, REPAIR, 0},
                {"rescue", 1, 0, 0, COLLECT, OFF, REPAIR, 0},
                {"systemd.unit=emergency.target", 1, 1, 0, CONTROL, OFF, REPAIR, 0},
                {"init=/bin/sh", 1, 1, 0, NONE, OFF, REPAIR, 0},
                {"rescue bootahead=collect", 1, 1, 0, NONE, COLLECT, ASKED, 0},
                {OWN_INIT, 1, 1, 0, NONE, REPLAY, "there is a profile", 0},
                {"ro boot=live quiet", 1, 0, 0, NONE, OFF, REPAIR, 0},
                {"rd.live.image", 1, 0, 0, NONE, OFF, REPAIR, 0},
                {"irqpoll elfcorehdr=0x1000", 1, 1, 0, NONE, OFF, REPAIR, 0},
                /* masked units */
                {"systemd.mask=bootahead-replay.service", 1, 1, 0, NONE, CONTROL, MASKED, 0},
                {"systemd.mask=bootahead-replay.service bootahead=replay", 1, 1, 0, NONE, CONTROL, MASKED, 0},
                {"systemd.mask=bootahead-replay.service", 1, 0, 0, NONE, COLLECT, "there is no profile", 0},
                {"systemd.mask=bootahead-collect.service", 1, 1, 0, NONE, REPLAY, "there is a profile", 0},
                {"systemd.mask=bootahead-replay.service", 1, 1, 0, OFF, OFF, HANDED, 1},
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct decision_facts facts = {
                        .command_line = cases[i].line,
                        .mounted = cases[i].mounted,
                        .profile = cases[i].profile,
                        .packages = cases[i].packages,
                        .next = {.mode = (enum decision_mode)cases[i].next, .why = HANDED},
                };
                struct decision decision;

                print_message("row %zu: %s\n", i, cases[i].line);
                decision_choose(&facts, &decision);
                assert_int_equal(decision.mode, cases[i].mode);
                assert_string_equal(decision.why, cases[i].why);
                assert_int_equal(decision.recorded, cases[i].recorded);
                assert_string_equal(decision.request, "auto");
        }
}

static void test_options(void **state)
{
        struct decision_facts facts = {.command_line = "bootahead.source=audit bootahead.pages x",
                                       .mounted = true,
                                       .next.mode = DECISION_MODE_COUNT};
        struct decision decision;

        (void)state;
        decision_choose(&facts, &decision);
        assert_string_equal(decision.request, "audit");
        assert_true(decision.pages);
}

static void test_next(void **state)
{
        static const struct {
                const char *text;
                int mode;
                const char *why;
        } cases[] = {
                {"mode=collect\nwhy=a reason = this\n", COLLECT, "a reason = this"},
                {"later=x\nwhy=w\nmode=off", OFF, "w"},
                {"mode=perhaps\nwhy=w\n", NONE, "w"},
                {"", NONE, ""},
                {"\xff\x01\n==\n=", NONE, ""},
        };
        char root[] = "/tmp/test-decision-XXXXXX", path[128];
        struct decision_next next;
        int fd;

        (void)state;
        assert_non_null(mkdtemp(root));
        fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        decision_read_next(fd, &next);
        assert_int_equal(next.mode, NONE);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                int file;

                for (const char *slash = BOOTAHEAD_STATEDIR; (slash = strchr(slash + 1, '/'));) {
                        snprintf(path, sizeof path, "%.*s", (int)(slash - BOOTAHEAD_STATEDIR - 1),
                                 BOOTAHEAD_STATEDIR + 1);
                        mkdirat(fd, path, 0755);
                }
                mkdirat(fd, BOOTAHEAD_STATEDIR + 1, 0755);
                file = openat(fd, BOOTAHEAD_STATEDIR "/next" + 1, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                              0644);
                assert_int_equal(write(file, cases[i].text, strlen(cases[i].text)), strlen(cases[i].text));
                close(file);
                decision_read_next(fd, &next);
                assert_int_equal(next.mode, cases[i].mode);
                assert_string_equal(next.why, cases[i].why);
        }
        unlinkat(fd, BOOTAHEAD_STATEDIR "/next" + 1, 0);
        for (int i = 0; i < 3; i++) {
                snprintf(path, sizeof path, "%s", BOOTAHEAD_STATEDIR + 1);
                for (int up = 0; up < i; up++)
                        *strrchr(path, '/') = '\0';
                unlinkat(fd, path, AT_REMOVEDIR);
        }
        close(fd);
        assert_int_equal(rmdir(root), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_choose),
                cmocka_unit_test(test_options),
                cmocka_unit_test(test_next),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
