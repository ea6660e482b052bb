/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How the memory of a collector is shared out, what the kernel holds for it included. Each part is bounded by
 * itself, so all may be full at once; what has no room is counted as lost.
 *
 * When collecting has ended the kernel's part is free again, and the profile is made in its place.
 */
#pragma once

enum {
        MEMORY_LIMIT = 64 << 20,

        /* in the kernel */
        MEMORY_AUDIT = 16 << 20, /* records that wait in our socket */
        MEMORY_LIVES = 4 << 20,  /* process events that wait in theirs, some 5000 */
        MEMORY_TRACE = 4 << 20,  /* trace buffers of all processors */
        MEMORY_EVENTS = 2 << 20, /* fanotify's queue: 16384 events, fs.fanotify.max_queued_events */

        /* in the recording */
        MEMORY_TEXTS = 8 << 20,     /* paths, executables, units and arguments */
        MEMORY_ARGUMENTS = 4 << 20, /* what arguments may use of it: files are more important */
};
