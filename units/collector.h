/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The collector as a process, seen by the stage that watches it: found where the initramfs left it, or
 * started as a child. Held by a pidfd, so that it is never mistaken for another.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct collector {
        int pidfd;   /* owned; -1: there is none */
        pid_t child; /* 0: not ours, started by the initramfs */
};

#define COLLECTOR_REPORT BOOTAHEAD_RUNDIR "/collect.json" /* there when one has ended */

#define COLLECTOR_NONE ((struct collector){.pidfd = -1})

void collector_done(struct collector *collector);

/* collector_find - looks for a collector that an earlier stage started
 * @name: "collect", or "pages" for one that only tells pages
 * Return: 1 found, 0 there is none, or negative errno. */
int collector_find(const char *name, struct collector *ret);

/* collector_start - starts one as a child; what it says goes to BOOTAHEAD_RUNDIR/collect.message
 * @source: auto, audit or fanotify
 * Return: 0 or negative errno. */
int collector_start(const char *source, struct collector *ret);

/* collector_signal - Return: 0 or negative errno, -ESRCH where it has ended */
int collector_signal(const struct collector *collector, int signal);

/* collector_wait - waits for the end, and takes a child's status from the kernel
 * Return: whether it has ended within the time. */
bool collector_wait(struct collector *collector, int milliseconds);

/* collector_restore - gives back what a killed collector took
 * Return: 0 or negative errno. */
int collector_restore(void);

/* collector_message - the first line of what a collector that we started has said, or "" */
void collector_message(char *ret, size_t size);
