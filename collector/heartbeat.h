/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Proof that a channel still delivers: when it has been quiet, a child of ours opens a file that the channel
 * must tell of. (What the registered daemon itself does is never audited.) The child is forked once, while we
 * are small, and costs next to nothing from then on.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "mounts.h"

struct heartbeat {
        int child_fd; /* owned; -1: there is no child */
        pid_t child;
        bool opening; /* the child has not answered yet */
        bool pending; /* the latest beat was not heard of yet */
        uint64_t heard_us;
};

#define HEARTBEAT_NONE ((struct heartbeat){.child_fd = -1})

/* heartbeat_start - when the channel delivers. Return: 0 or negative errno (ENOENT: no file would do). */
int heartbeat_start(struct heartbeat *heartbeat, const struct view *view, const struct mounts *mounts);

/* heartbeat_forget - for a while the channel was not to deliver: of a beat of that time nothing was heard */
void heartbeat_forget(struct heartbeat *heartbeat);

/* heartbeat_hear - the channel delivered something. Return: whether it was just our own beat. */
bool heartbeat_hear(struct heartbeat *heartbeat, pid_t pid, uint64_t now_us);

/* heartbeat_check - asked about once a second. Return: 0, -ETIMEDOUT: the last beat was not delivered,
 * or another negative errno (the child is gone). */
int heartbeat_check(struct heartbeat *heartbeat, uint64_t now_us);

/* heartbeat_stop - takes leave of the child; one that hangs is left to PID 1 */
void heartbeat_stop(struct heartbeat *heartbeat);
