/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "restore.h"

enum { ATTEMPTS = 400, PAUSE_NS = 5000000 };

/* Nobody waits for the end of our output. */
static void be_quiet(const struct view *view)
{
        int null = openat(view->dev, "null", O_RDWR | O_CLOEXEC);

        for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
                dup2(null, fd);
}

/* Our parent's files are closed a moment before it is dead. */
_Noreturn static void guard(const struct view *view, int pipe, pid_t parent)
{
        const struct timespec pause = {.tv_nsec = PAUSE_NS};
        char word;

        be_quiet(view);
        setsid();
        if (read(pipe, &word, 1) == 1)
                _exit(0);
        for (int attempt = 0; attempt < ATTEMPTS && getppid() == parent; attempt++)
                nanosleep(&pause, NULL);
        restore_all(view);
        _exit(0);
}

int guardian_start(struct guardian *ret, const struct view *view)
{
        pid_t parent = getpid(), child;
        int ends[2];

        *ret = GUARDIAN_NONE;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        child = fork();
        if (child < 0) {
                int r = -errno;

                close(ends[0]);
                close(ends[1]);
                return r;
        }
        if (child == 0) {
                close(ends[1]);
                guard(view, ends[0], parent);
        }
        close(ends[0]);
        *ret = (struct guardian){.pipe = ends[1], .child = child};
        return 0;
}

void guardian_dismiss(struct guardian *guardian)
{
        if (guardian->pipe < 0)
                return;
        if (write(guardian->pipe, "+", 1) == 1)
                waitpid(guardian->child, NULL, 0);
        close_cleanup(&guardian->pipe);
        *guardian = GUARDIAN_NONE;
}
