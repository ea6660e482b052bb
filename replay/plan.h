/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plan: the ordered list of reads that replay issues. Pure: a function of profile and limits,
 * without any look at the machine.
 *
 * Order: the filesystems' metadata first, since every path walk needs it; then files by first use.
 * A file's ranges are read together, ascending; those that lie close together become one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile.h"

/* What becomes of a filesystem's reads. */
enum plan_part {
        PLAN_ABSENT, /* none: it is not there; its files are counted */
        PLAN_PART,   /* planned */
        PLAN_DONE,   /* none: they were in an earlier plan */
};

struct plan_limits {
        uint64_t bytes; /* read at most */
        uint32_t files;
        uint32_t gap_pages; /* ranges no further apart are joined; PROFILE_PAGE_SIZE */
};

/* Several may belong together: the reads of one file follow each other. */
struct plan_read {
        uint32_t filesystem; /* index into the profile's */
        uint32_t file;       /* index into the profile's, or PROFILE_NONE: the filesystem's block device */
        uint64_t offset;     /* bytes */
        uint64_t length;     /* bytes */
};

struct plan {
        struct plan_read *reads;
        size_t n_reads, n_metadata; /* the first so many are metadata */
        uint64_t bytes;
        uint64_t cut_bytes; /* left out for the limits */
        uint32_t files;
        uint32_t skipped_files; /* on filesystems that are not there */
};

/* plan_make - @parts: for each of the profile's filesystems
 * Return: 0 or negative errno. */
int plan_make(const struct profile *profile, const struct plan_limits *limits, const enum plan_part *parts,
              struct plan *ret);
void plan_done(struct plan *plan);
