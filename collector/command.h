/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command that is recorded. */
#pragma once

#include <sys/types.h>

/* command_start - Return: 0 and a descriptor in @ret_fd, owned by the caller, that becomes readable when
 * the command has ended, or negative errno. */
int command_start(char **command, pid_t *ret, int *ret_fd);
