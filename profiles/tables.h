/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the modules of this directory share about the tables: making room in one, and the checks of a
 * single entry. Private to profiles/.
 */
#pragma once

#include "cleanup.h"
#include "profile.h"

DEFINE_CLEANUP(struct profile *, profile_free)

/* table_resize - room for @n entries, which a later profile_add_x() recognises
 * @table: the address of the pointer to the entries, whatever their type
 * Return: 0 or negative ENOMEM. */
int table_resize(void *table, size_t n, size_t entry_size);

/* check_x - the fault of entry @i, given that all entries before it are good; NULL: none
 * They need the tables that the entry refers to. A process's parent is left to profile_check(). */
const char *check_boot(const struct profile *profile, size_t i);
const char *check_filesystem(const struct profile *profile, size_t i);
const char *check_file(const struct profile *profile, size_t i);
const char *check_range(const struct profile *profile, size_t i);
const char *check_metadata(const struct profile *profile, size_t i);
const char *check_walk(const struct profile *profile, size_t i);
const char *check_process(const struct profile *profile, size_t i);
const char *check_access(const struct profile *profile, size_t i);
const char *check_interval(const struct profile *profile, size_t i);
