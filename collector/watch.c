/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bootahead-watch: live events on standard output. This file owns the program's life: options, signals,
 * time, the message where it can't go on.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "watch-options.h"
#include "watcher.h"

DEFINE_CLEANUP(struct watcher *, watcher_close)

static int refuse(const char *subject, int error)
{
        fprintf(stderr, "bootahead-watch: '%s': %s, not watching\n", subject, strerror(error));
        return EXIT_REFUSED;
}

static int block_signals(void)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGHUP);
        sigprocmask(SIG_BLOCK, &set, NULL);
        signal(SIGPIPE, SIG_IGN);
        return signalfd(-1, &set, SFD_CLOEXEC);
}

static uint64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static int remaining_ms(uint64_t end_ms)
{
        uint64_t now = now_ms();

        return now >= end_ms ? 0 : end_ms - now > INT_MAX ? INT_MAX : (int)(end_ms - now);
}

/* Return: as watcher_round(), or 0 when a signal or the end of the time came. */
static int watch(struct watcher *watcher, const struct watch_options *options, int signals)
{
        uint64_t end = now_ms() + options->seconds * 1000ull;

        for (;;) {
                struct pollfd ready[1 + WATCHER_DESCRIPTORS] = {{.fd = signals, .events = POLLIN}};
                int timeout = options->seconds ? remaining_ms(end) : -1, r;

                if (timeout == 0)
                        return 0;
                watcher_poll(watcher, ready + 1);
                r = poll(ready, sizeof ready / sizeof *ready, watcher_has_more(watcher) ? 0 : timeout);
                if (r < 0 && errno != EINTR)
                        return -errno;
                r = watcher_round(watcher, ready + 1);
                if (r != 0 || ready[0].revents)
                        return r;
        }
}

static int run(const struct view *view, const struct watch_options *options)
{
        CLEANUP(watcher_close) struct watcher *watcher = NULL;
        _cleanup_close_ int signals = block_signals();
        char description[160];
        const char *what;
        int r = watcher_open(view, options, STDOUT_FILENO, &watcher, &what);

        if (r < 0)
                return refuse(what, -r);
        fprintf(stderr, "bootahead-watch: %s\n", watcher_describe(watcher, description, sizeof description));
        r = watch(watcher, options, signals);
        if (r >= 0)
                r = watcher_finish(watcher);
        if (r == -EPIPE)
                return EXIT_DONE; /* whoever read has seen enough */
        return r < 0 ? refuse("events", -r) : EXIT_DONE;
}

int main(int argc, char **argv)
{
        struct watch_options options = {0};
        struct view view;
        const char *what;
        int status, r = view_open_readonly(&view, "/", &what);

        if (r < 0)
                status = refuse(what, -r);
        else if (!watch_options_parse(argc, argv, &view, &options, &status))
                status = run(&view, &options);
        watch_options_done(&options);
        view_close(&view);
        return status;
}
