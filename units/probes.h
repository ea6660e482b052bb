/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Disks that are about to be probed: before a root filesystem is mounted, udev and fsck look for the
 * signature of every kind of filesystem and array at the beginnings and ends of disks and partitions, one
 * small read after the other; and with the last descriptor the kernel drops what was read.
 *
 * Owns a background process that hears of each new disk, reads these places ahead, and keeps the disk open.
 * It ends when the first disk is mounted, of which it opens the profile, or after PROBES_SECONDS.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { PROBES_SECONDS = 60, PROBES_NAME_SIZE = 64 };

/* probes_parse - reads a message of the kernel about a device: strings that each end with a zero
 * @ret_name: the device's name below /dev
 *
 * Return: whether a disk or partition has come that is no virtual one: those are taken away again by whoever
 * sets them up, and can't be while they are open. */
bool probes_parse(const char *message, size_t size, char ret_name[static PROBES_NAME_SIZE]);

/* probes_start - returns when no disk that comes from now on is missed; in boots that are to be left alone it
 * does nothing
 * Return: 0 or negative errno. */
int probes_start(void);
