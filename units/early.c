/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bootahead-early: the early stage of an initramfs, started by its hooks right after the root filesystem is
 * mounted.
 */
#include <stdio.h>
#include <string.h>

#include "begin.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

int main(int argc, char **argv)
{
        int r;

        if (argc != 2 || argv[1][0] != '/') {
                fputs("bootahead-early ROOT\n", stderr);
                return EXIT_USAGE;
        }
        r = begin(argv[1]);
        if (r < 0) {
                fprintf(stderr, "bootahead-early: '%s': %s, a later stage decides\n", argv[1], strerror(-r));
                return EXIT_REFUSED;
        }
        return EXIT_DONE;
}
