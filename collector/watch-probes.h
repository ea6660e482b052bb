/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What neither fanotify nor the process connector can tell: system calls on names that failed, and the
 * name of a program whose process is gone before anybody looks. BPF programs sit at the trace points of
 * these system calls, pair a call's entry with its result in the kernel, and let out what failed; and at
 * that of executions. They hang on descriptors of ours: nothing is left behind however we end, and nobody
 * else's tracing is touched.
 *
 * Unseen: failed calls of 32-bit programs on a 64-bit kernel (they have no such trace points), and those of
 * io_uring. While anybody looks at failed calls, every system call of the machine takes a slower path.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A failed call, or an execution (error 0). The texts are valid until the callback returns. */
struct probe_event {
        uint32_t class; /* enum watch_class */
        uint32_t pid, user;
        uint64_t group;       /* the control group's number in the unified hierarchy */
        uint64_t time_us;     /* CLOCK_BOOTTIME */
        int error;            /* positive errno */
        int dirfd, new_dirfd; /* AT_FDCWD where the call has none */
        const char *path;     /* as passed; "" where it could not be read */
        const char *new_path; /* of a rename or link, else NULL */
};

/* Return: false to leave the event, and those that follow, for later. */
typedef bool (*probe_callback)(void *userdata, const struct probe_event *event);

struct probes;

/* Which failed calls are let out, in the kernel. */
struct probe_scope {
        uint32_t failed;    /* set of enum watch_class */
        const uid_t *users; /* real user ids, none: everybody's */
        size_t n_users;
};

/* probes_open - executions are always told of
 * Return: 0 or negative errno (not in this kernel, or not for this program). */
int probes_open(const struct probe_scope *scope, struct probes **ret);
void probes_close(struct probes *probes);

/* probes_fd - readable when probes_read() has something to do; owned by @probes */
int probes_fd(const struct probes *probes);
void probes_read(struct probes *probes, probe_callback callback, void *userdata);

/* probes_lost - how many events there was no room for so far */
uint64_t probes_lost(const struct probes *probes);
