/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How the 64 MiB of memory that a collector may take are shared out, what the kernel holds for it included.
 * Each part is bounded by itself, so all may be full at once; what has no room is counted as lost. The rest
 * is for tables with limits of their own, some 30 MiB, and for fanotify's queue, which the kernel bounds.
 *
 * When collecting has ended the kernel's part is free again, and the profile is made in its place.
 */
#pragma once

enum {
        /* in the kernel */
        MEMORY_AUDIT = 20 << 20, /* records that wait in our socket, some 6000 events */
        MEMORY_LIVES = 4 << 20,  /* process events that wait in theirs, some 5000 */
        MEMORY_TRACE = 4 << 20,  /* trace buffers of all processors */

        /* in the recording */
        MEMORY_TEXTS = 8 << 20,     /* paths, executables, units and arguments */
        MEMORY_ARGUMENTS = 4 << 20, /* what arguments may use of it: files are more important */
};
