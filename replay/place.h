/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where replay reads: the descriptors of the machine, and of each filesystem of the profile that is there.
 * All are opened at the start: when an initramfs hands over, /proc, /sys, /dev and /run move.
 */
#pragma once

#include <stdbool.h>

#include "profile.h"

struct place {
        int proc, sys, dev;
        int mounts; /* the mount table, to wait for its changes, or -1 */
        int run;    /* BOOTAHEAD_RUNDIR, or -1 */
        int root;   /* what the profile calls "/" */
};

/* place_open - Return: 0 or negative errno (of the root). */
int place_open(struct place *place, const char *root);
void place_close(struct place *place);

/* place_memory - a share of the memory that is available now
 * Return: bytes, UINT64_MAX where the kernel does not tell. */
uint64_t place_memory(const struct place *place, unsigned int percent);

/* One filesystem of the profile on this machine. */
struct mounted {
        int root;        /* its folder, or -1: not there */
        int device;      /* its own block device, or -1 */
        uint64_t window; /* bytes that one call reads ahead at most; the kernel drops the rest unsaid */
        bool done;       /* it was there: it is not looked for any more */
};

/* mounted_new - one entry for each of the profile's filesystems, none of them there. Return: or NULL */
struct mounted *mounted_new(size_t count);
void mounted_close(struct mounted *mounted); /* done with it */
void mounted_free(struct mounted *mounted, size_t count);

/* place_find_filesystems - opens those that are mounted now
 * Only local filesystems on block devices are taken; and only when type and, where the kernel tells it,
 * UUID are those of the profile. Return: how many are open, or negative errno. */
int place_find_filesystems(const struct place *place, const struct profile *profile, struct mounted *mounted);

/* place_wait_for_mounts - sleeps until the mount table has changed since the last call, or since
 * place_open(), or until so much time has passed; -1: any. Return: whether it has changed. */
bool place_wait_for_mounts(const struct place *place, int milliseconds);

enum {
        PLACE_GONE = 1,    /* no such file, or not reachable without leaving its filesystem */
        PLACE_CHANGED = 2, /* not a regular file, or of another size */
};

/* place_open_file - opens a regular file by its resolved path
 * Without symlinks, across no mount, without changing its access time, and without touching what it finds
 * until that has been seen to be a regular file of the given size.
 * Return: 0, PLACE_GONE, PLACE_CHANGED, or negative errno. */
int place_open_file(const struct place *place, const struct mounted *mounted, const char *below,
                    uint64_t size, int *ret_fd);

/* place_path_below - the part of a path below a mount point, "" for that itself; a profile does not promise
 * that its paths lie below the mount points of their filesystems. Return: within @path, or NULL. */
const char *place_path_below(const char *path, const char *mount);
