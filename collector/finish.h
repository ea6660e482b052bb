/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the recording to the profile: residency of each file, metadata of each filesystem, lives.
 */
#pragma once

#include "collection.h"
#include "profile.h"

/* finish_profile - Return: 0 or negative errno. The collection's losses are part of the profile,
 * which takes over the recorded accesses and texts. */
int finish_profile(struct collection *collection, struct profile **ret);
