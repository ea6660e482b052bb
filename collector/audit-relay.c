/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit-relay.h"

#include <errno.h>
#include <fcntl.h>
#include <libaudit.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "audit-record.h"
#include "audit-tie.h"
#include "cleanup.h"

/* Linux 6.1 refuses longer lines (LOG_LINE_MAX, kernel/printk/printk.c). */
enum { KERNEL_LOG_LINE = 960 };

void audit_relay_init(struct audit_relay *relay, const struct view *view)
{
        struct timespec wall;

        clock_gettime(CLOCK_REALTIME_COARSE, &wall); /* the clock of the records */
        *relay = (struct audit_relay){
                .kernel_log = openat(view->dev, "kmsg", O_WRONLY | O_CLOEXEC),
                .printed_before_ms = (uint64_t)wall.tv_sec * 1000u + (uint64_t)wall.tv_nsec / 1000000u,
        };
}

void audit_relay_done(struct audit_relay *relay)
{
        close_cleanup(&relay->kernel_log);
        relay->kernel_log = -1;
}

void audit_settings_follow(struct audit_settings *saved, const char *text, size_t length)
{
        const struct {
                const char *name;
                uint32_t *value;
        } settings[] = {
                {" audit_enabled=", &saved->enabled},
                {" audit_failure=", &saved->failure},
                {" audit_rate_limit=", &saved->rate_limit},
                {" audit_backlog_limit=", &saved->backlog_limit},
                {" audit_backlog_wait_time=", &saved->backlog_wait_time},
        };
        char line[512];

        snprintf(line, sizeof line, "%.*s", (int)(length < sizeof line ? length : sizeof line - 1), text);
        for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
                const char *at = strstr(line, settings[i].name);
                uint32_t value;

                if (!at || !strstr(at, " res=1") || sscanf(at + strlen(settings[i].name), "%u", &value) != 1)
                        continue;
                *settings[i].value = value;
                saved->others |= settings[i].value == &saved->enabled;
        }
}

/* Where audit was off before us, most records exist only because we enabled it: programs' own messages,
 * records of calls. The kernel makes those of access decisions and of integrity, and takes those of user
 * space access decisions, whether or not it is enabled (audit_receive_msg(), security/lsm_audit.c). */
static bool would_be_there_without_us(const struct audit_settings *saved, uint16_t type)
{
        return saved->enabled || type == AUDIT_USER_AVC || type == AUDIT_SECCOMP ||
               (type >= AUDIT_FIRST_SELINUX && type <= AUDIT_LAST_APPARMOR) ||
               (type >= AUDIT_INTEGRITY_FIRST_MSG && type <= AUDIT_INTEGRITY_LAST_MSG);
}

static bool was_printed(struct audit_relay *relay, uint16_t type, const char *text, size_t length)
{
        struct audit_record record;

        if (!relay->printed_before_ms)
                return false;
        if (audit_record_parse(type, text, length, &record) && record.time_ms < relay->printed_before_ms)
                return true;
        relay->printed_before_ms = 0; /* they come first, and the clock may be set back later */
        return false;
}

/* As the kernel prints it (kauditd_printk_skb()): level notice, ends of events left out. */
static void pass_on(struct audit_relay *relay, uint16_t type, const char *text, size_t length)
{
        char line[KERNEL_LOG_LINE];
        int n;

        if (relay->kernel_log < 0 || was_printed(relay, type, text, length))
                return;
        n = snprintf(line, sizeof line - 1, "<5>audit: type=%u %.*s", type, (int)length, text);
        if (n <= 0)
                return;
        if ((size_t)n > sizeof line - 2)
                n = sizeof line - 2;
        line[n] = '\n';
        if (write(relay->kernel_log, line, (size_t)n + 1) < 0)
                return; /* best effort, like the kernel's own */
}

/* The kernel tells of rules that go with their tie, the one that kept it silent first. */
static bool is_our_end(const char *text, size_t length)
{
        static const char path[] = "path=\"" AUDIT_TIE_PATH "\"";

        return memmem(text, length, path, sizeof path - 1);
}

const char *audit_relay_take(struct audit_relay *relay, struct audit_settings *saved, uint16_t type,
                             const char *text, size_t length)
{
        if (type == AUDIT_REPLACE)
                return "another program registers as audit daemon";
        if (type == AUDIT_EVENT_LISTENER)
                return "another program listens to audit and would log our records";
        if (type == AUDIT_CONFIG_CHANGE && is_our_end(text, length))
                return NULL;
        /* Our own changes leave no record (audit_rules_silence()). */
        if (type == AUDIT_CONFIG_CHANGE)
                audit_settings_follow(saved, text, length);
        if (would_be_there_without_us(saved, type))
                pass_on(relay, type, text, length);
        return type == AUDIT_CONFIG_CHANGE ? "somebody changes the audit system" : NULL;
}
