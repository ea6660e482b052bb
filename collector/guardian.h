/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A child that outlives us should we be killed, and gives back what the kernel does not take back by itself.
 * It sleeps on a pipe until then. Where it is killed as well, whoever comes next does it (restore.h).
 */
#pragma once

#include <sys/types.h>

#include "view.h"

struct guardian {
        int pipe; /* -1: none */
        pid_t child;
};

#define GUARDIAN_NONE ((struct guardian){.pipe = -1})

/* guardian_start - to be called before anything is taken, with signals blocked
 * Return: 0 or negative errno. */
int guardian_start(struct guardian *ret, const struct view *view);

/* guardian_dismiss - everything was given back */
void guardian_dismiss(struct guardian *guardian);
