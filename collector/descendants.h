/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which processes descend from one command, also those that live too short to be looked at: the
 * kernel's process events connector tells of each fork in order (linux/cn_proc.h).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "view.h"

struct descendants;

/* descendants_new - starts to follow @root and who descends from it already. Return: 0 or negative errno. */
int descendants_new(const struct view *view, pid_t root, struct descendants **ret);
void descendants_free(struct descendants *descendants);

/* descendants_update - takes in all forks so far: a fork is reported before anything its child does
 * Return: 0, or -ENOBUFS when forks were lost. */
int descendants_update(struct descendants *descendants);
bool descendants_have(const struct descendants *descendants, pid_t pid);
