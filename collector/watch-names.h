/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names as a process passed them to the kernel, where there is no file to ask for its own. */
#pragma once

#include <limits.h>
#include <stdint.h>

#include "view.h"

/* watch_absolute_name - by the process's root, working directory or descriptor, while it lives
 * The name need not exist. What it says of "..", and of symbolic links, stays.
 * Return: @ret; or the name as it was passed, where nobody is left who could tell what it is relative to. */
const char *watch_absolute_name(const struct view *view, uint32_t pid, int dirfd, const char *name,
                                char ret[static PATH_MAX]);

/* watch_clean_name - takes out "." and doubled slashes, in place */
void watch_clean_name(char *name);
