/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What /proc tells of a living process: its life (start time), parent, executable, unit. proc(5).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "view.h"

enum { UNIT_NAME_SIZE = 256 }; /* systemd's UNIT_NAME_MAX, with NUL */

struct life {
        uint64_t start_ticks; /* since boot, in clock ticks */
        pid_t parent;
        bool kernel; /* a thread of the kernel */
};

/* life_read - Return: 0 or negative errno (ENOENT: no longer there; ESRCH: dead, only not yet waited for, but
 * @ret is filled). */
int life_read(const struct view *view, pid_t pid, struct life *ret);

/* process_unit - the systemd unit whose control group the process is in, "" where it is in none
 * Return: 0 or negative errno. */
int process_unit(const struct view *view, pid_t pid, char ret[static UNIT_NAME_SIZE]);

/* unit_of_path - the unit in a control group's path: the first on the way is the system's, those below it
 * are a user manager's. Return: whether there is one. */
bool unit_of_path(const char *path, char ret[static UNIT_NAME_SIZE]);

/* process_executable - path below the recorded root where it is below it, else as we see it
 * Return: 0 or negative errno. */
int process_executable(const struct view *view, pid_t pid, char ret[static PATH_MAX]);

/* process_arguments - joined by one space, at most @size - 1 bytes of them
 * May take for ever: see arguments.h, whose thread calls it.
 * @proc: /proc. Return: their length, 0 for a process without (a kernel thread, a dead one), or negative
 * errno. */
int process_arguments(int proc, pid_t pid, char *ret, size_t size);
