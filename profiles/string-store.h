/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The strings of a profile: an arena that only grows, and a hash set over it so that equal strings
 * share one copy. Private to profiles/.
 */
#pragma once

#include "cleanup.h"

#include <stddef.h>

struct profile_strings;

struct profile_strings *strings_new(void); /* NULL: out of memory */
void strings_free(struct profile_strings *strings);

/* strings_add - the set's copy of the @length bytes at @bytes, which must not hold a NUL
 * @memory: what the whole set may take for it, in bytes; SIZE_MAX: as much as it needs
 * Return: the copy, NUL-terminated, or NULL with errno ENOMEM, ENAMETOOLONG or E2BIG. */
const char *strings_add(struct profile_strings *strings, const char *bytes, size_t length, size_t memory);

/* strings_append - the same for a string that is known to be new: the cost of the set is put off until
 * strings_add() needs it, which in replay is never */
const char *strings_append(struct profile_strings *strings, const char *bytes, size_t length);

DEFINE_CLEANUP(struct profile_strings *, strings_free)
