/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "process-events.h"

#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "memory.h"

enum {
        MESSAGE_SIZE = 256,
        BATCH = 64,
        BATCHES = 16,          /* of nothing but other messages, before others get their turn */
        PROCESSORS_MAX = 8192, /* the most that a kernel can be built for */
        CLOCK_TRIES = 8,
        CLOCK_STEP_NS = 1000000, /* the two clocks part only while the machine is suspended, for longer */
};

struct process_events {
        int fd;
        int64_t boot_offset_ns; /* CLOCK_BOOTTIME - CLOCK_MONOTONIC */
        uint64_t gaps;
        struct {
                uint32_t next;
                bool known;
        } sequences[PROCESSORS_MAX]; /* untouched pages of it cost nothing */
        struct mmsghdr messages[BATCH];
        struct iovec vectors[BATCH];
        char buffers[BATCH][MESSAGE_SIZE];
};

/* ---- Messages ---------------------------------------------------------------------------- */

static bool parse_event(const struct proc_event *from, struct process_event *ret)
{
        ret->time_ns = from->timestamp_ns;
        switch (from->what) {
        case PROC_EVENT_FORK:
                ret->kind = PROCESS_FORK;
                ret->pid = (uint32_t)from->event_data.fork.child_tgid;
                ret->parent_pid = (uint32_t)from->event_data.fork.parent_tgid;
                return from->event_data.fork.child_pid == from->event_data.fork.child_tgid;
        case PROC_EVENT_EXEC:
                ret->kind = PROCESS_EXEC;
                ret->pid = (uint32_t)from->event_data.exec.process_tgid;
                return true;
        case PROC_EVENT_EXIT:
                ret->kind = from->event_data.exit.process_pid == from->event_data.exit.process_tgid
                                    ? PROCESS_EXIT
                                    : PROCESS_THREAD_EXIT;
                ret->pid = (uint32_t)from->event_data.exit.process_tgid;
                ret->exit_status = from->event_data.exit.exit_code;
                return true;
        default:
                return false;
        }
}

int process_message_parse(const void *datagram, size_t length, struct process_message *ret)
{
        struct cn_msg message;
        struct proc_event event;
        const char *at = (const char *)datagram + NLMSG_HDRLEN;

        if (length < NLMSG_HDRLEN + sizeof message + sizeof event)
                return -EBADMSG;
        memcpy(&message, at, sizeof message);
        memcpy(&event, at + sizeof message, sizeof event); /* not aligned there */
        if (message.id.idx != CN_IDX_PROC || message.id.val != CN_VAL_PROC)
                return -EBADMSG;
        *ret = (struct process_message){.cpu = event.cpu, .sequence = message.seq, .ack = message.ack};
        if (event.what == PROC_EVENT_NONE) {
                ret->kind = PROCESS_MESSAGE_ANSWER;
                ret->error = (int)event.event_data.ack.err;
        } else {
                ret->kind = parse_event(&event, &ret->event) ? PROCESS_MESSAGE_EVENT : PROCESS_MESSAGE_OTHER;
        }
        return 0;
}

static void count_gap(struct process_events *events, const struct process_message *message)
{
        uint32_t missing;

        if (message->cpu >= PROCESSORS_MAX)
                return;
        missing = message->sequence - events->sequences[message->cpu].next;
        if (events->sequences[message->cpu].known && missing < UINT32_MAX / 2)
                events->gaps += missing;
        events->sequences[message->cpu].next = message->sequence + 1;
        events->sequences[message->cpu].known = true;
}

/* ---- Clocks ------------------------------------------------------------------------------ */

static int64_t now_ns(clockid_t clock)
{
        struct timespec now;

        clock_gettime(clock, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The kernel stamps events with CLOCK_MONOTONIC, processes with CLOCK_BOOTTIME. The tightest of a few
 * readings: we may lose the processor between two. */
static void compare_clocks(struct process_events *events)
{
        int64_t offset = 0, best = INT64_MAX;

        for (int i = 0; i < CLOCK_TRIES && best > 1000; i++) {
                int64_t before = now_ns(CLOCK_MONOTONIC), boot = now_ns(CLOCK_BOOTTIME);
                int64_t after = now_ns(CLOCK_MONOTONIC);

                if (after - before < best) {
                        best = after - before;
                        offset = boot - (before + after) / 2;
                }
        }
        if (offset - events->boot_offset_ns > CLOCK_STEP_NS ||
            events->boot_offset_ns - offset > CLOCK_STEP_NS)
                events->boot_offset_ns = offset;
}

/* ---- The socket -------------------------------------------------------------------------- */

static int request(const struct process_events *events, enum proc_cn_mcast_op operation)
{
        struct nlmsghdr header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct cn_msg) + sizeof operation),
                                  .nlmsg_type = NLMSG_DONE};
        struct cn_msg message = {
                .id = {CN_IDX_PROC, CN_VAL_PROC}, .ack = (uint32_t)getpid(), .len = sizeof operation};
        struct iovec parts[] = {
                {&header, NLMSG_HDRLEN}, {&message, sizeof message}, {&operation, sizeof operation}};

        return writev(events->fd, parts, sizeof parts / sizeof *parts) < 0 ? -errno : 0;
}

/* The kernel answers before the request returns, but only to those that it listens to. */
static int await_answer(struct process_events *events)
{
        struct process_message message;
        char buffer[MESSAGE_SIZE];
        ssize_t n;

        while ((n = recv(events->fd, buffer, sizeof buffer, 0)) >= 0) {
                if (process_message_parse(buffer, (size_t)n, &message) < 0)
                        continue;
                count_gap(events, &message);
                if (message.kind == PROCESS_MESSAGE_ANSWER && message.ack == (uint32_t)getpid() + 1)
                        return -message.error;
        }
        return errno == EAGAIN ? -EOPNOTSUPP : -errno;
}

static int subscribe(struct process_events *events)
{
        struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
        int size = MEMORY_LIVES / 2, yes = 1, r; /* the kernel doubles it, for its bookkeeping */

        events->fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
        if (events->fd < 0)
                return -errno;
        setsockopt(events->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
        /* else the first message that does not fit shuts out all that follow until the buffer is empty */
        setsockopt(events->fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &yes, sizeof yes);
        if (bind(events->fd, (struct sockaddr *)&address, sizeof address) < 0)
                return -errno;
        r = request(events, PROC_CN_MCAST_LISTEN);
        return r < 0 ? r : await_answer(events);
}

int process_events_open(struct process_events **ret)
{
        struct process_events *events = calloc(1, sizeof *events);
        int r;

        if (!events)
                return -ENOMEM;
        for (int i = 0; i < BATCH; i++) {
                events->vectors[i] = (struct iovec){events->buffers[i], sizeof events->buffers[i]};
                events->messages[i].msg_hdr =
                        (struct msghdr){.msg_iov = &events->vectors[i], .msg_iovlen = 1};
        }
        compare_clocks(events);
        r = subscribe(events);
        if (r < 0) {
                close_cleanup(&events->fd);
                free(events);
                return r;
        }
        *ret = events;
        return 0;
}

/* Without the request the kernel would go on making messages for a listener that is gone. */
void process_events_close(struct process_events *events)
{
        if (!events)
                return;
        request(events, PROC_CN_MCAST_IGNORE);
        close_cleanup(&events->fd);
        free(events);
}

int process_events_fd(const struct process_events *events)
{
        return events->fd;
}

static int take_batch(struct process_events *events, int count, struct process_event *ret)
{
        struct process_message message;
        int taken = 0;

        for (int i = 0; i < count; i++) {
                if (process_message_parse(events->buffers[i], events->messages[i].msg_len, &message) < 0)
                        continue;
                count_gap(events, &message);
                if (message.kind != PROCESS_MESSAGE_EVENT)
                        continue;
                ret[taken] = message.event;
                ret[taken++].time_ns += (uint64_t)events->boot_offset_ns;
        }
        return taken;
}

int process_events_read(struct process_events *events, struct process_event *ret, size_t size)
{
        unsigned int room = size < BATCH ? (unsigned int)size : BATCH;
        int taken = 0;

        compare_clocks(events);
        for (int batch = 0; batch < BATCHES && !taken; batch++) {
                int n = recvmmsg(events->fd, events->messages, room, MSG_DONTWAIT, NULL);

                if (n < 0)
                        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
                taken = take_batch(events, n, ret);
        }
        return taken;
}

/* The socket's own count has what it threw away since the last message that arrived. */
uint64_t process_events_lost(const struct process_events *events)
{
        uint32_t counts[SK_MEMINFO_VARS] = {0};
        socklen_t size = sizeof counts;

        getsockopt(events->fd, SOL_SOCKET, SO_MEMINFO, counts, &size);
        return counts[SK_MEMINFO_DROPS] > events->gaps ? counts[SK_MEMINFO_DROPS] : events->gaps;
}
