/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collector.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "cleanup.h"

#define PROGRAM BOOTAHEAD_LIBEXECDIR "/bootahead-collect"
#define MESSAGE BOOTAHEAD_RUNDIR "/collect.message"

extern char **environ;

static int pidfd_open_of(pid_t pid)
{
        int fd = (int)syscall(SYS_pidfd_open, pid, 0);

        return fd < 0 ? -errno : fd;
}

void collector_done(struct collector *collector)
{
        close_cleanup(&collector->pidfd);
        *collector = COLLECTOR_NONE;
}

static int read_line(const char *path, char *ret, size_t size)
{
        _cleanup_fclose_ FILE *in = fopen(path, "re");

        if (!in)
                return -errno;
        if (!fgets(ret, (int)size, in))
                return ferror(in) ? -EIO : -ENODATA;
        ret[strcspn(ret, "\n")] = '\0';
        return 0;
}

/* Field 22 of proc(5)'s stat; the name in field 2 may contain anything, so counting starts behind it. */
static int start_ticks_of(pid_t pid, uint64_t *ret)
{
        char path[64], line[1024];
        const char *rest;
        int r;

        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        r = read_line(path, line, sizeof line);
        if (r < 0)
                return r;
        rest = strrchr(line, ')');
        for (int field = 2; rest && field < 22; field++)
                rest = strchr(rest + 1, ' ');
        return rest && sscanf(rest, " %" SCNu64, ret) == 1 ? 0 : -EBADMSG;
}

int collector_find(const char *name, struct collector *ret)
{
        _cleanup_close_ int fd = -1;
        uint64_t written, ticks;
        char line[64], path[128];
        int pid, r;

        snprintf(path, sizeof path, BOOTAHEAD_RUNDIR "/%s.pid", name);
        r = read_line(path, line, sizeof line);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (sscanf(line, "%d %" SCNu64, &pid, &written) != 2 || pid <= 1)
                return -EBADMSG;
        fd = pidfd_open_of(pid);
        if (fd < 0)
                return fd == -ESRCH ? 0 : fd;
        /* The pidfd is held first: now the number can't change its owner unseen. */
        r = start_ticks_of(pid, &ticks);
        if (r < 0 || ticks != written)
                return 0;
        *ret = (struct collector){.pidfd = take_fd(&fd)};
        return 1;
}

/* A child starts with no signal blocked: it has handlers of its own. */
static int set_attributes(posix_spawnattr_t *attributes)
{
        sigset_t none;

        sigemptyset(&none);
        posix_spawnattr_setsigmask(attributes, &none);
        return -posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK);
}

static int spawn(char *const argv[], const char *output, pid_t *ret)
{
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        int r;

        if (posix_spawn_file_actions_init(&actions) != 0)
                return -ENOMEM;
        if (posix_spawnattr_init(&attributes) != 0) {
                posix_spawn_file_actions_destroy(&actions);
                return -ENOMEM;
        }
        r = set_attributes(&attributes);
        if (r == 0 && output)
                r = -posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, output,
                                                      O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
        if (r == 0)
                r = -posix_spawn(ret, PROGRAM, &actions, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        return r;
}

int collector_start(const char *source, struct collector *ret)
{
        char option[64];
        char *argv[] = {(char[]){"bootahead-collect"}, option, NULL};
        pid_t pid;
        int fd, r;

        snprintf(option, sizeof option, "--source=%s", source);
        unlink(COLLECTOR_REPORT); /* of an earlier collection in this boot */
        r = spawn(argv, MESSAGE, &pid);
        if (r < 0)
                return r;
        fd = pidfd_open_of(pid);
        if (fd < 0) {
                kill(pid, SIGTERM);
                waitpid(pid, NULL, 0);
                return fd;
        }
        *ret = (struct collector){.pidfd = fd, .child = pid};
        return 0;
}

int collector_signal(const struct collector *collector, int signal)
{
        return syscall(SYS_pidfd_send_signal, collector->pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

bool collector_wait(struct collector *collector, int milliseconds)
{
        struct pollfd poll_end = {.fd = collector->pidfd, .events = POLLIN};
        int r;

        do
                r = poll(&poll_end, 1, milliseconds);
        while (r < 0 && errno == EINTR);
        if (r <= 0)
                return false;
        if (collector->child)
                waitpid(collector->child, NULL, 0);
        collector->child = 0;
        return true;
}

int collector_restore(void)
{
        char *argv[] = {(char[]){"bootahead-collect"}, (char[]){"--restore"}, NULL};
        int status, r;
        pid_t pid;

        r = spawn(argv, NULL, &pid);
        if (r < 0)
                return r;
        if (waitpid(pid, &status, 0) < 0)
                return -errno;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

void collector_message(char *ret, size_t size)
{
        if (read_line(MESSAGE, ret, size) < 0)
                *ret = '\0';
}
