/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One run of the collector: the recording and what is needed to fill it. Sources hand in accesses as
 * their channel tells them; here a file gets its path and a process its life, at once, while both are
 * still there. What can't be resolved now is left to the end.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arguments.h"
#include "look.h"
#include "mounts.h"
#include "recording.h"
#include "resolve.h"
#include "view.h"
#include "walks.h"

struct collection {
        struct view view;
        struct mounts mounts;
        struct recording *recording;
        struct touched *touched; /* NULL: no source tells */
        struct walks walks;
        uint64_t start_us;           /* CLOCK_BOOTTIME */
        uint64_t wall_us;            /* wall clock at the start */
        uint32_t sources;            /* set of enum profile_source */
        uint32_t contents;           /* set of enum profile_content */
        bool whole;                  /* everybody is recorded, not only one command */
        char choice[160];            /* why these sources */
        struct arguments *arguments; /* of processes are recorded too; NULL: not */
        struct look_budget looks;
};

/* One access as a source sees it; the texts are the source's and are copied. */
struct access_seen {
        struct file_key key;
        uint32_t flags;   /* set of enum profile_access_flags */
        uint64_t time_us; /* since the start of collection */
        uint32_t pid;
        uint32_t parent_pid;              /* 0: unknown */
        const char *executable;           /* NULL: unknown */
        const char *arguments;            /* of an execution; NULL: unknown */
        const struct passed_name *passed; /* what the process passed, or NULL */
        const char *path;                 /* where the source knows it already, or NULL */
};

/* collection_explain - adds to the choice what else is to be known of it */
void collection_explain(struct collection *collection, const char *more);

/* collection_now_us - µs since the start of collection */
uint64_t collection_now_us(const struct collection *collection);

void collection_access(struct collection *collection, const struct access_seen *seen);

/* collection_knows - whether the file is recorded and has its path, so that none need be looked for */
bool collection_knows(const struct collection *collection, const struct file_key *key);
