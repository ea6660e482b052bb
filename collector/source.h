/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the collector's events come from. A source takes its channel from the kernel, delivers accesses
 * to the collection whenever its descriptor is readable, and gives everything back when it stops.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "collection.h"

struct source;

struct source_class {
        const char *name;
        /* receives what is there. Return: 0 or negative errno (the channel is dead) */
        int (*receive)(struct source *source, struct collection *collection);
        /* whether the channel still delivers, asked about once a second; may be NULL
         * Return: 0 or negative errno (it does not) */
        int (*check)(struct source *source, struct collection *collection);
        /* asks the channel for less, or for all again
         * Return: 0 or negative errno (the channel is dead) */
        int (*narrow)(struct source *source, struct collection *collection, bool narrow);
        /* filesystems have appeared in collection->mounts; may be NULL */
        int (*mounts_changed)(struct source *source, struct collection *collection);
        /* takes in what is still under way, gives back what was taken, counts the losses */
        void (*stop)(struct source *source, struct collection *collection);
        void (*free)(struct source *source);
};

struct source {
        const struct source_class *class;
        int fd;              /* readable when receive() has something to do; owned by the source */
        uint64_t events;     /* that came; whoever counts them sets it back */
        const char *trouble; /* after an error: what is wrong with the channel, for people, or NULL */
};

/* Which processes are recorded: the whole machine, or one command and its descendants. */
struct source_scope {
        pid_t root; /* the command's first process, or 0: all */
};

/* source_audit_start - takes the audit system, as audit-state.h says
 * @ret_why: why it may not be used, when the result is 0
 * Return: 1 started, 0 not usable here (nothing was touched), or negative errno (all was given back). */
int source_audit_start(struct collection *collection, const struct source_scope *scope, struct source **ret,
                       const char **ret_why);

/* source_fanotify_start - marks all filesystems of the collection
 * Return: 0 or negative errno. */
int source_fanotify_start(struct collection *collection, const struct source_scope *scope,
                          struct source **ret);

/* source_gap_start - fanotify for what audit can't see: processes older than the enabling of audit, and
 * files that only the kernel itself executed. To be started before audit is enabled.
 * Return: 0 or negative errno. */
int source_gap_start(struct collection *collection, struct source **ret);

/* source_lives_start - records the processes themselves, also those that are there already: the whole
 * machine's, or scope->root and its descendants Return: 0 or negative errno. */
int source_lives_start(struct collection *collection, const struct source_scope *scope, struct source **ret);

/* source_trace_start - touched pages, into collection->touched, from a trace instance of our own
 * Return: 0 or negative errno (ENOENT: this kernel has no such events). */
int source_trace_start(struct collection *collection, const struct source_scope *scope, struct source **ret);

/* source_gap_limit - audit has been enabled: processes that start from now on are audit's */
void source_gap_limit(struct source *source, const struct collection *collection);

/* source_gap_widen - whether it delivers what audit sees too; nothing to other fanotify sources */
void source_gap_widen(struct source *source, bool wide);

bool source_is_audit(const struct source *source);

static inline void source_free(struct source *source)
{
        if (source)
                source->class->free(source);
}
