/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where folders were that exist no more: fanotify names a folder by a handle, and that of a removed one can
 * no longer be asked for its path. Bounded: the folder seen last takes the place of another.
 */
#pragma once

#include <fcntl.h>
#include <stdint.h>

struct watched_folders;

struct watched_folders *watched_folders_new(void); /* NULL: out of memory */
void watched_folders_free(struct watched_folders *folders);

/* watched_folders_learn - the folder is, or was, at @path */
void watched_folders_learn(struct watched_folders *folders, uint64_t fsid, const struct file_handle *handle,
                           const char *path);

/* watched_folders_recall - Return: the path, valid until the next learn, or NULL: unknown. */
const char *watched_folders_recall(const struct watched_folders *folders, uint64_t fsid,
                                   const struct file_handle *handle);
