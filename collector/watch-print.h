/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events as lines: for people, fields set apart by one space, or as JSON. Pure. Names are bytes and may
 * hold anything: nothing of them reaches a terminal that is not a character to be seen.
 */
#pragma once

#include <stdio.h>

#include "watch-filter.h"

struct watch_line {
        const struct watch_event *event;
        const char *user; /* name, or NULL: unknown */
};

/* watch_print_text - "SECONDS CLASS PID EXECUTABLE UNIT USER RESULT PATH [NEW-PATH]"
 * Unknown fields are "?", those that are empty "-". */
void watch_print_text(FILE *out, const struct watch_line *line);

/* watch_print_json - one object on one line; unknown members are left out. Bytes that are no characters
 * are written \xNN, and "NAME_escaped": true stands beside the member. */
void watch_print_json(FILE *out, const struct watch_line *line);

/* watch_print_lost - a line of the class "lost": how many events, of what kind */
void watch_print_lost(FILE *out, bool json, uint64_t time_us, const char *kind, uint64_t count);
