/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
        "bootahead-collect [OPTION...] [-- COMMAND...]\n"
        "\n"
        "Records which files are opened and executed, by whom and in which order, and writes a profile.\n"
        "Without COMMAND the whole machine is recorded until SIGTERM or the time limit.\n"
        "\n"
        "  --source=auto|audit|fanotify  where events come from (auto)\n"
        "  --output=FILE                 the profile to write (" BOOTAHEAD_STATEDIR "/profile)\n"
        "  --root=DIR                    record only what lies below DIR, as if it were /\n"
        "  --limit-seconds=N             end after N seconds (300; 0: never)\n"
        "  --limit-files=N               remember at most N files\n"
        "  --limit-accesses=N            remember at most N accesses\n"
        "  --limit-rate=N                ask for less where more than N events a second come (0: never)\n"
        "  --arguments=yes|no            remember processes' arguments (yes)\n"
        "  --pages                       record nothing, but tell which of a profile's pages were asked for\n"
        "  --profile=FILE                with --pages: that profile (" BOOTAHEAD_STATEDIR "/profile)\n"
        "  --background                  return as soon as collecting has begun\n"
        "  --early                       run from an initramfs: make DIR the program's own root\n"
        "  --restore                     give back what a killed collector left behind, and exit\n"
        "  --leave-audit                 make the running collector leave the audit system, and exit\n"
        "  --help, --version\n";

enum { RATE_MAX = 10000000 };

enum {
        OPTION_SOURCE = 256,
        OPTION_OUTPUT,
        OPTION_ROOT,
        OPTION_SECONDS,
        OPTION_FILES,
        OPTION_ACCESSES,
        OPTION_RATE,
        OPTION_ARGUMENTS,
        OPTION_PAGES,
        OPTION_PROFILE,
        OPTION_BACKGROUND,
        OPTION_EARLY,
        OPTION_RESTORE,
        OPTION_LEAVE_AUDIT,
        OPTION_HELP,
        OPTION_VERSION
};

static const struct option long_options[] = {
        {"source", required_argument, NULL, OPTION_SOURCE},
        {"output", required_argument, NULL, OPTION_OUTPUT},
        {"root", required_argument, NULL, OPTION_ROOT},
        {"limit-seconds", required_argument, NULL, OPTION_SECONDS},
        {"limit-files", required_argument, NULL, OPTION_FILES},
        {"limit-accesses", required_argument, NULL, OPTION_ACCESSES},
        {"limit-rate", required_argument, NULL, OPTION_RATE},
        {"arguments", required_argument, NULL, OPTION_ARGUMENTS},
        {"pages", no_argument, NULL, OPTION_PAGES},
        {"profile", required_argument, NULL, OPTION_PROFILE},
        {"background", no_argument, NULL, OPTION_BACKGROUND},
        {"early", no_argument, NULL, OPTION_EARLY},
        {"restore", no_argument, NULL, OPTION_RESTORE},
        {"leave-audit", no_argument, NULL, OPTION_LEAVE_AUDIT},
        {"help", no_argument, NULL, OPTION_HELP},
        {"version", no_argument, NULL, OPTION_VERSION},
        {0},
};

static bool parse_count(const char *text, uint32_t maximum, uint32_t *ret)
{
        unsigned long value;
        char *end;

        errno = 0;
        value = strtoul(text, &end, 10);
        if (errno || end == text || *end || *text == '-' || value > maximum) {
                fprintf(stderr, "bootahead-collect: '%s' is not a number from 0 to %u\n", text, maximum);
                return false;
        }
        *ret = (uint32_t)value;
        return true;
}

static bool parse_source(const char *text, enum source_choice *ret)
{
        static const char *const names[] = {
                [CHOOSE_AUTO] = "auto", [CHOOSE_AUDIT] = "audit", [CHOOSE_FANOTIFY] = "fanotify"};

        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                if (!strcmp(text, names[i])) {
                        *ret = (enum source_choice)i;
                        return true;
                }
        }
        fprintf(stderr, "bootahead-collect: '%s' is not a source; there are auto, audit and fanotify\n",
                text);
        return false;
}

static bool parse_yes(const char *text, bool *ret)
{
        *ret = !strcmp(text, "yes");
        if (*ret || !strcmp(text, "no"))
                return true;
        fprintf(stderr, "bootahead-collect: '%s' is neither yes nor no\n", text);
        return false;
}

static bool take_option(int option, struct options *options)
{
        switch (option) {
        case OPTION_SOURCE:
                return parse_source(optarg, &options->source);
        case OPTION_OUTPUT:
                options->output = optarg;
                return true;
        case OPTION_ROOT:
                options->root = optarg;
                return true;
        case OPTION_SECONDS:
                return parse_count(optarg, 86400, &options->limit_seconds);
        case OPTION_FILES:
                return parse_count(optarg, PROFILE_FILES_MAX, &options->limits.files);
        case OPTION_ACCESSES:
                return parse_count(optarg, PROFILE_ACCESSES_MAX, &options->limits.accesses);
        case OPTION_RATE:
                return parse_count(optarg, RATE_MAX, &options->limit_rate);
        case OPTION_ARGUMENTS:
                return parse_yes(optarg, &options->arguments);
        case OPTION_PAGES:
                return options->pages = true;
        case OPTION_PROFILE:
                options->profile = optarg;
                return true;
        case OPTION_BACKGROUND:
                return options->background = true;
        case OPTION_EARLY:
                return options->early = true;
        case OPTION_RESTORE:
                return options->restore = true;
        case OPTION_LEAVE_AUDIT:
                return options->leave_audit = true;
        default:
                return false;
        }
}

int options_parse(int argc, char **argv, struct options *ret, int *ret_exit)
{
        int option;

        *ret = (struct options){.root = "/",
                                .limit_seconds = 300,
                                .limits = recording_default_limits,
                                .limit_rate = LIMIT_RATE_DEFAULT,
                                .arguments = true};
        *ret_exit = EXIT_USAGE;
        while ((option = getopt_long(argc, argv, "+", long_options, NULL)) >= 0) {
                if (option == OPTION_HELP || option == OPTION_VERSION) {
                        fputs(option == OPTION_HELP ? help : "bootahead " BOOTAHEAD_VERSION "\n", stdout);
                        *ret_exit = EXIT_DONE;
                        return 1;
                }
                if (!take_option(option, ret))
                        return 1;
        }
        if (optind < argc)
                ret->command = argv + optind;
        if (ret->command && (ret->background || ret->early || ret->pages || !ret->output)) {
                fputs("bootahead-collect: a COMMAND needs --output, and goes with none of --background, "
                      "--early and --pages\n",
                      stderr);
                return 1;
        }
        return 0;
}
