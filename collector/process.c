/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "process.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"

enum { KERNEL_THREAD = 0x00200000 }; /* PF_KTHREAD, include/linux/sched.h */

int life_read(const struct view *view, pid_t pid, struct life *ret)
{
        char path[32], text[1024];
        struct process_stat stat;
        int r;

        snprintf(path, sizeof path, "%d/stat", (int)pid);
        r = view_read(view->proc, path, text, sizeof text);
        if (r < 0)
                return r;
        if (!process_stat_parse(text, &stat))
                return -EBADMSG;
        *ret = (struct life){
                .start_ticks = stat.start_ticks, .parent = stat.parent, .kernel = stat.flags & KERNEL_THREAD};
        return stat.state == 'Z' || stat.state == 'X' ? -ESRCH : 0;
}

static bool is_unit(const char *name, size_t length)
{
        static const char *const suffixes[] = {".service", ".scope", ".socket", ".mount", ".swap"};

        for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
                size_t n = strlen(suffixes[i]);

                if (length > n && length < UNIT_NAME_SIZE && !memcmp(name + length - n, suffixes[i], n))
                        return true;
        }
        return false;
}

bool unit_of_path(const char *path, char ret[static UNIT_NAME_SIZE])
{
        for (const char *at = path; at && *at == '/';) {
                const char *name = at + 1;
                size_t length = strcspn(name, "/\n");

                if (is_unit(name, length)) {
                        memcpy(ret, name, length);
                        ret[length] = '\0';
                        return true;
                }
                at = name + length;
        }
        return false;
}

/* "0::/system.slice/ssh.service" or, on the old hierarchy, "1:name=systemd:/system.slice/ssh.service" */
static bool unit_of_line(const char *line, char ret[static UNIT_NAME_SIZE])
{
        const char *at = strstr(line, "::/");

        if (!at)
                at = strstr(line, ":name=systemd:/");
        return at && unit_of_path(strchr(at, '/'), ret);
}

int process_unit(const struct view *view, pid_t pid, char ret[static UNIT_NAME_SIZE])
{
        char path[32], text[4096], *rest = NULL;
        int r;

        ret[0] = '\0';
        snprintf(path, sizeof path, "%d/cgroup", (int)pid);
        r = view_read(view->proc, path, text, sizeof text);
        if (r < 0)
                return r;
        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
                if (unit_of_line(line, ret))
                        break;
        return 0;
}

int process_executable(const struct view *view, pid_t pid, char ret[static PATH_MAX])
{
        char path[32];
        const char *below;
        ssize_t n;

        snprintf(path, sizeof path, "%d/exe", (int)pid);
        n = readlinkat(view->proc, path, ret, PATH_MAX - 1);
        if (n < 0)
                return -errno;
        ret[n] = '\0';
        below = view_strip(view, ret);
        if (below)
                memmove(ret, below, strlen(below) + 1);
        return 0;
}

int process_arguments(int proc, pid_t pid, char *ret, size_t size)
{
        char path[32];
        int n;

        snprintf(path, sizeof path, "%d/cmdline", (int)pid);
        n = view_read(proc, path, ret, size);
        while (n > 0 && ret[n - 1] == '\0')
                n--;
        for (int i = 0; i < n; i++)
                if (ret[i] == '\0')
                        ret[i] = ' ';
        return n;
}
