/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <time.h>

#include "audit-state.h"
#include "cleanup.h"
#include "report.h"
#include "trace.h"

enum { LEAVE_ROUNDS = 200, LEAVE_PAUSE_NS = 10000000 };

int restore_turn(const struct view *view)
{
        _cleanup_close_ int turn = openat(view->run, "turn", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

        return turn < 0 || flock(turn, LOCK_EX) < 0 ? -errno : take_fd(&turn);
}

int restore_in_turn(const struct view *view)
{
        int traces = trace_restore(view), settings = audit_state_restore(view);

        unlinkat(view->run, "audit-state.new", 0);
        report_clean(view);
        return settings < 0 ? settings : traces > 0 || settings > 0;
}

int restore_all(const struct view *view)
{
        _cleanup_close_ int turn = restore_turn(view);

        return turn < 0 ? turn : restore_in_turn(view);
}

int leave_audit(const struct view *view)
{
        const struct timespec pause = {.tv_nsec = LEAVE_PAUSE_NS};

        for (int round = 0; round < LEAVE_ROUNDS; round++) {
                pid_t collector = audit_state_collector(view);

                if (collector == 0) {
                        int r = restore_all(view);

                        return r < 0 ? r : r > 0 || round > 0;
                }
                if (collector < 0)
                        return collector;
                if (round == 0 && kill(collector, SIGUSR1) < 0 && errno != ESRCH)
                        return -errno;
                nanosleep(&pause, NULL);
        }
        return -ETIMEDOUT;
}
