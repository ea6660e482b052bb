/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A batch: reads whose place on the device is known, brought into an order that serves both sides.
 * Neighbours, of whatever files, become runs, which the device can give in one request; runs that are needed
 * first go into the first bin; each bin is in the order in which it lies on the device, so that a head passes
 * over it once. Pure; knows no file and no kernel.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A part of a read that is one stretch of the device. */
struct piece {
        int fd; /* of the file, not owned; BATCH_DEVICE: the filesystem's own device */
        uint32_t filesystem;
        uint32_t need; /* the less, the earlier; becomes that of its run */
        uint32_t bin;
        bool has_device;         /* the filesystem can be read by its device, too: gaps can be filled */
        uint64_t offset, length; /* bytes of the file, or of the device */
        uint64_t position;       /* bytes on the device, 0 where nobody knows */
};

enum {
        BATCH_DEVICE = -1,
        BATCH_GAP_PAGES = 32,      /* what lies between two pieces this close may be read with them */
        BATCH_JUNK_PERCENT = 6,    /* of the batch's bytes, what is read in that way at most */
        BATCH_RUN_BYTES = 1 << 20, /* of a run, about: a longer one would be several requests anyway */
};

/* batch_arrange - sorts pieces by bin, filesystem and position, and fills small gaps between them
 * @pieces:    with room for @room; those of unknown position come first
 * @bin_bytes: a bin is full when it holds so much
 * Return: how many there are now, not more than @room. */
size_t batch_arrange(struct piece *pieces, size_t count, size_t room, uint64_t bin_bytes);
