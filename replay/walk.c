/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine.h"

enum {
        THREADS_MAX = 64,
        STACK_SIZE = 64 << 10,
        LIST_SIZE = 16 << 10,
        LISTS_MAX = 256, /* of one folder, each of LIST_SIZE at most: it may have grown without measure */
};

struct work {
        const struct profile *profile;
        const struct mounted *mounted;
        uint64_t deadline_us;
        struct walk_counters *counters;
        atomic_size_t next;
};

/* Nothing is opened but folders; the rest is only looked at, and links are not followed. */
static int open_below(int root, const char *below, uint64_t flags)
{
        struct open_how how = {
                .flags = flags | O_NOFOLLOW | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
        };
        long fd = syscall(SYS_openat2, root, *below ? below : ".", &how, sizeof how);

        return fd < 0 ? -errno : (int)fd;
}

static int list(int root, const char *below)
{
        _cleanup_close_ int fd = open_below(root, below, O_RDONLY | O_DIRECTORY | O_NOATIME | O_NONBLOCK);
        char entries[LIST_SIZE];
        long n = 1;

        if (fd < 0)
                return fd;
        for (int lists = 0; lists < LISTS_MAX && n > 0; lists++)
                n = syscall(SYS_getdents64, fd, entries, sizeof entries);
        return n < 0 ? -errno : 0;
}

static int look_up(int root, const char *below)
{
        _cleanup_close_ int fd = open_below(root, below, O_PATH);

        return fd < 0 ? fd : 0;
}

static void take(const struct work *work, const struct profile_walk *walk)
{
        const struct mounted *mounted = &work->mounted[walk->filesystem];
        const char *below = place_path_below(walk->path, work->profile->filesystems[walk->filesystem].mount);
        int r = -ENOENT;

        if (mounted->root < 0)
                return;
        if (engine_is_late(work->deadline_us)) {
                work->counters->late++;
                return;
        }
        if (below)
                r = walk->kind == PROFILE_WALK_LISTED ? list(mounted->root, below)
                                                      : look_up(mounted->root, below);
        if (r < 0 && !(walk->kind == PROFILE_WALK_ABSENT && r == -ENOENT))
                work->counters->gone++;
        else
                work->counters->walks++;
}

static void *worker(void *argument)
{
        struct work *work = argument;
        size_t i;

        while ((i = work->next++) < work->profile->n_walks)
                take(work, &work->profile->walks[i]);
        return NULL;
}

void walk_run(const struct profile *profile, const struct mounted *mounted, unsigned int threads,
              uint64_t deadline_us, struct walk_counters *counters)
{
        struct work work = {
                .profile = profile, .mounted = mounted, .deadline_us = deadline_us, .counters = counters};
        unsigned int wanted = threads < THREADS_MAX ? threads : THREADS_MAX, started = 0;
        pthread_t others[THREADS_MAX];
        pthread_attr_t attributes;

        if (profile->n_walks == 0)
                return;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, STACK_SIZE);
        while (started + 1 < wanted && pthread_create(&others[started], &attributes, worker, &work) == 0)
                started++;
        worker(&work); /* this thread is one of them */
        while (started > 0)
                pthread_join(others[--started], NULL);
        pthread_attr_destroy(&attributes);
}
