/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* systemd as the late stage asks it: over its own socket, which needs no message bus. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* manager_open - @ret: to be released with sd_bus_close_unref(), on failure too. Return: 0 or negative errno.
 */
int manager_open(sd_bus **ret);

/* manager_reload - makes systemd run the generators again and read its units, unless the system goes down
 * Return: 0 or negative errno. */
int manager_reload(void);

/* Of this boot, in µs since the kernel's start; 0: did not happen, or nobody tells. */
struct manager_times {
        uint64_t initramfs; /* a systemd in the initramfs began */
        uint64_t userspace; /* the system's own did */
        uint64_t sysinit, basic, default_target, finish;
};

/* manager_read_times - Return: 0 or negative errno. */
int manager_read_times(struct manager_times *ret);

/* manager_wait - waits until systemd has nothing left to start. Return: whether that is so. */
bool manager_wait(unsigned int seconds);
