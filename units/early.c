/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bootahead-early: the early stage of an initramfs, started by its hooks: with --probes before udev is, with
 * the root filesystem's place right after that is mounted.
 */
#include <stdio.h>
#include <string.h>

#include "begin.h"
#include "probes.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

int main(int argc, char **argv)
{
        bool probes = argc == 2 && !strcmp(argv[1], "--probes");
        int r;

        if (argc != 2 || (argv[1][0] != '/' && !probes)) {
                fputs("bootahead-early ROOT\nbootahead-early --probes\n", stderr);
                return EXIT_USAGE;
        }
        r = probes ? probes_start() : begin(argv[1]);
        if (r < 0) {
                fprintf(stderr, "bootahead-early: '%s': %s, %s\n", argv[1], strerror(-r),
                        probes ? "disks are probed as without it" : "a later stage decides");
                return EXIT_REFUSED;
        }
        return EXIT_DONE;
}
