/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One subscriber: opens the channels that its filter needs, each its own, and turns what they tell into
 * lines. Other subscribers, and the collector, have theirs: none sees less because of another.
 */
#pragma once

#include <poll.h>

#include "view.h"
#include "watch-options.h"

struct watcher;

enum { WATCHER_DESCRIPTORS = 5 };

/* watcher_open - @view, @options: stay the caller's; @output: the descriptor to write to, stays so too
 * Return: 0, or negative errno with @ret_what naming the channel that can't be had. */
int watcher_open(const struct view *view, const struct watch_options *options, int output,
                 struct watcher **ret, const char **ret_what);
void watcher_close(struct watcher *watcher);

/* watcher_describe - one line for people: what is watched, and by what
 * Return: @ret. */
const char *watcher_describe(const struct watcher *watcher, char *ret, size_t size);

/* watcher_poll - what to wait for, before watcher_round() */
void watcher_poll(const struct watcher *watcher, struct pollfd ret[static WATCHER_DESCRIPTORS]);

/* watcher_round - takes in what there is and writes what can be written
 * Return: 0; 1: all the events that were asked for have come; negative errno (EPIPE: nobody reads). */
int watcher_round(struct watcher *watcher, const struct pollfd ready[static WATCHER_DESCRIPTORS]);

/* watcher_has_more - whether a further round has something to do although no descriptor says so */
bool watcher_has_more(const struct watcher *watcher);

/* watcher_finish - gives the reader a moment to take what is left, and says what was lost */
int watcher_finish(struct watcher *watcher);
