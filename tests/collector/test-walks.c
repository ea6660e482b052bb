/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Walks as the trace tells them, and what no kernel would tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <string.h>

#include "trace-walks.h"

static const struct file_key folder = {.device = 5, .inode = 7};

static void test_names(void **state)
{
        struct walks walks = {0};
        char longest[NAME_MAX + 1];

        (void)state;
        memset(longest, 'x', sizeof longest);
        walks_add(&walks, &folder, "", 0, 1);
        walks_add(&walks, &folder, ".", 1, 1);
        walks_add(&walks, &folder, "..", 2, 1);
        walks_add(&walks, &folder, "a/b", 3, 1);
        walks_add(&walks, &folder, "a\0b", 3, 1);
        walks_add(&walks, &folder, longest, NAME_MAX + 1, 1);
        assert_int_equal(walks.n_seen, 0);
        walks_add(&walks, &folder, "name and more", 4, 2);
        walks_add(&walks, &folder, longest, NAME_MAX, 3);
        walks_add(&walks, &folder, NULL, 0, 4);
        assert_int_equal(walks.n_seen, 3);
        assert_string_equal(walks.names + walks.seen[0].name, "name");
        assert_int_equal(strlen(walks.names + walks.seen[1].name), NAME_MAX);
        assert_int_equal(walks.seen[2].name, WALK_LISTED);
        assert_int_equal(walks.lost, 0);
        walks_done(&walks);
}

static void test_limits(void **state)
{
        struct walks walks = {0};
        char name[NAME_MAX];

        (void)state;
        memset(name, 'x', sizeof name);
        for (size_t i = 0; i < WALKS_NAMES_MAX / (NAME_MAX + 1) + 5; i++)
                walks_add(&walks, &folder, name, sizeof name, 1);
        assert_int_equal(walks.lost, 5);
        for (size_t i = walks.n_seen; i < WALKS_MAX + 3; i++)
                walks_add(&walks, &folder, NULL, 0, 1);
        assert_int_equal(walks.n_seen, WALKS_MAX);
        assert_int_equal(walks.lost, 8);
        walks_done(&walks);
}

/* A lookup's record as Linux 6.18 lays it out on x86-64. */
struct record {
        uint16_t type;
        uint8_t flags, preempt_count;
        int32_t pid;
        uint32_t device;
        uint64_t inode __attribute__((aligned(8)));
        int32_t length;
        uint32_t name_place; /* where it stands, and how long it is in the upper half */
        char name[12];
};

static const struct trace_walks layout = {
        .type = {0, 2},
        .events = {{.used = true,
                    .id = 1762,
                    .device = {8, 4},
                    .inode = {16, 8},
                    .length = {24, 4},
                    .name = {28, 4}}},
};

static bool take(const struct record *record, size_t size, size_t *ret_length)
{
        uint64_t device, inode;
        const char *name;

        if (!trace_walks_take(&layout, record, size, &device, &inode, &name, ret_length))
                return false;
        assert_int_equal(device, 7 << 20);
        assert_int_equal(inode, 99);
        assert_memory_equal(name, "etc", *ret_length);
        return true;
}

static void test_record(void **state)
{
        const struct record good = {.type = 1762,
                                    .device = 7 << 20,
                                    .inode = 99,
                                    .length = 3,
                                    .name_place = 3 << 16 | 32,
                                    .name = "etc"};
        struct record bad = good;
        size_t length;

        (void)state;
        assert_true(take(&good, sizeof good, &length));
        assert_int_equal(length, 3);
        for (size_t size = 0; size < 35; size++)
                assert_false(take(&good, size, &length));
        bad.length = 4; /* longer than the field has room for */
        assert_false(take(&bad, sizeof bad, &length));
        bad.length = -1;
        assert_false(take(&bad, sizeof bad, &length));
        bad = good;
        bad.name_place = 3 << 16 | 60;
        assert_false(take(&bad, sizeof bad, &length));
        bad = good;
        bad.type = 1763;
        assert_false(take(&bad, sizeof bad, &length));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_record),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
