/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is handed on to the next boot, as a table of ledgers and profiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifecycle.h"

enum {
        OFF = DECISION_OFF,
        CONTROL = DECISION_CONTROL,
        COLLECT = DECISION_COLLECT,
        NONE = DECISION_MODE_COUNT
};

#define SECOND UINT64_C(1000000)
#define DAY (86400 * SECOND)
#define NOW (1000 * DAY)

/* As in test-gain.c: r replay, c control, o off, l collect; 10 s, capitals 20 s; u before it: untypical. A k
 * before it: another kernel. All replaying boots have the profile "p". */
static struct ledger *ledger_of(const char *boots)
{
        struct ledger *ledger = calloc(1, sizeof *ledger);

        assert_non_null(ledger);
        for (; *boots; boots++) {
                struct ledger_entry *entry = &ledger->entries[ledger->n];
                char mark = strchr("ukd", *boots) ? *boots++ : ' ';
                char kind = (char)(*boots | 0x20);

                strcpy(entry->mode, kind == 'r'   ? "replay"
                                    : kind == 'c' ? "control"
                                    : kind == 'o' ? "off"
                                                  : "collect");
                strcpy(entry->why, "the reason of then");
                strcpy(entry->kernel, mark == 'k' ? "6.1" : "6.12");
                strcpy(entry->os, "debian 12");
                strcpy(entry->disk, mark == 'd' ? "other" : "disk");
                strcpy(entry->profile, kind == 'r' ? "p" : "");
                entry->untypical = mark == 'u';
                entry->wall_us = NOW;
                ledger_know(entry, LEDGER_FINISH_US, (*boots < 'a' ? 20 : 10) * SECOND + ledger->n);
                ledger->n++;
        }
        return ledger;
}

#define TEN "rrrrrrrrrr"
#define TWENTY_EIGHT TEN TEN "rrrrrrrr"

static void test_decide(void **state)
{
        static const struct {
                const char *boots;
                int mode; /* what is handed on */
                const char *why;
                int expected; /* what was handed to this boot */
                const char *kernel, *os;
                unsigned int age, gone, missed; /* days, percents */
                struct {
                        bool disabled;
                        unsigned int every;
                        bool any_age;
                } settings;
        } cases[] = {
                /* the ordinary course */
                {"l", NONE, "", NONE, "", "", 0, 0, 0, {0}},
                {"lr", NONE, "", NONE, "6.12", "debian 12", 0, 0, 0, {0}},
                {"L" TWENTY_EIGHT, CONTROL, "one boot in 30", NONE, "", "", 0, 0, 0, {0}},
                {"L" TWENTY_EIGHT "c", NONE, "", CONTROL, "", "", 0, 0, 0, {0}},
                {"C" TWENTY_EIGHT, NONE, "", NONE, "", "", 0, 0, 0, {0}},
                {"C" TWENTY_EIGHT "r", CONTROL, "one boot in 30", NONE, "", "", 0, 0, 0, {0}},
                {"cr", CONTROL, "one boot in 2", NONE, "", "", 0, 0, 0, {.every = 2}},
                {"rc", NONE, "", NONE, "", "", 0, 0, 0, {.every = 2}},
                {"L" TEN TEN TEN TEN TEN, NONE, "", NONE, "", "", 0, 0, 0, {.every = UINT32_MAX}},
                /* packages: the boot after the change is not typical, the one behind it collects */
                {"lur", COLLECT, "the packages have changed", NONE, "6.12", "", 0, 0, 0, {0}},
                {"uc", COLLECT, "the packages have changed", NONE, "", "", 0, 0, 0, {0}},
                {"lurul", NONE, "", COLLECT, "", "", 0, 0, 0, {0}}, /* each day others */
                /* due, and the command line had other plans */
                {"lr", COLLECT, "handed on", COLLECT, "6.12", "", 0, 0, 0, {0}},
                {"lc", COLLECT, "handed on", COLLECT, "", "", 0, 0, 0, {0}},
                {"lrl", NONE, "", COLLECT, "", "", 0, 0, 0, {0}},
                {"lr", NONE, "", CONTROL, "6.12", "", 0, 0, 0, {0}},
                /* another system */
                {"lkr", COLLECT, "the profile is of kernel 6.12", NONE, "6.12", "debian 12", 0, 0, 0, {0}},
                {"lr", COLLECT, "the profile is of debian 11", NONE, "6.12", "debian 11", 0, 0, 0, {0}},
                {"lkc", NONE, "", NONE, "", "", 0, 0, 0, {0}}, /* no profile was read */
                /* stale, when it has been tried for long enough */
                {"lrrrrr", COLLECT, "10 % of the profile's files have changed", NONE, "", "", 0, 10, 0, {0}},
                {"lrrrrr", NONE, "", NONE, "", "", 0, 9, 9, {0}},
                {"lrrrr", NONE, "", NONE, "", "", 400, 50, 50, {0}},
                {"lrrrrr",
                 COLLECT,
                 "the profile misses 12 % of what a boot asks for",
                 NONE,
                 "",
                 "",
                 0,
                 0,
                 12,
                 {0}},
                {"lrrrrr", COLLECT, "the profile is 180 days old", NONE, "", "", 180, 0, 0, {0}},
                {"lrrrrr", NONE, "", NONE, "", "", 179, 0, 0, {0}},
                {"lrrrrr", NONE, "", NONE, "", "", 999, 0, 0, {.any_age = true}},
                {"lrrrrr", NONE, "", NONE, "", "", 2000, 0, 0, {0}}, /* made in the future */
                {"lrrrrrc", NONE, "", NONE, "", "", 999, 50, 50, {0}},
                /* nothing gained */
                {"lcc" TEN,
                 OFF,
                 "reading ahead gained nothing in 13 boots; 'bootahead enable' tries again",
                 NONE,
                 "",
                 "",
                 0,
                 0,
                 0,
                 {0}},
                {"lCC" TEN, NONE, "", NONE, "", "", 0, 0, 0, {0}},
                {"lcc" TEN "o", OFF, "the reason of then", OFF, "", "", 0, 0, 0, {0}},
                {"lcc" TEN "ouo",
                 COLLECT,
                 "the packages changed, reading ahead is tried again",
                 OFF,
                 "",
                 "",
                 0,
                 0,
                 0,
                 {0}},
                {"lcc" TEN "oko",
                 COLLECT,
                 "the kernel changed, reading ahead is tried again",
                 OFF,
                 "",
                 "",
                 0,
                 0,
                 0,
                 {0}},
                {"lcc" TEN "odo",
                 COLLECT,
                 "the disk changed, reading ahead is tried again",
                 OFF,
                 "",
                 "",
                 0,
                 0,
                 0,
                 {0}},
                {"lcc" TEN "or", NONE, "", NONE, "", "", 0, 0, 0, {0}}, /* somebody tries again */
                {"lcc" TEN "olcc" TEN,
                 OFF,
                 "reading ahead gained nothing in 13 boots; 'bootahead enable' tries again",
                 NONE,
                 "",
                 "",
                 0,
                 0,
                 0,
                 {0}},
                /* the settings */
                {"l", OFF, "switched off in bootahead.conf", NONE, "", "", 0, 0, 0, {.disabled = true}},
                {"lur", OFF, "switched off in bootahead.conf", COLLECT, "", "", 0, 0, 0, {.disabled = true}},
                {"o", OFF, "switched off in bootahead.conf", OFF, "", "", 0, 0, 0, {.disabled = true}},
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct ledger *ledger = ledger_of(cases[i].boots);
                struct ledger_entry *now = &ledger->entries[ledger->n - 1];
                unsigned int every = cases[i].settings.every;
                struct lifecycle_facts facts = {
                        .settings = {.enabled = !cases[i].settings.disabled,
                                     .control_every = every == UINT32_MAX ? 0
                                                      : every             ? every
                                                                          : 30,
                                     .age_days = cases[i].settings.any_age ? 0 : 180,
                                     .gone_percent = 10,
                                     .missed_percent = 10},
                        .ledger = ledger,
                        .expected = {.mode = (enum decision_mode)cases[i].expected, .why = "handed on"},
                        .profile_wall_us = cases[i].age == 2000 ? NOW + DAY : NOW - cases[i].age * DAY,
                };
                struct decision_next next;

                print_message("row %zu: %s\n", i, cases[i].boots);
                snprintf(facts.profile_kernel, sizeof facts.profile_kernel, "%s", cases[i].kernel);
                snprintf(facts.profile_os, sizeof facts.profile_os, "%s", cases[i].os);
                ledger_know(now, LEDGER_STALE_FILES, cases[i].gone);
                ledger_know(now, LEDGER_FILES, 100 - cases[i].gone);
                ledger_know(now, LEDGER_MISSED_BYTES, cases[i].missed);
                ledger_know(now, LEDGER_HIT_BYTES, 100 - cases[i].missed);
                lifecycle_decide(&facts, &next);
                assert_int_equal(next.mode, cases[i].mode);
                assert_string_equal(next.why, cases[i].why);
                free(ledger);
        }
}

/* Switched on again in the configuration, after boots that were off. */
static void test_enabled_again(void **state)
{
        struct ledger *ledger = ledger_of("lrro");
        struct lifecycle_facts facts = {
                .settings = {.enabled = true}, .ledger = ledger, .expected.mode = DECISION_OFF};
        struct decision_next next;

        (void)state;
        strcpy(ledger->entries[3].why, "switched off in bootahead.conf");
        lifecycle_decide(&facts, &next);
        assert_int_equal(next.mode, NONE);
        free(ledger);
}

static void test_one_line(void **state)
{
        struct ledger *ledger = ledger_of("lr");
        struct lifecycle_facts facts = {.settings.enabled = true,
                                        .ledger = ledger,
                                        .expected.mode = DECISION_MODE_COUNT,
                                        .profile_kernel = "6.1\nmode=off"};
        struct decision_next next;
        char text[512];

        (void)state;
        lifecycle_decide(&facts, &next);
        decision_format_next(&next, text, sizeof text);
        assert_string_equal(text, "mode=collect\nwhy=the profile is of kernel 6.1 mode=off\n");
        free(ledger);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_decide),
                cmocka_unit_test(test_enabled_again),
                cmocka_unit_test(test_one_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
