/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "descendants.h"

#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cleanup.h"

enum { PID_LIMIT = 1 << 22 /* PID_MAX_LIMIT, include/linux/threads.h */, RECEIVE_BUFFER = 4 << 20 };

struct descendants {
        int fd;
        unsigned char member[PID_LIMIT / 8]; /* untouched pages of it cost nothing */
};

static void set_member(struct descendants *descendants, pid_t pid, bool member)
{
        unsigned char bit = (unsigned char)(1u << (pid % 8));

        if (pid < 0 || pid >= PID_LIMIT)
                return;
        if (member)
                descendants->member[pid / 8] |= bit;
        else
                descendants->member[pid / 8] &= (unsigned char)~bit;
}

bool descendants_have(const struct descendants *descendants, pid_t pid)
{
        return pid >= 0 && pid < PID_LIMIT && (descendants->member[pid / 8] & 1u << (pid % 8));
}

static int subscribe(int fd)
{
        const enum proc_cn_mcast_op operation = PROC_CN_MCAST_LISTEN;
        struct nlmsghdr header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct cn_msg) + sizeof operation),
                                  .nlmsg_type = NLMSG_DONE};
        struct cn_msg message = {.id = {CN_IDX_PROC, CN_VAL_PROC}, .len = sizeof operation};
        struct iovec parts[] = {
                {&header, NLMSG_HDRLEN}, {&message, sizeof message}, {(void *)&operation, sizeof operation}};
        struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
        int size = RECEIVE_BUFFER;

        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
        if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
            writev(fd, parts, sizeof parts / sizeof *parts) < 0)
                return -errno;
        return 0;
}

int descendants_new(pid_t root, struct descendants **ret)
{
        struct descendants *descendants = calloc(1, sizeof *descendants);
        int r;

        if (!descendants)
                return -ENOMEM;
        descendants->fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
        r = descendants->fd < 0 ? -errno : subscribe(descendants->fd);
        if (r < 0) {
                descendants_free(descendants);
                return r;
        }
        set_member(descendants, root, true);
        *ret = descendants;
        return 0;
}

void descendants_free(struct descendants *descendants)
{
        if (!descendants)
                return;
        close_cleanup(&descendants->fd);
        free(descendants);
}

/* A pid that is given anew is no member until its parent is one; threads share their process's pid. */
static void take(struct descendants *descendants, const char *data, size_t length)
{
        const size_t offset = NLMSG_HDRLEN + offsetof(struct cn_msg, data);
        struct proc_event event;

        if (length < offset + sizeof event)
                return;
        memcpy(&event, data + offset, sizeof event);
        if (event.what == PROC_EVENT_FORK &&
            event.event_data.fork.child_pid == event.event_data.fork.child_tgid)
                set_member(descendants, event.event_data.fork.child_tgid,
                           descendants_have(descendants, event.event_data.fork.parent_tgid));
}

int descendants_update(struct descendants *descendants)
{
        char buffer[1024];

        for (;;) {
                ssize_t n = recv(descendants->fd, buffer, sizeof buffer, 0);

                if (n < 0)
                        return errno == EAGAIN ? 0 : -errno;
                take(descendants, buffer, (size_t)n);
        }
}
