/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From what an event says of a file to the file's resolved path below the recorded root.
 * A path is only ever believed when what stands there has the device and inode that the event named: all are
 * looked at when they are used (resolve_file()), and here those that may lead through a foreign mount.
 */
#pragma once

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "mounts.h"
#include "view.h"

struct file_key {
        dev_t device; /* the superblock's, or an alias of it, see mounts_alias() */
        uint64_t inode;
};

/* What a process passed to the kernel. */
struct passed_name {
        const char *name; /* as passed */
        const char *cwd;  /* working directory as the kernel names it, or NULL */
        int dirfd;        /* the caller's, or AT_FDCWD */
        pid_t pid;
};

struct resolver {
        const struct view *view;
        const struct mounts *mounts;
};

/* resolve_name - while the process lives its root, working directory and descriptors help
 * Return: 0, -ENOENT (no candidate is that file), or another negative errno. */
int resolve_name(const struct resolver *resolver, const struct passed_name *passed,
                 const struct file_key *key, char ret[static PATH_MAX]);

/* resolve_inode - without any name, by inode number alone; ext2/3/4 only (-EOPNOTSUPP elsewhere)
 * Works while the inode's name is in the kernel's directory cache, as it is shortly after an access. */
int resolve_inode(const struct resolver *resolver, const struct file_key *key, char ret[static PATH_MAX]);

/* resolve_handle - by a file handle as fanotify delivers it; also tells which file it is
 * Return: 0, 1 (not a regular file: nothing to record), or negative errno (ESTALE: deleted). */
int resolve_handle(const struct resolver *resolver, int filesystem, struct file_handle *handle,
                   struct file_key *ret_key, char ret[static PATH_MAX]);

/* resolve_descriptor - of a regular file that somebody opened, maybe in mounts of his own
 * Return: 0, -ENOENT (in ours it has no name that can be found), or another negative errno. */
int resolve_descriptor(const struct resolver *resolver, int filesystem, int fd, const struct file_key *key,
                       char ret[static PATH_MAX]);

/* resolve_file - the file at a resolved path, if it still is that one
 * Return: descriptor that only names it (O_PATH), -ENOENT when another one stands there or none, or another
 * negative errno. */
int resolve_file(const struct resolver *resolver, const char *path, const struct file_key *key);

/* resolve_path - the file that stands at a resolved path, and which it is
 * Return: descriptor that only names it, or negative errno. */
int resolve_path(const struct resolver *resolver, const char *path, struct file_key *ret_key);

/* resolve_open - opens for residency what such a descriptor names
 * Return: descriptor, or negative errno. */
int resolve_open(const struct view *view, int fd);
