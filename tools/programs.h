/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the private programs are. */
#pragma once

/* program_run - becomes a private program
 * @name:      "bootahead-replay"
 * @arguments: of the program, the first being its name; ends with NULL
 * Looks where BOOTAHEAD_LIBEXECDIR in the environment says, else beside the build tree's own programs,
 * else where they are installed; never along PATH.
 * Return: EXIT_REFUSED, having said why on standard error; does not return on success. */
int program_run(const char *name, char **arguments);
