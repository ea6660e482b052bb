/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMMAND_NOT_RUN = 126, COMMAND_NOT_FOUND = 127 };

static void become(char **command)
{
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
        execvp(command[0], command);
        fprintf(stderr, "bootahead-collect: '%s': %s\n", command[0], strerror(errno));
        _exit(errno == ENOENT ? COMMAND_NOT_FOUND : COMMAND_NOT_RUN);
}

int command_start(char **command, pid_t *ret, int *ret_fd)
{
        pid_t child = fork();

        if (child < 0)
                return -errno;
        if (child == 0)
                become(command);
        *ret_fd = (int)syscall(SYS_pidfd_open, child, 0);
        if (*ret_fd < 0) {
                int r = -errno;

                kill(child, SIGKILL);
                waitpid(child, NULL, 0);
                return r;
        }
        *ret = child;
        return 0;
}
