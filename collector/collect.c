/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bootahead-collect: kernel events in, one profile out. This file owns the program's life: options,
 * background, signals, the profile's place, the one message at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "audit-state.h"
#include "cleanup.h"
#include "collection.h"
#include "finish.h"
#include "guardian.h"
#include "hits.h"
#include "options.h"
#include "profile.h"
#include "report.h"
#include "restore.h"
#include "session.h"
#include "store.h"
#include "touched.h"

DEFINE_CLEANUP(struct profile *, profile_free)

enum { READY_MS = 3000 };

static int refuse(const char *subject, const char *why, const char *consequence)
{
        fprintf(stderr, "bootahead-collect: '%s': %s, %s\n", subject, why, consequence);
        return EXIT_REFUSED;
}

static int restore(const struct view *view)
{
        int r = restore_all(view);

        if (r < 0)
                return refuse(BOOTAHEAD_RUNDIR, r == -EBUSY ? "its collector is running" : strerror(-r),
                              "nothing restored");
        if (r > 0)
                fputs("bootahead-collect: what a killed collector left behind is restored\n", stderr);
        return EXIT_DONE;
}

static int leave(const struct view *view)
{
        int r = leave_audit(view);

        if (r < 0)
                return refuse("audit", strerror(-r), "the collector may still use it");
        if (r > 0)
                fputs("bootahead-collect: the collector has left the audit system\n", stderr);
        return EXIT_DONE;
}

/* What is asked of others' collectors, not of one of our own. */
static int run_errand(int (*errand)(const struct view *view))
{
        struct view view;
        const char *what;
        int status, r = view_open(&view, "/", &what);

        status = r < 0 ? refuse(what, strerror(-r), "nothing done") : errand(&view);
        view_close(&view);
        return status;
}

/* Nobody waits for the profile: it is made from what is left over of CPU and disk. */
static void become_idle(void)
{
        enum { IOPRIO_WHO_PROCESS = 1, IOPRIO_IDLE = 3 << 13 };
        struct sched_param parameters = {0};

        sched_setscheduler(0, SCHED_IDLE, &parameters);
        syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE);
}

static void summarize(const struct collection *collection, const struct profile *profile, const char *path)
{
        uint64_t losses = 0;
        char name[32];

        for (int loss = 0; loss < PROFILE_LOSS_COUNT; loss++)
                losses += collection->recording->losses[loss];
        sources_name(collection->sources, name, sizeof name);
        fprintf(stderr,
                "bootahead-collect: %zu files, %zu accesses by %zu processes in %.1f s by %s, %llu lost: "
                "'%s'\n",
                profile->n_files, profile->n_accesses, profile->n_processes,
                (double)collection_now_us(collection) / 1e6, name, (unsigned long long)losses, path);
}

enum { KEPT = 100 }; /* beside what profile_write() returns */

/* What stands in the store is compared, not replaced. */
static int compare(struct collection *collection, const struct store *store)
{
        CLEANUP(profile_free) struct profile *profile = NULL;
        const char *why = NULL;
        struct hits hits;
        int r = store_read(store, &profile, &why);

        if (r == 0)
                r = hits_count(collection, profile, &hits);
        if (r < 0)
                why = strerror(-r);
        report_end_pages(collection, r == 0 ? &hits : NULL, store->path, r == 0 ? "" : why);
        return r == 0 ? EXIT_DONE : refuse(store->path, why, "no pages compared");
}

static int finish(struct collection *collection, const struct store *store)
{
        CLEANUP(profile_free) struct profile *profile = NULL;
        const char *why = "too many events were lost, or none was heard for a while: the old profile stays";
        int r = store_keeps(store, collection->recording) ? KEPT : finish_profile(collection, &profile);

        if (r == 0)
                r = store_write(store, profile, &why);
        if (r < 0)
                why = strerror(-r);
        if (r != 0) {
                report_end(collection, NULL, store->path, why);
                return refuse(store->path, why, "no profile written");
        }
        report_end(collection, profile, store->path, "");
        summarize(collection, profile, store->path);
        return EXIT_DONE;
}

/* A systemd initramfs kills what is not marked as belonging to the root's storage, see
 * systemd's ROOT_STORAGE_DAEMONS. */
static void mark_as_storage_daemon(char **argv)
{
        if (access("/etc/initrd-release", F_OK) == 0)
                argv[0][0] = '@';
}

/* The boot does not wait for a collector that does not come to collecting. */
static int wait_until_ready(pid_t child, int ready)
{
        struct pollfd poll_ready = {.fd = ready, .events = POLLIN};
        char word;

        if (poll(&poll_ready, 1, READY_MS) <= 0) {
                kill(child, SIGTERM);
                return refuse("start", "it takes too long", "not collecting");
        }
        if (read(ready, &word, 1) == 1)
                return EXIT_DONE;
        waitpid(child, NULL, 0);
        return EXIT_REFUSED;
}

/* to_background - Return: in the parent its exit status; in the child -1 with the pipe that tells the
 * parent to go. */
static int to_background(int *ret_ready)
{
        int ends[2];
        pid_t child;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return refuse("pipe", strerror(errno), "not collecting");
        child = fork();
        if (child < 0)
                return refuse("fork", strerror(errno), "not collecting");
        if (child == 0) {
                close(ends[0]);
                setsid();
                *ret_ready = ends[1];
                return -1;
        }
        close(ends[1]);
        return wait_until_ready(child, ends[0]);
}

/* Who has been told that we do not collect must not find a profile of ours. */
static bool is_awaited(int ready)
{
        struct pollfd poll_ready = {.fd = ready};

        return ready < 0 || poll(&poll_ready, 1, 0) == 0;
}

static void announce_ready(const struct view *view, int *ready)
{
        int null = openat(view->dev, "null", O_RDWR | O_CLOEXEC);

        if (null >= 0) {
                dup2(null, STDIN_FILENO);
                dup2(null, STDOUT_FILENO);
                dup2(null, STDERR_FILENO);
                close(null);
        }
        if (write(*ready, "+", 1) < 0)
                return; /* the parent is gone: nobody waits */
        close(take_fd(ready));
}

static void block_signals(void)
{
        sigset_t set;

        sigemptyset(&set);
        for (int i = 0; i < SESSION_SIGNALS; i++)
                sigaddset(&set, session_signals[i]);
        sigprocmask(SIG_BLOCK, &set, NULL);
        signal(SIGPIPE, SIG_IGN);
}

static void start_clock(struct collection *collection)
{
        struct timespec wall;

        collection->start_us = 0;
        collection->start_us = collection_now_us(collection);
        clock_gettime(CLOCK_REALTIME, &wall);
        collection->wall_us = (uint64_t)wall.tv_sec * 1000000u + (uint64_t)wall.tv_nsec / 1000u;
}

static int exit_status(const struct session *session, int status)
{
        if (!session->child || status != EXIT_DONE)
                return status;
        return WIFSIGNALED(session->child_status) ? 128 + WTERMSIG(session->child_status)
                                                  : WEXITSTATUS(session->child_status);
}

/* The recorded root is entered when the audit system has been taken: rules name a path in /run, which is not
 * there before the system's own init has moved it. */
static int start(struct session *session, const char **ret_why)
{
        struct collection *collection = session->collection;
        int r;

        start_clock(collection);
        r = session_start(session, ret_why);
        if (r == 0 && session->options->early)
                r = view_enter(&collection->view);
        if (r != 0)
                refuse(r > 0 ? "audit" : "source", r > 0 ? *ret_why : strerror(-r), "not collecting");
        return r;
}

/* What an earlier collector of this boot saw went with it. */
static void note_predecessor(struct collection *collection)
{
        if (!report_was_cut_short(&collection->view))
                return;
        recording_interval(collection->recording, PROFILE_INTERVAL_BLIND, 0, 0);
        collection_explain(collection, "an earlier collector of this boot was killed");
}

/* In turn: the guardian of a killed one may be about to remove what that has left. */
static int begin_report(struct collection *collection, const struct options *options)
{
        _cleanup_close_ int turn = -1;

        if (options->pages)
                return report_begin_pages(collection);
        if (!collection->whole)
                return 0;
        turn = restore_turn(&collection->view);
        note_predecessor(collection);
        return report_begin(collection);
}

static int collect(struct collection *collection, const struct options *options, int *ready)
{
        struct session session;
        struct store store;
        const char *why = "";
        int r = store_init(&store, &collection->view, options->pages ? options->profile : options->output);

        if (r == 0)
                r = mounts_update(&collection->mounts, &collection->view);
        if (r < 0)
                return refuse(options->root, strerror(-r), "not collecting");
        session_init(&session, collection, options);
        r = start(&session, &why);
        if (r != 0 || !is_awaited(*ready)) {
                session_stop(&session);
                return EXIT_REFUSED;
        }
        r = begin_report(collection, options);
        if (r < 0)
                fprintf(stderr, "bootahead-collect: '%s': %s, nobody will find this collector\n",
                        BOOTAHEAD_RUNDIR, strerror(-r));
        if (*ready >= 0)
                announce_ready(&collection->view, ready);
        r = session_run(&session);
        session_stop(&session);
        if (r < 0) {
                if (options->pages)
                        report_end_pages(collection, NULL, store.path, strerror(-r));
                else
                        report_end(collection, NULL, store.path, strerror(-r));
                return refuse("session", strerror(-r), "no profile written");
        }
        if (!options->command)
                become_idle();
        if (options->pages)
                return compare(collection, &store);
        return exit_status(&session, finish(collection, &store));
}

/* Without a guardian nobody may be there to give back what a kill -9 leaves; the unit's stop step still is.
 */
static int guarded(struct collection *collection, const struct options *options, int *ready)
{
        struct guardian guardian = GUARDIAN_NONE;
        int status, r = guardian_start(&guardian, &collection->view);

        if (audit_state_is_left(&collection->view)) /* whatever our own source will be */
                restore_all(&collection->view);
        if (r < 0)
                fprintf(stderr, "bootahead-collect: 'fork': %s, collecting without a guardian\n",
                        strerror(-r));
        collection->arguments = options->arguments ? arguments_new(&collection->view) : NULL;
        collection->recording = recording_new(&options->limits);
        status = collection->recording ? collect(collection, options, ready)
                                       : refuse("recording", strerror(ENOMEM), "not collecting");
        if (audit_state_collector(&collection->view) != getpid()) /* else it is to try what we could not do */
                guardian_dismiss(&guardian);
        return status;
}

int main(int argc, char **argv)
{
        struct collection collection = {0};
        _cleanup_close_ int ready = -1;
        struct options options;
        const char *what;
        int status, r;

        if (options_parse(argc, argv, &options, &status))
                return status;
        if (options.restore || options.leave_audit)
                return run_errand(options.restore ? restore : leave);
        mark_as_storage_daemon(argv);
        if (options.background) {
                status = to_background(&ready);
                if (status >= 0)
                        return status;
        }
        block_signals();
        r = view_open(&collection.view, options.root, &what);
        status =
                r < 0 ? refuse(what, strerror(-r), "not collecting") : guarded(&collection, &options, &ready);
        arguments_free(collection.arguments);
        recording_free(collection.recording);
        touched_free(collection.touched);
        walks_done(&collection.walks);
        mounts_done(&collection.mounts);
        view_close(&collection.view);
        return status;
}
