/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Touched pages: what the spans say is what a page by page model says; bounded, and losses counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "touched.h"

static const struct file_key key = {.device = 5, .inode = 7};

static void touch(struct touched *touched, uint32_t first, uint32_t last, uint32_t time_us, bool around)
{
        touched_add(
                touched, &key,
                &(struct touched_span){.first = first, .last = last, .time_us = time_us, .around = around});
}

static void check_span(const struct touched *touched, uint32_t i, uint32_t first, uint32_t last,
                       uint32_t time_us, bool around)
{
        const struct touched_file *file = touched_find(touched, &key);

        assert_non_null(file);
        assert_in_range(i, 0, file->n_spans - 1);
        assert_int_equal(file->spans[i].first, first);
        assert_int_equal(file->spans[i].last, last);
        assert_int_equal(file->spans[i].time_us, time_us);
        assert_int_equal(file->spans[i].around, around);
}

static void test_join(void **state)
{
        struct touched *touched = touched_new();

        (void)state;
        touch(touched, 10, 12, 1000, false);
        touch(touched, 13, 20, 1000 + TOUCHED_JOIN_US, false);
        touch(touched, 5, 9, 2000, false);
        touch(touched, 21, 22, 900000, false);
        touch(touched, 30, 30, 900000, false);
        assert_int_equal(touched_find(touched, &key)->n_spans, 3);
        check_span(touched, 0, 5, 20, 1000, false);
        check_span(touched, 1, 21, 22, 900000, false);
        check_span(touched, 2, 30, 30, 900000, false);
        touch(touched, 0, UINT32_MAX, 999999, false); /* what is known keeps its time */
        check_span(touched, 1, 5, 20, 1000, false);
        touched_free(touched);
}

/* As when the events of one processor are read after those of another. */
static void test_out_of_order(void **state)
{
        struct touched *touched = touched_new();

        (void)state;
        touch(touched, 10, 14, 1000000, false);
        touch(touched, 11, 12, 900000, true);
        check_span(touched, 0, 10, 10, 1000000, false);
        check_span(touched, 1, 11, 12, 900000, false);
        check_span(touched, 2, 13, 14, 1000000, false);
        touch(touched, 13, 14, 1000000 - TOUCHED_JOIN_US, false); /* as good as together */
        check_span(touched, 2, 13, 14, 1000000, false);
        touch(touched, 0, 20, 0, false);
        assert_int_equal(touched_find(touched, &key)->n_spans, 1);
        check_span(touched, 0, 0, 20, 0, false);
        touched_free(touched);
}

static void test_around(void **state)
{
        struct touched *touched = touched_new();

        (void)state;
        touch(touched, 0, 15, 1000, true);
        touch(touched, 4, 5, 500000, false);
        assert_int_equal(touched_find(touched, &key)->n_spans, 3);
        check_span(touched, 0, 0, 3, 1000, true);
        check_span(touched, 1, 4, 5, 1000, false);
        check_span(touched, 2, 6, 15, 1000, true);
        touch(touched, 0, 15, 600000, false);
        assert_int_equal(touched_find(touched, &key)->n_spans, 1);
        check_span(touched, 0, 0, 15, 1000, false);
        touch(touched, 0, 20, 700000, true);
        check_span(touched, 0, 0, 15, 1000, false);
        check_span(touched, 1, 16, 20, 700000, true);
        touched_free(touched);
}

enum { PAGES = 200 };

struct model {
        bool asked, around;
        uint32_t time_us;
};

static void compare(const struct touched *touched, const struct model *model)
{
        const struct touched_file *file = touched_find(touched, &key);
        uint32_t page = 0;

        for (uint32_t i = 0; i < file->n_spans; i++) {
                for (; page < file->spans[i].first; page++)
                        assert_false(model[page].asked || model[page].around);
                for (; page <= file->spans[i].last; page++) {
                        assert_int_equal(file->spans[i].around, !model[page].asked);
                        assert_true(model[page].asked || model[page].around);
                        assert_in_range(file->spans[i].time_us, 0, model[page].time_us + TOUCHED_JOIN_US);
                }
        }
        for (; page < PAGES; page++)
                assert_false(model[page].asked || model[page].around);
}

static void test_model(void **state)
{
        (void)state;
        srandom(3);
        for (int round = 0; round < 200; round++) {
                struct touched *touched = touched_new();
                struct model model[PAGES] = {0};

                for (uint32_t step = 1; step < 100; step++) {
                        uint32_t first = (uint32_t)random() % PAGES, last = first + (uint32_t)random() % 20;
                        uint32_t time_us = (uint32_t)random() % 1000000;
                        bool around = random() % 2;

                        last = last < PAGES ? last : PAGES - 1;
                        touch(touched, first, last, time_us, around);
                        for (uint32_t page = first; page <= last; page++) {
                                if ((!model[page].asked && !model[page].around) ||
                                    time_us < model[page].time_us)
                                        model[page].time_us = time_us;
                                *(around ? &model[page].around : &model[page].asked) = true;
                        }
                        compare(touched, model);
                }
                assert_int_equal(touched->lost, 0);
                touched_free(touched);
        }
}

static void test_limits(void **state)
{
        struct touched *touched = touched_new();
        uint64_t spans = 0;

        (void)state;
        for (uint32_t i = 0; i < TOUCHED_SPANS_OF_FILE + 10; i++)
                touch(touched, 2 * i, 2 * i, 1, false);
        assert_int_equal(touched->lost, 10);
        touch(touched, 2, 2, 1, false); /* no new span is needed */
        assert_int_equal(touched->lost, 10);
        for (uint64_t inode = 100; inode < 100 + TOUCHED_FILES_MAX; inode++)
                touched_add(touched, &(struct file_key){1, inode},
                            &(struct touched_span){.first = 1, .last = 2});
        assert_int_equal(touched->lost, 11);
        for (uint32_t i = 0; i < touched->n_files; i++)
                spans += touched->files[i].n_spans;
        assert_int_equal(spans, touched->n_spans);
        for (uint64_t inode = 100; inode < 200; inode++)
                for (uint32_t i = 0; i < 4096; i++)
                        touched_add(touched, &(struct file_key){1, inode},
                                    &(struct touched_span){.first = 5 * i, .last = 5 * i});
        assert_int_equal(touched->n_spans, TOUCHED_SPANS_MAX);
        touched_add(touched, &key, &(struct touched_span){.first = 2, .last = 1}); /* nonsense is lost, too */
        touched_free(touched);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_join),   cmocka_unit_test(test_out_of_order),
                cmocka_unit_test(test_around), cmocka_unit_test(test_model),
                cmocka_unit_test(test_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
