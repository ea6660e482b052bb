/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines on their way to standard output. Bounded: while nobody reads, lines are kept up to a limit, then
 * thrown away and counted; a watcher never waits for its reader.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct watch_output;

/* watch_output_new - @fd: stays the caller's. Return: NULL: out of memory. */
struct watch_output *watch_output_new(int fd);
void watch_output_free(struct watch_output *output);

/* watch_output_add - a line of a round, in the order of its time
 * Return: whether there was room for it. */
bool watch_output_add(struct watch_output *output, uint64_t time_us, const char *line, size_t length);

/* watch_output_end_round - puts the lines of this round in order, behind those of earlier rounds */
void watch_output_end_round(struct watch_output *output);

/* watch_output_flush - writes what can be written without waiting
 * Return: 0, or negative errno (EPIPE: nobody will ever read). */
int watch_output_flush(struct watch_output *output);
bool watch_output_is_empty(const struct watch_output *output);
