/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which pages are in the page cache: of a file by mincore(2), of a filesystem's block device by
 * cachestat(2). Reads nothing from disk and changes no file's times.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Return of a visitor: 0 to go on, negative errno to stop. Offsets and lengths are in bytes. */
typedef int (*residency_visit)(void *data, uint64_t offset, uint64_t length);

/* residency_file - visits the resident ranges of an open file, ascending
 * @start: where to begin, at a page's start
 * @end:   where to end, at most the file's size
 * mincore(2) tells the truth only to a file's owner, to whoever may write it, and to root. */
int residency_file(int fd, uint64_t start, uint64_t end, residency_visit visit, void *data);

/* residency_device - visits the resident ranges of a block device by bisecting it
 * mincore(2) can't be used: blocks read through buffer heads do not mark their page up to date as it
 * wants it. Return: 0, -EOPNOTSUPP (no cachestat(2) before Linux 6.5), or another negative errno. */
int residency_device(int fd, residency_visit visit, void *data);

/* residency_knows_devices - whether this kernel has cachestat(2) */
bool residency_knows_devices(void);
