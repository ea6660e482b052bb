/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Issues a plan's reads: threads take batches of them in the plan's order, and the disk gets each batch in
 * its own. Knows nothing of where files are; opening and reading ahead stand behind a table of functions, so
 * that tests see what would be issued.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "batch.h"
#include "place.h"
#include "plan.h"

struct engine_class {
        /* Return: 0, PLACE_GONE, PLACE_CHANGED, or negative errno. */
        int (*open)(void *data, const struct plan_read *read, int *ret_fd);
        /* where on the device a read lies. Return: the number of its pieces, at most @room */
        size_t (*locate)(void *data, int fd, const struct plan_read *read, struct piece *ret, size_t room);
        /* starts reading; returns before the data is there. Return: pieces that the kernel refused */
        unsigned int (*read_ahead)(void *data, const struct piece *pieces, size_t count);
        /* waits until the data of a piece is there. Return: whether it came */
        bool (*wait)(void *data, const struct piece *piece);
        /* Return: bytes that may be read ahead in all, as the machine's memory is now */
        uint64_t (*room)(void *data);
        void (*close)(void *data, int fd);
};

struct engine_counters {
        atomic_uint files, gone, changed, failed; /* files, by what became of them */
        atomic_uint requests, metadata_requests;
        atomic_uint_fast64_t bytes, metadata_bytes, gap_bytes;
        atomic_uint_fast64_t cut_bytes; /* left out for want of memory */
        atomic_uint errors; /* reads that the kernel refused, or that were waited for and failed */
        atomic_uint late;   /* reads left out after the deadline */
};

struct engine_settings {
        unsigned int threads;
        uint64_t in_flight; /* bytes that the disk may owe, asked for in batches of which each thread has two;
                             * 0: any */
        uint64_t deadline_us; /* CLOCK_BOOTTIME, 0: none */
};

/* engine_is_late - whether a deadline, by CLOCK_BOOTTIME, has passed; 0: there is none */
bool engine_is_late(uint64_t deadline_us);

/* engine_bytes - what has been asked for */
uint64_t engine_bytes(const struct engine_counters *counters);

/* engine_run - returns when every read has been issued */
void engine_run(const struct engine_class *class, void *data, const struct plan *plan,
                const struct engine_settings *settings, struct engine_counters *counters);

/* What the real engine works with. */
struct engine_files {
        const struct place *place;
        const struct profile *profile;
        const struct mounted *mounted;
        unsigned int memory_percent;
};
extern const struct engine_class engine_readahead; /* data: struct engine_files */
