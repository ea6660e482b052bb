/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The settings of the kernel's audit system: whether they may be touched, saved before they are, given
 * back afterwards. What was saved lies in BOOTAHEAD_RUNDIR/audit-state until everything is given back,
 * so that whoever comes after a kill -9 can do it (audit_state_restore()).
 *
 * Not undone, because the kernel can't: that audit was once enabled (tasks forked since then carry a
 * context), the counters "lost" and "backlog_wait_time_actual".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "view.h"

struct audit_settings {
        uint32_t enabled, failure, rate_limit, backlog_limit, backlog_wait_time;
        uint32_t owner;   /* pid of the registered daemon, 0: none */
        uint32_t lost;    /* the kernel's counter */
        uint32_t backlog; /* records now in the kernel's queue */
        bool others;      /* of what was saved: somebody else has set @enabled since */
        int thread;       /* of what was saved: the kernel's thread, see audit-thread.h, or 0 */
};

extern const struct audit_settings audit_our_settings;

/* audit_settings_read - Return: 0 or negative errno (EPERM, ECONNREFUSED: not in this namespace;
 * EPROTONOSUPPORT: no audit in this kernel). */
int audit_settings_read(int fd, struct audit_settings *ret);

/* audit_usable - whether audit can be used here without being logged and without harm to its owner
 * @ret_why: why not, a static one-line text for people
 * Return: 1 usable, 0 not, or negative errno. */
int audit_usable(int fd, const struct view *view, struct audit_settings *ret, const char **ret_why);

/* audit_state_save - writes the state file. Return: 0 or negative errno. */
int audit_state_save(const struct view *view, const struct audit_settings *settings);

/* audit_settings_take - sets what collecting needs; everything but @enabled and the owner */
int audit_settings_take(int fd, const struct audit_settings *saved);

/* audit_settings_disable - disables audit where it was disabled before and only we enabled it
 * @collector: who did; where another is the daemon now, it stays enabled
 * Return: 1 disabled, 0 not, or negative errno. */
int audit_settings_disable(int fd, const struct audit_settings *saved, pid_t collector);

/* audit_settings_enable_again - where @saved says by now that somebody had enabled what we then disabled
 * Return: 0 or negative errno. */
int audit_settings_enable_again(int fd, const struct audit_settings *saved);

/* audit_settings_give_back - sets everything but @enabled and the owner to what it was
 * A setting that is no longer what we made it was changed by somebody: it stays. */
int audit_settings_give_back(int fd, const struct audit_settings *saved);

/* audit_state_drop - removes the state file */
void audit_state_drop(const struct view *view);

/* audit_state_collector - who uses the audit system, from before it takes the first thing until it has given
 * back the last. Return: its pid, 0: none that lives, or negative errno. */
pid_t audit_state_collector(const struct view *view);

/* audit_state_is_left - whether a collector that was killed has given back nothing yet */
bool audit_state_is_left(const struct view *view);

/* audit_state_restore - what is left of a collector that was killed: rules out, settings back
 * Return: 1 restored, 0 nothing to do, -EBUSY while that collector lives, or negative errno. */
int audit_state_restore(const struct view *view);
