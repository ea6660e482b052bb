/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of bootahead-watch. */
#pragma once

#include "view.h"
#include "watch-filter.h"

struct watch_options {
        struct watch_filter filter;
        bool json;
        unsigned int seconds;                 /* 0: until a signal */
        unsigned int events;                  /* 0: any number */
        char *resolved[2 * WATCH_VALUES_MAX]; /* other names of what the filter names */
        size_t n_resolved;
};

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

/* watch_options_parse - @view: for names of devices
 * Return: 0, or 1 when the program is to exit with @ret_exit (help, usage error). */
int watch_options_parse(int argc, char **argv, const struct view *view, struct watch_options *ret,
                        int *ret_exit);
void watch_options_done(struct watch_options *options);
