/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which boot this is, on what: the profile's boot entry.
 */
#pragma once

#include "collection.h"
#include "profile.h"

/* boot_describe - adds the boot that the collection belongs to. Return: 0 or negative errno. */
int boot_describe(const struct collection *collection, struct profile *profile);
