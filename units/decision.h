/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this boot does: decided once by the first stage that runs, and kept in BOOTAHEAD_RUNDIR/decision as
 * lines of key=value; unknown keys are ignored.
 *
 * All paths are taken below root descriptors, which are not consumed. Needs nothing but libc.
 */
#pragma once

#include <stdbool.h>

enum decision_mode {
        DECISION_OFF,     /* nothing, not even a report */
        DECISION_CONTROL, /* nothing but a report */
        DECISION_COLLECT,
        DECISION_REPLAY,
        DECISION_MODE_COUNT,
};

const char *decision_mode_name(enum decision_mode mode);

struct decision {
        enum decision_mode mode;
        bool early;       /* decided, and begun, before the system's PID 1 */
        bool refused;     /* there is a profile, and replay refused it */
        bool over;        /* collecting has ended: nothing is left to be kept out of its way */
        bool pages;       /* a replaying boot in which the collector tells what the profile was worth */
        char request[16]; /* the source that was asked for: auto, audit, fanotify */
        char source[32];  /* the sources in use, where collecting has begun: "audit+fanotify"; else "" */
        char why[512];    /* one line for people */
};

/* decision_read - Return: 0, -ENOENT where nothing was decided yet, -EBADMSG, or negative errno */
int decision_read(int root, struct decision *ret);

/* decision_write - keeps the decision for later stages
 * Return: 0 or negative errno. */
int decision_write(int root, const struct decision *decision);

/* decision_make - decides from the kernel command line and from whether there is a profile
 * @here: where /proc is
 * @root: the system's root filesystem, which in an initramfs is mounted elsewhere
 *
 * Return: 0 or negative errno. */
int decision_make(int here, int root, struct decision *ret);

/* decision_by_audit - whether a collecting boot uses the audit system, or is to use it as was asked for;
 * where the machine's own auditd is enabled it does not, and once it is over no more */
bool decision_by_audit(int root, const struct decision *decision);
