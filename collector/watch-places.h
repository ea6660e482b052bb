/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The filesystems that a watcher watches, and names in them. All that are on local storage, and tmpfs, as
 * far as the filter wants anything on them: what lies elsewhere never causes an event.
 */
#pragma once

#include <fcntl.h>
#include <limits.h>

#include "view.h"
#include "watch-filter.h"

struct watch_place {
        dev_t device;  /* of the superblock, as mountinfo has it */
        uint64_t fsid; /* of statfs(2), as fanotify names it */
        char *mount;
        int fd; /* opened by watch_place_open(), -1 else */
};

struct watch_places {
        struct watch_place *places; /* only ever appended to */
        size_t n;
};

/* watch_places_update - adds the filesystems that have appeared
 * Return: number of those added, or negative errno. */
int watch_places_update(struct watch_places *places, const struct view *view,
                        const struct watch_filter *filter);
void watch_places_done(struct watch_places *places);

/* watch_places_find - Return: index of the filesystem or -1. */
int watch_places_find(const struct watch_places *places, uint64_t fsid);

/* watch_place_open - opens the filesystem's folder, until watch_places_rest()
 * Return: descriptor, owned by the place, or negative errno (ENODEV: no longer there). */
int watch_place_open(struct watch_place *place, const struct view *view);

/* watch_places_rest - closes all folders, so that nothing keeps a filesystem from being unmounted */
void watch_places_rest(struct watch_places *places);

/* watch_place_path - where the folder that a handle means is now
 * Return: 0 or negative errno (ESTALE: it has been removed). */
int watch_place_path(struct watch_place *place, const struct view *view, struct file_handle *handle,
                     char ret[static PATH_MAX]);

/* watch_device_of - the filesystem that a path lies on, by the mount table; the path need not exist
 * Return: 0: unknown. */
dev_t watch_device_of(const struct view *view, const char *path);

/* watch_first_name - what a path is called where its filesystem is mounted first, by the mount table
 * Return: on the heap, or NULL: unknown. */
char *watch_first_name(const struct view *view, const char *path);

/* watch_mount_open - the first mount of a filesystem type, as it is: to mount it anew would change its
 * options Return: descriptor of its folder, owned by the caller, or negative errno (ENOENT: there is none).
 */
int watch_mount_open(const struct view *view, const char *type);

/* watch_device_parse - "MAJOR:MINOR", a block device, or a path on the filesystem
 * Return: 0 or negative errno. */
int watch_device_parse(const struct view *view, const char *text, dev_t *ret);
