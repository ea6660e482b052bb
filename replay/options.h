/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Replay's command line. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

struct options {
        const char *root;
        const char *profile; /* NULL: in the state folder below the root */
        const char *report;  /* NULL: BOOTAHEAD_RUNDIR/replay.json */
        bool dry_run, background;
        uint32_t threads, in_flight_kilobytes, gap_pages, files, megabytes, memory_percent, seconds;
};

/* options_parse - Return: 0, or 1 when the program is to exit with @ret_exit. */
int options_parse(int argc, char **argv, struct options *ret, int *ret_exit);
