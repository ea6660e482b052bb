/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The records that our rules did not cause. While we hold the daemon's place they come to us alone: they are
 * passed on to the kernel log, where they would have gone without us. Those that tell of others at work on
 * the audit system tell us to leave.
 */
#pragma once

#include <stdint.h>

#include "audit-state.h"

struct audit_relay {
        int kernel_log; /* /dev/kmsg, owned; -1: nowhere */
        /* Records made before we registered were printed when they were made; the kernel keeps them for
         * the first daemon. Wall clock; 0 once they have come. */
        uint64_t printed_before_ms;
};

/* audit_relay_init - to be called just before registering */
void audit_relay_init(struct audit_relay *relay, const struct view *view);
void audit_relay_done(struct audit_relay *relay);

/* audit_relay_take - one foreign record
 * @saved: what is to be given back; follows what others set meanwhile
 * Return: why the audit system must be left, static, for people; or NULL. */
const char *audit_relay_take(struct audit_relay *relay, struct audit_settings *saved, uint16_t type,
                             const char *text, size_t length);

/* audit_settings_follow - takes over the setting that a CONFIG_CHANGE record names
 * Pure. "op=set audit_backlog_limit=8192 old=64 ..." (audit_log_config_change(), kernel/audit.c). A disabled
 * audit system records no settings: who has disabled it may have enabled it again. */
void audit_settings_follow(struct audit_settings *saved, const char *text, size_t length);
