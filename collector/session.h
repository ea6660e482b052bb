/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs the sources of a collection until the end: chooses them, lets them receive, watches the mount
 * table, and goes on with fanotify when audit's channel dies.
 */
#pragma once

#include "collection.h"
#include "options.h"
#include "source.h"

enum { SESSION_SOURCES = 2 };

struct session {
        struct collection *collection;
        struct source *sources[SESSION_SOURCES]; /* the main one, and what fills its gap */
        int mount_table;
        pid_t child; /* the recorded command, or 0 */
        int child_status;
};

/* session_start - Return: 0, 1 (refused: @ret_why), or negative errno. */
int session_start(struct session *session, const struct options *options, const char **ret_why);

/* session_run - until SIGTERM or SIGINT, the time limit, or the end of the command
 * The signals must be blocked. Return: 0 or negative errno. */
int session_run(struct session *session, const struct options *options);

/* session_stop - gives everything back; may be called at any time, more than once */
void session_stop(struct session *session);
