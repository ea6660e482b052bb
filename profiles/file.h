/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Replacing a small file so that a crash leaves the old or the new one, and folders for such files. It stands
 * here because profiles/ is what all may use, and its own file is written that way.
 */
#pragma once

#include <stddef.h>

/* file_make_folder - makes a folder, and those above it, where they are missing
 * @root: what @path, which begins with a slash, lies below
 *
 * Return: a descriptor that can be synced, or negative errno. */
int file_make_folder(int root, const char *path);

/* file_replace - on disk when it returns: temporary file, fsync, rename, fsync of the folder
 * @folder: a descriptor that can be synced, not consumed; @name: in it, without a slash
 *
 * Return: 0 or negative errno; then the old file is as it was. */
int file_replace(int folder, const char *name, const void *bytes, size_t n);
