/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arguments.h"
#include "cleanup.h"
#include "command.h"

enum {
        /* Events gather before they are taken in: a wake-up for each would take the processor from the boot.
           Short enough that many processes still live when they are looked at; in a storm, that what the
           kernel keeps for us finds room. */
        GATHER_MS = 30,
        GATHER_STORM_MS = 10,
        STORM = 500,     /* events in one turn */
        CHECK_MS = 1000, /* between questions to the main channel whether it still serves */
        TRACE_MS = 300,  /* the kernel's own buffers are large, and wake us when a part of them is full */
};

const int session_signals[SESSION_SIGNALS] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1};

enum waited {
        WAITED_SIGNALS,
        WAITED_CHILD,
        WAITED_MOUNTS,
        WAITED_TRACE,
        WAITED_SOURCES,
        WAITED = WAITED_SOURCES + SLOT_TRACE
};

void session_init(struct session *session, struct collection *collection, const struct options *options)
{
        *session = (struct session){
                .collection = collection,
                .options = options,
                .mount_table = -1,
                .signals = -1,
                .child_fd = -1,
        };
}

static void mounts_changed(struct session *session)
{
        if (mounts_update(&session->collection->mounts, &session->collection->view) <= 0)
                return;
        for (int slot = 0; slot < SESSION_SLOTS; slot++)
                if (session->sources[slot] && session->sources[slot]->class->mounts_changed)
                        session->sources[slot]->class->mounts_changed(session->sources[slot],
                                                                      session->collection);
}

/* What a source other than the main one was for is missing in the profile from now on; it says so. */
static int lose(struct session *session, int slot, int error)
{
        struct source *source = session->sources[slot];

        if (slot == SLOT_MAIN && source_is_audit(source))
                return session_replace_audit(session, source->trouble ? source->trouble : strerror(-error));
        source->class->stop(source, session->collection);
        source_free(source);
        session->sources[slot] = NULL;
        return slot == SLOT_MAIN ? error : 0;
}

/* Nobody waits for what the trace tells. */
static bool trace_is_due(struct session *session, bool wakes)
{
        uint64_t now_us = collection_now_us(session->collection);

        if (!wakes && now_us - session->traced_us < TRACE_MS * UINT64_C(1000))
                return false;
        session->traced_us = now_us;
        return true;
}

static int receive(struct session *session, bool trace)
{
        for (int slot = 0; slot < (trace ? SESSION_SLOTS : SLOT_TRACE); slot++) {
                struct source *source = session->sources[slot];
                int r = source ? source->class->receive(source, session->collection) : 0;

                if (r < 0)
                        r = lose(session, slot, r);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Where only pages are told, there is no main channel. */
static bool has_check(const struct session *session)
{
        return session->sources[SLOT_MAIN] && session->sources[SLOT_MAIN]->class->check;
}

static int check(struct session *session)
{
        uint64_t now_us = collection_now_us(session->collection);
        struct source *source = session->sources[SLOT_MAIN];
        int r;

        if (!has_check(session) || now_us - session->checked_us < CHECK_MS * UINT64_C(1000))
                return 0;
        session->checked_us = now_us;
        r = source->class->check(source, session->collection);
        return r < 0 ? lose(session, SLOT_MAIN, r) : 0;
}

static int keep_load_low(struct session *session)
{
        int r = session_load_step(session);

        return r < 0 ? lose(session, SLOT_MAIN, r) : 0;
}

/* remaining_ms - until the time limit, or -1 where there is none */
static int remaining_ms(const struct session *session)
{
        uint64_t now_ms = collection_now_us(session->collection) / 1000;
        uint64_t limit_ms = (uint64_t)session->options->limit_seconds * 1000;

        if (!limit_ms || session->options->command)
                return -1;
        return now_ms >= limit_ms ? 0 : (int)(limit_ms - now_ms);
}

/* How long nothing needs to be done unless something comes. */
static int patience_ms(const struct session *session)
{
        int patience = remaining_ms(session);

        if (has_check(session) && (patience < 0 || patience > CHECK_MS))
                patience = CHECK_MS;
        if (session->load.shed && (patience < 0 || (uint64_t)patience * 1000 > load_wait_us(&session->load)))
                patience = (int)(load_wait_us(&session->load) / 1000) + 1;
        return patience;
}

static struct pollfd readable(const struct session *session, int slot)
{
        const struct source *source = session->sources[slot];

        return (struct pollfd){.fd = source ? source->fd : -1, .events = POLLIN};
}

/* While events come they are not waited for: the time in which they gather is. Signals, the command's end,
 * mounts and a trace that fills never wait. Return: how many have something, or negative errno. */
static int wait_for_events(struct session *session, struct pollfd ready[static WAITED])
{
        int r;

        ready[WAITED_SIGNALS] = (struct pollfd){.fd = session->signals, .events = POLLIN};
        ready[WAITED_CHILD] = (struct pollfd){.fd = session->child_fd, .events = POLLIN};
        ready[WAITED_MOUNTS] = (struct pollfd){.fd = session->mount_table, .events = POLLPRI};
        ready[WAITED_TRACE] = readable(session, SLOT_TRACE);
        for (int slot = 0; slot < SLOT_TRACE; slot++)
                ready[WAITED_SOURCES + slot] = readable(session, slot);
        arguments_wake(session->collection->arguments);
        r = session->gather_ms ? poll(ready, WAITED_SOURCES, session->gather_ms)
                               : poll(ready, WAITED, patience_ms(session));
        if (r >= 0)
                return r;
        memset(ready, 0, WAITED * sizeof *ready);
        return errno == EINTR ? 0 : -errno;
}

/* Return: 1 when the session is to end, 0, or negative errno. */
static int take_signal(struct session *session)
{
        struct signalfd_siginfo info;

        if (read(session->signals, &info, sizeof info) != sizeof info)
                return 0;
        if (info.ssi_signo == SIGUSR1)
                return session_replace_audit(session, "an audit daemon is to start");
        if (!session->child)
                return 1;
        kill(session->child, (int)info.ssi_signo);
        return 0;
}

/* Return: how long what comes next may gather, or 0 where nothing came. */
static int gather_ms(const struct session *session)
{
        const struct source *main = session->sources[SLOT_MAIN], *gap = session->sources[SLOT_GAP];
        uint64_t events = (main ? main->events : 0) + (gap ? gap->events : 0);

        if (!events)
                return 0;
        return events < STORM ? GATHER_MS : GATHER_STORM_MS;
}

/* Return: 1 when the session is over, 0, or negative errno. */
static int turn(struct session *session)
{
        struct pollfd ready[WAITED];
        int r = wait_for_events(session, ready);

        if (r < 0)
                return r;
        if (ready[WAITED_MOUNTS].revents)
                mounts_changed(session);
        if (r > 0 && !session->gather_ms && !ready[WAITED_CHILD].revents && !ready[WAITED_SIGNALS].revents) {
                session->gather_ms = GATHER_MS; /* the first: more are about to come */
                return 0;
        }
        r = receive(session, trace_is_due(session, ready[WAITED_TRACE].revents));
        session->gather_ms = gather_ms(session);
        if (r == 0)
                r = keep_load_low(session);
        if (r == 0)
                r = check(session);
        if (r < 0)
                return r;
        if (ready[WAITED_CHILD].revents)
                return waitpid(session->child, &session->child_status, 0) < 0 ? -errno : 1;
        if (ready[WAITED_SIGNALS].revents)
                return take_signal(session);
        return remaining_ms(session) == 0;
}

int session_run(struct session *session)
{
        sigset_t set;
        int r = 0;

        sigemptyset(&set);
        for (int i = 0; i < SESSION_SIGNALS; i++)
                sigaddset(&set, session_signals[i]);
        session->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (session->signals < 0)
                return -errno;
        session->mount_table = openat(session->collection->view.proc, "self/mountinfo", O_RDONLY | O_CLOEXEC);
        mounts_changed(session); /* since the sources have started */
        if (session->options->command)
                r = command_start(session->options->command, &session->child, &session->child_fd);
        while (r == 0)
                r = turn(session);
        close_cleanup(&session->child_fd);
        close_cleanup(&session->mount_table);
        close_cleanup(&session->signals);
        return r < 0 ? r : 0;
}
