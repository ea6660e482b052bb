/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which boot this is, on what: the profile's boot entry.
 */
#pragma once

#include "collection.h"
#include "profile.h"

/* boot_describe - adds the boot that the collection belongs to, while there is room for its texts
 * Return: 0 or negative errno. */
int boot_describe(const struct collection *collection, struct profile *profile);

/* boot_conclude - completes it: what was collected, until when, and what was lost */
void boot_conclude(const struct collection *collection, struct profile *profile);
