/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The local filesystems below the recorded root: which there are, where they are mounted, on what device.
 * Reads /proc/self/mountinfo (proc_pid_mountinfo(5)); knows nothing of accesses.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "profile.h"
#include "view.h"

struct filesystem {
        dev_t device;  /* of the superblock, as mountinfo and audit records name it */
        uint64_t fsid; /* of statfs(2), as fanotify names it */
        char *mount;   /* path below the recorded root */
        char *type;
        bool linked_inodes; /* ext2/3/4: an inode number alone can be opened, see resolve.c */
        bool layered;       /* overlay: its files' pages are those of other files, below it */
        bool untold;        /* not all of its files' pages are in events: overlay; squashfs, where what
                             * filemap_create_folio() makes is in none (mm/filemap.c, Linux 6.12 to 6.18) */
};

struct mounts {
        struct filesystem *filesystems; /* only ever appended to: an unmounted one stays, without harm */
        size_t count;
        struct mounts_alias {
                dev_t device;
                size_t filesystem;
        } * aliases;
        size_t n_aliases;
};

/* mounts_update - adds the filesystems that have appeared
 * Only filesystems on local storage: on a block device (but FUSE), or btrfs, bcachefs, overlay.
 * Return: number of filesystems added, or negative errno. */
int mounts_update(struct mounts *mounts, const struct view *view);
void mounts_done(struct mounts *mounts);

/* filesystem_open - opens its folder for reading; not kept open, since that would keep it from being
 * unmounted. Return: descriptor, owned by the caller, or negative errno (ENODEV: no longer there). */
int filesystem_open(const struct filesystem *filesystem, const struct view *view);

/* Return: index of a filesystem or -1. */
int mounts_find(const struct mounts *mounts, dev_t device);
int mounts_find_fsid(const struct mounts *mounts, uint64_t fsid);

/* mounts_find_root - of what is recorded as "/". Return: index of a filesystem or -1. */
int mounts_find_root(const struct mounts *mounts);

/* mounts_alias - lets mounts_find() find a filesystem by the device number that stat(2) has of its files,
 * too: subvolumes of btrfs and layers of an overlay have their own. Inode numbers are unique only below
 * these. Return: 0 or negative errno. */
int mounts_alias(struct mounts *mounts, dev_t device, int filesystem);

/* mounts_device - the superblock's device of an open file; differs from st_dev on btrfs
 * Return: 0 or negative errno. */
int mounts_device(const struct view *view, int fd, dev_t st_dev, dev_t *ret);

/* filesystem_uuid - all zero where it can't be had */
void filesystem_uuid(const struct filesystem *filesystem, const struct view *view, uint8_t ret[16]);
enum profile_device filesystem_device_kind(const struct filesystem *filesystem, const struct view *view);

/* filesystem_open_device - opens the filesystem's own block device (partition, dm) for reading
 * Return: descriptor, owned by the caller, or negative errno. */
int filesystem_open_device(const struct filesystem *filesystem, const struct view *view);
