/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The processes themselves: what the kernel tells of every fork, execution and exit goes into the recording;
 * those that run a program are looked at while they are there. No accesses come from here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "lives.h"
#include "process-events.h"
#include "process.h"
#include "source.h"

enum {
        BATCH = 64,
        BATCHES = 64,  /* before others get their turn */
        TO_LOOK = 256, /* as many as may be looked at at once; who is not waits for the end */
        KTHREADD = 2,
        THREADS_TEXT = 16 << 10, /* what does not fit is looked at one by one */
};

struct source_lives {
        struct source source;
        struct process_events *events;
        struct lives lives;
        bool command;     /* one command and its descendants are recorded */
        uint64_t tick_ns; /* of the clock that /proc counts in */
        uint32_t to_look[TO_LOOK], n_to_look;
};

/* At whoever executes something, but of a container's host only at those that have accesses. Asked anew each
 * time: the root that is recorded may have become our own meanwhile. */
static bool looks(const struct source_lives *source, const struct collection *collection)
{
        return source->command || !*collection->view.prefix;
}

static void take(struct source_lives *source, const struct collection *collection,
                 const struct process_event *event)
{
        uint64_t at_us = event->time_ns / 1000;
        uint64_t time_us = at_us > collection->start_us ? at_us - collection->start_us : 0;
        uint32_t index;

        switch (event->kind) {
        case PROCESS_FORK:
                lives_fork(&source->lives, event->pid, event->parent_pid, event->time_ns / source->tick_ns,
                           time_us);
                break;
        case PROCESS_EXEC:
                index = lives_exec(&source->lives, event->pid, time_us);
                if (looks(source, collection) && index != PROFILE_NONE && source->n_to_look < TO_LOOK)
                        source->to_look[source->n_to_look++] = index;
                break;
        case PROCESS_EXIT:
        case PROCESS_THREAD_EXIT:
                lives_exit(&source->lives, event->pid, event->exit_status, event->kind == PROCESS_THREAD_EXIT,
                           time_us);
                break;
        }
}

/* Only when all is taken in: nobody looks for those that have ended meanwhile, nor twice in a row. */
static void look(struct source_lives *source, struct collection *collection)
{
        for (uint32_t i = 0; i < source->n_to_look; i++)
                look_at(collection, source->to_look[i]);
        source->n_to_look = 0;
}

static int receive(struct source *source, struct collection *collection)
{
        struct source_lives *lives = (struct source_lives *)source;
        struct process_event events[BATCH];
        int n = 0;

        for (int batch = 0; batch < BATCHES; batch++) {
                n = process_events_read(lives->events, events, BATCH);
                if (n <= 0)
                        break;
                for (int i = 0; i < n; i++)
                        take(lives, collection, &events[i]);
        }
        look(lives, collection);
        if (n < 0) /* from now on processes are missing without being counted */
                collection->contents &= ~(uint32_t)PROFILE_CONTENT_LIVES;
        return n < 0 ? n : 0;
}

static void stop(struct source *source, struct collection *collection)
{
        struct source_lives *lives = (struct source_lives *)source;
        uint64_t lost;

        receive(source, collection);
        lost = process_events_lost(lives->events);
        collection->recording->losses[PROFILE_LOSS_LIVES] +=
                lost > lives->lives.missed ? lost : lives->lives.missed;
}

static void free_lives(struct source *source)
{
        process_events_close(((struct source_lives *)source)->events);
        free(source);
}

static const struct source_class lives_class = {
        .name = "lives",
        .receive = receive,
        .stop = stop,
        .free = free_lives,
};

static int add_process(struct source_lives *source, struct collection *collection, pid_t pid)
{
        struct life life;
        uint32_t index;
        int r = life_read(&collection->view, pid, &life);

        if (r < 0 && r != -ESRCH)
                return 0; /* it has ended meanwhile */
        index = lives_found(&source->lives, (uint32_t)pid, (uint32_t)life.parent, life.start_ticks);
        if (index == PROFILE_NONE)
                return -E2BIG;
        collection->recording->processes[index].hidden = life.kernel || pid == getpid();
        if (looks(source, collection) && r == 0 && !life.kernel)
                look_at(collection, index);
        return 0;
}

/* They are most of a machine's processes, and the kernel names them all at once, where it is built for that.
 * A helper that it started is among them, until it executes something. */
static int add_kernel_threads(struct source_lives *source, struct collection *collection)
{
        char text[THREADS_TEXT], *at = text, *end;
        struct life life;

        if (life_read(&collection->view, KTHREADD, &life) < 0 || !life.kernel ||
            view_read(collection->view.proc, "2/task/2/children", text, sizeof text) < 0)
                return 0;
        for (uint32_t pid; pid = (uint32_t)strtoul(at, &end, 10), *end == ' '; at = end + 1) {
                uint32_t index = lives_found(&source->lives, pid, KTHREADD, 0);

                if (index == PROFILE_NONE)
                        return -E2BIG;
                collection->recording->processes[index].hidden = true;
        }
        return 0;
}

/* Those that are older than our listening. */
static int add_processes(struct source_lives *source, struct collection *collection)
{
        int fd = openat(collection->view.proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *folder = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *entry;
        int r;

        if (fd >= 0 && !folder)
                close(fd);
        if (!folder)
                return -errno;
        r = add_kernel_threads(source, collection);
        while (r == 0 && (entry = readdir(folder))) {
                pid_t pid = atoi(entry->d_name);

                if (pid > 0 && recording_find_process(collection->recording, (uint32_t)pid) == PROFILE_NONE)
                        r = add_process(source, collection, pid);
        }
        return r;
}

int source_lives_start(struct collection *collection, const struct source_scope *scope, struct source **ret)
{
        struct source_lives *source = calloc(1, sizeof *source);
        int r;

        if (!source)
                return -ENOMEM;
        source->source = (struct source){.class = &lives_class, .fd = -1};
        source->lives = (struct lives){.recording = collection->recording, .all = !scope->root};
        source->command = scope->root != 0;
        source->tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
        r = process_events_open(&source->events);
        if (r == 0)
                r = scope->root ? add_process(source, collection, scope->root)
                                : add_processes(source, collection);
        if (r < 0) {
                free_lives(&source->source);
                return r;
        }
        source->source.fd = process_events_fd(source->events);
        source->lives.known_us = collection_now_us(collection);
        collection->contents |= PROFILE_CONTENT_LIVES;
        *ret = &source->source;
        return 0;
}
