/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walks through folders that the kernel's caches did not answer: a folder was read, or a name was looked up
 * in it, there or not. A bounded list in order of time, as the kernel tells it: by inode numbers. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "resolve.h"

enum {
        WALKS_MAX = 65536,
        WALKS_NAMES_MAX = 2 << 20, /* bytes of all names, with their NULs */
};

struct walk_seen {
        struct file_key folder;
        uint32_t time_us; /* since the start of collection */
        uint32_t name;    /* where it begins in the names; WALK_LISTED: the folder itself was read */
};

#define WALK_LISTED UINT32_MAX

struct walks {
        struct walk_seen *seen;
        uint32_t n_seen;
        char *names;
        size_t names_used;
        uint64_t lost; /* over a limit */
};

/* walks_add - @name: not ended by a NUL, NULL: the folder was read. A name that is none is ignored. */
void walks_add(struct walks *walks, const struct file_key *folder, const char *name, size_t length,
               uint32_t time_us);
void walks_done(struct walks *walks);
