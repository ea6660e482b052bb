/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "begin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "decision.h"

#define COLLECT BOOTAHEAD_LIBEXECDIR "/bootahead-collect"
#define REPLAY BOOTAHEAD_LIBEXECDIR "/bootahead-replay"
#define GENERATOR SYSTEMD_GENERATOR_DIR "/bootahead-generator"

enum { PATIENCE_SECONDS = 10, EXIT_DONE = 0, EXIT_REFUSED = 1 };

extern char **environ;

static int spawn(char *const argv[], int errors, pid_t *ret)
{
        posix_spawn_file_actions_t actions;
        int r = posix_spawn_file_actions_init(&actions);

        if (r != 0)
                return -r;
        r = posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
        if (r == 0)
                r = posix_spawn(ret, argv[0], &actions, NULL, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        return -r;
}

/* Who hangs is left to itself: it has gone to its own background, or it never will. */
static int wait_for(pid_t child)
{
        _cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, child, 0);
        struct pollfd end = {.fd = fd, .events = POLLIN};
        int status;

        if (fd >= 0 && poll(&end, 1, PATIENCE_SECONDS * 1000) == 0)
                return -ETIMEDOUT;
        if (waitpid(child, &status, 0) < 0)
                return -errno;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

static void read_line(int fd, char *ret, size_t size)
{
        ssize_t n = pread(fd, ret, size - 1, 0);

        ret[n > 0 ? n : 0] = '\0';
        ret[strcspn(ret, "\n")] = '\0';
}

/* run - runs a program until it has gone to the background, or has ended
 * @ret_said: the first line of what it said, or what went wrong
 * Return: its exit status or negative errno. */
static int run(char *const argv[], char *ret_said, size_t size)
{
        _cleanup_close_ int errors = memfd_create("bootahead", MFD_CLOEXEC);
        pid_t child;
        int r = errors < 0 ? -errno : spawn(argv, errors, &child);

        if (r == 0)
                r = wait_for(child);
        if (errors >= 0)
                read_line(errors, ret_said, size);
        if (r < 0)
                snprintf(ret_said, size, "'%s': %s", argv[0], strerror(-r));
        return r;
}

static void replay(const char *root, struct decision *decision)
{
        char said[sizeof decision->why] = "", option[256];
        char *argv[] = {(char[]){REPLAY}, option, (char[]){"--background"}, NULL};
        int r;

        snprintf(option, sizeof option, "--root=%s", root);
        r = run(argv, said, sizeof said);
        if (r == EXIT_DONE)
                return;
        decision->refused = r == EXIT_REFUSED;
        decision->mode = decision->refused ? DECISION_COLLECT : DECISION_CONTROL;
        snprintf(decision->why, sizeof decision->why, "%s", *said ? said : "replay failed");
}

/* Whether it can't is in no report: nothing is missing but a figure. */
static bool tell_pages(const char *root)
{
        char said[sizeof((struct decision *)0)->why], option[256];
        char *argv[] = {(char[]){COLLECT},
                        (char[]){"--pages"},
                        (char[]){"--early"},
                        (char[]){"--background"},
                        option,
                        NULL};

        snprintf(option, sizeof option, "--root=%s", root);
        return run(argv, said, sizeof said) == EXIT_DONE;
}

static void collect(int here, const char *root, struct decision *decision)
{
        char said[sizeof decision->why], root_option[256], source_option[64];
        char *argv[] = {(char[]){COLLECT}, (char[]){"--early"}, (char[]){"--background"},
                        root_option,       source_option,       NULL};
        _cleanup_close_ int fd = -1;

        snprintf(root_option, sizeof root_option, "--root=%s", root);
        snprintf(source_option, sizeof source_option, "--source=%s", decision->request);
        if (run(argv, said, sizeof said) != EXIT_DONE)
                return; /* a later stage tries once more, and tells why */
        fd = openat(here, BOOTAHEAD_RUNDIR "/collect.source" + 1, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0)
                read_line(fd, decision->source, sizeof decision->source);
}

/* An initramfs may be older than its root, from which we were removed: nobody would keep our records out of
 * the journal, and nobody would end the collector. */
static bool can_collect(int there)
{
        return faccessat(there, GENERATOR + 1, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A /usr of its own is mounted later: who serves the rest of the boot can't be seen yet. */
static bool is_complete(int there)
{
        return faccessat(there, SYSTEMD_GENERATOR_DIR + 1, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int begin(const char *root)
{
        _cleanup_close_ int here = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int there = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct decision decision;
        int r;

        if (here < 0 || there < 0)
                return -errno;
        r = decision_read(here, &decision);
        if (r != -ENOENT)
                return r;
        r = decision_make(here, there, &decision);
        if (r < 0)
                return r;
        decision.early = true;
        if (decision.mode == DECISION_REPLAY)
                replay(root, &decision);
        decision.pages =
                decision.pages && decision.mode == DECISION_REPLAY && can_collect(there) && tell_pages(root);
        if (decision.mode == DECISION_COLLECT && !is_complete(there))
                return -ENOENT;
        if (decision.mode == DECISION_COLLECT && !can_collect(there)) {
                decision.mode = DECISION_OFF;
                snprintf(decision.why, sizeof decision.why, "'%s' is not there", GENERATOR);
        }
        if (decision.mode == DECISION_COLLECT)
                collect(here, root, &decision);
        return decision_write(here, &decision);
}
