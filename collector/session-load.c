/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks the main channel for less while a storm lasts, and notes from when to when. Where that is audit,
 * nothing is asked of it and fanotify carries on, which merges what a storm repeats: files stay whole.
 */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "session.h"

enum {
        WORK_US = 100000, /* between two looks at how busy the machine is */
        OPENS = 8,
        MEASURES = 4,
        OPEN_NS = 2000,         /* where the limits of load.h were found */
        SLOWNESS_TOLERATED = 5, /* a boot's rate does not sink with the processor's speed alone */
};

/* Processor time of an open and close of a folder, at its best. */
static uint64_t open_ns(const struct view *view)
{
        uint64_t best = UINT64_MAX;

        for (int measure = 0; measure < MEASURES; measure++) {
                struct timespec before, after;
                uint64_t ns;

                clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
                for (int i = 0; i < OPENS; i++)
                        close(openat(view->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
                clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
                ns = (uint64_t)((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec);
                if (ns < best)
                        best = ns;
        }
        return best / OPENS;
}

/* An event costs more on a slow machine, so fewer may come. */
static void suit_machine(struct load_limits *limits, const struct view *view)
{
        uint64_t ns = open_ns(view);

        if (ns > SLOWNESS_TOLERATED * OPEN_NS)
                ns = SLOWNESS_TOLERATED * OPEN_NS;
        if (ns > OPEN_NS)
                load_limits_scale(limits, (uint32_t)(limits->rate * (uint64_t)OPEN_NS / ns));
}

/* Idle time of all processors together since they began. */
static uint64_t read_idle_ms(const struct view *view)
{
        unsigned long long seconds, hundredths;
        char text[64];

        if (view_read(view->proc, "uptime", text, sizeof text) < 0 ||
            sscanf(text, "%*u.%*u %llu.%llu", &seconds, &hundredths) != 2)
                return 0; /* as if they never were */
        return seconds * 1000 + hundredths * 10;
}

/* How busy all processors were of late, in thousandths of one. */
static uint32_t busy(struct session *session, uint64_t now_us)
{
        uint64_t elapsed_us = now_us - session->work.looked_us, idle_ms, all_ms;

        if (elapsed_us < WORK_US)
                return session->work.busy;
        idle_ms = read_idle_ms(&session->collection->view);
        all_ms = elapsed_us / 1000 * (uint64_t)sysconf(_SC_NPROCESSORS_ONLN) + session->work.idle_ms;
        session->work.busy = all_ms > idle_ms ? (uint32_t)((all_ms - idle_ms) * 1000000 / elapsed_us) : 0;
        session->work.looked_us = now_us;
        session->work.idle_ms = idle_ms;
        return session->work.busy;
}

void session_load_init(struct session *session)
{
        bool audit = source_is_audit(session->sources[SLOT_MAIN]);
        struct load_limits limits = audit ? load_audit_limits : load_fanotify_limits;

        if (session->options->limit_rate != LIMIT_RATE_DEFAULT)
                load_limits_scale(&limits, session->options->limit_rate);
        else
                suit_machine(&limits, &session->collection->view);
        session->work.looked_us = collection_now_us(session->collection);
        session->work.idle_ms = read_idle_ms(&session->collection->view);
        session->work.busy = LOAD_BUSY;
        load_init(&session->load, &limits, session->work.looked_us);
}

/* Somebody else must be heard before audit falls silent. Where that fails, the system's speed goes first. */
static void relieve_audit(struct session *session)
{
        struct source **gap = &session->sources[SLOT_GAP];

        if (*gap)
                source_gap_widen(*gap, true);
        else
                session->relief = source_fanotify_start(session->collection, &session->scope, gap) == 0;
        if (*gap)
                session->collection->sources |= PROFILE_SOURCE_FANOTIFY;
}

static void end_relief(struct session *session)
{
        struct source **gap = &session->sources[SLOT_GAP];

        if (*gap) {
                (*gap)->class->receive(*gap, session->collection); /* what came before audit was back */
                source_gap_widen(*gap, false);
        }
        if (*gap && session->relief) {
                (*gap)->class->stop(*gap, session->collection);
                source_free(*gap);
                *gap = NULL;
        }
        session->relief = false;
}

static int shed(struct session *session)
{
        struct source *source = session->sources[SLOT_MAIN];

        if (source_is_audit(source))
                relieve_audit(session);
        session->shed_us = collection_now_us(session->collection);
        return source->class->narrow(source, session->collection, true);
}

static int take_up(struct session *session)
{
        struct source *source = session->sources[SLOT_MAIN];
        int r = source->class->narrow(source, session->collection, false);

        if (source_is_audit(source))
                end_relief(session);
        recording_interval(session->collection->recording, PROFILE_INTERVAL_SHED, session->shed_us,
                           collection_now_us(session->collection));
        return r;
}

void session_load_end(struct session *session)
{
        if (session->load.shed)
                recording_interval(session->collection->recording, PROFILE_INTERVAL_SHED, session->shed_us,
                                   collection_now_us(session->collection));
        session->load.shed = session->relief = false;
}

static uint64_t take_events(struct source *source)
{
        uint64_t events = source ? source->events : 0;

        if (source)
                source->events = 0;
        return events;
}

int session_load_step(struct session *session)
{
        uint64_t now_us = collection_now_us(session->collection);
        uint64_t events = take_events(session->sources[SLOT_MAIN]);
        uint64_t others = take_events(session->sources[SLOT_GAP]);

        if (session->load.shed)
                events += others;
        switch (load_step(&session->load, now_us, busy(session, now_us), events)) {
        case LOAD_SHED:
                return shed(session);
        case LOAD_TAKE_UP:
                return take_up(session);
        case LOAD_STAY:
                break;
        }
        return 0;
}
