/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Below which mount point a recorded path lies. A filesystem is recorded once, where it is mounted first;
 * what is reached by a further mount of it (a subvolume of btrfs, a bind mount) can't be reached from there
 * without crossing a mount, which replay never does. The profile gets an entry for each such mount that is
 * used.
 */
#pragma once

#include "collection.h"

struct mount_points {
        struct mount_point *points;
        size_t count;
};

/* mount_points_read - the further mounts of the recorded filesystems, which are the first of the profile's
 * Return: 0 or negative errno. */
int mount_points_read(const struct collection *collection, struct mount_points *ret);
void mount_points_done(struct mount_points *points);

/* mount_points_find - the profile's filesystem for a path
 * @filesystem: the one that was recorded for it. Return: that, or the index of a further mount. */
uint32_t mount_points_find(struct mount_points *points, struct profile *profile, const char *path,
                           uint32_t filesystem);
