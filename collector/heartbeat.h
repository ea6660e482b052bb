/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Proof that a channel still delivers: when it has been quiet, a short-lived child of ours opens a file that
 * the channel must tell of. (What the registered daemon itself does is never audited.)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "mounts.h"

struct heartbeat {
        const char *file; /* below the recorded root; NULL: there is none that would do */
        pid_t child;      /* of the latest beat, 0: none yet */
        bool ended;       /* it has been waited for: it has opened the file */
        bool pending;     /* not heard of yet */
        uint64_t heard_us;
};

void heartbeat_init(struct heartbeat *heartbeat, const struct view *view, const struct mounts *mounts);

/* heartbeat_hear - the channel delivered something. Return: whether it was just our own beat. */
bool heartbeat_hear(struct heartbeat *heartbeat, pid_t pid, uint64_t now_us);

/* heartbeat_check - asked about once a second. Return: 0, -ETIMEDOUT: the last beat was not delivered,
 * or another negative errno. */
int heartbeat_check(struct heartbeat *heartbeat, const struct view *view, uint64_t now_us);

/* heartbeat_done - takes leave of the last child; one that hangs is left to PID 1 */
void heartbeat_done(struct heartbeat *heartbeat);
