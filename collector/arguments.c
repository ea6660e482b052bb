/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "arguments.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "cleanup.h"
#include "process.h"

enum {
        ASKED_MAX = 256,
        READERS_MAX = 4, /* of which all but the last hang */
        STUCK_MS = 1000,
        PAUSE_NS = 1000000,
        STACK_SIZE = 64 << 10,
};

struct question {
        struct arguments_answer answer;
        pid_t pid;
        bool answered; /* there are some */
};

/* A ring: asked by the collector, answered by the thread, taken by the collector. */
struct reader {
        int proc;
        pthread_t thread;
        sem_t work; /* one for all that was asked before it, and one to end */
        atomic_uint asked, answered;
        atomic_bool ended;
        unsigned int taken, heard; /* heard: those that the thread was woken for */
        unsigned int moved;        /* how many were answered when it was last seen to move, */
        uint64_t moved_ms;         /* and when; 0: had no reason to until now */
        struct question questions[ASKED_MAX];
};

struct arguments {
        const struct view *view;
        struct reader *reader; /* NULL: none yet, or all hang */
        unsigned int readers;  /* that there have been */
};

static uint64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static void *read_all(void *data)
{
        struct reader *reader = data;

        while (!atomic_load(&reader->ended)) {
                unsigned int next = atomic_load(&reader->answered);
                struct question *question = &reader->questions[next % ASKED_MAX];

                if (next == atomic_load(&reader->asked)) {
                        sem_wait(&reader->work);
                        continue;
                }
                question->answered = process_arguments(reader->proc, question->pid, question->answer.text,
                                                       sizeof question->answer.text) > 0;
                atomic_store(&reader->answered, next + 1);
        }
        return NULL;
}

static void reader_free(struct reader *reader)
{
        if (!reader)
                return;
        close_cleanup(&reader->proc);
        sem_destroy(&reader->work);
        free(reader);
}

static int start_thread(struct reader *reader)
{
        pthread_attr_t attributes;
        int r = pthread_attr_init(&attributes);

        if (r != 0)
                return -r;
        pthread_attr_setstacksize(&attributes, STACK_SIZE);
        r = pthread_create(&reader->thread, &attributes, read_all, reader);
        pthread_attr_destroy(&attributes);
        return -r;
}

static struct reader *reader_new(const struct view *view)
{
        struct reader *reader = calloc(1, sizeof *reader);

        if (!reader)
                return NULL;
        sem_init(&reader->work, 0, 0);
        reader->proc = fcntl(view->proc, F_DUPFD_CLOEXEC, 3); /* the view may be closed while one hangs */
        if (reader->proc < 0 || start_thread(reader) < 0) {
                reader_free(reader);
                return NULL;
        }
        return reader;
}

/* Return: whether all it was asked is answered. */
static bool is_idle(const struct reader *reader)
{
        return atomic_load(&reader->answered) == atomic_load(&reader->asked);
}

static bool is_stuck(struct reader *reader)
{
        unsigned int answered = atomic_load(&reader->answered);
        uint64_t now = now_ms();

        if (answered != reader->moved || !reader->moved_ms || (int)(answered - reader->heard) >= 0) {
                reader->moved = answered;
                reader->moved_ms = now;
        }
        return now - reader->moved_ms >= STUCK_MS;
}

/* Who hangs is left to itself, with what is its own. */
static void reader_leave(struct reader *reader)
{
        if (!reader)
                return;
        if (!is_idle(reader)) {
                pthread_detach(reader->thread);
                return;
        }
        atomic_store(&reader->ended, true);
        sem_post(&reader->work);
        pthread_join(reader->thread, NULL);
        reader_free(reader);
}

struct arguments *arguments_new(const struct view *view)
{
        struct arguments *arguments = calloc(1, sizeof *arguments);

        if (arguments)
                arguments->view = view;
        return arguments;
}

void arguments_free(struct arguments *arguments)
{
        if (arguments)
                reader_leave(arguments->reader);
        free(arguments);
}

static struct reader *find_reader(struct arguments *arguments)
{
        if (!arguments->reader && arguments->readers < READERS_MAX) {
                arguments->reader = reader_new(arguments->view);
                arguments->readers++;
        }
        return arguments->reader;
}

bool arguments_ask(struct arguments *arguments, uint32_t process, pid_t pid, uint64_t exec_us)
{
        struct reader *reader = find_reader(arguments);
        unsigned int next = reader ? atomic_load(&reader->asked) : 0;

        if (!reader || next - reader->taken == ASKED_MAX)
                return false;
        reader->questions[next % ASKED_MAX] =
                (struct question){.answer = {.process = process, .exec_us = exec_us}, .pid = pid};
        if (is_idle(reader))
                reader->moved_ms = 0;
        atomic_store(&reader->asked, next + 1);
        return true;
}

void arguments_wake(struct arguments *arguments)
{
        struct reader *reader = arguments ? arguments->reader : NULL;

        if (!reader || reader->heard == atomic_load(&reader->asked))
                return;
        reader->heard = atomic_load(&reader->asked);
        sem_post(&reader->work);
}

static bool take(struct reader *reader, struct arguments_answer *ret)
{
        while (reader->taken != atomic_load(&reader->answered)) {
                const struct question *question = &reader->questions[reader->taken++ % ASKED_MAX];

                if (question->answered) {
                        *ret = question->answer;
                        return true;
                }
        }
        return false;
}

/* What stands behind the question that is not answered is asked anew. */
static void replace_reader(struct arguments *arguments)
{
        struct reader *old = TAKE(arguments->reader);
        unsigned int asked = atomic_load(&old->asked);

        for (unsigned int next = old->taken + 1; next < asked; next++) {
                const struct question *question = &old->questions[next % ASKED_MAX];

                arguments_ask(arguments, question->answer.process, question->pid, question->answer.exec_us);
        }
        arguments_wake(arguments);
        reader_leave(old);
}

bool arguments_take(struct arguments *arguments, bool wait, struct arguments_answer *ret)
{
        const struct timespec pause = {.tv_nsec = PAUSE_NS};

        if (wait)
                arguments_wake(arguments);
        while (arguments->reader) {
                bool idle = is_idle(arguments->reader);

                if (take(arguments->reader, ret))
                        return true;
                if (idle)
                        return false;
                if (is_stuck(arguments->reader))
                        replace_reader(arguments);
                else if (wait)
                        nanosleep(&pause, NULL);
                else
                        return false;
        }
        return false;
}
