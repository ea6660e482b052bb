/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "heartbeat.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"

enum { QUIET_US = 900000 };

static bool will_do(const struct view *view, const struct mounts *mounts, const char *path)
{
        _cleanup_close_ int fd = openat(view->root, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        struct stat status;
        dev_t device;

        return fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
               mounts_device(view, fd, status.st_dev, &device) == 0 && mounts_find(mounts, device) >= 0;
}

static const char *find_file(const struct view *view, const struct mounts *mounts)
{
        static const char *const files[] = {"etc/passwd", "etc/fstab", "usr/lib/os-release",
                                            "etc/machine-id"};

        for (size_t i = 0; i < sizeof files / sizeof *files; i++)
                if (will_do(view, mounts, files[i]))
                        return files[i];
        return NULL;
}

/* It may hang in the open, and outlive us: what is ours must not hang on it. */
static void close_others(int a, int b)
{
        unsigned int low = (unsigned int)(a < b ? a : b), high = (unsigned int)(a < b ? b : a);

        if (low > 0)
                close_range(0, low - 1, 0);
        if (high - low > 1)
                close_range(low + 1, high - 1, 0);
        close_range(high + 1, UINT_MAX, 0);
}

_Noreturn static void beat(int root, const char *file, int parent)
{
        char word;

        close_others(root, parent);
        while (recv(parent, &word, 1, 0) == 1) {
                int fd = openat(root, file, O_RDONLY | O_NONBLOCK | O_NOATIME | O_CLOEXEC);

                word = fd >= 0;
                close_cleanup(&fd);
                send(parent, &word, 1, MSG_NOSIGNAL);
        }
        _exit(0);
}

int heartbeat_start(struct heartbeat *heartbeat, const struct view *view, const struct mounts *mounts)
{
        const char *file = find_file(view, mounts);
        int ends[2];
        pid_t child;

        *heartbeat = HEARTBEAT_NONE;
        if (!file)
                return -ENOENT;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
                return -errno;
        child = fork();
        if (child == 0)
                beat(view->root, file, ends[1]);
        close(ends[1]);
        if (child < 0) {
                int r = -errno;

                close(ends[0]);
                return r;
        }
        heartbeat->child_fd = ends[0];
        heartbeat->child = child;
        return 0;
}

void heartbeat_forget(struct heartbeat *heartbeat)
{
        heartbeat->pending = false;
        heartbeat->heard_us = 0;
}

bool heartbeat_hear(struct heartbeat *heartbeat, pid_t pid, uint64_t now_us)
{
        heartbeat->heard_us = now_us;
        if (!heartbeat->child || pid != heartbeat->child)
                return false;
        heartbeat->pending = false;
        return true;
}

static int send_beat(struct heartbeat *heartbeat)
{
        if (send(heartbeat->child_fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                return -errno;
        heartbeat->opening = heartbeat->pending = true;
        return 0;
}

/* Once it has opened the file its event gets the time until the next question. */
static int receive_answer(struct heartbeat *heartbeat)
{
        char opened;
        ssize_t n = recv(heartbeat->child_fd, &opened, 1, MSG_DONTWAIT);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -EPIPE;
        heartbeat->opening = false;
        if (!opened)
                heartbeat->pending = false; /* it proves nothing */
        return 0;
}

int heartbeat_check(struct heartbeat *heartbeat, uint64_t now_us)
{
        bool opening = heartbeat->opening;
        int r = receive_answer(heartbeat);

        if (r < 0 || opening)
                return r;
        if (heartbeat->pending)
                return -ETIMEDOUT;
        return now_us - heartbeat->heard_us < QUIET_US ? 0 : send_beat(heartbeat);
}

void heartbeat_stop(struct heartbeat *heartbeat)
{
        if (heartbeat->child_fd < 0)
                return;
        close_cleanup(&heartbeat->child_fd);
        waitpid(heartbeat->child, NULL, heartbeat->opening ? WNOHANG : 0);
        *heartbeat = HEARTBEAT_NONE;
}
