/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] = "bootahead-replay [OPTION...] [PROFILE]\n"
                           "\n"
                           "Reads ahead what the boot in PROFILE read (" BOOTAHEAD_STATEDIR "/profile).\n"
                           "\n"
                           "  --root=DIR            what the profile calls / lies at DIR\n"
                           "  --dry-run             print what would be read, read nothing\n"
                           "  --background          return as soon as the profile is verified\n"
                           "  --report=FILE         where counters go (" BOOTAHEAD_RUNDIR "/replay.json)\n"
                           "  --threads=N           files that may be opened at once (as the profile needs)\n"
                           "  --in-flight=N         KiB that the disk may owe (2048; 0: any)\n"
                           "  --gap-pages=N         join ranges that are at most N pages of 4 KiB apart (8)\n"
                           "  --limit-files=N       read ahead at most N files\n"
                           "  --limit-megabytes=N   read ahead at most N MiB (1024)\n"
                           "  --limit-memory=N      use at most N percent of the available memory (50)\n"
                           "  --limit-seconds=N     begin no read after N seconds (60)\n"
                           "  --help, --version\n";

enum {
        OPTION_ROOT = 256,
        OPTION_DRY_RUN,
        OPTION_BACKGROUND,
        OPTION_REPORT,
        OPTION_THREADS,
        OPTION_IN_FLIGHT,
        OPTION_GAP,
        OPTION_FILES,
        OPTION_MEGABYTES,
        OPTION_MEMORY,
        OPTION_SECONDS,
        OPTION_HELP,
        OPTION_VERSION
};

static const struct option long_options[] = {
        {"root", required_argument, NULL, OPTION_ROOT},
        {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
        {"background", no_argument, NULL, OPTION_BACKGROUND},
        {"report", required_argument, NULL, OPTION_REPORT},
        {"threads", required_argument, NULL, OPTION_THREADS},
        {"in-flight", required_argument, NULL, OPTION_IN_FLIGHT},
        {"gap-pages", required_argument, NULL, OPTION_GAP},
        {"limit-files", required_argument, NULL, OPTION_FILES},
        {"limit-megabytes", required_argument, NULL, OPTION_MEGABYTES},
        {"limit-memory", required_argument, NULL, OPTION_MEMORY},
        {"limit-seconds", required_argument, NULL, OPTION_SECONDS},
        {"help", no_argument, NULL, OPTION_HELP},
        {"version", no_argument, NULL, OPTION_VERSION},
        {0},
};

static bool parse_number(const char *text, uint32_t least, uint32_t most, uint32_t *ret)
{
        unsigned long value;
        char *end;

        errno = 0;
        value = strtoul(text, &end, 10);
        if (errno || end == text || *end || *text == '-' || value < least || value > most) {
                fprintf(stderr, "bootahead-replay: '%s' is not a number from %u to %u\n", text, least, most);
                return false;
        }
        *ret = (uint32_t)value;
        return true;
}

static bool take_option(int option, struct options *options)
{
        switch (option) {
        case OPTION_ROOT:
                options->root = optarg;
                return true;
        case OPTION_DRY_RUN:
                return options->dry_run = true;
        case OPTION_BACKGROUND:
                return options->background = true;
        case OPTION_REPORT:
                options->report = optarg;
                return true;
        case OPTION_THREADS:
                return parse_number(optarg, 1, 64, &options->threads);
        case OPTION_IN_FLIGHT:
                return parse_number(optarg, 0, 1u << 20, &options->in_flight_kilobytes);
        case OPTION_GAP:
                return parse_number(optarg, 0, 1024, &options->gap_pages);
        case OPTION_FILES:
                return parse_number(optarg, 0, UINT32_MAX, &options->files);
        case OPTION_MEGABYTES:
                return parse_number(optarg, 0, 1u << 20, &options->megabytes);
        case OPTION_MEMORY:
                return parse_number(optarg, 1, 100, &options->memory_percent);
        case OPTION_SECONDS:
                return parse_number(optarg, 0, 86400, &options->seconds);
        default:
                return false;
        }
}

int options_parse(int argc, char **argv, struct options *ret, int *ret_exit)
{
        int option;

        *ret = (struct options){
                .root = "/",
                .in_flight_kilobytes = 2048,
                .gap_pages = 8,
                .files = UINT32_MAX,
                .megabytes = 1024,
                .memory_percent = 50,
                .seconds = 60,
        };
        *ret_exit = EXIT_USAGE;
        while ((option = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
                if (option == OPTION_HELP || option == OPTION_VERSION) {
                        fputs(option == OPTION_HELP ? help : "bootahead " BOOTAHEAD_VERSION "\n", stdout);
                        *ret_exit = EXIT_DONE;
                        return 1;
                }
                if (!take_option(option, ret))
                        return 1;
        }
        if (argc - optind > 1) {
                fputs("bootahead-replay: one PROFILE at most\n", stderr);
                return 1;
        }
        ret->profile = optind < argc ? argv[optind] : NULL;
        return 0;
}
