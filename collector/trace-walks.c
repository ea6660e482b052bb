/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trace-walks.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const struct {
        const char *event, *inode;
        bool named;
} wanted[TRACE_WALK_EVENTS] = {
        {"xfs/xfs_lookup", "dp_ino", true},
        {"xfs/xfs_readdir", "ino", false},
};

static int read_format(struct trace_walks *walks, size_t i, const struct trace *trace)
{
        struct trace_walk_event *event = &walks->events[i];
        char text[TRACE_TEXT_SIZE];
        int r = trace_format(trace, wanted[i].event, text);

        if (r == 0)
                r = trace_format_id(text, &event->id);
        if (r == 0)
                r = trace_format_field(text, "common_type", &walks->type);
        if (r == 0)
                r = trace_format_field(text, "dev", &event->device);
        if (r == 0)
                r = trace_format_field(text, wanted[i].inode, &event->inode);
        if (r == 0 && wanted[i].named)
                r = trace_format_field(text, "name", &event->name);
        if (r == 0 && wanted[i].named)
                r = trace_format_field(text, "namelen", &event->length);
        return r;
}

/* The module may have come with the first filesystem. */
bool trace_walks_enable(struct trace_walks *walks, const struct trace *trace, const struct mounts *mounts)
{
        bool any = false;
        char filter[64];

        for (size_t i = 0; i < mounts->count; i++)
                any = any || !strcmp(mounts->filesystems[i].type, "xfs");
        if (!any)
                return false;
        snprintf(filter, sizeof filter, "common_pid != %d", (int)getpid());
        for (size_t i = 0; i < TRACE_WALK_EVENTS && any; i++) {
                if (!walks->events[i].used)
                        walks->events[i].used = read_format(walks, i, trace) == 0 &&
                                                trace_enable(trace, wanted[i].event, filter) == 0;
                any = walks->events[i].used;
        }
        return any;
}

/* A field of variable length stands behind the others: where, and how long. */
static bool find_name(const struct trace_walk_event *event, const void *record, size_t length,
                      const char **ret_name, size_t *ret_length)
{
        uint64_t place, named;
        size_t start, room;

        if (!trace_field_read(&event->name, record, length, &place) ||
            !trace_field_read(&event->length, record, length, &named))
                return false;
        start = place & 0xffff;
        room = place >> 16 & 0xffff;
        if (start > length || room > length - start || named > room)
                return false;
        *ret_name = (const char *)record + start;
        *ret_length = named;
        return true;
}

bool trace_walks_take(const struct trace_walks *walks, const void *record, size_t length,
                      uint64_t *ret_device, uint64_t *ret_inode, const char **ret_name, size_t *ret_length)
{
        uint64_t type;

        if (!trace_field_read(&walks->type, record, length, &type))
                return false;
        for (size_t i = 0; i < TRACE_WALK_EVENTS; i++) {
                const struct trace_walk_event *event = &walks->events[i];

                if (!event->used || event->id != type)
                        continue;
                *ret_name = NULL;
                return trace_field_read(&event->device, record, length, ret_device) &&
                       trace_field_read(&event->inode, record, length, ret_inode) &&
                       (!wanted[i].named || find_name(event, record, length, ret_name, ret_length));
        }
        return false;
}
