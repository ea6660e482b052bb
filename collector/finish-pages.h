/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which pages of a file, and of a filesystem's device, belong into the profile: those that were touched,
 * where the kernel told, else those that are resident; for a device those that are resident, where the kernel
 * tells.
 */
#pragma once

#include <stdbool.h>

#include "collection.h"

/* Bytes; @time_us: when first used, since the start of collection. Return: 0 or negative errno. */
typedef int (*pages_visit)(void *data, uint64_t offset, uint64_t length, uint64_t time_us);

/* pages_of_file - visits the ranges, ascending
 * @fd, @size:  the file; the descriptor need only name it
 * @opened_us:  when it was first opened
 * Return: 0 or negative errno. */
int pages_of_file(const struct collection *collection, const struct file_key *key, int fd, uint64_t size,
                  uint64_t opened_us, pages_visit visit, void *data);

/* pages_may_be_resident - whether of some file the pages in memory stand for those that were asked for */
bool pages_may_be_resident(const struct collection *collection);

/* pages_of_device - visits the ranges of the filesystem's block device that hold metadata, ascending
 * Only ext2/3/4 keep theirs in the device's page cache. What was found out how is added to
 * collection->contents. Return: 0 or negative errno. */
int pages_of_device(struct collection *collection, const struct filesystem *filesystem, pages_visit visit,
                    void *data);
