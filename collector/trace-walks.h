/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walks from the trace events of XFS: it keeps its metadata in caches of its own, which nobody can list, but
 * tells of each lookup that the kernel's cache of names did not answer, and of each folder that is read
 * (fs/xfs/xfs_trace.h, Linux 6.1 to 6.18).
 */
#pragma once

#include <stdbool.h>

#include "mounts.h"
#include "trace.h"
#include "walks.h"

enum { TRACE_WALK_EVENTS = 2 };

struct trace_walks {
        struct trace_field type;
        struct trace_walk_event {
                bool used;
                uint32_t id;
                struct trace_field device, inode, name, length; /* of a lookup also the last two */
        } events[TRACE_WALK_EVENTS];
};

/* trace_walks_enable - for the filesystems that are there now; may be called again
 * Return: whether there are any that tell. */
bool trace_walks_enable(struct trace_walks *walks, const struct trace *trace, const struct mounts *mounts);

/* trace_walks_take - Return: whether it is such a record, well formed; then which folder of which device, by
 * the kernel's own number, and the name that was looked up, not ended by a NUL, or NULL. */
bool trace_walks_take(const struct trace_walks *walks, const void *record, size_t length,
                      uint64_t *ret_device, uint64_t *ret_inode, const char **ret_name, size_t *ret_length);
