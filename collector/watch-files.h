/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happens to files, from a fanotify group of our own: nobody else's events change by it, and it is
 * gone with its descriptor. Marked are the filesystems on which anything is wanted, for the classes that
 * are wanted; events name a folder by its handle and a file in it by name, so that nothing is opened in the
 * name of an event.
 *
 * Uncountable: what happens between a mount and our mark of it. fanotify merges equal events of one process
 * on one name that are still queued, and those of several classes into one. It has no times: an event's is
 * that of taking it out of the queue.
 */
#pragma once

#include <stdint.h>

#include "watch-places.h"

struct watched_files;

/* One event of one class; the texts are valid until the callback returns. */
struct file_event {
        uint32_t class; /* enum watch_class */
        uint32_t pid;
        uint64_t time_us; /* CLOCK_BOOTTIME */
        dev_t device;
        const char *path, *new_path; /* NULL: unknown; the second only of a rename */
};

typedef void (*file_callback)(void *userdata, const struct file_event *event);

/* watched_files_open - @view, @filter: stay the caller's
 * Return: 0 or negative errno. */
int watched_files_open(const struct view *view, const struct watch_filter *filter,
                       struct watched_files **ret);
void watched_files_close(struct watched_files *files);

/* watched_files_fd - readable when watched_files_receive() has something to do; owned by @files */
int watched_files_fd(const struct watched_files *files);

/* watched_files_mark - marks the filesystems that have appeared
 * Return: 0 or negative errno (not one of those that are there could be marked). */
int watched_files_mark(struct watched_files *files);

/* watched_files_count - how many filesystems are marked */
int watched_files_count(const struct watched_files *files);

/* watched_files_receive - takes a batch of events out of the kernel's queue, to be looked at later
 * Return: 0 or negative errno. */
int watched_files_receive(struct watched_files *files);

/* watched_files_take - hands over the batch */
void watched_files_take(struct watched_files *files, file_callback callback, void *userdata);

/* watched_files_overflows - how often the kernel's queue was full so far; how many events were lost then,
 * it does not tell */
uint64_t watched_files_overflows(const struct watched_files *files);
