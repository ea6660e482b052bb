/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Touched pages from the kernel's filemap trace events (6.12 has them): what read(2) and its kin asked for,
 * what was faulted in, and what was mapped along with a neighbour. Reading ahead, whoever does it, passes by
 * these events (mm/filemap.c, Linux 6.12 and 6.18), and so do we: our own process is left out.
 *
 * Where the kernel has no cachestat(2), also the pages that came into the page cache of the filesystems'
 * block devices: their metadata. The block layer's mark of metadata requests would miss what the filesystem
 * itself reads ahead of its inode tables, a quarter of it (measured on ext4, Linux 6.18).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "residency.h"
#include "source.h"
#include "touched.h"
#include "trace-walks.h"
#include "trace.h"

enum {
        FILTER_SIZE = 4096, /* the kernel takes less than a page */
        KERNEL_MINOR_BITS = 20,
};

enum purpose { PURPOSE_ASKED, PURPOSE_AROUND, PURPOSE_METADATA };

/* Reading asks for as much as the caller has room for, mapping for what lies around a fault. The inode of a
 * block device has the device's number. */
static const struct wanted {
        const char *name, *key, *first, *last;
        enum purpose purpose;
} wanted[] = {
        {"filemap/mm_filemap_get_pages", "s_dev", "index", "last_index", PURPOSE_ASKED},
        {"filemap/mm_filemap_fault", "s_dev", "index", "index", PURPOSE_ASKED},
        {"filemap/mm_filemap_map_pages", "s_dev", "index", "last_index", PURPOSE_AROUND},
        {"filemap/mm_filemap_add_to_page_cache", "i_ino", "index", "index", PURPOSE_METADATA},
};

enum {
        EVENTS = sizeof wanted / sizeof *wanted,
        CONTENTS = PROFILE_CONTENT_TOUCHED_PAGES | PROFILE_CONTENT_REQUESTED_METADATA,
};

struct event {
        bool used;
        uint32_t id;
        struct trace_field device, inode, first, last;
};

struct source_trace {
        struct source source;
        struct trace *trace;
        struct trace_field type; /* common to all events */
        struct event events[EVENTS];
        struct trace_walks walks;
};

static int read_format(struct source_trace *source, size_t i)
{
        struct event *event = &source->events[i];
        char text[TRACE_TEXT_SIZE];
        int r = trace_format(source->trace, wanted[i].name, text);

        if (r == 0)
                r = trace_format_id(text, &event->id);
        if (r == 0)
                r = trace_format_field(text, "common_type", &source->type);
        if (r == 0)
                r = trace_format_field(text, "s_dev", &event->device);
        if (r == 0)
                r = trace_format_field(text, "i_ino", &event->inode);
        if (r == 0)
                r = trace_format_field(text, wanted[i].first, &event->first);
        if (r == 0)
                r = trace_format_field(text, wanted[i].last, &event->last);
        event->used = r == 0;
        return r;
}

static unsigned int kernel_device(dev_t device)
{
        return major(device) << KERNEL_MINOR_BITS | minor(device);
}

/* Only the filesystems of the collection, as far as they fit; others' events would be left out later. Replay
 * waits for the last page of what it reads ahead; the kernel's names of processes have 15 characters. */
static void make_filter(const struct mounts *mounts, const char *key, char ret[static FILTER_SIZE])
{
        int start =
                snprintf(ret, FILTER_SIZE, "comm != \"bootahead-repla\" && common_pid != %d", (int)getpid());
        size_t length = (size_t)start;

        for (size_t i = 0; i < mounts->count; i++) {
                length += (size_t)snprintf(ret + length, FILTER_SIZE - length, "%s%s == %u",
                                           i == 0 ? " && (" : " || ", key,
                                           kernel_device(mounts->filesystems[i].device));
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
        struct source_trace *trace = (struct source_trace *)source;
        char filter[FILTER_SIZE];
        int r = 0;

        for (size_t i = 0; i < EVENTS && r == 0; i++) {
                if (!trace->events[i].used)
                        continue;
                make_filter(&collection->mounts, wanted[i].key, filter);
                r = trace_enable(trace->trace, wanted[i].name, filter);
        }
        if (trace_walks_enable(&trace->walks, trace->trace, &collection->mounts))
                collection->contents |= PROFILE_CONTENT_WALKS;
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

static dev_t device_of(uint64_t kernel_number)
{
        return makedev((unsigned int)(kernel_number >> KERNEL_MINOR_BITS),
                       (unsigned int)(kernel_number & ((1u << KERNEL_MINOR_BITS) - 1)));
}

/* Inodes of block devices lie on the kernel's own filesystem of them, which nobody mounts. */
static bool find_key(const struct collection *collection, enum purpose purpose, uint64_t device,
                     uint64_t inode, struct file_key *ret)
{
        *ret = (struct file_key){.device = device_of(device), .inode = inode};
        if (purpose != PURPOSE_METADATA)
                return inode != 0 && mounts_find(&collection->mounts, ret->device) >= 0;
        if (major(ret->device) != 0 || mounts_find(&collection->mounts, ret->device) >= 0)
                return false;
        *ret = (struct file_key){.device = device_of(inode)};
        return mounts_find(&collection->mounts, ret->device) >= 0;
}

static bool take_walk(struct collection *collection, const struct trace_walks *walks, uint32_t time_us,
                      const void *record, size_t length)
{
        uint64_t device, inode;
        struct file_key folder;
        size_t name_length = 0;
        const char *name;

        if (!trace_walks_take(walks, record, length, &device, &inode, &name, &name_length))
                return false;
        folder = (struct file_key){.device = device_of(device), .inode = inode};
        if (mounts_find(&collection->mounts, folder.device) >= 0)
                walks_add(&collection->walks, &folder, name, name_length, time_us);
        return true;
}

static uint32_t since_start(const struct collection *collection, uint64_t time_ns)
{
        uint64_t time_us = time_ns / 1000;

        return clamp(time_us > collection->start_us ? time_us - collection->start_us : 0);
}

static void take(void *data, uint64_t time_ns, const void *record, size_t length)
{
        const struct receiver *receiver = data;
        struct collection *collection = receiver->collection;
        uint32_t time_us = since_start(collection, time_ns);
        uint64_t type, device, inode, first, last;
        const struct event *event = receiver->source->events, *end = event + EVENTS;
        enum purpose purpose;
        struct file_key key;

        if (take_walk(collection, &receiver->source->walks, time_us, record, length) ||
            !trace_field_read(&receiver->source->type, record, length, &type))
                return;
        while (event < end && (!event->used || event->id != type))
                event++;
        if (event == end || !trace_field_read(&event->device, record, length, &device) ||
            !trace_field_read(&event->inode, record, length, &inode) ||
            !trace_field_read(&event->first, record, length, &first) ||
            !trace_field_read(&event->last, record, length, &last))
                return;
        purpose = wanted[event - receiver->source->events].purpose;
        if (first > UINT32_MAX || !find_key(collection, purpose, device, inode, &key))
                return;
        touched_add(collection->touched, &key,
                    &(struct touched_span){
                            .first = (uint32_t)first,
                            .last = clamp(last),
                            .time_us = time_us,
                            .around = purpose == PURPOSE_AROUND,
                    });
}

static int receive(struct source *source, struct collection *collection)
{
        struct receiver receiver = {.source = (const struct source_trace *)source, .collection = collection};

        int r = trace_read(receiver.source->trace, take, &receiver);

        if (r < 0)
                collection->contents &= ~(uint32_t)CONTENTS; /* residency must do */
        return r;
}

static void stop(struct source *source, struct collection *collection)
{
        struct source_trace *trace = (struct source_trace *)source;

        receive(source, collection);
        collection->recording->losses[PROFILE_LOSS_TRACE] += trace_lost(trace->trace);
        collection->recording->losses[PROFILE_LOSS_TOUCHED] =
                collection->touched->lost + collection->walks.lost;
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

/* Which events this kernel has, and what they are good for. Touched pages need all of theirs. */
static uint32_t choose_events(struct source_trace *trace)
{
        uint32_t contents = CONTENTS;

        if (residency_knows_devices())
                contents &= ~(uint32_t)PROFILE_CONTENT_REQUESTED_METADATA;
        for (size_t i = 0; i < EVENTS; i++) {
                uint32_t content = wanted[i].purpose == PURPOSE_METADATA ? PROFILE_CONTENT_REQUESTED_METADATA
                                                                         : PROFILE_CONTENT_TOUCHED_PAGES;

                if (!(contents & content) || read_format(trace, i) < 0)
                        contents &= ~content;
        }
        for (size_t i = 0; i < EVENTS; i++)
                if (wanted[i].purpose != PURPOSE_METADATA && !(contents & PROFILE_CONTENT_TOUCHED_PAGES))
                        trace->events[i].used = false;
        return contents;
}

static int start(struct source_trace *trace, struct collection *collection, const struct source_scope *scope)
{
        uint32_t contents = 0;
        int r;

        r = trace_new(&collection->view, &trace->trace);
        if (r == 0)
                contents = choose_events(trace);
        if (r == 0 && !contents)
                r = -ENOENT;
        if (r == 0 && scope->root)
                r = trace_follow(trace->trace, scope->root);
        if (r == 0 && !collection->touched) {
                collection->touched = touched_new();
                r = collection->touched ? 0 : -ENOMEM;
        }
        if (r == 0)
                r = enable(&trace->source, collection);
        if (r < 0)
                return r;
        trace->source.fd = trace_fd(trace->trace);
        collection->contents |= contents;
        return 0;
}

int source_trace_start(struct collection *collection, const struct source_scope *scope, struct source **ret)
{
        struct source_trace *trace = calloc(1, sizeof *trace);
        int r;

        if (!trace)
                return -ENOMEM;
        trace->source = (struct source){.class = &trace_class, .fd = -1};
        r = start(trace, collection, scope);
        if (r < 0)
                free_trace(&trace->source);
        else
                *ret = &trace->source;
        return r;
}
