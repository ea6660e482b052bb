/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which pages were asked for, and when first: a bounded set of page ranges of each file. Pure: it knows only
 * what it is told. A block device's own pages (metadata) stand under the inode number 0, which no file has.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "resolve.h"

enum {
        TOUCHED_FILES_MAX = 65536,
        TOUCHED_SPANS_MAX = 1 << 17,     /* of all files together */
        TOUCHED_SPANS_OF_FILE = 1 << 13, /* inserting into them is linear */
        TOUCHED_JOIN_US = 50000,         /* neighbours touched within this time are one span */
};

/* Pages of the machine's own size. */
struct touched_span {
        uint32_t first, last;
        uint32_t time_us; /* first touch, since the start of collection */
        bool around;      /* only mapped along with a neighbour, as far as it was resident */
};

struct touched_file {
        struct file_key key;
        struct touched_span *spans; /* ascending, without overlap */
        uint32_t n_spans;
};

struct touched_index; /* key to index, private */

struct touched {
        struct touched_file *files;
        uint32_t n_files, n_spans;
        uint64_t lost; /* touches over a limit */
        struct touched_index *index;
};

/* touched_together - whether the times are so close that they may be one */
bool touched_together(const struct touched_span *left, const struct touched_span *right);

struct touched *touched_new(void); /* NULL: out of memory */
void touched_free(struct touched *touched);

/* touched_add - of several times of a page the first counts, whatever the order in which they are told;
 * asking for a page that was only mapped along is told apart from then on. Over a limit, or out of memory,
 * the touch is counted as lost. */
void touched_add(struct touched *touched, const struct file_key *key, const struct touched_span *span);

/* touched_find - Return: the file or NULL. */
const struct touched_file *touched_find(const struct touched *touched, const struct file_key *key);
