/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bootahead-config: the settings in effect and where each comes from, for bootahead(1).
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "config.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

static void complain(void *data, const char *message)
{
        (void)data;
        fprintf(stderr, "bootahead config: %s\n", message);
}

static int print(const char *root, bool json)
{
        struct config config;
        int r = config_read(root, complain, NULL, &config);

        if (r == 0) {
                r = config_print(&config, json, stdout);
                config_done(&config);
        }
        if (r == 0 && fflush(stdout) == 0)
                return EXIT_DONE;
        complain(NULL, r < 0 ? strerror(-r) : "output can't be written");
        return EXIT_REFUSED;
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                {"root", required_argument, NULL, 'r'},
                {"json", no_argument, NULL, 'j'},
                {0},
        };
        const char *root = "";
        bool json = false;
        int option;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (option == 'r')
                        root = optarg;
                else if (option == 'j')
                        json = true;
                else
                        return EXIT_USAGE;
        }
        if (optind < argc) {
                fprintf(stderr, "bootahead config: '%s' is one word too many\n", argv[optind]);
                return EXIT_USAGE;
        }
        return print(root, json);
}
