/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bootahead-late: the part of a boot that knows systemd. Watches over the collector until the boot has
 * finished, tells the journal what was done, sets a refused profile aside, copies one to where the early
 * stage sees it. Collects and replays nothing itself.
 *
 * Nothing that goes wrong here fails a unit: it is said in the journal, and the boot goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "cleanup.h"
#include "collector.h"
#include "config.h"
#include "decision.h"
#include "journal.h"
#include "manager.h"
#include "mirror.h"
#include "record.h"
#include "watch.h"

#define PROFILE BOOTAHEAD_STATEDIR "/profile"
#define ASIDE BOOTAHEAD_STATEDIR "/profile.corrupt"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };
enum { REPLAY_SECONDS = 90, AS_CONFIGURED = UINT_MAX };

DEFINE_CLEANUP(struct json_object *, json_object_put)

struct settings {
        unsigned int settle_seconds, limit_seconds;
        struct decision decision;
        struct record record;
};

__attribute__((format(printf, 2, 3))) static void say(int priority, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list arguments;
        int length;

        va_start(arguments, format);
        length = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (length < 0)
                text = NULL;
        else
                journal_note(priority, text);
}

/* What replay refused is kept for those who want to know why, and is out of the way of the next boot. */
static void set_aside(const char *message, const char *consequence)
{
        if (rename(PROFILE, ASIDE) == 0)
                say(LOG_WARNING, "%s; set aside as '%s', %s", message, ASIDE, consequence);
        else if (errno != ENOENT)
                say(LOG_WARNING, "%s; can't be set aside: %m", message);
}

/* What the early stage decided on is the message of the program that refused. */
static void before_end(void *data)
{
        const struct settings *settings = data;

        if (settings->decision.refused)
                set_aside(settings->decision.why, "collected anew");
}

static void finished(void *data)
{
        struct settings *settings = data;

        record_take(&settings->record);
}

static void put_on_record(struct settings *settings)
{
        int r = record_write(&settings->record, &settings->decision);

        if (r < 0)
                say(LOG_WARNING,
                    "Ledger '" BOOTAHEAD_STATEDIR "/" LEDGER_NAME "': %s, this boot is not in it",
                    strerror(-r));
}

static void report_collected(const struct decision *decision)
{
        CLEANUP(json_object_put) struct json_object *report = NULL;
        char message[512];

        if (journal_read_report(COLLECTOR_REPORT, &report) == 0) {
                journal_collected(report, decision->why);
                return;
        }
        collector_message(message, sizeof message);
        say(LOG_WARNING, "Nothing collected in this boot: %s",
            *message ? message : "the collector left no report");
}

/* Its own end, or its guardian, takes away both files. */
static bool was_killed(void)
{
        return access(BOOTAHEAD_RUNDIR "/audit-state", F_OK) == 0 ||
               access(BOOTAHEAD_RUNDIR "/collect.pid", F_OK) == 0;
}

static void give_back(void)
{
        int r = was_killed() ? collector_restore() : 0;

        if (r < 0)
                say(LOG_ERR, "What a killed collector took: %s, it is not given back until the next boot",
                    strerror(-r));
}

/* From the next reload on, the generator masks and adds nothing for a collector. */
static void unmask(struct decision *decision)
{
        _cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        bool by_audit = root >= 0 && decision_by_audit(root, decision);
        int r;

        decision->over = true;
        r = root < 0 ? -errno : decision_write(root, decision);
        if (r == 0 && by_audit)
                r = manager_reload();
        if (r < 0)
                say(LOG_NOTICE, "journald's audit socket: %s, it stays masked until systemd is reloaded",
                    strerror(-r));
}

/* One that the early stage has started may have ended by itself: what it says stands. */
static bool has_ended(const struct decision *decision)
{
        return *decision->source && !decision->over && access(COLLECTOR_REPORT, F_OK) == 0;
}

/* find_or_start - Return: whether there is one, or negative errno. */
static int find_or_start(const struct decision *decision, struct collector *ret)
{
        int r = collector_find("collect", ret);

        if (r != 0 || has_ended(decision))
                return r;
        r = collector_start(decision->request, ret);
        return r < 0 ? r : 1;
}

/* @how: SIG_BLOCK or SIG_UNBLOCK */
static void set_signals(int how)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigprocmask(how, &set, NULL);
}

/* A boot that was stopped before it had finished is none to compare with. */
static void conclude(struct settings *settings, enum watch_end end)
{
        if (end == WATCH_STOPPED && !settings->record.taken)
                return;
        set_signals(SIG_UNBLOCK);
        if (end == WATCH_GONE)
                record_take_at_end(&settings->record, settings->limit_seconds);
        record_take(&settings->record);
        put_on_record(settings);
}

static int collect(struct settings *settings)
{
        struct watch_options options = {
                .settle_seconds = settings->settle_seconds,
                .limit_seconds = settings->limit_seconds,
                .finished = finished,
                .before_end = before_end,
                .data = settings,
        };
        struct collector collector = COLLECTOR_NONE;
        enum watch_end end = WATCH_GONE;
        int r;

        set_signals(SIG_BLOCK);
        r = find_or_start(&settings->decision, &collector);
        sd_notify(false, "READY=1\nSTATUS=Collecting until the boot has finished");
        if (r > 0)
                r = watch_run(&collector, &options, &end);
        if (r < 0 && collector.pidfd >= 0)
                watch_end_collector(&collector);
        collector_done(&collector);
        give_back();
        if (r < 0)
                say(LOG_WARNING, "Watching the collector: %s, collecting ended early", strerror(-r));
        report_collected(&settings->decision);
        unmask(&settings->decision);
        conclude(settings, end);
        sd_notify(false, "STATUS=Done");
        return EXIT_DONE;
}

/* The stop step of the unit: there is something to do only where `collect` did not come to its own end. */
static int end(struct settings *settings)
{
        struct collector collector = COLLECTOR_NONE;
        bool found = collector_find("collect", &collector) > 0;

        if (found)
                watch_end_collector(&collector);
        collector_done(&collector);
        give_back();
        if (found)
                report_collected(&settings->decision);
        if (!settings->decision.over)
                unmask(&settings->decision);
        return EXIT_DONE;
}

/* The boot is over; what is touched in the seconds after it counts too, as when collecting. */
static struct json_object *end_pages(const struct settings *settings)
{
        struct collector collector = COLLECTOR_NONE;
        struct json_object *report = NULL;

        if (!settings->decision.pages)
                return NULL;
        if (collector_find("pages", &collector) > 0) {
                sleep(settings->settle_seconds);
                watch_end_collector(&collector);
        }
        collector_done(&collector);
        return journal_read_report(BOOTAHEAD_RUNDIR "/pages.json", &report) == 0 ? report : NULL;
}

static void report_replayed(const struct settings *settings)
{
        CLEANUP(json_object_put) struct json_object *pages = NULL;
        CLEANUP(json_object_put) struct json_object *report = NULL;

        for (int waited = 0; waited < REPLAY_SECONDS; waited++) {
                if (journal_read_report(BOOTAHEAD_RUNDIR "/replay.json", &report) != -ENOENT)
                        break;
                sleep(1);
        }
        if (!report) {
                say(LOG_WARNING, "Replay in this boot: it left no report");
                return;
        }
        pages = end_pages(settings);
        journal_replayed(report, pages, settings->decision.why);
        if (!strcmp(journal_text(report, "result"), "refused"))
                set_aside("Profile '" PROFILE "' was refused", "the next boot collects anew");
}

static int report(struct settings *settings)
{
        record_take_at_end(&settings->record, settings->limit_seconds);
        if (settings->decision.mode == DECISION_REPLAY)
                report_replayed(settings);
        put_on_record(settings);
        return EXIT_DONE;
}

static const struct verb {
        const char *name;
        enum decision_mode assumed; /* where newer systemd kept the generator from writing its decision */
        int (*run)(struct settings *settings);
        const char *help;
} verbs[] = {
        {"collect", DECISION_COLLECT, collect, "watch over the collector until the boot has finished"},
        {"end", DECISION_OFF, end, "end a collector that nobody watches, give back what it took"},
        {"report", DECISION_REPLAY, report, "tell the journal what was done for this boot"},
};

static int usage(FILE *out, int status)
{
        fputs("bootahead-late [--settle=SECONDS] [--limit=SECONDS] VERB\n\n", out);
        for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
                fprintf(out, "  %-9s %s\n", verbs[i].name, verbs[i].help);
        return status;
}

static bool parse_seconds(const char *text, unsigned int *ret)
{
        unsigned long value;
        char *rest;

        errno = 0;
        value = strtoul(text, &rest, 10);
        if (errno || rest == text || *rest || *text == '-' || value > 86400) {
                fprintf(stderr, "bootahead-late: '%s' is not a number of seconds up to a day\n", text);
                return false;
        }
        *ret = (unsigned int)value;
        return true;
}

/* Return: -1 to go on, or an exit status. */
static int parse_options(int argc, char **argv, struct settings *settings)
{
        static const struct option options[] = {
                {"settle", required_argument, NULL, 's'},
                {"limit", required_argument, NULL, 'l'},
                {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, 'v'},
                {0},
        };
        int option;

        while ((option = getopt_long(argc, argv, "+h", options, NULL)) >= 0) {
                if (option == 'h')
                        return usage(stdout, EXIT_DONE);
                if (option == 'v')
                        return puts("bootahead-late " BOOTAHEAD_VERSION) < 0 ? EXIT_REFUSED : EXIT_DONE;
                if (option != 's' && option != 'l')
                        return EXIT_USAGE;
                if (!parse_seconds(optarg,
                                   option == 's' ? &settings->settle_seconds : &settings->limit_seconds))
                        return EXIT_USAGE;
        }
        return optind == argc - 1 ? -1 : usage(stderr, EXIT_USAGE);
}

static void hear(void *data, const char *message)
{
        (void)data;
        say(LOG_WARNING, "Configuration: %s", message);
}

/* Return: -1 to go on, or an exit status. */
static int configure(struct settings *settings)
{
        struct config config;

        if (config_read("", hear, NULL, &config) < 0)
                return EXIT_REFUSED;
        if (settings->settle_seconds == AS_CONFIGURED)
                settings->settle_seconds = config_number(&config, CONFIG_SETTLE);
        if (settings->limit_seconds == AS_CONFIGURED)
                settings->limit_seconds = config_number(&config, CONFIG_COLLECT_LIMIT);
        settings->record.settings = (struct lifecycle_settings){
                .enabled = config_number(&config, CONFIG_ENABLED),
                .control_every = config_number(&config, CONFIG_CONTROL_EVERY),
                .age_days = config_number(&config, CONFIG_AGE),
                .gone_percent = config_number(&config, CONFIG_GONE_PERCENT),
                .missed_percent = config_number(&config, CONFIG_MISSED_PERCENT),
        };
        config_done(&config);
        return -1;
}

static void copy_profile(void)
{
        int r = mirror_profile();

        if (r < 0)
                say(LOG_NOTICE,
                    "Copy of the profile on the root filesystem: %s, the next boot does not see it",
                    strerror(-r));
}

static int read_decision(const struct verb *verb, struct decision *ret)
{
        _cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r = root < 0 ? -errno : decision_read(root, ret);

        if (r != -ENOENT)
                return r;
        r = decision_make(root, root, ret);
        if (r < 0)
                return r;
        ret->mode = verb->assumed;
        snprintf(ret->why, sizeof ret->why, "decided by the generator");
        return decision_write(root, ret);
}

int main(int argc, char **argv)
{
        struct settings settings = {.settle_seconds = AS_CONFIGURED, .limit_seconds = AS_CONFIGURED};
        int r = parse_options(argc, argv, &settings);

        if (r < 0)
                r = configure(&settings);
        if (r >= 0)
                return r;
        for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
                if (strcmp(argv[optind], verbs[i].name) != 0)
                        continue;
                r = read_decision(&verbs[i], &settings.decision);
                if (r < 0)
                        fprintf(stderr, "bootahead-late: '%s': %s, its reasons are not known\n",
                                BOOTAHEAD_RUNDIR "/decision", strerror(-r));
                r = verbs[i].run(&settings);
                copy_profile();
                return r;
        }
        return usage(stderr, EXIT_USAGE);
}
