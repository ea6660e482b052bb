/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "cleanup.h"
#include "manager.h"

#define SECOND_US ((uint64_t)1000000)

enum {
        RETRY_US = 500000,      /* between attempts to reach systemd, which serves late in its own start */
        PATIENCE_SECONDS = 120, /* to write a profile at idle priority, with nobody in a hurry */
        HURRY_SECONDS = 20,     /* when the system goes down; the unit's TimeoutStopSec= is longer */
        KILLED_MILLISECONDS = 2000,
};

struct watch {
        struct collector *collector;
        const struct watch_options *options;
        sd_event *event;
        sd_bus *bus;
        sd_event_source *retry;
        sd_event_source *deadline; /* the limit, then the settling time, then our patience */
        enum watch_end end;
        bool settling, ending;
};

static void watch_done(struct watch *watch)
{
        sd_event_source_unref(watch->retry);
        sd_event_source_unref(watch->deadline);
        sd_bus_close_unref(watch->bus);
        sd_event_unref(watch->event);
}

static int on_deadline(sd_event_source *source, uint64_t now, void *data);

static int set_deadline(struct watch *watch, uint64_t seconds)
{
        sd_event_source_unref(watch->deadline);
        watch->deadline = NULL;
        return sd_event_add_time_relative(watch->event, &watch->deadline, CLOCK_MONOTONIC,
                                          seconds * SECOND_US, 0, on_deadline, watch);
}

static int end_collector(struct watch *watch, enum watch_end end)
{
        if (!watch->ending) {
                watch->ending = true;
                watch->end = end;
                sd_notify(false, "STATUS=Writing the profile");
                if (watch->options->before_end)
                        watch->options->before_end(watch->options->data);
                collector_signal(watch->collector, SIGTERM);
        }
        return set_deadline(watch, end == WATCH_STOPPED ? HURRY_SECONDS : PATIENCE_SECONDS);
}

static int on_deadline(sd_event_source *source, uint64_t now, void *data)
{
        struct watch *watch = data;

        (void)source;
        (void)now;
        if (watch->ending) {
                collector_signal(watch->collector, SIGKILL);
                return 0; /* its end is an event of its own */
        }
        return end_collector(watch, watch->settling ? WATCH_FINISHED : WATCH_LIMIT);
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
        (void)source;
        (void)info;
        return end_collector(data, WATCH_STOPPED);
}

static int on_collector_end(sd_event_source *source, int fd, uint32_t events, void *data)
{
        struct watch *watch = data;

        (void)source;
        (void)fd;
        (void)events;
        if (!watch->ending)
                watch->end = WATCH_GONE;
        return sd_event_exit(watch->event, 0);
}

static int settle(struct watch *watch)
{
        if (watch->settling || watch->ending)
                return 0;
        watch->settling = true;
        if (watch->options->finished)
                watch->options->finished(watch->options->data);
        sd_notify(false, "STATUS=The boot has finished, collecting until it has settled");
        return set_deadline(watch, watch->options->settle_seconds);
}

static int on_startup_finished(sd_bus_message *message, void *data, sd_bus_error *ret_error)
{
        (void)message;
        (void)ret_error;
        return settle(data);
}

/* The signal may have passed before we listened. */
static int read_finish(struct watch *watch)
{
        uint64_t finished = 0;
        int r = sd_bus_get_property_trivial(watch->bus, "org.freedesktop.systemd1",
                                            "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                                            "FinishTimestamp", NULL, 't', &finished);

        if (r < 0)
                return r;
        return finished ? settle(watch) : 0;
}

static int schedule_connect(struct watch *watch);

/* systemd closes its connections when it re-executes itself. */
static int on_disconnected(sd_bus_message *message, void *data, sd_bus_error *ret_error)
{
        (void)message;
        (void)ret_error;
        return schedule_connect(data);
}

static int connect_bus(struct watch *watch)
{
        int r;

        sd_bus_close_unref(watch->bus);
        watch->bus = NULL;
        r = manager_open(&watch->bus);
        if (r >= 0)
                r = sd_bus_attach_event(watch->bus, watch->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_match_signal(watch->bus, NULL, NULL, "/org/freedesktop/systemd1",
                                        "org.freedesktop.systemd1.Manager", "StartupFinished",
                                        on_startup_finished, watch);
        if (r >= 0)
                r = sd_bus_match_signal(watch->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, watch);
        return r < 0 ? r : read_finish(watch);
}

static int on_retry(sd_event_source *source, uint64_t now, void *data)
{
        struct watch *watch = data;

        (void)source;
        (void)now;
        if (watch->settling || watch->ending)
                return 0;
        return connect_bus(watch) < 0 ? schedule_connect(watch) : 0;
}

static int schedule_connect(struct watch *watch)
{
        sd_event_source_unref(watch->retry);
        watch->retry = NULL;
        return sd_event_add_time_relative(watch->event, &watch->retry, CLOCK_MONOTONIC, RETRY_US, 0, on_retry,
                                          watch);
}

static int prepare(struct watch *watch)
{
        int r = sd_event_new(&watch->event);

        if (r >= 0)
                r = sd_event_add_signal(watch->event, NULL, SIGTERM, on_stop, watch);
        if (r >= 0)
                r = sd_event_add_signal(watch->event, NULL, SIGINT, on_stop, watch);
        if (r >= 0)
                r = sd_event_add_io(watch->event, NULL, watch->collector->pidfd, POLLIN, on_collector_end,
                                    watch);
        if (r >= 0)
                r = set_deadline(watch, watch->options->limit_seconds);
        if (r >= 0 && connect_bus(watch) < 0)
                r = schedule_connect(watch);
        return r;
}

int watch_run(struct collector *collector, const struct watch_options *options, enum watch_end *ret_end)
{
        struct watch watch = {.collector = collector, .options = options};
        int r = prepare(&watch);

        if (r >= 0)
                r = sd_event_loop(watch.event);
        watch_done(&watch);
        if (r < 0)
                return r;
        collector_wait(collector, KILLED_MILLISECONDS);
        *ret_end = watch.end;
        return 0;
}

void watch_end_collector(struct collector *collector)
{
        if (collector_signal(collector, SIGTERM) < 0 || collector_wait(collector, HURRY_SECONDS * 1000))
                return;
        collector_signal(collector, SIGKILL);
        collector_wait(collector, KILLED_MILLISECONDS);
}
