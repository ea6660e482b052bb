/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs the sources of a collection until the end: lets them receive, watches the mount table, asks now
 * and then whether the main channel still serves, and goes on with fanotify when audit's does not.
 */
#pragma once

#include "collection.h"
#include "load.h"
#include "options.h"
#include "source.h"

/* In the order in which they receive: forks are taken in before what the children did. */
enum session_slot {
        SLOT_LIVES, /* the processes themselves */
        SLOT_MAIN,  /* accesses; without it there is no session, but one that only tells pages */
        SLOT_GAP,   /* accesses that the main one can't see */
        SLOT_TRACE, /* pages that were asked for; always the last */
        SESSION_SLOTS,
};

enum { SESSION_SIGNALS = 5 };

/* Those that a session takes; all to be blocked before it starts. SIGUSR1: leave the audit system. */
extern const int session_signals[SESSION_SIGNALS];

struct session {
        struct collection *collection;
        const struct options *options;
        struct source *sources[SESSION_SLOTS]; /* NULL: goes on without */
        struct source_scope scope;
        int mount_table, signals;
        uint64_t checked_us, traced_us;
        int gather_ms; /* while events are coming; else 0 */
        struct load load;
        struct {
                uint64_t looked_us, idle_ms; /* of all processors */
                uint32_t busy;               /* thousandths of one */
        } work;
        uint64_t shed_us; /* since when load is shed */
        bool relief;      /* SLOT_GAP's source is there only while load is shed */
        pid_t child;      /* the recorded command, or 0 */
        int child_fd, child_status;
};

/* session_start - Return: 0, 1 (refused: @ret_why), or negative errno. */
int session_start(struct session *session, const char **ret_why);

/* session_run - until a signal, the time limit, or the end of the command. Return: 0 or negative errno. */
int session_run(struct session *session);

/* session_stop - gives everything back; may be called at any time, more than once */
void session_stop(struct session *session);

/* session_replace_audit - goes on with fanotify in the same recording, then leaves the audit system
 * Nothing is done where audit is not in use. Return: 0 or negative errno. */
int session_replace_audit(struct session *session, const char *why);

/* session_load_init - for the main source as it is now */
void session_load_init(struct session *session);

/* session_load_step - to be called when events were taken in, and after load_wait_us()
 * Return: 0 or negative errno (the main source is dead). */
int session_load_step(struct session *session);

/* session_load_end - where load is shed, it is until now */
void session_load_end(struct session *session);

void session_init(struct session *session, struct collection *collection, const struct options *options);
