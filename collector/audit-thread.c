/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit-thread.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "machine.h"
#include "process.h"

static bool is_audit_thread(const struct view *view, pid_t pid)
{
        char path[32], name[32];
        struct life life;

        snprintf(path, sizeof path, "%d/comm", (int)pid);
        return view_read(view->proc, path, name, sizeof name) > 0 && !strcmp(name, "kauditd\n") &&
               life_read(view, pid, &life) == 0 && life.kernel;
}

/* It is one of the kernel's first, and the pids come in ascending order. */
pid_t audit_thread_find(const struct view *view)
{
        int fd = openat(view->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *folder = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *entry;

        if (fd >= 0 && !folder)
                close(fd);
        while (folder && (entry = readdir(folder))) {
                pid_t pid = atoi(entry->d_name);

                if (pid > 0 && is_audit_thread(view, pid))
                        return sched_getscheduler(pid) == SCHED_OTHER ? pid : 0;
        }
        return 0;
}

void audit_thread_gather(pid_t thread)
{
        if (thread > 0)
                sched_setscheduler(thread, SCHED_BATCH, &(struct sched_param){0});
}

bool audit_thread_works(const struct view *view, pid_t thread)
{
        char path[32], text[1024];
        struct process_stat stat;

        snprintf(path, sizeof path, "%d/stat", (int)thread);
        return thread > 0 && view_read(view->proc, path, text, sizeof text) > 0 &&
               process_stat_parse(text, &stat) && stat.state != 'S';
}

void audit_thread_give_back(pid_t thread)
{
        if (thread > 0 && sched_getscheduler(thread) == SCHED_BATCH)
                sched_setscheduler(thread, SCHED_OTHER, &(struct sched_param){0});
}
