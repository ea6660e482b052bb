/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Touched pages from the kernel's filemap trace events (6.12 has them): what read(2) and its kin asked for,
 * what was faulted in, and what was mapped along with a neighbour. Reading ahead, whoever does it, passes by
 * these events (mm/filemap.c, Linux 6.12 and 6.18), and so do we: our own process is left out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "source.h"
#include "touched.h"
#include "trace.h"

enum {
        FILTER_SIZE = 4096, /* the kernel takes less than a page */
        KERNEL_MINOR_BITS = 20,
};

/* Reading asks for as much as the caller has room for, mapping for what lies around a fault. */
static const struct wanted {
        const char *name, *first, *last;
        bool around;
} wanted[] = {
        {"filemap/mm_filemap_get_pages", "index", "last_index", false},
        {"filemap/mm_filemap_fault", "index", "index", false},
        {"filemap/mm_filemap_map_pages", "index", "last_index", true},
};

enum { EVENTS = sizeof wanted / sizeof *wanted };

struct event {
        uint32_t id;
        struct trace_field device, inode, first, last;
};

struct source_trace {
        struct source source;
        struct trace *trace;
        struct trace_field type; /* common to all events */
        struct event events[EVENTS];
};

static int read_format(struct source_trace *source, size_t i)
{
        static const char inode[] = "i_ino", device[] = "s_dev";
        struct event *event = &source->events[i];
        char text[TRACE_TEXT_SIZE];
        int r = trace_format(source->trace, wanted[i].name, text);

        if (r == 0)
                r = trace_format_id(text, &event->id);
        if (r == 0)
                r = trace_format_field(text, "common_type", &source->type);
        if (r == 0)
                r = trace_format_field(text, device, &event->device);
        if (r == 0)
                r = trace_format_field(text, inode, &event->inode);
        if (r == 0)
                r = trace_format_field(text, wanted[i].first, &event->first);
        if (r == 0)
                r = trace_format_field(text, wanted[i].last, &event->last);
        return r;
}

/* Only the filesystems of the collection, as far as they fit; others' events would be left out later. Replay
 * waits for the last page of what it reads ahead; the kernel's names of processes have 15 characters. */
static void make_filter(const struct mounts *mounts, char ret[static FILTER_SIZE])
{
        int start =
                snprintf(ret, FILTER_SIZE, "comm != \"bootahead-repla\" && common_pid != %d", (int)getpid());
        size_t length = (size_t)start;

        for (size_t i = 0; i < mounts->count; i++) {
                dev_t device = mounts->filesystems[i].device;

                length += (size_t)snprintf(
                        ret + length, FILTER_SIZE - length, "%ss_dev == %u", i == 0 ? " && (" : " || ",
                        (unsigned int)(major(device) << KERNEL_MINOR_BITS | minor(device)));
                if (length + sizeof " || s_dev == 4294967295)" >= FILTER_SIZE) {
                        ret[start] = '\0';
                        return;
                }
        }
        if (mounts->count)
                strcpy(ret + length, ")");
}

static int enable(struct source *source, struct collection *collection)
{
        const struct source_trace *trace = (const struct source_trace *)source;
        char filter[FILTER_SIZE];
        int r = 0;

        make_filter(&collection->mounts, filter);
        for (size_t i = 0; i < EVENTS && r == 0; i++)
                r = trace_enable(trace->trace, wanted[i].name, filter);
        return r;
}

struct receiver {
        const struct source_trace *source;
        struct collection *collection;
};

static uint32_t clamp(uint64_t value)
{
        return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static void take(void *data, uint64_t time_ns, const void *record, size_t length)
{
        const struct receiver *receiver = data;
        struct collection *collection = receiver->collection;
        uint64_t type, device, inode, first, last, time_us = time_ns / 1000;
        size_t i = 0;

        if (!trace_field_read(&receiver->source->type, record, length, &type))
                return;
        while (i < EVENTS && receiver->source->events[i].id != type)
                i++;
        if (i == EVENTS || !trace_field_read(&receiver->source->events[i].device, record, length, &device) ||
            !trace_field_read(&receiver->source->events[i].inode, record, length, &inode) ||
            !trace_field_read(&receiver->source->events[i].first, record, length, &first) ||
            !trace_field_read(&receiver->source->events[i].last, record, length, &last) || first > UINT32_MAX)
                return;
        device = makedev((unsigned int)(device >> KERNEL_MINOR_BITS),
                         (unsigned int)(device & ((1u << KERNEL_MINOR_BITS) - 1)));
        if (inode == 0 || mounts_find(&collection->mounts, device) < 0)
                return;
        touched_add(
                collection->touched, &(struct file_key){.device = device, .inode = inode},
                &(struct touched_span){
                        .first = (uint32_t)first,
                        .last = clamp(last),
                        .time_us = clamp(time_us > collection->start_us ? time_us - collection->start_us : 0),
                        .around = wanted[i].around,
                });
}

static int receive(struct source *source, struct collection *collection)
{
        struct receiver receiver = {.source = (const struct source_trace *)source, .collection = collection};

        int r = trace_read(receiver.source->trace, take, &receiver);

        if (r < 0)
                collection->contents &= ~(uint32_t)PROFILE_CONTENT_TOUCHED_PAGES; /* residency must do */
        return r;
}

static void stop(struct source *source, struct collection *collection)
{
        struct source_trace *trace = (struct source_trace *)source;

        receive(source, collection);
        collection->recording->losses[PROFILE_LOSS_TRACE] += trace_lost(trace->trace);
        collection->recording->losses[PROFILE_LOSS_TOUCHED] = collection->touched->lost;
        trace_free(trace->trace);
        trace->trace = NULL;
        source->fd = -1;
}

static void free_trace(struct source *source)
{
        struct source_trace *trace = (struct source_trace *)source;

        trace_free(trace->trace);
        free(trace);
}

static const struct source_class trace_class = {
        .name = "trace",
        .receive = receive,
        .mounts_changed = enable,
        .stop = stop,
        .free = free_trace,
};

static int start(struct source_trace *trace, struct collection *collection, const struct source_scope *scope)
{
        int r;

        trace_restore(&collection->view);
        r = trace_new(&collection->view, &trace->trace);
        for (size_t i = 0; i < EVENTS && r == 0; i++)
                r = read_format(trace, i);
        if (r == 0 && scope->root)
                r = trace_follow(trace->trace, scope->root);
        if (r == 0 && !collection->touched) {
                collection->touched = touched_new();
                r = collection->touched ? 0 : -ENOMEM;
        }
        if (r == 0)
                r = enable(&trace->source, collection);
        if (r == 0)
                trace->source.fd = trace_fd(trace->trace);
        return r;
}

int source_trace_start(struct collection *collection, const struct source_scope *scope, struct source **ret)
{
        struct source_trace *trace = calloc(1, sizeof *trace);
        int r;

        if (!trace)
                return -ENOMEM;
        trace->source = (struct source){.class = &trace_class, .fd = -1};
        r = start(trace, collection, scope);
        if (r < 0) {
                free_trace(&trace->source);
                return r;
        }
        collection->contents |= PROFILE_CONTENT_TOUCHED_PAGES;
        *ret = &trace->source;
        return 0;
}
