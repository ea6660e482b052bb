/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a ledger proves, as tables. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gain.h"

#define SECOND UINT64_C(1000000)

/* Letters are boots: r replay, c control, o off, l collect; small ones are fast (10 s), capitals slow (20 s).
 * Each is a little slower than the one before it. A digit in front: u untypical, n not finished, d another
 * disk. */
static struct ledger *ledger_of(const char *boots)
{
        struct ledger *ledger = calloc(1, sizeof *ledger);

        assert_non_null(ledger);
        for (; *boots; boots++) {
                struct ledger_entry *entry = &ledger->entries[ledger->n];
                char mark = strchr("und", *boots) ? *boots++ : ' ';
                bool slow = *boots < 'a';
                char kind = (char)(*boots | 0x20);

                strcpy(entry->mode, kind == 'r'   ? "replay"
                                    : kind == 'c' ? "control"
                                    : kind == 'o' ? "off"
                                                  : "collect");
                strcpy(entry->disk, mark == 'd' ? "other" : "disk");
                entry->untypical = mark == 'u';
                if (mark != 'n')
                        ledger_know(entry, LEDGER_FINISH_US, (slow ? 20 : 10) * SECOND + ledger->n);
                ledger->n++;
        }
        return ledger;
}

static void test_gain(void **state)
{
        static const struct {
                const char *boots;
                size_t replayed, plain, collecting;
                unsigned int replayed_s, plain_s;
                bool none;
        } cases[] = {
                {"", 0, 0, 0, 0, 0, false},
                {"r", 1, 0, 0, 0, 0, false},
                {"C", 0, 1, 0, 0, 0, false},
                {"Lr", 1, 1, 1, 10, 20, false},
                {"LrrrC", 3, 2, 1, 10, 20, false},
                {"LrrrCCC", 3, 3, 0, 10, 20, false}, /* enough of their own */
                {"lCrCC", 1, 3, 0, 10, 20, false},
                {"LrrO", 2, 2, 1, 10, 20, false},
                {"LuRrnRdRuCdC", 1, 1, 0, 20, 20, false}, /* the newest one has another disk */
                {"LuRrnRdRuCr", 2, 1, 1, 10, 20, false},
                {"lccrrrrrrrrrr", 10, 3, 1, 10, 10, true},
                {"lccrrrrrrrrr", 9, 3, 1, 10, 10, false}, /* not enough */
                {"lcrrrrrrrrrr", 10, 2, 1, 10, 10, false},
                {"LCCrrrrrrrrrr", 10, 3, 1, 10, 20, false},
                {"cccRRRRRRRRRRR", 11, 3, 0, 20, 10, true}, /* slower */
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct ledger *ledger = ledger_of(cases[i].boots);
                struct gain gain;

                gain_compute(ledger, 0, &gain);
                print_message("%s\n", cases[i].boots);
                assert_int_equal(gain.replayed, cases[i].replayed);
                assert_int_equal(gain.plain, cases[i].plain);
                assert_int_equal(gain.collecting, cases[i].collecting);
                assert_int_equal(gain.replayed_us / SECOND, cases[i].replayed_s);
                assert_int_equal(gain.plain_us / SECOND, cases[i].plain_s);
                assert_int_equal(gain_is_none(&gain), cases[i].none);
                free(ledger);
        }
}

/* Against known tables of the test's distribution: P(U >= u) for sample sizes r and p. */
static void test_chance(void **state)
{
        static const struct {
                size_t replayed, plain, ahead;
                double chance;
        } cases[] = {
                {1, 1, 1, 0.5},        {1, 1, 0, 1},           {2, 2, 4, 1.0 / 6},    {2, 2, 3, 2.0 / 6},
                {2, 2, 2, 4.0 / 6},    {3, 3, 9, 0.05},        {3, 3, 8, 0.1},        {3, 3, 7, 0.2},
                {12, 1, 12, 1.0 / 13}, {12, 3, 36, 1.0 / 455}, {1, 12, 12, 1.0 / 13}, {5, 5, 25, 1.0 / 252},
                {50, 50, 0, 1},
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                double chance = gain_chance(cases[i].replayed, cases[i].plain, cases[i].ahead);

                print_message("%zu %zu %zu: %g\n", cases[i].replayed, cases[i].plain, cases[i].ahead, chance);
                assert_true(fabs(chance - cases[i].chance) < 1e-9);
        }
        assert_true(fabs(gain_chance(50, 50, 1250) - 0.5) < 0.01);
}

static void test_first_of_trial(void **state)
{
        static const struct {
                const char *boots;
                size_t first;
        } cases[] = {{"", 0}, {"Lrr", 0}, {"LrrO", 4}, {"LrrOOLr", 5}};

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct ledger *ledger = ledger_of(cases[i].boots);

                assert_int_equal(gain_first_of_trial(ledger), cases[i].first);
                free(ledger);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_gain),
                cmocka_unit_test(test_chance),
                cmocka_unit_test(test_first_of_trial),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
