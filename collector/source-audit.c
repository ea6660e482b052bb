/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Accesses from the kernel's audit system. We register as its daemon, so that records come to us alone
 * and the kernel does not print them.
 *
 * The order keeps every log clean (Linux 6.12, kernel/audit.c): first a rule that keeps our own changes from
 * being recorded, then the daemon's place, rules, and only then audit is enabled; it is disabled first, and
 * the queue is drained before we give the place back.
 */
#include <errno.h>
#include <libaudit.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "audit-access.h"
#include "audit-event.h"
#include "audit-filter.h"
#include "audit-relay.h"
#include "audit-rules.h"
#include "audit-state.h"
#include "audit-thread.h"
#include "cleanup.h"
#include "heartbeat.h"
#include "memory.h"
#include "restore.h"
#include "source.h"

enum {
        MESSAGE_SIZE = NLMSG_SPACE(MAX_AUDIT_MESSAGE_LENGTH),
        BATCH = 64,
        BATCHES = 256,     /* before others get their turn */
        DRAIN_ROUNDS = 30, /* of DRAIN_PAUSE_NS each: who wants the audit system waits for us */
        DRAIN_QUIET_ROUNDS = 2,
        DRAIN_PAUSE_NS = 10000000,
        TIES = 32, /* filesystems without a device of their own may come in so many turns */
};

static const char unproved[] = "nothing proves that the audit system delivers";

struct source_audit {
        struct source source;
        int control; /* for settings and rules */
        bool registered;
        uint32_t session;
        size_t n_ruled;           /* the first so many of the collection's filesystems */
        struct audit_tie silence; /* of the rule that keeps our own changes unrecorded */
        struct audit_tie ties[TIES];
        size_t n_ties;
        struct audit_settings saved;
        struct audit_relay relay;
        struct audit_filter filter;
        uint64_t dropped;    /* by the filter, until now */
        uint64_t emptied_us; /* when our buffer was last known to be empty */
        struct audit_joiner *joiner;
        struct heartbeat heartbeat;
        bool silent; /* for the time being there are no rules */
        struct mmsghdr messages[BATCH];
        struct iovec vectors[BATCH];
        char buffers[BATCH][MESSAGE_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/* Where audit is enabled already, the loading of a program into the kernel would be recorded, and later its
 * end as the kernel's own doing: nothing is filtered there. The records of others are wanted then anyway. */
static int open_receiver(struct audit_filter *filter, bool enabled)
{
        _cleanup_close_ int fd = audit_open();
        int size = MEMORY_AUDIT / 2, r; /* the kernel doubles it, for its bookkeeping */

        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
                return -errno;
        r = enabled ? 0 : audit_filter_attach(filter, fd, MEMORY_AUDIT / 8 * 7);
        return r < 0 ? r : take_fd(&fd);
}

/* ---- Receiving --------------------------------------------------------------------------- */

static void take_record(struct source_audit *audit, struct collection *collection, const char *message,
                        size_t length, uint64_t now_us)
{
        const struct nlmsghdr *header = (const struct nlmsghdr *)message;
        const struct audit_event *event;
        const char *text = message + NLMSG_HDRLEN, *why;

        /* nlmsg_len of records to the registered daemon lacks the header's own length
         * (audit_log_end()); the datagram's length is right. */
        if (length <= NLMSG_HDRLEN || header->nlmsg_type < AUDIT_USER)
                return;
        length -= NLMSG_HDRLEN;
        switch (audit_joiner_feed(audit->joiner, header->nlmsg_type, text, length, &event)) {
        case AUDIT_FEED_COMPLETE:
                audit->source.events++;
                if (!heartbeat_hear(&audit->heartbeat, (pid_t)event->pid, now_us))
                        audit_event_deliver(collection, event, now_us);
                break;
        case AUDIT_FEED_FOREIGN:
                why = audit_relay_take(&audit->relay, &audit->saved, header->nlmsg_type, text, length);
                if (why && !audit->source.trouble)
                        audit->source.trouble = why;
                break;
        case AUDIT_FEED_TAKEN:
                break;
        }
}

/* Return: number of batches, fewer than @batches where there was no more, or negative errno. */
static int receive_batches(struct source_audit *audit, struct collection *collection, int batches)
{
        for (int batch = 0; batch < batches; batch++) {
                uint64_t now_us = collection_now_us(collection);
                int n;

                audit_filter_look(&audit->filter);
                n = recvmmsg(audit->source.fd, audit->messages, BATCH, MSG_DONTWAIT, NULL);
                if (n < 0 && errno == ENOBUFS) {
                        collection->recording->losses[PROFILE_LOSS_SOCKET]++;
                        recording_interval(collection->recording, PROFILE_INTERVAL_BLIND, audit->emptied_us,
                                           now_us);
                        continue;
                }
                if (n < 0 && errno != EAGAIN)
                        return errno == EINTR ? batch : -errno;
                for (int i = 0; i < n; i++) {
                        audit_filter_taken(&audit->filter, audit->messages[i].msg_len);
                        take_record(audit, collection, audit->buffers[i], audit->messages[i].msg_len, now_us);
                }
                if (n < BATCH) {
                        audit->emptied_us = now_us;
                        audit_filter_emptied(&audit->filter);
                        return batch;
                }
        }
        return batches;
}

static void count_dropped(struct source_audit *audit, struct collection *collection)
{
        uint64_t dropped = audit_filter_dropped(&audit->filter);

        collection->recording->losses[PROFILE_LOSS_SOCKET] += dropped - audit->dropped;
        audit->source.events += dropped - audit->dropped;
        audit->dropped = dropped;
}

static int receive(struct source *source, struct collection *collection)
{
        struct source_audit *audit = (struct source_audit *)source;
        int r = receive_batches(audit, collection, BATCHES);

        count_dropped(audit, collection);
        return r < 0 ? r : source->trouble ? -EBUSY : 0;
}

/* What lies in our buffer when nothing more can come. */
static void receive_all(struct source_audit *audit, struct collection *collection)
{
        while (receive_batches(audit, collection, BATCHES) == BATCHES)
                ;
        count_dropped(audit, collection);
}

/* Return: what is wrong with the channel, or NULL. */
static const char *ask_heart(struct source_audit *audit, const struct collection *collection)
{
        int r = heartbeat_check(&audit->heartbeat, collection_now_us(collection));

        return r == -ETIMEDOUT ? "the audit system no longer delivers" : r < 0 ? unproved : NULL;
}

static int check(struct source *source, struct collection *collection)
{
        struct source_audit *audit = (struct source_audit *)source;
        struct audit_settings now;
        int r = audit_settings_read(audit->control, &now);

        if (r < 0)
                source->trouble = "the audit system does not answer";
        else if (now.owner != (uint32_t)getpid())
                source->trouble = "the audit daemon's place was taken from us";
        else if (now.enabled != audit_our_settings.enabled)
                source->trouble = now.enabled ? "the audit system was locked" : "audit was disabled";
        else if (!audit->silent)
                source->trouble = ask_heart(audit, collection);
        return source->trouble ? -EBUSY : 0;
}

/* ---- Start and stop ---------------------------------------------------------------------- */

/* Filesystems with a device of their own are in the first rules already. */
static bool needs_rules(const struct source_audit *audit, const struct mounts *mounts)
{
        for (size_t i = audit->n_ruled; i < mounts->count; i++)
                if (major(mounts->filesystems[i].device) == 0)
                        return true;
        return audit->n_ruled == 0;
}

static int add_rules(struct source_audit *audit, struct collection *collection)
{
        struct audit_tie *tie = &audit->ties[audit->n_ties];
        int r;

        if (!needs_rules(audit, &collection->mounts)) {
                audit->n_ruled = collection->mounts.count;
                return 0;
        }
        if (audit->n_ties == TIES)
                return 0; /* their accesses stay unseen, as the manual says */
        r = audit_tie_init(tie, &collection->view);
        if (r < 0)
                return r;
        audit->n_ties++;
        r = audit_rules_add(audit->control, &collection->mounts, audit->n_ruled, audit->session);
        if (r == 0 && audit->n_ruled == 0 && !audit->saved.enabled)
                r = audit_rules_spare(audit->control, collection->arguments);
        audit_tie_hide(&collection->view);
        audit->n_ruled = collection->mounts.count;
        return r;
}

static int mounts_changed(struct source *source, struct collection *collection)
{
        struct source_audit *audit = (struct source_audit *)source;

        return audit->silent ? 0 : add_rules(audit, collection);
}

static int keep_silent(struct source_audit *audit, struct collection *collection)
{
        int r;

        audit_tie_cut(&audit->silence); /* others may have deleted the rule, not knowing what it is for */
        r = audit_tie_init(&audit->silence, &collection->view);
        if (r < 0)
                return r;
        r = audit_rules_silence(audit->control);
        audit_tie_hide(&collection->view);
        return r;
}

static void cut_ties(struct source_audit *audit)
{
        while (audit->n_ties)
                audit_tie_cut(&audit->ties[--audit->n_ties]);
        audit->n_ruled = 0;
}

static int narrow(struct source *source, struct collection *collection, bool narrow)
{
        struct source_audit *audit = (struct source_audit *)source;

        audit->silent = narrow;
        if (narrow) {
                cut_ties(audit);
                return 0;
        }
        heartbeat_forget(&audit->heartbeat);
        return add_rules(audit, collection);
}

/* Records of calls that ended before our rules went may still stand in the kernel's queue. They are only
 * waited for, not taken in: somebody may want the place. */
static void wait_for_kernel(const struct source_audit *audit, const struct view *view)
{
        const struct timespec pause = {.tv_nsec = DRAIN_PAUSE_NS};
        struct audit_settings now;
        int quiet = 0;

        for (int round = 0; round < DRAIN_ROUNDS && quiet < DRAIN_QUIET_ROUNDS; round++) {
                if (audit_settings_read(audit->control, &now) < 0)
                        return;
                quiet = now.backlog || audit_thread_works(view, audit->saved.thread) ? 0 : quiet + 1;
                nanosleep(&pause, NULL);
        }
}

static void give_back(struct source_audit *audit, struct collection *collection)
{
        int disabled, r;

        keep_silent(audit, collection);
        receive_batches(audit, collection, BATCHES); /* whose changes are not ours to undo */
        disabled = audit_settings_disable(audit->control, &audit->saved, getpid());
        cut_ties(audit);
        wait_for_kernel(audit, &collection->view);
        if (audit->registered)
                audit_set_pid(audit->source.fd, 0, WAIT_NO);
        receive_all(audit, collection);
        r = disabled > 0 ? audit_settings_enable_again(audit->control, &audit->saved) : disabled;
        if (audit_settings_give_back(audit->control, &audit->saved) < 0)
                r = -EBUSY;
        audit_tie_cut(&audit->silence);
        audit_ties_remove(&collection->view);
        if (r == 0) /* else --restore tries again */
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
        heartbeat_stop(&audit->heartbeat);
}

static void free_audit(struct source *source)
{
        struct source_audit *audit = (struct source_audit *)source;

        cut_ties(audit);
        audit_tie_cut(&audit->silence);
        close_cleanup(&source->fd);
        close_cleanup(&audit->control);
        audit_filter_done(&audit->filter);
        audit_relay_done(&audit->relay);
        audit_joiner_free(audit->joiner);
        free(audit);
}

static const struct source_class audit_class = {
        .name = "audit",
        .receive = receive,
        .check = check,
        .narrow = narrow,
        .mounts_changed = mounts_changed,
        .stop = stop,
        .free = free_audit,
};

bool source_is_audit(const struct source *source)
{
        return source->class == &audit_class;
}

static struct source_audit *audit_new(void)
{
        struct source_audit *audit = calloc(1, sizeof *audit);

        if (!audit)
                return NULL;
        audit->source = (struct source){.class = &audit_class, .fd = -1};
        audit->control = -1;
        audit->relay.kernel_log = -1;
        audit->session = UINT32_MAX;
        audit->silence = AUDIT_TIE_NONE;
        audit->heartbeat = HEARTBEAT_NONE;
        audit->joiner = audit_joiner_new(AUDIT_RULE_KEY, (uint32_t)getpid());
        for (int i = 0; i < BATCH; i++) {
                audit->vectors[i] = (struct iovec){audit->buffers[i], sizeof audit->buffers[i]};
                audit->messages[i].msg_hdr = (struct msghdr){.msg_iov = &audit->vectors[i], .msg_iovlen = 1};
        }
        return audit;
}

/* libaudit would wait 100 ms for an answer among the records; whether it worked is seen in the status. */
static int become_daemon(struct source_audit *audit, const struct view *view)
{
        struct audit_settings now;
        int r;

        audit_relay_init(&audit->relay, view);
        r = audit_set_pid(audit->source.fd, (uint32_t)getpid(), WAIT_NO);
        if (r >= 0)
                r = audit_settings_read(audit->control, &now);
        if (r < 0)
                return r;
        audit->registered = now.owner == (uint32_t)getpid();
        return audit->registered ? 0 : -EEXIST;
}

/* A session of its own tells the command and all that descend from it from everybody else, inside the
 * kernel and however short they live. It is inherited and survives everything. */
static int enter_session(struct source_audit *audit)
{
        uid_t user = audit_getloginuid();

        if (audit_setloginuid(user == (uid_t)-1 ? getuid() : user) < 0)
                return -EPERM;
        audit->session = audit_get_session();
        return audit->session == UINT32_MAX ? -EPERM : 0;
}

/* Who has come since we looked finds everything as he has left it. */
static int check_alone(struct source_audit *audit)
{
        struct audit_settings now;
        unsigned int ours, foreign;
        int r = audit_rules_count(audit->control, &ours, &foreign);

        if (r == 0)
                r = audit_settings_read(audit->control, &now);
        if (r < 0)
                return r;
        audit->saved.others |= now.enabled != audit->saved.enabled;
        return foreign || audit->saved.others ? -EBUSY : 0;
}

/* The kernel records that it is enabled where it is enabled already (audit_do_config_change(), Linux 6.1
 * to 6.18). So for once we are not silent: a record comes if somebody was faster, and is taken for his. */
static int enable(struct source_audit *audit, struct collection *collection)
{
        int r;

        audit_tie_cut(&audit->silence);
        r = audit_set_enabled(audit->control, audit_our_settings.enabled);
        return r < 0 ? r : keep_silent(audit, collection);
}

static int take(struct source_audit *audit, struct collection *collection, const struct source_scope *scope)
{
        int r;

        audit->saved.thread = audit_thread_find(&collection->view);
        r = audit_state_save(&collection->view, &audit->saved);
        if (r == 0)
                r = keep_silent(audit, collection);
        if (r == 0)
                r = become_daemon(audit, &collection->view);
        if (r == 0 && scope->root)
                r = enter_session(audit);
        if (r == 0)
                r = audit_settings_take(audit->control, &audit->saved);
        if (r == 0)
                r = add_rules(audit, collection);
        if (r == 0)
                r = check_alone(audit);
        if (r == 0 && !audit->saved.enabled)
                r = enable(audit, collection);
        return r < 0 ? r : 0;
}

int source_audit_start(struct collection *collection, const struct source_scope *scope, struct source **ret,
                       const char **ret_why)
{
        struct source_audit *audit = audit_new();
        _cleanup_close_ int turn = -1;
        int r = -ENOMEM;

        if (!audit)
                return r;
        if (!audit->joiner)
                goto fail;
        r = turn = restore_turn(&collection->view);
        if (r >= 0)
                r = restore_in_turn(&collection->view); /* of a collector that was killed before us */
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
        r = audit->source.fd = open_receiver(&audit->filter, audit->saved.enabled);
        if (r >= 0)
                r = take(audit, collection, scope);
        if (r < 0) {
                give_back(audit, collection);
                if (r == -EBUSY) {
                        *ret_why = "somebody changes the audit system";
                        r = 0;
                }
                goto fail;
        }
        if (heartbeat_start(&audit->heartbeat, &collection->view, &collection->mounts) < 0)
                audit->source.trouble = unproved;
        collection->sources |= PROFILE_SOURCE_AUDIT;
        if (!audit_rules_see_32_bit())
                collection_explain(collection, "no 32-bit programs");
        *ret = &audit->source;
        return 1;
fail:
        free_audit(&audit->source);
        return r;
}
