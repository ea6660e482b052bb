/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What processes were called with, read beside the collector: /proc/PID/cmdline stands in the process's own
 * memory, and whoever reads it waits for everybody who is changing that memory's map, be it for a disk or a
 * server that never answers. So a thread of our own waits, and nobody for the thread: one that hangs is left
 * to itself, and another one goes on.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "profile.h"
#include "view.h"

struct arguments;

struct arguments_answer {
        uint32_t process;
        uint64_t exec_us;                     /* as in the question */
        char text[PROFILE_ARGUMENTS_MAX + 2]; /* one more byte than is kept tells that there was more */
};

/* arguments_new - NULL: out of memory */
struct arguments *arguments_new(const struct view *view);

/* arguments_free - waits for nobody; who hangs until the end of the program goes with it */
void arguments_free(struct arguments *arguments);

/* arguments_ask - @process, @exec_us: the recorded process and its execution, of no meaning here
 * Questions lie there until arguments_wake(): many cost one waking.
 * Return: whether there is room for the question; it may still get no answer. */
bool arguments_ask(struct arguments *arguments, uint32_t process, pid_t pid, uint64_t exec_us);

/* arguments_wake - lets the questions be answered that were asked since; NULL: nothing to do */
void arguments_wake(struct arguments *arguments);

/* arguments_take - the next answer
 * @wait: for all to come, as long as they come. Return: whether there is one. */
bool arguments_take(struct arguments *arguments, bool wait, struct arguments_answer *ret);
