/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arithmetic and the settings of modelled disks, without a clock. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "store.h"

#define MS 1000000ull
#define GB 1000000000ull

static void latency_is_spent_in_a_place(void **state)
{
        struct service service;

        (void)state;
        service_init(&service, &(struct service_model){.latency_ns = 4 * MS, .depth = 2});
        assert_int_equal(service_finish(&service, 100, 0, 4096), 100 + 4 * MS);
        assert_int_equal(service_finish(&service, 100, 0, 4096), 100 + 4 * MS);
        assert_int_equal(service_finish(&service, 100, 0, 4096), 100 + 8 * MS); /* waits for a place */
        assert_int_equal(service_finish(&service, 100 + 20 * MS, 0, 4096), 100 + 24 * MS);
}

static void all_places_share_one_bus(void **state)
{
        struct service service;

        (void)state;
        service_init(&service, &(struct service_model){.latency_ns = MS, .depth = 4, .rate = 1000000});
        assert_int_equal(service_finish(&service, 0, 0, 2000), 3 * MS);
        assert_int_equal(service_finish(&service, 0, 0, 2000), 5 * MS);
        assert_int_equal(service_finish(&service, 0, 0, 1000), 6 * MS);
}

static void without_a_rate_size_costs_nothing(void **state)
{
        struct service service;

        (void)state;
        service_init(&service, &(struct service_model){.latency_ns = 0, .depth = 1});
        assert_int_equal(service_finish(&service, 7, 0, GB), 7);
}

static void a_head_seeks_turns_and_passes(void **state)
{
        struct service service;
        uint64_t now = 0, finish;

        (void)state;
        service_init(&service,
                     &(struct service_model){.depth = 1, .rate = 120000000, .head = true, .size = 100 * GB});
        finish = service_finish(&service, now, 0, 120000); /* where it stands */
        assert_int_equal(finish, 1 * MS);
        now = finish;
        finish = service_finish(&service, now, 120000, 120000); /* goes on */
        assert_int_equal(finish - now, 1 * MS);
        now = finish;
        finish = service_finish(&service, now, 480000, 120000); /* passes 240 kB, then reads 120 kB */
        assert_int_equal(finish - now, 3 * MS);
        now = finish;
        finish = service_finish(&service, now, 600000 + 25 * GB, 120000); /* a quarter of the disk */
        assert_int_equal(finish - now, 1 * MS + 6 * MS + 4170000 + 1 * MS);
        now = finish;
        finish = service_finish(&service, now, 600000, 120000); /* back: nearly the same way */
        assert_in_range(finish - now, 12170000, 12171000);
}

static void writes_may_be_free(void **state)
{
        CLEANUP(store_done)
        struct store *store = &(struct store){.free_writes = true, .model = {.latency_ns = MS, .depth = 1}};

        (void)state;
        service_init(&store->service, &store->model);
        assert_int_equal(store_begin(store, DIRECTION_WRITE, 5, 0, 4096), 5);
        assert_int_equal(store_begin(store, DIRECTION_READ, 5, 0, 4096), 5 + MS);
        store_end(store, 5);
        store_end(store, 5 + MS);
        assert_int_equal(store->statistics.busy_ns, MS);
        assert_int_equal(store->statistics.in_flight_most, 2);
        assert_int_equal(store->statistics.bytes[DIRECTION_WRITE], 4096);
}

static void every_third_read_fails(void **state)
{
        struct store store = {.fail_every = 3, .model = {.depth = 1}};

        (void)state;
        service_init(&store.service, &store.model);
        for (int number = 1; number <= 9; number++) {
                store_begin(&store, DIRECTION_READ, 0, 0, 512);
                assert_int_equal(store_fails(&store), number % 3 == 0);
                store_end(&store, 0);
        }
}

static void settings_are_checked(void **state)
{
        CLEANUP(store_done) struct store *store = &(struct store){0};

        (void)state;
        assert_int_equal(store_option(store, "depth", "257"), -EINVAL);
        assert_int_equal(store_option(store, "depth", "-1"), -EINVAL);
        assert_int_equal(store_option(store, "rate", "fast"), -EINVAL);
        assert_int_equal(store_option(store, "latency-us", ""), -EINVAL);
        assert_int_equal(store_option(store, "keep", "yes"), -EINVAL);
        assert_int_equal(store_option(store, "colour", "red"), -ENOENT);
        assert_int_equal(store_open(store), -EINVAL); /* no file */
        assert_int_equal(store_option(store, "file", "/nonexistent/disk"), 0);
        assert_int_equal(store_option(store, "depth", "4"), 0);
        assert_int_equal(store_open(store), -ENOENT);
        assert_int_equal(store_option(store, "head", "true"), 0);
        assert_int_equal(store_open(store), -EINVAL); /* a head has one place, and a rate */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(latency_is_spent_in_a_place),
                cmocka_unit_test(all_places_share_one_bus),
                cmocka_unit_test(without_a_rate_size_costs_nothing),
                cmocka_unit_test(a_head_seeks_turns_and_passes),
                cmocka_unit_test(writes_may_be_free),
                cmocka_unit_test(every_third_read_fails),
                cmocka_unit_test(settings_are_checked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
