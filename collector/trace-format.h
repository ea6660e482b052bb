/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel says of the layout of its trace: the fields of an event ("format" in tracefs) and of a
 * page of the ring buffer ("header_page"). Offsets and sizes differ between kernels and architectures; they
 * are taken from these texts and from nowhere else. Pure. Documentation/trace/events.rst.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trace_field {
        uint32_t offset, size;
};

/* trace_format_field - finds a field by its name
 * Return: 0, -ENOENT (no such field), or -EBADMSG (not as the kernel writes it, or over a limit). */
int trace_format_field(const char *text, const char *name, struct trace_field *ret);

/* trace_format_id - the number by which an event's records are told. Return: 0 or -EBADMSG. */
int trace_format_id(const char *text, uint32_t *ret);

/* trace_field_read - Return: whether the record is long enough and the field is a number. */
bool trace_field_read(const struct trace_field *field, const void *record, size_t length, uint64_t *ret);
