/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The descriptors through which the collector sees the machine. They are opened once, at the start,
 * because in the initramfs the folders behind them move when the root is switched: a descriptor moves
 * along, a path does not. Nobody else in collector/ opens /proc, /sys, /dev or /run by path.
 */
#pragma once

#include <limits.h>
#include <stddef.h>

struct view {
        int proc;              /* /proc */
        int sys;               /* /sys, or -1 */
        int dev;               /* /dev, or -1 */
        int run;               /* BOOTAHEAD_RUNDIR */
        int root;              /* the folder that is recorded as "/" */
        char prefix[PATH_MAX]; /* that folder's path as we see it, "" for "/" itself */
};

/* view_open - opens everything; creates BOOTAHEAD_RUNDIR
 * Return: 0 or negative errno, with @ret_what naming the subject. */
int view_open(struct view *view, const char *root, const char **ret_what);

/* view_open_readonly - the same without BOOTAHEAD_RUNDIR: for who leaves nothing there */
int view_open_readonly(struct view *view, const char *root, const char **ret_what);

/* view_enter - makes the recorded root our own root and working directory, as is needed to survive
 * the switch from an initramfs. Return: 0 or negative errno. */
int view_enter(struct view *view);

void view_close(struct view *view);

/* view_read - reads a small text file, at most @size - 1 bytes, and ends it with NUL
 * Return: number of bytes or negative errno. */
int view_read(int dirfd, const char *path, char *buffer, size_t size);

/* view_strip - turns a path as we see it into a path below the recorded root
 * Return: the part of @path below the root ("/..."), or NULL when it is not below it. */
const char *view_strip(const struct view *view, const char *path);
