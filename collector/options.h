/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The collector's command line. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "recording.h"

enum source_choice { CHOOSE_AUTO, CHOOSE_AUDIT, CHOOSE_FANOTIFY };

struct options {
        const char *root;
        const char *output; /* NULL: the state folder of the recorded root */
        enum source_choice source;
        unsigned int limit_seconds;
        struct recording_limits limits;
        uint32_t limit_rate; /* events a second that may come for ever; 0: no limit */
        bool pages;          /* only touched pages, to be compared with a profile */
        const char *profile; /* that one; NULL: in the state folder of the recorded root */
        bool background;     /* return when collecting has begun */
        bool early;          /* enter the recorded root, as must be before it becomes the system's own */
        bool restore;        /* not collect, but what restore.h says */
        bool leave_audit;
        bool arguments; /* of processes are recorded too */
        char **command; /* NULL: the whole machine */
};

#define LIMIT_RATE_DEFAULT UINT32_MAX /* what load.h has for the source */

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

/* options_parse - Return: 0, or 1 when the program is to exit with @ret_exit (help, usage error). */
int options_parse(int argc, char **argv, struct options *ret, int *ret_exit);
