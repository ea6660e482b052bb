/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walks again through the folders that the boot walked through, on filesystems whose metadata can only be
 * read by using it (XFS): reads what was listed, looks up what was looked up, there or not. Many at once,
 * since each waits for the disk.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "place.h"

struct walk_counters {
        atomic_uint walks, gone; /* by what became of them; what was absent and still is, is no loss */
        atomic_uint late;        /* left out after the deadline */
};

/* walk_run - returns when all is done
 * @deadline_us: CLOCK_BOOTTIME, 0: none */
void walk_run(const struct profile *profile, const struct mounted *mounted, unsigned int threads,
              uint64_t deadline_us, struct walk_counters *counters);
