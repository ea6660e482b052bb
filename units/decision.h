/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this boot does: decided once by the first stage that runs, and kept in BOOTAHEAD_RUNDIR/decision as
 * lines of key=value; unknown keys are ignored.
 *
 * All paths are taken below root descriptors, which are not consumed. Needs nothing but libc.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum decision_mode {
        DECISION_OFF,     /* nothing, not even a report; but see recorded */
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
        bool recorded;    /* off, but the boot is put on record: what changes may speak for trying again */
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

#define DECISION_NEXT "next" /* in the state folder: what the boot before has handed on */
#define DECISION_PACKAGES                                                                                    \
        "packages-changed" /* in the state folder: left by the package managers' triggers                    \
                            */

struct decision_next {
        enum decision_mode mode; /* DECISION_MODE_COUNT: nothing was handed on */
        char why[256];
};

/* What the first stage of a boot can see. */
struct decision_facts {
        const char *command_line;
        bool mounted;        /* the folder that the state folder is in is there */
        bool profile;        /* there is one */
        bool packages;       /* have changed since the boot before */
        unsigned int masked; /* set of 1 << mode: its unit is masked */
        struct decision_next next;
};

/* decision_choose - what a boot does: a function of what can be seen */
void decision_choose(const struct decision_facts *facts, struct decision *ret);

/* decision_make - looks, and chooses
 * @here: where /proc is
 * @root: the system's root filesystem, which in an initramfs is mounted elsewhere
 *
 * Return: 0 or negative errno. */
int decision_make(int here, int root, struct decision *ret);

/* decision_read_next - what was handed on; damaged is nothing */
void decision_read_next(int root, struct decision_next *ret);

/* decision_format_next - as the file has it. Return: its length. */
size_t decision_format_next(const struct decision_next *next, char *ret, size_t size);

/* decision_by_command_line - what the kernel command line decides alone; @here: where /proc is
 * Return: 1 where that settles it, 0, or negative errno. */
int decision_by_command_line(int here, struct decision *ret);

/* decision_by_audit - whether a collecting boot uses the audit system, or is to use it as was asked for;
 * where the machine's own auditd is enabled it does not, and once it is over no more */
bool decision_by_audit(int root, const struct decision *decision);
