/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <libaudit.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"

enum {
        COMMAND_NOT_RUN = 126,
        /* Events are gathered before they are taken in: a wake-up for each would take the processor from the
         * boot. Short enough that most processes still live when their names are resolved. */
        GATHER_NS = 10000000,
};

static bool whole_machine(const struct session *session, const struct options *options)
{
        return !options->command && !*session->collection->view.prefix;
}

/* With audit=1 every process since the first has an audit context. */
static bool audit_since_boot(const struct view *view)
{
        char text[4096], *rest = NULL;

        if (view_read(view->proc, "cmdline", text, sizeof text) < 0)
                return false;
        for (char *word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest))
                if (!strcmp(word, "audit=1") || !strcmp(word, "audit=on"))
                        return true;
        return false;
}

/* A session of its own tells the command and all that descend from it from everybody else, inside the
 * kernel and however short they live. It is inherited and survives everything. */
static int enter_audit_session(uint32_t *ret)
{
        uid_t user = audit_getloginuid();

        if (audit_setloginuid(user == (uid_t)-1 ? getuid() : user) < 0)
                return -EPERM;
        *ret = audit_get_session();
        return *ret == UINT32_MAX ? -EPERM : 0;
}

static int start_audit(struct session *session, const struct options *options, const char **ret_why)
{
        struct source_scope scope = {.session = UINT32_MAX};
        bool gap = whole_machine(session, options) && !audit_since_boot(&session->collection->view);
        int r;

        if (options->command && enter_audit_session(&scope.session) < 0) {
                *ret_why = "the audit session can't be set";
                return 0;
        }
        if (gap && source_gap_start(session->collection, &session->sources[1]) < 0)
                session->sources[1] = NULL; /* the profile's set of sources says so */
        r = source_audit_start(session->collection, &scope, &session->sources[0], ret_why);
        if (r <= 0 && session->sources[1]) {
                source_free(session->sources[1]);
                session->sources[1] = NULL;
                session->collection->sources &= ~(uint32_t)PROFILE_SOURCE_FANOTIFY_GAP;
        }
        return r;
}

static int start_fanotify(struct session *session, const struct options *options)
{
        struct source_scope scope = {.session = UINT32_MAX, .root = options->command ? getpid() : 0};

        return source_fanotify_start(session->collection, &scope, &session->sources[0]);
}

int session_start(struct session *session, const struct options *options, const char **ret_why)
{
        struct collection *collection = session->collection;
        int r = 0;

        session->mount_table = openat(collection->view.proc, "self/mountinfo", O_RDONLY | O_CLOEXEC);
        *ret_why = "asked for by name";
        if (options->source != CHOOSE_FANOTIFY)
                r = start_audit(session, options, ret_why);
        if (r > 0) {
                snprintf(collection->choice, sizeof collection->choice, "audit: nobody else uses it");
                return 0;
        }
        if (options->source == CHOOSE_AUDIT)
                return r < 0 ? r : 1;
        snprintf(collection->choice, sizeof collection->choice, "fanotify: %s",
                 r < 0 ? strerror(-r) : *ret_why);
        return start_fanotify(session, options);
}

static int run_command(struct session *session, const struct options *options)
{
        sigset_t none;
        pid_t child;

        if (!options->command)
                return -1;
        child = fork();
        if (child < 0)
                return -errno;
        if (child == 0) {
                sigemptyset(&none);
                sigprocmask(SIG_SETMASK, &none, NULL);
                signal(SIGPIPE, SIG_DFL);
                execvp(options->command[0], options->command);
                fprintf(stderr, "bootahead-collect: '%s': %s\n", options->command[0], strerror(errno));
                _exit(errno == ENOENT ? COMMAND_NOT_RUN + 1 : COMMAND_NOT_RUN);
        }
        session->child = child;
        return (int)syscall(SYS_pidfd_open, child, 0);
}

static void mounts_changed(struct session *session)
{
        if (mounts_update(&session->collection->mounts, &session->collection->view) <= 0)
                return;
        for (int i = 0; i < SESSION_SOURCES; i++)
                if (session->sources[i] && session->sources[i]->class->mounts_changed)
                        session->sources[i]->class->mounts_changed(session->sources[i], session->collection);
}

/* A channel that died is left in order; fanotify goes on in the same profile. */
static int replace_source(struct session *session, const struct options *options, int error)
{
        struct collection *collection = session->collection;
        bool was_audit = !strcmp(session->sources[0]->class->name, "audit");
        size_t length;

        session_stop(session);
        if (!was_audit)
                return error;
        length = strlen(collection->choice);
        snprintf(collection->choice + length, sizeof collection->choice - length, "; then fanotify: %s",
                 strerror(-error));
        return start_fanotify(session, options);
}

static int receive(struct session *session, const struct options *options)
{
        for (int i = 0; i < SESSION_SOURCES; i++) {
                int r;

                if (!session->sources[i])
                        continue;
                r = session->sources[i]->class->receive(session->sources[i], session->collection);
                if (r < 0)
                        return replace_source(session, options, r);
        }
        return 0;
}

static int remaining_ms(const struct session *session, const struct options *options)
{
        uint64_t now_ms = collection_now_us(session->collection) / 1000;
        uint64_t limit_ms = (uint64_t)options->limit_seconds * 1000;

        if (!options->limit_seconds || options->command)
                return -1;
        return now_ms >= limit_ms ? 0 : (int)(limit_ms - now_ms);
}

static void forward_signal(const struct session *session, int signals)
{
        struct signalfd_siginfo info;

        if (read(signals, &info, sizeof info) == sizeof info)
                kill(session->child, (int)info.ssi_signo);
}

int session_run(struct session *session, const struct options *options)
{
        const struct timespec gather = {.tv_nsec = GATHER_NS};
        _cleanup_close_ int signals = -1, child = -1;
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGHUP);
        sigaddset(&set, SIGQUIT);
        signals = signalfd(-1, &set, SFD_CLOEXEC);
        if (signals < 0)
                return -errno;
        child = run_command(session, options);
        if (options->command && child < 0)
                return child;
        for (;;) {
                struct pollfd ready[] = {
                        {.fd = signals, .events = POLLIN},
                        {.fd = child, .events = POLLIN},
                        {.fd = session->mount_table, .events = POLLPRI},
                        {.fd = session->sources[0] ? session->sources[0]->fd : -1, .events = POLLIN},
                        {.fd = session->sources[1] ? session->sources[1]->fd : -1, .events = POLLIN},
                };
                int r = poll(ready, sizeof ready / sizeof *ready, remaining_ms(session, options));

                if (r == 0 || remaining_ms(session, options) == 0)
                        return 0;
                if (r < 0 && errno != EINTR)
                        return -errno;
                if (ready[2].revents)
                        mounts_changed(session);
                if (!ready[1].revents)
                        nanosleep(&gather, NULL);
                r = receive(session, options);
                if (r < 0)
                        return r;
                if (ready[1].revents)
                        return waitpid(session->child, &session->child_status, 0) < 0 ? -errno : 0;
                if (ready[0].revents && !session->child)
                        return 0;
                if (ready[0].revents)
                        forward_signal(session, signals);
        }
}

void session_stop(struct session *session)
{
        for (int i = 0; i < SESSION_SOURCES; i++) {
                if (!session->sources[i])
                        continue;
                session->sources[i]->class->stop(session->sources[i], session->collection);
                source_free(session->sources[i]);
                session->sources[i] = NULL;
        }
}
