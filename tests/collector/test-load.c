/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When load is shed and taken up again, on made-up storms of a made-up clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "load.h"

enum {
        STEP_US = 10000, /* as the session gathers */
        SECOND_US = 1000000,
};

static const uint64_t came = 123456789; /* when the controller began */

/* What a machine does to a controller: so many events a second while all is asked for, so many while
 * load is shed. */
struct storm {
        uint32_t rate, shed_rate;
        uint32_t busy; /* 0: as much as counts */
};

struct outcome {
        uint64_t shed_after_us; /* from the beginning, or UINT64_MAX */
        uint64_t whole_us;      /* time in which all was asked for */
        unsigned int sheds, take_ups;
};

static struct outcome run(struct load *load, const struct storm *storm, uint64_t duration_us)
{
        struct outcome outcome = {.shed_after_us = UINT64_MAX};
        uint64_t begin_us = load->now_us;

        for (uint64_t now_us = begin_us + STEP_US; now_us <= begin_us + duration_us; now_us += STEP_US) {
                uint32_t rate = load->shed ? storm->shed_rate : storm->rate;

                if (!load->shed)
                        outcome.whole_us += STEP_US;
                switch (load_step(load, now_us, storm->busy ? storm->busy : LOAD_BUSY,
                                  (uint64_t)rate * STEP_US / SECOND_US)) {
                case LOAD_SHED:
                        assert_true(load->shed);
                        outcome.sheds++;
                        if (outcome.shed_after_us == UINT64_MAX)
                                outcome.shed_after_us = now_us - begin_us;
                        break;
                case LOAD_TAKE_UP:
                        assert_false(load->shed);
                        outcome.take_ups++;
                        break;
                case LOAD_STAY:
                        break;
                }
        }
        return outcome;
}

static struct load fresh(const struct load_limits *limits)
{
        struct load load;

        load_init(&load, limits, came);
        return load;
}

static void test_boots_are_whole(void **state)
{
        static const struct storm server = {.rate = 12000}, burst = {.rate = 25000};
        static const struct storm million = {.rate = 250000};
        struct load load = fresh(&load_audit_limits);

        (void)state;
        assert_int_equal(run(&load, &server, 5 * (uint64_t)SECOND_US).sheds, 0);
        load = fresh(&load_audit_limits);
        assert_int_equal(run(&load, &burst, 1200000).sheds, 0);
        load = fresh(&load_fanotify_limits);
        assert_int_equal(run(&load, &million, 4 * (uint64_t)SECOND_US).sheds, 0);
}

static void test_storms_are_shed_soon(void **state)
{
        static const struct storm opens = {.rate = 80000, .shed_rate = 500}, files = {.rate = 22000};
        struct load load = fresh(&load_audit_limits);

        (void)state;
        assert_true(run(&load, &opens, 5 * (uint64_t)SECOND_US).shed_after_us < SECOND_US);
        load = fresh(&load_audit_limits);
        assert_true(run(&load, &files, 5 * (uint64_t)SECOND_US).shed_after_us < 2 * (uint64_t)SECOND_US);
}

/* Where the storm gets little of the processors, as little of events slows it down; a boot that waits for its
 * disk makes few. */
static void test_slow_storms_are_shed_soon(void **state)
{
        static const struct storm opens = {.rate = 6000, .shed_rate = 500, .busy = 250};
        static const struct storm boot = {.rate = 2000, .busy = 400}, quiet = {.rate = 1000};
        struct load load = fresh(&load_audit_limits);

        (void)state;
        assert_true(run(&load, &opens, 5 * (uint64_t)SECOND_US).shed_after_us < 5 * (uint64_t)SECOND_US);
        load = fresh(&load_audit_limits);
        assert_int_equal(run(&load, &boot, 60 * (uint64_t)SECOND_US).sheds, 0);
        load = fresh(&load_audit_limits);
        assert_int_equal(run(&load, &quiet, 60 * (uint64_t)SECOND_US).sheds, 0);
}

/* A storm that the narrower channel does not show costs a trial now and then, ever more rarely. */
static void test_trials_are_short_and_rare(void **state)
{
        static const struct storm opens = {.rate = 80000, .shed_rate = 500};
        struct load load = fresh(&load_audit_limits);
        struct outcome first = run(&load, &opens, 5 * (uint64_t)SECOND_US), rest;

        (void)state;
        assert_int_equal(first.take_ups, 2); /* after 1 and 2 s */
        assert_true(first.whole_us < 700000);
        rest = run(&load, &opens, 55 * (uint64_t)SECOND_US);
        assert_int_equal(rest.take_ups, 4); /* after 4, 8, 16 and 16 s */
        assert_true(rest.whole_us < 400000);
        assert_true(load.shed);
}

/* One that it does show needs no trial at all. */
static void test_no_trial_in_a_visible_storm(void **state)
{
        static const struct storm files = {.rate = 22000, .shed_rate = 40000};
        struct load load = fresh(&load_audit_limits);

        (void)state;
        assert_int_equal(run(&load, &files, 60 * (uint64_t)SECOND_US).take_ups, 0);
        assert_true(load.shed);
}

static void test_all_is_well_after_a_storm(void **state)
{
        static const struct storm opens = {.rate = 80000, .shed_rate = 500}, calm = {300, 300, 0};
        struct load load = fresh(&load_audit_limits);
        struct outcome outcome;

        (void)state;
        run(&load, &opens, 30 * (uint64_t)SECOND_US);
        outcome = run(&load, &calm, 20 * (uint64_t)SECOND_US);
        assert_int_equal(outcome.take_ups, 1);
        assert_int_equal(outcome.sheds, 0);
        assert_int_equal(load.rest_us, load_audit_limits.rest_ms * 1000);
        assert_int_equal(load.level / 1000000, 3);
}

static void test_rests_end_without_events(void **state)
{
        struct load load = fresh(&load_audit_limits);

        (void)state;
        assert_int_equal(load_wait_us(&load), UINT64_MAX);
        assert_int_equal(load_step(&load, came + 10, LOAD_BUSY, 50000), LOAD_SHED);
        assert_int_equal(load_wait_us(&load), load_audit_limits.rest_ms * 1000);
        /* what was still under way: two seconds' worth */
        assert_int_equal(load_step(&load, came + 20, LOAD_BUSY, 20000), LOAD_STAY);
        assert_in_range(load_wait_us(&load), 2000000, 2000001);
        assert_int_equal(load_step(&load, came + 1500000, LOAD_BUSY, 0), LOAD_STAY);
        assert_int_equal(load_step(&load, load.now_us + load_wait_us(&load), LOAD_BUSY, 0), LOAD_TAKE_UP);
        assert_int_equal(load_wait_us(&load), UINT64_MAX);
}

static void test_no_limit(void **state)
{
        static const struct load_limits none = {0};
        struct load load = fresh(&none);

        (void)state;
        assert_int_equal(load_step(&load, came + 1, LOAD_BUSY, UINT64_MAX), LOAD_STAY);
        assert_int_equal(load_wait_us(&load), UINT64_MAX);
}

/* Neither a clock that stands still or jumps nor any count makes an overflow. */
static void test_extremes(void **state)
{
        struct load_limits limits = {UINT32_MAX, UINT32_MAX, 1, UINT32_MAX, UINT32_MAX};
        struct load load = fresh(&limits);

        (void)state;
        assert_int_equal(load_step(&load, came, LOAD_BUSY, UINT64_MAX), LOAD_SHED);
        assert_int_equal(load_step(&load, 0, LOAD_BUSY, UINT64_MAX), LOAD_STAY);
        assert_int_equal(load.now_us, came);
        assert_int_equal(load_step(&load, UINT64_MAX / 2, LOAD_BUSY, 0), LOAD_TAKE_UP);
        assert_int_equal(load_step(&load, UINT64_MAX / 2, LOAD_BUSY, UINT32_MAX), LOAD_SHED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_boots_are_whole),
                cmocka_unit_test(test_storms_are_shed_soon),
                cmocka_unit_test(test_slow_storms_are_shed_soon),
                cmocka_unit_test(test_trials_are_short_and_rare),
                cmocka_unit_test(test_no_trial_in_a_visible_storm),
                cmocka_unit_test(test_all_is_well_after_a_storm),
                cmocka_unit_test(test_rests_end_without_events),
                cmocka_unit_test(test_no_limit),
                cmocka_unit_test(test_extremes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
