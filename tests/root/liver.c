/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A known program: lives and dies in each way that makes a process hard to follow. Each process that matters
 * tells its pid and its start time, as the kernel shows them to itself: the witness of the collector.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *self; /* this program */

static void must(long result, const char *what)
{
        if (result >= 0)
                return;
        fprintf(stderr, "liver: %s: %s\n", what, strerror(errno));
        _exit(1);
}

/* One write: lines of several processes don't mix. */
static void report(const char *name)
{
        char stat[1024], line[128];
        int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC), length;
        unsigned long long ticks;
        ssize_t n;

        must(fd, "/proc/self/stat");
        n = read(fd, stat, sizeof stat - 1);
        must(n, "/proc/self/stat");
        close(fd);
        stat[n] = '\0';
        if (sscanf(strrchr(stat, ')') + 1,
                   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                   &ticks) != 1)
                _exit(1);
        length = snprintf(line, sizeof line, "%s %d %llu\n", name, (int)getpid(), ticks);
        must(write(STDOUT_FILENO, line, (size_t)length), "write");
}

static void killed(void)
{
        int ready[2];
        char byte;

        must(pipe(ready), "pipe");
        if (fork() == 0) {
                report("killed");
                must(write(ready[1], "+", 1), "write");
                pause();
        }
        must(read(ready[0], &byte, 1), "read");
        kill(0, SIGKILL);
}

static void daemon_of_two_forks(void)
{
        if (fork() == 0) {
                setsid();
                if (fork() == 0) {
                        usleep(20000); /* by now an orphan */
                        report("daemon");
                        _exit(5);
                }
                report("between");
                _exit(0);
        }
        wait(NULL);
        usleep(60000);
}

static void chain(void)
{
        execl(self, self, "chain", "3", NULL);
}

static void *execute(void *argument)
{
        (void)argument;
        execl(self, self, "report", "thread-exec", "4", NULL);
        return NULL;
}

static void thread_that_executes(void)
{
        pthread_t thread;

        pthread_create(&thread, NULL, execute, NULL);
        pause();
}

static void *end_last(void *argument)
{
        (void)argument;
        usleep(30000);
        report("thread-last");
        exit(7);
}

static void thread_that_outlives(void)
{
        pthread_t thread;

        pthread_create(&thread, NULL, end_last, NULL);
        pthread_exit(NULL);
}

static void in_child(void (*act)(void))
{
        pid_t child = fork();

        must(child, "fork");
        if (child == 0) {
                setpgid(0, 0);
                act();
                _exit(0);
        }
        must(waitpid(child, NULL, 0), "waitpid");
}

static void script(void)
{
        execl("./script", "./script", "an argument", NULL);
}

static int scenes(void)
{
        report("scenes");
        in_child(killed);
        in_child(daemon_of_two_forks);
        in_child(chain);
        in_child(thread_that_executes);
        in_child(thread_that_outlives);
        in_child(script);
        return 0;
}

/* Each is waited for before the next one starts. */
static int storm(int count, char **command)
{
        extern char **environ;
        pid_t child;

        while (count-- > 0) {
                errno = posix_spawn(&child, command[0], NULL, NULL, command, environ);
                must(errno ? -1 : 0, command[0]);
                must(waitpid(child, NULL, 0), "waitpid");
        }
        return 0;
}

int main(int argc, char **argv)
{
        self = argv[0];
        if (argc == 2 && !strcmp(argv[1], "scenes"))
                return scenes();
        if (argc >= 4 && !strcmp(argv[1], "storm"))
                return storm(atoi(argv[2]), argv + 3);
        if (argc == 4 && !strcmp(argv[1], "report")) {
                report(argv[2]);
                return atoi(argv[3]);
        }
        if (argc == 3 && !strcmp(argv[1], "chain") && atoi(argv[2]) > 0) {
                argv[2][0]--;
                execv(self, argv);
        }
        if (argc == 3 && !strcmp(argv[1], "chain")) {
                report("chain");
                return 6;
        }
        return 2;
}
