/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch-calls.h"

#include "watch-filter.h"

#define ONE(name, class, path)                                                                               \
        {                                                                                                    \
                name, class, NO_ARGUMENT, path, NO_ARGUMENT, NO_ARGUMENT                                     \
        }
#define ONE_AT(name, class, dirfd, path)                                                                     \
        {                                                                                                    \
                name, class, dirfd, path, NO_ARGUMENT, NO_ARGUMENT                                           \
        }

/* Not every architecture has them all. */
const struct watched_call watched_calls[] = {
        ONE("open", WATCH_OPEN, 0),
        ONE("creat", WATCH_OPEN, 0),
        ONE_AT("openat", WATCH_OPEN, 0, 1),
        ONE_AT("openat2", WATCH_OPEN, 0, 1),
        ONE("execve", WATCH_EXEC, 0),
        ONE_AT("execveat", WATCH_EXEC, 0, 1),
        ONE("truncate", WATCH_WRITE, 0),
        ONE("mkdir", WATCH_CREATE, 0),
        ONE_AT("mkdirat", WATCH_CREATE, 0, 1),
        ONE("mknod", WATCH_CREATE, 0),
        ONE_AT("mknodat", WATCH_CREATE, 0, 1),
        ONE("symlink", WATCH_CREATE, 1),
        ONE_AT("symlinkat", WATCH_CREATE, 1, 2),
        {"link", WATCH_CREATE, NO_ARGUMENT, 0, NO_ARGUMENT, 1},
        {"linkat", WATCH_CREATE, 0, 1, 2, 3},
        ONE("unlink", WATCH_DELETE, 0),
        ONE_AT("unlinkat", WATCH_DELETE, 0, 1),
        ONE("rmdir", WATCH_DELETE, 0),
        {"rename", WATCH_RENAME, NO_ARGUMENT, 0, NO_ARGUMENT, 1},
        {"renameat", WATCH_RENAME, 0, 1, 2, 3},
        {"renameat2", WATCH_RENAME, 0, 1, 2, 3},
        ONE("newstat", WATCH_LOOKUP, 0),
        ONE("newlstat", WATCH_LOOKUP, 0),
        ONE_AT("newfstatat", WATCH_LOOKUP, 0, 1),
        ONE_AT("statx", WATCH_LOOKUP, 0, 1),
        ONE("access", WATCH_LOOKUP, 0),
        ONE_AT("faccessat", WATCH_LOOKUP, 0, 1),
        ONE_AT("faccessat2", WATCH_LOOKUP, 0, 1),
        ONE("readlink", WATCH_LOOKUP, 0),
        ONE_AT("readlinkat", WATCH_LOOKUP, 0, 1),
        ONE("chdir", WATCH_LOOKUP, 0),
};

const size_t n_watched_calls = sizeof watched_calls / sizeof *watched_calls;
