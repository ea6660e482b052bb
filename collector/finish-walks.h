/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the walks that the kernel told, by inode numbers, to paths in the profile. */
#pragma once

#include "collection.h"
#include "profile.h"

/* walks_finish - adds the profile's walks; what is opened by its files is left out
 * Folders are found from above: from the mount points, the folders of recorded files, and what was looked up
 * in either. Return: 0 or negative errno. */
int walks_finish(struct collection *collection, struct profile *profile);
