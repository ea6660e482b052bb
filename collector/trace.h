/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A trace instance of our own: the one place that knows tracefs. It has its own buffers and events, so
 * that nothing of anybody else's tracing changes. Its name carries the collector's life, so that whoever
 * comes after a kill -9 knows what is dead and may be removed (trace_restore()).
 *
 * tracefs is mounted for us alone and nowhere in the tree: it needs no mount point, survives the switch
 * from an initramfs, and goes with the last descriptor. Documentation/trace/ftrace.rst.
 *
 * To make and remove the instance takes 4 ms of a processor, perf_event_open(2) less than half. But each of a
 * boot's 11,000 events would cost who causes it 0.7 us instead of 0.3 us (Linux 6.18), and a filter there
 * can't be replaced. BPF programs are as fast and leave nothing, but that they are loaded is recorded by
 * audit.
 */
#pragma once

#include <sys/types.h>

#include "trace-page.h"
#include "view.h"

enum {
        TRACE_TEXT_SIZE = 16384, /* of an event's format, with NUL */
};

struct trace;

/* trace_new - makes the instance, with no event enabled. Return: 0 or negative errno (ENODEV and others:
 * this kernel has no tracefs, or does not let us). */
int trace_new(const struct view *view, struct trace **ret);

/* trace_free - takes the instance away */
void trace_free(struct trace *trace);

/* trace_fd - readable when buffers fill; owned by the trace */
int trace_fd(const struct trace *trace);

/* trace_format - the text that describes an event, "filemap/mm_filemap_fault"
 * Return: 0 or negative errno (ENOENT: this kernel has no such event). */
int trace_format(const struct trace *trace, const char *event, char ret[static TRACE_TEXT_SIZE]);

/* trace_enable - records an event from now on
 * @filter: in the kernel's words; may be replaced by calling again. Return: 0 or negative errno. */
int trace_enable(const struct trace *trace, const char *event, const char *filter);

/* trace_follow - records only what this process and its descendants do. Return: 0 or negative errno. */
int trace_follow(const struct trace *trace, pid_t pid);

/* trace_read - visits what has been recorded since, a processor after the other; times are CLOCK_BOOTTIME, ns
 * Return: 0 or negative errno. */
int trace_read(struct trace *trace, trace_visit visit, void *data);

/* trace_lost - records that did not fit into the buffers, since the beginning */
uint64_t trace_lost(const struct trace *trace);

/* trace_restore - removes the instances of collectors that live no more
 * Return: number of them, or negative errno. */
int trace_restore(const struct view *view);
