/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A page of the kernel's trace ring buffer, as "trace_pipe_raw" delivers it, taken apart into records.
 * Pure; nothing in the page is trusted. include/linux/ring_buffer.h, kernel/trace/ring_buffer.c.
 */
#pragma once

#include "trace-format.h"

enum { TRACE_PAGE_MAX = 1 << 20 };

struct trace_page_layout {
        struct trace_field time, commit, data;
};

/* trace_page_layout - from the text of events/header_page. Return: 0 or -EBADMSG. */
int trace_page_layout(const char *text, struct trace_page_layout *ret);

/* trace_page_size - bytes of a page in this layout */
size_t trace_page_size(const struct trace_page_layout *layout);

/* @time: by the instance's trace clock, in its unit (ns but for counters) */
typedef void (*trace_visit)(void *data, uint64_t time, const void *record, size_t length);

/* trace_page_read - visits the records of a page in order
 * Return: 0 or -EBADMSG (the records before the fault have been visited). */
int trace_page_read(const struct trace_page_layout *layout, const void *page, size_t size, trace_visit visit,
                    void *data);
