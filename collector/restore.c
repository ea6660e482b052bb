/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <libaudit.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>

#include "audit-state.h"
#include "cleanup.h"
#include "process.h"
#include "trace.h"

enum { LEAVE_ROUNDS = 200, LEAVE_PAUSE_NS = 10000000 };

/* One at a time: a guardian, a unit's stop step and the next collector may all come at once. */
int restore_all(const struct view *view)
{
        _cleanup_close_ int turn = openat(view->run, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int traces, settings;

        if (turn < 0 || flock(turn, LOCK_EX) < 0)
                return -errno;
        traces = trace_restore(view);
        settings = audit_state_restore(view);
        return settings < 0 ? settings : traces > 0 || settings > 0;
}

/* Return: pid of the collector that runs, 0: none, or negative errno. */
static pid_t find_collector(const struct view *view)
{
        unsigned long long ticks;
        struct life life;
        char text[64];
        int pid, r = view_read(view->run, "collect.pid", text, sizeof text);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (sscanf(text, "%d %llu", &pid, &ticks) != 2 || pid <= 1)
                return -EBADMSG;
        return life_read(view, pid, &life) == 0 && life.start_ticks == ticks ? pid : 0;
}

int leave_audit(const struct view *view)
{
        const struct timespec pause = {.tv_nsec = LEAVE_PAUSE_NS};
        _cleanup_close_ int fd = audit_open();
        pid_t collector = find_collector(view);
        struct audit_settings now;
        int r;

        if (collector <= 0)
                return collector;
        if (fd < 0)
                return -errno;
        for (int round = 0; round < LEAVE_ROUNDS; round++) {
                r = audit_settings_read(fd, &now);
                if (r < 0)
                        return r;
                if (now.owner != (uint32_t)collector)
                        return round > 0;
                if (round == 0 && kill(collector, SIGUSR1) < 0)
                        return errno == ESRCH ? 0 : -errno;
                nanosleep(&pause, NULL);
        }
        return -ETIMEDOUT;
}
