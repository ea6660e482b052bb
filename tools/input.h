/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds and reads the profile that a request is about. */
#pragma once

#include <json-c/json.h>

#include "cleanup.h"
#include "profile.h"
#include "verbs.h"

DEFINE_CLEANUP(struct profile *, profile_free)

/* Room for the path of a profile. */
enum { INPUT_PATH_MAX = 4352 };

/* input_path - the path of the request's profile: its first argument, else the system's own below its root
 * Return: @ret */
const char *input_path(const struct request *request, char ret[static INPUT_PATH_MAX]);

/* input_read - reads the profile at a path, whoever owns it
 * @ret_why: on a result other than 0 the reason in words
 * Return: as profile_read() */
int input_read(const char *path, struct profile **ret, const char **ret_why);

/* input_profile - the request's profile; on failure says so on standard error
 * Return: EXIT_DONE or EXIT_REFUSED */
int input_profile(const struct request *request, struct profile **ret);

/* input_lines - reads lines of key=value below a folder
 * Return: them as an object, or NULL: there is no such file. */
struct json_object *input_lines(int folder, const char *path);

/* complain - "bootahead: WHAT 'PATH': WHY" on standard error
 * Return: EXIT_REFUSED */
int complain(const char *what, const char *path, const char *why);
