/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit-reply.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>

enum { TIMEOUT_MS = 1000 };

int audit_wait_reply(int fd, int sequence, int type, struct audit_reply *ret)
{
        for (;;) {
                struct pollfd ready = {.fd = fd, .events = POLLIN};
                int r;

                if (poll(&ready, 1, TIMEOUT_MS) <= 0)
                        return -ETIMEDOUT;
                r = audit_get_reply(fd, ret, GET_REPLY_NONBLOCKING, 0);
                if (r == -EAGAIN)
                        continue;
                if (r < 0)
                        return r;
                if (ret->nlh->nlmsg_seq != (uint32_t)sequence)
                        continue;
                if (ret->type == NLMSG_ERROR && ret->error->error)
                        return ret->error->error;
                if (ret->type == NLMSG_DONE)
                        return 0;
                if (ret->type == type)
                        return 1;
        }
}
