/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch-options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "watch-places.h"

static const char help[] =
        "bootahead-watch [OPTION...]\n"
        "\n"
        "Prints what happens to files and processes, while it happens. Each option may be given several\n"
        "times: one of its values has to fit, and something of each option.\n"
        "\n"
        "  --class=CLASS[,CLASS...]  exec, open, write, create, delete, rename, lookup, fork, exit\n"
        "                            (exec,open)\n"
        "  --path=PATH               this file, or what lies below this folder\n"
        "  --executable=PATH         of this program, or of those below this folder; a name without\n"
        "                            slash: of programs with that name\n"
        "  --unit=PATTERN            of systemd units with such a name\n"
        "  --user=USER               of this real user, by name or number\n"
        "  --result=ok|failed|any    what succeeded or failed (ok)\n"
        "  --device=DEVICE           on this filesystem: MAJOR:MINOR, a block device or a path\n"
        "  --json                    print a JSON object on each line\n"
        "  --seconds=N               end after N seconds\n"
        "  --events=N                end after N events\n"
        "  --help, --version\n";

enum {
        OPTION_CLASS = 256,
        OPTION_PATH,
        OPTION_EXECUTABLE,
        OPTION_UNIT,
        OPTION_USER,
        OPTION_RESULT,
        OPTION_DEVICE,
        OPTION_JSON,
        OPTION_SECONDS,
        OPTION_EVENTS,
        OPTION_HELP,
        OPTION_VERSION
};

static const struct option long_options[] = {
        {"class", required_argument, NULL, OPTION_CLASS},
        {"path", required_argument, NULL, OPTION_PATH},
        {"executable", required_argument, NULL, OPTION_EXECUTABLE},
        {"unit", required_argument, NULL, OPTION_UNIT},
        {"user", required_argument, NULL, OPTION_USER},
        {"result", required_argument, NULL, OPTION_RESULT},
        {"device", required_argument, NULL, OPTION_DEVICE},
        {"json", no_argument, NULL, OPTION_JSON},
        {"seconds", required_argument, NULL, OPTION_SECONDS},
        {"events", required_argument, NULL, OPTION_EVENTS},
        {"help", no_argument, NULL, OPTION_HELP},
        {"version", no_argument, NULL, OPTION_VERSION},
        {0},
};

static bool complain(const char *subject, const char *what)
{
        fprintf(stderr, "bootahead-watch: '%s': %s\n", subject, what);
        return false;
}

static bool parse_number(const char *text, unsigned int *ret)
{
        unsigned long value;
        char *end;

        errno = 0;
        value = strtoul(text, &end, 10);
        if (errno || !isdigit((unsigned char)*text) || *end || value > UINT32_MAX)
                return false;
        *ret = (unsigned int)value;
        return true;
}

static bool parse_limit(const char *text, unsigned int *ret)
{
        return (parse_number(text, ret) && *ret) || complain(text, "is not a number from 1 on");
}

static bool parse_classes(const char *text, struct watch_filter *filter)
{
        for (const char *at = text;; at++) {
                size_t length = strcspn(at, ",");
                uint32_t class = watch_class_find(at, length);

                if (!class)
                        return complain(text, "there are exec, open, write, create, delete, rename, lookup, "
                                              "fork and exit");
                filter->classes |= class;
                at += length;
                if (!*at)
                        return true;
        }
}

static bool add_text(const char *text, struct watch_texts *texts)
{
        if (!*text)
                return complain(text, "is empty");
        if (texts->n == WATCH_VALUES_MAX)
                return complain(text, "that is too many of them");
        texts->values[texts->n++] = text;
        return true;
}

/* @name: owned by the callee from here on; NULL or empty: there is none */
static bool add_other_name(char *name, struct watch_options *options, struct watch_texts *texts)
{
        _cleanup_free_ char *owned = name;

        if (!owned || !*owned || !strcmp(owned, texts->values[texts->n - 1]))
                return true;
        if (!add_text(owned, texts))
                return false;
        options->resolved[options->n_resolved++] = TAKE(owned);
        return true;
}

/* Events tell of names without symbolic links, failed calls of names as they were passed: either fits. */
static bool parse_program(const char *text, struct watch_options *options)
{
        struct watch_texts *texts = &options->filter.executables;

        if (*text != '/' && strchr(text, '/'))
                return complain(text, "is neither an absolute path nor a name");
        return add_text(text, texts) &&
               add_other_name(*text == '/' ? realpath(text, NULL) : NULL, options, texts);
}

/* Those of files, moreover, are below the place where the filesystem is mounted first. */
static bool parse_path(const char *text, const struct view *view, struct watch_options *options)
{
        struct watch_texts *texts = &options->filter.paths;

        if (*text != '/')
                return complain(text, "is not an absolute path");
        return add_text(text, texts) && add_other_name(realpath(text, NULL), options, texts) &&
               add_other_name(watch_first_name(view, texts->values[texts->n - 1]), options, texts);
}

static bool parse_user(const char *text, struct watch_filter *filter)
{
        const struct passwd *entry;
        unsigned int number;

        if (filter->n_users == WATCH_VALUES_MAX)
                return complain(text, "that is too many of them");
        if (!parse_number(text, &number)) {
                entry = getpwnam(text);
                if (!entry)
                        return complain(text, "there is no such user");
                number = entry->pw_uid;
        }
        filter->users[filter->n_users++] = number;
        return true;
}

static bool parse_result(const char *text, struct watch_filter *filter)
{
        bool any = !strcmp(text, "any");

        if (!any && strcmp(text, "ok") != 0 && strcmp(text, "failed") != 0)
                return complain(text, "there are ok, failed and any");
        filter->succeeded |= any || !strcmp(text, "ok");
        filter->failed |= any || !strcmp(text, "failed");
        return true;
}

static bool parse_device(const struct view *view, const char *text, struct watch_filter *filter)
{
        int r;

        if (filter->n_devices == WATCH_VALUES_MAX)
                return complain(text, "that is too many of them");
        r = watch_device_parse(view, text, &filter->devices[filter->n_devices]);
        if (r < 0)
                return complain(text, r == -EINVAL ? "is neither MAJOR:MINOR nor a path" : strerror(-r));
        filter->n_devices++;
        return true;
}

static bool take_option(int option, const struct view *view, struct watch_options *options)
{
        switch (option) {
        case OPTION_CLASS:
                return parse_classes(optarg, &options->filter);
        case OPTION_PATH:
                return parse_path(optarg, view, options);
        case OPTION_EXECUTABLE:
                return parse_program(optarg, options);
        case OPTION_UNIT:
                return add_text(optarg, &options->filter.units);
        case OPTION_USER:
                return parse_user(optarg, &options->filter);
        case OPTION_RESULT:
                return parse_result(optarg, &options->filter);
        case OPTION_DEVICE:
                return parse_device(view, optarg, &options->filter);
        case OPTION_JSON:
                return options->json = true;
        case OPTION_SECONDS:
                return parse_limit(optarg, &options->seconds);
        case OPTION_EVENTS:
                return parse_limit(optarg, &options->events);
        default:
                return false;
        }
}

static bool check(struct watch_filter *filter)
{
        if (!filter->classes)
                filter->classes = WATCH_EXEC | WATCH_OPEN;
        if (!filter->succeeded && !filter->failed)
                filter->succeeded = true;
        if (filter->classes & WATCH_LOOKUP && !filter->failed)
                return complain("lookup", "is seen only where it fails, say --result=failed or --result=any");
        if (!(filter->classes & WATCH_CAN_FAIL) && !filter->succeeded)
                return complain("--result=failed", "nothing of these classes is seen to fail");
        return true;
}

int watch_options_parse(int argc, char **argv, const struct view *view, struct watch_options *ret,
                        int *ret_exit)
{
        int option;

        *ret = (struct watch_options){0};
        *ret_exit = EXIT_USAGE;
        while ((option = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
                if (option == OPTION_HELP || option == OPTION_VERSION) {
                        fputs(option == OPTION_HELP ? help : "bootahead " BOOTAHEAD_VERSION "\n", stdout);
                        *ret_exit = EXIT_DONE;
                        return 1;
                }
                if (!take_option(option, view, ret))
                        return 1;
        }
        if (optind < argc) {
                complain(argv[optind], "is not an option");
                return 1;
        }
        return check(&ret->filter) ? 0 : 1;
}

void watch_options_done(struct watch_options *options)
{
        for (size_t i = 0; i < options->n_resolved; i++)
                free(options->resolved[i]);
        options->n_resolved = 0;
}
