/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Accesses from the kernel's audit system. We register as its daemon, so that records come to us alone
 * and the kernel does not print them; what our rules did not cause is passed on to the kernel log, where
 * it would have gone without us.
 *
 * The order keeps the kernel's log clean (Linux 6.12, kernel/audit.c): changes of settings and rules are
 * only recorded while audit is enabled, so we register and load rules before enabling, and disable
 * before we give the place back; in between the queue is drained.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libaudit.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "audit-event.h"
#include "audit-rules.h"
#include "audit-state.h"
#include "cleanup.h"
#include "source.h"

enum {
        RECEIVE_BUFFER = 32 << 20, /* half of it is the kernel's bookkeeping */
        MESSAGE_SIZE = NLMSG_SPACE(MAX_AUDIT_MESSAGE_LENGTH),
        BATCH = 64,
        BATCHES = 256,      /* before others get their turn */
        DRAIN_ROUNDS = 100, /* of DRAIN_PAUSE_NS each: at most a second */
        DRAIN_QUIET_ROUNDS = 3,
        DRAIN_PAUSE_NS = 10000000,
};

struct source_audit {
        struct source source;
        int control;    /* for settings and rules */
        int kernel_log; /* where foreign records go on, or -1 */
        bool registered;
        bool changing; /* settings and rules are being taken or given back */
        struct audit_settings saved;
        struct audit_joiner *joiner;
        struct mmsghdr messages[BATCH];
        struct iovec vectors[BATCH];
        char buffers[BATCH][MESSAGE_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/* Records that we would only throw away are kept out of our buffer: one test of the type each.
 * Data in a filter are in network order, netlink's header in the host's. */
static int attach_filter(int fd)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(AUDIT_PROCTITLE), 2, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(AUDIT_EXECVE), 1, 0),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
                BPF_STMT(BPF_RET | BPF_K, 0),
        };
        struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};

        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ? -errno : 0;
}

static int open_receiver(void)
{
        _cleanup_close_ int fd = audit_open();
        int size = RECEIVE_BUFFER / 2, r;

        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
                return -errno;
        r = attach_filter(fd);
        return r < 0 ? r : take_fd(&fd);
}

/* ---- Accesses ---------------------------------------------------------------------------- */

/* Records carry the wall clock, which may be set in the middle of a boot. An event that arrives now
 * happened a moment ago; what the clock says of it is believed only within that. */
static uint64_t event_time(const struct audit_event *event, uint64_t now_us)
{
        enum { BELIEVED_DELAY_US = 2000000 };
        struct timespec wall;
        int64_t age;

        clock_gettime(CLOCK_REALTIME, &wall);
        age = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000 - (int64_t)event->time_ms * 1000;
        if (age < 0 || age > BELIEVED_DELAY_US || (uint64_t)age > now_us)
                return now_us;
        return now_us - (uint64_t)age;
}

static uint32_t open_flags(const struct audit_event *event, enum audit_call call)
{
        switch (call) {
        case AUDIT_CALL_OPEN:
                return (uint32_t)event->arguments[1];
        case AUDIT_CALL_CREAT:
                return O_WRONLY;
        case AUDIT_CALL_OPENAT:
        case AUDIT_CALL_HANDLE:
                return (uint32_t)event->arguments[2];
        default: /* openat2, io_uring */
                return (uint32_t)event->oflag;
        }
}

static uint32_t access_flags(uint32_t flags, enum audit_call call, enum audit_name_type type)
{
        if (call == AUDIT_CALL_EXEC || call == AUDIT_CALL_EXECAT)
                return PROFILE_ACCESS_EXEC;
        return PROFILE_ACCESS_OPEN | ((flags & O_ACCMODE) == O_RDONLY ? 0 : PROFILE_ACCESS_WRITE) |
               (type == AUDIT_NAME_CREATE ? PROFILE_ACCESS_CREATE : 0);
}

static int directory_of(const struct audit_event *event, enum audit_call call)
{
        if (event->type == AUDIT_SYSCALL &&
            (call == AUDIT_CALL_OPENAT || call == AUDIT_CALL_OPENAT2 || call == AUDIT_CALL_EXECAT))
                return (int)(uint32_t)event->arguments[0];
        return AT_FDCWD;
}

static void deliver(struct collection *collection, const struct audit_event *event, uint64_t now_us)
{
        enum audit_call call = event->type == AUDIT_SYSCALL ? audit_call_of(event->arch, event->syscall)
                                                            : AUDIT_CALL_OPENAT2;
        uint32_t flags = open_flags(event, call);
        struct passed_name passed = {
                .cwd = *event->cwd ? event->cwd : NULL,
                .dirfd = directory_of(event, call),
                .pid = (pid_t)event->pid,
        };
        struct access_seen seen = {
                .time_us = event_time(event, now_us),
                .pid = event->pid,
                .parent_pid = event->ppid,
                .executable = *event->executable ? event->executable : NULL,
                .passed = &passed,
        };

        if (call == AUDIT_CALL_NONE ||
            ((flags & O_PATH) && call != AUDIT_CALL_EXEC && call != AUDIT_CALL_EXECAT))
                return;
        for (unsigned int i = 0; i < event->n_paths; i++) {
                const struct audit_event_path *path = &event->paths[i];

                seen.key = (struct file_key){makedev(path->device_major, path->device_minor), path->inode};
                if (!S_ISREG(path->mode) || mounts_find(&collection->mounts, seen.key.device) < 0)
                        continue;
                seen.flags = access_flags(flags, call, path->type);
                passed.name = path->name;
                collection_access(collection, &seen);
        }
}

/* ---- Records ----------------------------------------------------------------------------- */

/* The kernel tells its daemon of each change of settings and rules; while we make ours they are ours. */
static bool is_our_change(const struct source_audit *audit, uint16_t type, const char *text, size_t length)
{
        static const char key[] = "key=\"" AUDIT_RULE_KEY "\"";

        return type == AUDIT_CONFIG_CHANGE && (audit->changing || memmem(text, length, key, sizeof key - 1));
}

/* Where audit was off before us, most records exist only because we enabled it: programs' own messages,
 * records of calls. The kernel makes those of access decisions and of integrity, and takes those of user
 * space access decisions, whether or not it is enabled (audit_receive_msg(), security/lsm_audit.c). */
static bool would_be_there_without_us(const struct source_audit *audit, uint16_t type)
{
        return audit->saved.enabled || type == AUDIT_USER_AVC || type == AUDIT_SECCOMP ||
               (type >= AUDIT_FIRST_SELINUX && type <= AUDIT_LAST_APPARMOR) ||
               (type >= AUDIT_INTEGRITY_FIRST_MSG && type <= AUDIT_INTEGRITY_LAST_MSG);
}

/* As the kernel prints it (kauditd_printk_skb()): level notice, ends of events left out. */
static void pass_on(const struct source_audit *audit, uint16_t type, const char *text, size_t length)
{
        char line[1024];
        int n;

        if (audit->kernel_log < 0 || type == AUDIT_REPLACE || !would_be_there_without_us(audit, type) ||
            is_our_change(audit, type, text, length))
                return;
        n = snprintf(line, sizeof line, "<5>audit: type=%u %.*s\n", type, (int)length, text);
        if (n > 0 &&
            write(audit->kernel_log, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1) < 0)
                return; /* best effort, like the kernel's own */
}

static void take_record(struct source_audit *audit, struct collection *collection, const char *message,
                        size_t length, uint64_t now_us)
{
        const struct nlmsghdr *header = (const struct nlmsghdr *)message;
        const struct audit_event *event;
        const char *text = message + NLMSG_HDRLEN;

        /* nlmsg_len of records to the registered daemon lacks the header's own length
         * (audit_log_end()); the datagram's length is right. */
        if (length <= NLMSG_HDRLEN || header->nlmsg_type < AUDIT_USER)
                return;
        length -= NLMSG_HDRLEN;
        switch (audit_joiner_feed(audit->joiner, header->nlmsg_type, text, length, &event)) {
        case AUDIT_FEED_COMPLETE:
                deliver(collection, event, now_us);
                break;
        case AUDIT_FEED_FOREIGN:
                pass_on(audit, header->nlmsg_type, text, length);
                break;
        case AUDIT_FEED_TAKEN:
                break;
        }
}

static int receive(struct source *source, struct collection *collection)
{
        struct source_audit *audit = (struct source_audit *)source;

        for (int batch = 0; batch < BATCHES; batch++) {
                uint64_t now_us;
                int n = recvmmsg(source->fd, audit->messages, BATCH, MSG_DONTWAIT, NULL);

                if (n < 0 && errno == ENOBUFS) {
                        collection->recording->losses[PROFILE_LOSS_SOCKET]++;
                        continue;
                }
                if (n < 0)
                        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
                now_us = collection_now_us(collection);
                for (int i = 0; i < n; i++)
                        take_record(audit, collection, audit->buffers[i], audit->messages[i].msg_len, now_us);
                if (n < BATCH)
                        break;
        }
        return 0;
}

/* ---- Start and stop ---------------------------------------------------------------------- */

/* Records of calls that ended before our rules went may still stand in the kernel's queue. */
static void drain(struct source_audit *audit, struct collection *collection)
{
        const struct timespec pause = {.tv_nsec = DRAIN_PAUSE_NS};
        struct audit_settings now;
        int quiet = 0;

        for (int round = 0; round < DRAIN_ROUNDS && quiet < DRAIN_QUIET_ROUNDS; round++) {
                if (receive(&audit->source, collection) < 0 || audit_settings_read(audit->control, &now) < 0)
                        return;
                quiet = now.backlog ? 0 : quiet + 1;
                nanosleep(&pause, NULL);
        }
        receive(&audit->source, collection);
}

static void give_back(struct source_audit *audit, struct collection *collection)
{
        int r, given_back;

        audit->changing = true;
        r = audit_rules_delete(audit->control);
        given_back = audit_settings_give_back(audit->control, &audit->saved);
        if (audit->registered) {
                drain(audit, collection);
                audit_set_pid(audit->control, 0, WAIT_NO);
        }
        if (r >= 0 && given_back >= 0) /* else --restore tries again */
                audit_state_drop(&collection->view);
}

static void stop(struct source *source, struct collection *collection)
{
        struct source_audit *audit = (struct source_audit *)source;
        struct audit_settings now;

        give_back(audit, collection);
        if (audit_settings_read(audit->control, &now) == 0 && now.lost >= audit->saved.lost)
                collection->recording->losses[PROFILE_LOSS_KERNEL] += now.lost - audit->saved.lost;
        collection->recording->losses[PROFILE_LOSS_INCOMPLETE] += audit_joiner_incomplete(audit->joiner);
}

static void free_audit(struct source *source)
{
        struct source_audit *audit = (struct source_audit *)source;

        close_cleanup(&source->fd);
        close_cleanup(&audit->control);
        close_cleanup(&audit->kernel_log);
        audit_joiner_free(audit->joiner);
        free(audit);
}

static const struct source_class audit_class = {
        .name = "audit",
        .receive = receive,
        .stop = stop,
        .free = free_audit,
};

bool source_is_audit(const struct source *source)
{
        return source->class == &audit_class;
}

static struct source_audit *audit_new(const struct view *view)
{
        struct source_audit *audit = calloc(1, sizeof *audit);

        if (!audit)
                return NULL;
        audit->source = (struct source){.class = &audit_class, .fd = -1};
        audit->kernel_log = openat(view->dev, "kmsg", O_WRONLY | O_CLOEXEC);
        audit->control = -1;
        audit->joiner = audit_joiner_new(AUDIT_RULE_KEY, (uint32_t)getpid());
        for (int i = 0; i < BATCH; i++) {
                audit->vectors[i] = (struct iovec){audit->buffers[i], sizeof audit->buffers[i]};
                audit->messages[i].msg_hdr = (struct msghdr){.msg_iov = &audit->vectors[i], .msg_iovlen = 1};
        }
        return audit;
}

/* libaudit would wait 100 ms for an answer among the records; whether it worked is seen in the status. */
static int become_daemon(struct source_audit *audit)
{
        struct audit_settings now;
        int r = audit_set_pid(audit->source.fd, (uint32_t)getpid(), WAIT_NO);

        if (r >= 0)
                r = audit_settings_read(audit->control, &now);
        if (r < 0)
                return r;
        audit->registered = now.owner == (uint32_t)getpid();
        return audit->registered ? 0 : -EEXIST;
}

static int take(struct source_audit *audit, struct collection *collection, const struct source_scope *scope)
{
        int r = audit_state_save(&collection->view, &audit->saved);

        if (r < 0)
                return r;
        audit->changing = true;
        r = audit_settings_take(audit->control, &audit->saved);
        if (r >= 0)
                r = become_daemon(audit);
        if (r < 0)
                return r;
        r = audit_rules_add(audit->control, &collection->mounts, scope->session);
        if (r >= 0 && !audit->saved.enabled)
                r = audit_rules_spare(audit->control);
        if (r >= 0 && !audit->saved.enabled)
                r = audit_set_enabled(audit->control, audit_our_settings.enabled);
        if (r >= 0)
                r = receive(&audit->source, collection);
        audit->changing = false;
        return r < 0 ? r : 0;
}

int source_audit_start(struct collection *collection, const struct source_scope *scope, struct source **ret,
                       const char **ret_why)
{
        struct source_audit *audit = audit_new(&collection->view);
        int r = -ENOMEM;

        if (!audit)
                return r;
        if (!audit->joiner)
                goto fail;
        r = audit_state_restore(&collection->view); /* of a collector that was killed before us */
        if (r < 0) {
                *ret_why = r == -EBUSY ? "another collector uses the audit system"
                                       : "what a killed collector left behind can't be restored";
                r = 0;
                goto fail;
        }
        audit->control = audit_open();
        r = audit->control < 0 ? -errno
                               : audit_usable(audit->control, &collection->view, &audit->saved, ret_why);
        if (audit->control < 0 && (errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT || errno == EINVAL)) {
                *ret_why = "this kernel has no audit system";
                r = 0;
        }
        if (r <= 0)
                goto fail;
        audit->source.fd = open_receiver();
        r = audit->source.fd < 0 ? audit->source.fd : take(audit, collection, scope);
        if (r < 0) {
                give_back(audit, collection);
                goto fail;
        }
        collection->sources |= PROFILE_SOURCE_AUDIT;
        *ret = &audit->source;
        return 1;
fail:
        free_audit(&audit->source);
        return r;
}
