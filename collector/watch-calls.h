/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The system calls on names, as data: which class of events, where in their arguments the names stand. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { NO_ARGUMENT = -1 };

struct watched_call {
        const char *name;           /* of the trace points sys_enter_NAME and sys_exit_NAME */
        uint32_t class;             /* enum watch_class */
        int8_t dirfd, path;         /* which argument */
        int8_t new_dirfd, new_path; /* NO_ARGUMENT: has none */
};

extern const struct watched_call watched_calls[];
extern const size_t n_watched_calls;
