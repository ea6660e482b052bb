/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a profile goes, and whether it may take the place of the one that is there. */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "profile.h"
#include "recording.h"
#include "view.h"

struct store {
        int folder;          /* AT_FDCWD, or the recorded root; not owned */
        char path[PATH_MAX]; /* absolute; below the folder where that is the recorded root */
};

/* store_init - to be called before the root may move
 * @output: a path, or NULL for the state folder of the recorded root. Return: 0 or negative errno. */
int store_init(struct store *store, const struct view *view, const char *output);

/* store_keeps - whether the profile that is there stays: it was collected without losses such as these
 * To be asked before the profile of the recording is made: there is no memory for both. */
bool store_keeps(const struct store *store, const struct recording *recording);

/* store_write - @ret_why: on a positive result why, static, for people
 * Return: 0, PROFILE_CORRUPT (the recording is inconsistent), or negative errno. */
int store_write(const struct store *store, const struct profile *profile, const char **ret_why);

/* store_read - the profile that is there, as far as replay reads it
 * Return: as profile_open() and profile_read(). */
int store_read(const struct store *store, struct profile **ret, const char **ret_why);
