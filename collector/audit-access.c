/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit-access.h"

#include <libaudit.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "audit-rules.h"

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

void audit_event_deliver(struct collection *collection, const struct audit_event *event, uint64_t now_us)
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
                .arguments = *event->words ? event->words : NULL,
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
