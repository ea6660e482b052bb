/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks the main channel for less while a storm lasts, and notes from when to when. Where that is audit,
 * nothing is asked of it and fanotify carries on, which merges what a storm repeats: files stay whole.
 */
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "session.h"

enum {
        OPENS = 32,
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

void session_load_init(struct session *session)
{
        bool audit = source_is_audit(session->sources[SLOT_MAIN]);
        struct load_limits limits = audit ? load_audit_limits : load_fanotify_limits;

        if (session->options->limit_rate != LIMIT_RATE_DEFAULT)
                load_limits_scale(&limits, session->options->limit_rate);
        else
                suit_machine(&limits, &session->collection->view);
        load_init(&session->load, &limits, collection_now_us(session->collection));
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

        recording_interval(session->collection->recording, PROFILE_INTERVAL_SHED, session->shed_us,
                           collection_now_us(session->collection));
        if (source_is_audit(source))
                end_relief(session);
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
        uint64_t events = take_events(session->sources[SLOT_MAIN]);
        uint64_t others = take_events(session->sources[SLOT_GAP]);

        if (session->load.shed)
                events += others;
        switch (load_step(&session->load, collection_now_us(session->collection), events)) {
        case LOAD_SHED:
                return shed(session);
        case LOAD_TAKE_UP:
                return take_up(session);
        case LOAD_STAY:
                break;
        }
        return 0;
}
