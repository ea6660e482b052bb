/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Joining records to events: interleaving, foreign events, loss of parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <libaudit.h>

#include "audit-event.h"

static const struct audit_event *event;

static enum audit_feed feed(struct audit_joiner *joiner, uint16_t type, unsigned int serial, const char *rest)
{
        char text[1024];
        int n = snprintf(text, sizeof text, "audit(5.000:%u): %s", serial, rest);

        event = NULL;
        return audit_joiner_feed(joiner, type, text, (size_t)n, &event);
}

static const char ours[] =
        "arch=c000003e syscall=257 success=yes a0=3 a2=0 items=1 pid=7 ppid=1 exe=\"/bin/x\" key=\"k\"";
static const char path[] = "item=0 name=\"f\" inode=5 dev=08:01 mode=0100644 nametype=NORMAL";

static int setup(void **state)
{
        *state = audit_joiner_new("k", 99);
        return *state ? 0 : -1;
}

static int teardown(void **state)
{
        audit_joiner_free(*state);
        return 0;
}

static void test_interleaved(void **state)
{
        assert_int_equal(feed(*state, AUDIT_SYSCALL, 1, ours), AUDIT_FEED_TAKEN);
        assert_int_equal(feed(*state, AUDIT_SYSCALL, 2, ours), AUDIT_FEED_TAKEN);
        assert_int_equal(feed(*state, AUDIT_CWD, 1, "cwd=\"/one\""), AUDIT_FEED_TAKEN);
        assert_int_equal(feed(*state, AUDIT_CWD, 2, "cwd=\"/two\""), AUDIT_FEED_TAKEN);
        assert_int_equal(feed(*state, AUDIT_PATH, 2, path), AUDIT_FEED_COMPLETE);
        assert_string_equal(event->cwd, "/two");
        assert_int_equal(feed(*state, AUDIT_PATH, 1, path), AUDIT_FEED_COMPLETE);
        assert_string_equal(event->cwd, "/one");
        assert_int_equal(event->n_paths, 1);
        assert_string_equal(event->paths[0].name, "f");
        assert_string_equal(event->executable, "/bin/x");
        /* ends come only where others use audit, too */
        assert_int_equal(feed(*state, AUDIT_EOE, 1, ""), AUDIT_FEED_TAKEN);
        assert_int_equal(audit_joiner_incomplete(*state), 0);
}

/* What a slot held before must not shine through. */
static void test_reused_slot(void **state)
{
        feed(*state, AUDIT_SYSCALL, 1, ours);
        feed(*state, AUDIT_CWD, 1, "cwd=\"/one\"");
        feed(*state, AUDIT_PATH, 1, path);
        feed(*state, AUDIT_SYSCALL, 2, ours);
        assert_int_equal(feed(*state, AUDIT_PATH, 2, path), AUDIT_FEED_COMPLETE);
        assert_string_equal(event->cwd, "");
        assert_int_equal(event->n_paths, 1);
}

/* A call without paths is nobody's, and no loss. */
static void test_no_paths(void **state)
{
        feed(*state, AUDIT_SYSCALL, 1, "arch=c000003e syscall=257 items=0 pid=7 key=\"k\"");
        assert_int_equal(audit_joiner_incomplete(*state), 0);
}

static void test_foreign(void **state)
{
        assert_int_equal(feed(*state, AUDIT_SYSCALL, 1, "arch=c000003e pid=7 key=\"theirs\""),
                         AUDIT_FEED_FOREIGN);
        assert_int_equal(feed(*state, AUDIT_PATH, 1, path), AUDIT_FEED_FOREIGN);
        assert_int_equal(feed(*state, AUDIT_EOE, 1, ""), AUDIT_FEED_TAKEN);
        assert_int_equal(feed(*state, 1400, 2, "apparmor=\"DENIED\""), AUDIT_FEED_FOREIGN);
        assert_int_equal(feed(*state, AUDIT_SYSCALL, 2, ours),
                         AUDIT_FEED_TAKEN); /* and it was our open, too */
        assert_int_equal(feed(*state, 1400, 2, "apparmor=\"DENIED\""), AUDIT_FEED_FOREIGN);
}

static void test_own(void **state)
{
        assert_int_equal(feed(*state, AUDIT_SYSCALL, 1, "pid=99 key=(null)"), AUDIT_FEED_TAKEN);
        assert_int_equal(feed(*state, AUDIT_PATH, 1, path), AUDIT_FEED_TAKEN);
        assert_int_equal(feed(*state, AUDIT_EOE, 1, ""), AUDIT_FEED_TAKEN);
}

static void test_lost_path(void **state)
{
        for (unsigned int serial = 1; serial <= AUDIT_EVENT_OPEN + 3; serial++)
                feed(*state, AUDIT_SYSCALL, serial, ours);
        /* three had to make room, the others still wait */
        assert_int_equal(audit_joiner_incomplete(*state), AUDIT_EVENT_OPEN + 3);
        assert_int_equal(feed(*state, AUDIT_PATH, 1, path), AUDIT_FEED_TAKEN);
        assert_int_equal(feed(*state, AUDIT_PATH, 4, path), AUDIT_FEED_COMPLETE);
        assert_int_equal(audit_joiner_incomplete(*state), AUDIT_EVENT_OPEN + 2);
}

static void test_many_paths(void **state)
{
        enum { MANY = AUDIT_EVENT_PATHS + 5 };
        char text[128];

        snprintf(text, sizeof text, "arch=c000003e syscall=257 items=%d pid=7 key=\"k\"", MANY);
        feed(*state, AUDIT_SYSCALL, 1, text);
        for (int i = 1; i < MANY; i++)
                assert_int_equal(feed(*state, AUDIT_PATH, 1, path), AUDIT_FEED_TAKEN);
        assert_int_equal(feed(*state, AUDIT_PATH, 1, path), AUDIT_FEED_COMPLETE);
        assert_int_equal(event->n_paths, AUDIT_EVENT_PATHS);
}

static void test_parent_left_out(void **state)
{
        feed(*state, AUDIT_SYSCALL, 1, "arch=c000003e syscall=257 items=2 pid=7 key=\"k\"");
        feed(*state, AUDIT_PATH, 1, "item=0 name=\"/d\" inode=4 dev=08:01 mode=040755 nametype=PARENT");
        assert_int_equal(feed(*state, AUDIT_PATH, 1,
                              "item=1 name=\"/d/f\" inode=5 dev=08:01 mode=0100644 nametype=CREATE"),
                         AUDIT_FEED_COMPLETE);
        assert_int_equal(event->n_paths, 1);
        assert_int_equal(event->paths[0].type, AUDIT_NAME_CREATE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_interleaved), TEST(test_reused_slot),     TEST(test_foreign),
                TEST(test_own),         TEST(test_lost_path),       TEST(test_no_paths),
                TEST(test_many_paths),  TEST(test_parent_left_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
