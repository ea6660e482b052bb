/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others' records tell us: which setting they want, and when we have to leave. Lines as Linux 6.12
 * writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <libaudit.h>

#include "audit-relay.h"

#define HEAD "audit(1700000000.123:456): "

static const struct audit_settings before = {
        .enabled = 0, .failure = 1, .rate_limit = 0, .backlog_limit = 64, .backlog_wait_time = 15000};

static struct audit_settings follow(const char *text)
{
        struct audit_settings settings = before;

        audit_settings_follow(&settings, text, strlen(text));
        return settings;
}

static void test_setting(void **state)
{
        struct audit_settings settings = follow(
                HEAD "op=set audit_backlog_limit=8192 old=32768 auid=1000 ses=2 subj=unconfined res=1");

        (void)state;
        assert_int_equal(settings.backlog_limit, 8192);
        assert_int_equal(settings.enabled, before.enabled);
        assert_false(settings.others);
        assert_int_equal(follow(HEAD "op=set audit_enabled=1 old=1 auid=0 ses=1 res=1").enabled, 1);
        assert_true(follow(HEAD "op=set audit_enabled=0 old=1 auid=0 ses=1 res=1").others);
        assert_int_equal(follow(HEAD "op=set audit_backlog_wait_time=60000 old=0 auid=0 ses=1 res=1")
                                 .backlog_wait_time,
                         60000);
}

static void test_not_a_setting(void **state)
{
        static const char *const texts[] = {
                "",
                HEAD "op=set audit_backlog_limit=8192 old=32768 auid=1000 ses=2 res=0",
                HEAD "op=set audit_backlog_limit= old=32768 auid=1000 ses=2 res=1",
                HEAD "op=set audit_pid=77 old=42 auid=1000 ses=2 res=1",
                HEAD "auid=0 ses=1 op=remove_rule key=\"bootahead\" list=4 res=1",
        };

        (void)state;
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                struct audit_settings settings = follow(texts[i]);

                assert_memory_equal(&settings, &before, sizeof before);
        }
}

static void test_length_is_kept(void **state)
{
        struct audit_settings settings = before;
        static const char text[] = HEAD "op=set audit_failure=0 old=1 res=1";

        (void)state;
        audit_settings_follow(&settings, text, sizeof text - sizeof "res=1");
        assert_int_equal(settings.failure, before.failure);
}

static void test_when_to_leave(void **state)
{
        struct audit_relay relay = {.kernel_log = -1};
        struct audit_settings settings = before;
        static const char text[] = HEAD "pid=1 uid=0 msg='x'";
        static const char own[] = HEAD "op=autoremove_rule path=\"" BOOTAHEAD_RUNDIR
                                       "/rules/bootahead\" key=(null) list=5 res=1";

        (void)state;
        assert_null(audit_relay_take(&relay, &settings, AUDIT_CONFIG_CHANGE, own, sizeof own - 1));
        assert_null(audit_relay_take(&relay, &settings, AUDIT_USER, text, sizeof text - 1));
        assert_null(audit_relay_take(&relay, &settings, AUDIT_AVC, text, sizeof text - 1));
        assert_non_null(audit_relay_take(&relay, &settings, AUDIT_CONFIG_CHANGE, text, sizeof text - 1));
        assert_non_null(audit_relay_take(&relay, &settings, AUDIT_REPLACE, text, sizeof text - 1));
        assert_non_null(audit_relay_take(&relay, &settings, AUDIT_EVENT_LISTENER, text, sizeof text - 1));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_setting),
                cmocka_unit_test(test_not_a_setting),
                cmocka_unit_test(test_length_is_kept),
                cmocka_unit_test(test_when_to_leave),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
