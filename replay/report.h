/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What replay leaves for those who come later: BOOTAHEAD_RUNDIR/replay.json. */
#pragma once

#include "engine.h"
#include "walk.h"

struct replay_times { /* CLOCK_BOOTTIME, µs; 0: did not happen */
        uint64_t start, verified, planned, end;
};

struct replay_result {
        const char *profile;             /* path */
        const struct profile_boot *boot; /* in which the profile was collected, or NULL */
        const char *why;                 /* NULL: done, else why the profile was refused */
        struct replay_times times;
        uint32_t skipped_files; /* on filesystems that are not there, or not yet */
        uint64_t cut_bytes;     /* left out of the plan for the limits */
        struct engine_counters counters;
        struct walk_counters walks;
};

/* report_write - atomically. @dirfd, @path as in openat(2). Return: 0 or negative errno. */
int report_write(int dirfd, const char *path, const struct replay_result *result);
