/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit-state.h"

#include <errno.h>
#include <fcntl.h>
#include <libaudit.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "audit-reply.h"
#include "audit-rules.h"
#include "audit-thread.h"
#include "cleanup.h"
#include "process.h"

#define STATE_FILE "audit-state"
#define STATE_TEMPORARY "audit-state.new"

enum { STATE_SIZE = 512, AUDIT_LOCKED = 2 };

/* A boot's bursts fit into the queue; nobody ever sleeps for it; its overflow is silent and counted. */
const struct audit_settings audit_our_settings = {
        .enabled = 1,
        .failure = AUDIT_FAIL_SILENT,
        .rate_limit = 0,
        .backlog_limit = 32768,
        .backlog_wait_time = 0,
};

int audit_settings_read(int fd, struct audit_settings *ret)
{
        struct audit_reply reply;
        int r = audit_request_status(fd);

        if (r >= 0)
                r = audit_wait_reply(fd, r, AUDIT_GET, &reply);
        if (r <= 0)
                return r < 0 ? r : -EPROTO;
        *ret = (struct audit_settings){
                .enabled = reply.status->enabled,
                .failure = reply.status->failure,
                .rate_limit = reply.status->rate_limit,
                .backlog_limit = reply.status->backlog_limit,
                .backlog_wait_time = reply.status->backlog_wait_time,
                .owner = reply.status->pid,
                .lost = reply.status->lost,
                .backlog = reply.status->backlog,
        };
        return 0;
}

/* Any multicast listener (journald, by its audit socket) would get each record of ours: netlink(7),
 * the columns of /proc/net/netlink are socket, protocol, pid, groups. */
static bool has_listeners(const struct view *view)
{
        _cleanup_fclose_ FILE *table = NULL;
        char line[256];
        int fd = openat(view->proc, "net/netlink", O_RDONLY | O_CLOEXEC);

        table = fd < 0 ? NULL : fdopen(fd, "re");
        while (table && fgets(line, sizeof line, table)) {
                unsigned int protocol, groups;

                if (sscanf(line, "%*s %u %*s %x", &protocol, &groups) == 2 && protocol == NETLINK_AUDIT &&
                    groups)
                        return true;
        }
        return false;
}

/* Whether the machine's own auditd will want the place in this boot; from the initramfs it always
 * looks free. */
static bool auditd_enabled(const struct view *view)
{
        static const char *const links[] = {
                "etc/systemd/system/multi-user.target.wants/auditd.service",
                "etc/systemd/system/sysinit.target.wants/auditd.service",
        };
        struct stat status;

        for (size_t i = 0; i < sizeof links / sizeof *links; i++)
                if (fstatat(view->root, links[i], &status, AT_SYMLINK_NOFOLLOW) == 0)
                        return true;
        return false;
}

int audit_usable(int fd, const struct view *view, struct audit_settings *ret, const char **ret_why)
{
        unsigned int ours, foreign;
        int r = audit_settings_read(fd, ret);

        if (r < 0) {
                *ret_why = "the audit system can't be used from here";
                return r == -EPERM || r == -ECONNREFUSED || r == -EPROTONOSUPPORT ? 0 : r;
        }
        r = audit_rules_count(fd, &ours, &foreign);
        if (r < 0)
                return r;
        if (ret->enabled == AUDIT_LOCKED)
                *ret_why = "the audit system is locked";
        else if (ret->owner && kill((pid_t)ret->owner, 0) == 0)
                *ret_why = "an audit daemon is registered";
        else if (foreign)
                *ret_why = "the audit system has rules of others";
        else if (ret->failure == AUDIT_FAIL_PANIC)
                *ret_why = "the audit system would panic on loss";
        else if (auditd_enabled(view))
                *ret_why = "auditd is enabled on this machine";
        else if (has_listeners(view))
                *ret_why = "another program listens to audit and would log our records";
        else
                return 1;
        return 0;
}

int audit_state_save(const struct view *view, const struct audit_settings *settings)
{
        _cleanup_fclose_ FILE *file = NULL;
        struct life self = {0};
        int fd = openat(view->run, STATE_TEMPORARY, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                        0600);

        if (fd < 0)
                return -errno;
        file = fdopen(fd, "we");
        if (!file) {
                close(fd);
                return -ENOMEM;
        }
        life_read(view, getpid(), &self);
        fprintf(file, "enabled=%u\nfailure=%u\nrate_limit=%u\nbacklog_limit=%u\nbacklog_wait_time=%u\n",
                settings->enabled, settings->failure, settings->rate_limit, settings->backlog_limit,
                settings->backlog_wait_time);
        fprintf(file, "thread=%d\n", settings->thread);
        fprintf(file, "collector=%d %llu\n", (int)getpid(), (unsigned long long)self.start_ticks);
        if (fflush(file) || ferror(file))
                return -EIO;
        return renameat(view->run, STATE_TEMPORARY, view->run, STATE_FILE) < 0 ? -errno : 0;
}

void audit_state_drop(const struct view *view)
{
        unlinkat(view->run, STATE_FILE, 0);
}

int audit_settings_take(int fd, const struct audit_settings *saved)
{
        int r = audit_set_backlog_wait_time(fd, audit_our_settings.backlog_wait_time);

        audit_thread_gather(saved->thread);
        if (r >= 0 && saved->backlog_limit < audit_our_settings.backlog_limit && saved->backlog_limit)
                r = audit_set_backlog_limit(fd, audit_our_settings.backlog_limit);
        if (r >= 0)
                r = audit_set_rate_limit(fd, audit_our_settings.rate_limit);
        if (r >= 0)
                r = audit_set_failure(fd, audit_our_settings.failure);
        return r < 0 ? r : 0;
}

int audit_settings_disable(int fd, const struct audit_settings *saved, pid_t collector)
{
        struct audit_settings now;
        int r = audit_settings_read(fd, &now);

        if (r < 0 || (now.owner && now.owner != (uint32_t)collector) || saved->others ||
            now.enabled != audit_our_settings.enabled || saved->enabled == now.enabled)
                return r;
        r = audit_set_enabled(fd, saved->enabled);
        return r < 0 ? r : 1;
}

int audit_settings_enable_again(int fd, const struct audit_settings *saved)
{
        struct audit_settings now;
        int r = audit_settings_read(fd, &now);

        if (r == 0 && saved->enabled && !now.enabled)
                r = audit_set_enabled(fd, saved->enabled);
        return r < 0 ? r : 0;
}

/* The queue's limit last: until then there may be more in it than the old one allows. */
int audit_settings_give_back(int fd, const struct audit_settings *saved)
{
        const struct audit_settings *ours = &audit_our_settings;
        struct audit_settings now;
        int r = audit_settings_read(fd, &now);

        audit_thread_give_back(saved->thread);
        if (r < 0)
                return r;
        if (now.enabled == AUDIT_LOCKED)
                return 0; /* by the administrator: everything is his now */
        if (now.failure == ours->failure && saved->failure != now.failure)
                r = audit_set_failure(fd, saved->failure);
        if (r >= 0 && now.rate_limit == ours->rate_limit && saved->rate_limit != now.rate_limit)
                r = audit_set_rate_limit(fd, saved->rate_limit);
        if (r >= 0 && now.backlog_wait_time == ours->backlog_wait_time &&
            saved->backlog_wait_time != now.backlog_wait_time)
                r = audit_set_backlog_wait_time(fd, saved->backlog_wait_time);
        if (r >= 0 && now.backlog_limit == ours->backlog_limit && saved->backlog_limit != now.backlog_limit)
                r = audit_set_backlog_limit(fd, saved->backlog_limit);
        return r < 0 ? r : 0;
}

static int parse_state(const char *text, struct audit_settings *ret, int *ret_pid,
                       unsigned long long *ret_ticks)
{
        if (sscanf(text,
                   "enabled=%u failure=%u rate_limit=%u backlog_limit=%u backlog_wait_time=%u thread=%d "
                   "collector=%d %llu",
                   &ret->enabled, &ret->failure, &ret->rate_limit, &ret->backlog_limit,
                   &ret->backlog_wait_time, &ret->thread, ret_pid, ret_ticks) != 8)
                return -EBADMSG;
        return ret->enabled > 1 || ret->failure > AUDIT_FAIL_PANIC || *ret_pid <= 1 || ret->thread < 0
                       ? -EBADMSG
                       : 0;
}

/* Most rules went with their collector; what it left otherwise goes here. */
static int restore(int fd, const struct view *view, const struct audit_settings *saved, pid_t collector)
{
        __attribute__((cleanup(audit_tie_cut))) struct audit_tie silence = AUDIT_TIE_NONE;
        struct audit_settings now;
        int r, deleted;

        if (audit_tie_init(&silence, view) == 0) {
                audit_rules_silence(fd);
                audit_tie_hide(view);
        }
        r = audit_settings_disable(fd, saved, collector);
        deleted = audit_rules_delete(fd);
        /* The kernel learns that its daemon is dead only when it has something for it. */
        if (audit_settings_read(fd, &now) == 0 && now.owner == (uint32_t)collector)
                audit_set_pid(fd, 0, WAIT_NO);
        if (r >= 0)
                r = audit_settings_give_back(fd, saved);
        audit_tie_cut(&silence);
        audit_ties_remove(view);
        return r < 0 ? r : deleted < 0 ? deleted : 0;
}

/* Return: 0 (ENOENT: nobody uses the audit system), or another negative errno. */
static int read_state(const struct view *view, struct audit_settings *ret, int *ret_pid, bool *ret_lives)
{
        unsigned long long ticks;
        char text[STATE_SIZE];
        struct life life;
        int r = view_read(view->run, STATE_FILE, text, sizeof text);

        if (r >= 0)
                r = parse_state(text, ret, ret_pid, &ticks);
        if (r < 0)
                return r;
        *ret_lives = life_read(view, *ret_pid, &life) == 0 && life.start_ticks == ticks;
        return 0;
}

pid_t audit_state_collector(const struct view *view)
{
        struct audit_settings saved;
        bool lives = false;
        int pid, r = read_state(view, &saved, &pid, &lives);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        return lives ? pid : 0;
}

bool audit_state_is_left(const struct view *view)
{
        struct audit_settings saved;
        bool lives = false;
        int pid;

        return read_state(view, &saved, &pid, &lives) == 0 && !lives;
}

int audit_state_restore(const struct view *view)
{
        _cleanup_close_ int fd = -1;
        struct audit_settings saved = {0};
        bool lives = false;
        int pid, r = read_state(view, &saved, &pid, &lives);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (lives)
                return -EBUSY;
        fd = audit_open();
        if (fd < 0)
                return -errno;
        r = restore(fd, view, &saved, pid);
        if (r < 0)
                return r;
        audit_state_drop(view);
        return 1;
}
