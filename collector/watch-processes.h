/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who a pid is: executable, unit and user, also shortly after the process has ended. The process events
 * connector tells of forks, whose children are like their parents; after an execution /proc is looked at
 * again. A process that moves on by itself is noticed when it next executes a program, or when an event of
 * it comes more than a second after the last look.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "process-events.h"
#include "view.h"

struct watched_process {
        uint32_t pid; /* 0: nobody */
        uint32_t user;
        bool user_known;
        bool by_fork;            /* nothing but its parent has been looked at */
        char *executable, *unit; /* NULL: unknown */
        uint64_t looked_us;
};

struct watched_processes;

/* watched_processes_open - @view: stays the caller's
 * Without the connector (in another namespace than the first) each event's process is looked at when the
 * event comes, and what lives too short stays unknown.
 * Return: 0 or negative errno. */
int watched_processes_open(const struct view *view, struct watched_processes **ret);
void watched_processes_close(struct watched_processes *processes);

/* watched_processes_fd - readable when watched_processes_read() has something to do; -1: no connector */
int watched_processes_fd(const struct watched_processes *processes);

/* watched_processes_read - takes what is there, at most @size events; nothing takes effect yet
 * Return: how many, or 0. */
int watched_processes_read(struct watched_processes *processes, struct process_event *ret, int size);

/* watched_processes_forked - a child is like its parent */
void watched_processes_forked(struct watched_processes *processes, uint32_t parent, uint32_t pid);

/* What is known of an execution without looking; stands in where nobody is left to look at. */
struct execution {
        const char *path; /* NULL: unknown */
        uint32_t user;
        bool user_known;
        const char *unit; /* NULL: unknown */
};

/* watched_processes_executed - looks at a process that has executed a program */
void watched_processes_executed(struct watched_processes *processes, uint32_t pid,
                                const struct execution *execution);

/* watched_processes_lost - how many of the connector's messages were lost so far */
uint64_t watched_processes_lost(const struct watched_processes *processes);

/* watched_processes_find - valid until the next call of a function of this module */
const struct watched_process *watched_processes_find(struct watched_processes *processes, uint32_t pid);
