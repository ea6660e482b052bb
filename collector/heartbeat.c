/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "heartbeat.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { QUIET_US = 900000 };

void heartbeat_init(struct heartbeat *heartbeat, const struct view *view, const struct mounts *mounts)
{
        static const char *const files[] = {"etc/passwd", "etc/fstab", "usr/lib/os-release",
                                            "etc/machine-id"};
        struct stat status;

        *heartbeat = (struct heartbeat){0};
        for (size_t i = 0; i < sizeof files / sizeof *files && !heartbeat->file; i++)
                if (fstatat(view->root, files[i], &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                    S_ISREG(status.st_mode) && mounts_find(mounts, status.st_dev) >= 0)
                        heartbeat->file = files[i];
}

bool heartbeat_hear(struct heartbeat *heartbeat, pid_t pid, uint64_t now_us)
{
        heartbeat->heard_us = now_us;
        if (!heartbeat->pending || pid != heartbeat->child)
                return false; /* the number may be another process's by now */
        heartbeat->pending = false;
        return true;
}

/* A child may hang in the open, and outlive us: what is ours must not hang on it. */
_Noreturn static void beat(int root, const char *file)
{
        if (root > 0)
                close_range(0, (unsigned int)root - 1, 0);
        close_range((unsigned int)root + 1, UINT_MAX, 0);
        _exit(openat(root, file, O_RDONLY | O_NONBLOCK | O_NOATIME | O_CLOEXEC) < 0);
}

static int send_beat(struct heartbeat *heartbeat, const struct view *view)
{
        pid_t child = fork();

        if (child < 0)
                return -errno;
        if (child == 0)
                beat(view->root, heartbeat->file);
        *heartbeat = (struct heartbeat){
                .file = heartbeat->file, .child = child, .pending = true, .heard_us = heartbeat->heard_us};
        return 0;
}

static int wait_for_child(struct heartbeat *heartbeat)
{
        int status;
        pid_t r = waitpid(heartbeat->child, &status, WNOHANG);

        if (r <= 0)
                return r < 0 ? -errno : 0;
        heartbeat->ended = true;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                heartbeat->pending = false; /* the file could not be opened: it proves nothing */
        return 0;
}

int heartbeat_check(struct heartbeat *heartbeat, const struct view *view, uint64_t now_us)
{
        if (!heartbeat->file)
                return 0;
        /* Once it has opened the file its event gets the time until the next question. */
        if (heartbeat->child && !heartbeat->ended)
                return wait_for_child(heartbeat);
        if (heartbeat->pending)
                return -ETIMEDOUT;
        return now_us - heartbeat->heard_us < QUIET_US ? 0 : send_beat(heartbeat, view);
}

void heartbeat_done(struct heartbeat *heartbeat)
{
        if (heartbeat->child && !heartbeat->ended)
                wait_for_child(heartbeat);
}
