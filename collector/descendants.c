/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "descendants.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "cleanup.h"
#include "process-events.h"
#include "process.h"

enum { PID_LIMIT = 1 << 22 /* PID_MAX_LIMIT, include/linux/threads.h */, BATCH = 64 };

struct descendants {
        struct process_events *events;
        uint64_t lost;
        unsigned char member[PID_LIMIT / 8]; /* untouched pages of it cost nothing */
};

static void set_member(struct descendants *descendants, pid_t pid, bool member)
{
        unsigned char bit = (unsigned char)(1u << (pid % 8));

        if (pid < 0 || pid >= PID_LIMIT)
                return;
        if (member)
                descendants->member[pid / 8] |= bit;
        else
                descendants->member[pid / 8] &= (unsigned char)~bit;
}

bool descendants_have(const struct descendants *descendants, pid_t pid)
{
        return pid >= 0 && pid < PID_LIMIT && (descendants->member[pid / 8] & 1u << (pid % 8));
}

/* Return: whether there are more members now. */
static bool find_children(struct descendants *descendants, const struct view *view, DIR *folder)
{
        const struct dirent *entry;
        bool found = false;

        rewinddir(folder);
        while ((entry = readdir(folder))) {
                pid_t pid = isdigit((unsigned char)*entry->d_name) ? atoi(entry->d_name) : -1;
                struct life life;

                if (pid <= 0 || descendants_have(descendants, pid) || life_read(view, pid, &life) < 0 ||
                    !descendants_have(descendants, life.parent))
                        continue;
                set_member(descendants, pid, true);
                found = true;
        }
        return found;
}

/* Those that are older than our listening. */
static int find_all(struct descendants *descendants, const struct view *view)
{
        int fd = openat(view->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *folder = fd < 0 ? NULL : fdopendir(fd);

        if (!folder) {
                close_cleanup(&fd);
                return -errno;
        }
        while (find_children(descendants, view, folder))
                ;
        return 0;
}

int descendants_new(const struct view *view, pid_t root, struct descendants **ret)
{
        struct descendants *descendants = calloc(1, sizeof *descendants);
        int r;

        if (!descendants)
                return -ENOMEM;
        set_member(descendants, root, true);
        r = process_events_open(&descendants->events);
        if (r == 0)
                r = find_all(descendants, view);
        if (r < 0) {
                descendants_free(descendants);
                return r;
        }
        *ret = descendants;
        return 0;
}

void descendants_free(struct descendants *descendants)
{
        if (!descendants)
                return;
        process_events_close(descendants->events);
        free(descendants);
}

/* A pid that is given anew is no member until its parent is one; threads share their process's pid. */
static void take(struct descendants *descendants, const struct process_event *event)
{
        if (event->kind == PROCESS_FORK)
                set_member(descendants, (pid_t)event->pid,
                           descendants_have(descendants, (pid_t)event->parent_pid));
}

int descendants_update(struct descendants *descendants)
{
        struct process_event events[BATCH];
        uint64_t lost;
        int n;

        while ((n = process_events_read(descendants->events, events, BATCH)) > 0)
                for (int i = 0; i < n; i++)
                        take(descendants, &events[i]);
        if (n < 0)
                return n;
        lost = process_events_lost(descendants->events);
        if (lost == descendants->lost)
                return 0;
        descendants->lost = lost;
        return -ENOBUFS;
}
