/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a replaying boot's profile was worth: of the pages that it names, how many did the boot ask for, and
 * what did the boot ask for beyond them? Compares what was touched with a profile; changes neither.
 */
#pragma once

#include "collection.h"
#include "profile.h"

/* Pages of PROFILE_PAGE_SIZE. */
struct hits {
        uint64_t hits;          /* named and asked for */
        uint64_t misses;        /* asked for, not named */
        uint64_t waste;         /* named, not asked for */
        uint64_t files_stale;   /* files of the profile that are gone or have another size */
        uint64_t files_missed;  /* files that were read and of which the profile names nothing */
        uint64_t files_unnamed; /* files that were read and could not be looked at: deleted, above all */
};

/* hits_count - Return: 0 or negative errno. */
int hits_count(const struct collection *collection, const struct profile *profile, struct hits *ret);
