/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a watcher's events are, and which of them it wants. Pure: knows neither channels nor output, so
 * that it is tested without root. The channels filter what they can by the same filter; what gets through
 * is judged here again, by all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum watch_class {
        WATCH_EXEC = 1u << 0,   /* a program was started */
        WATCH_OPEN = 1u << 1,   /* a file was opened */
        WATCH_WRITE = 1u << 2,  /* a file's content was changed */
        WATCH_CREATE = 1u << 3, /* a name was made, of whatever kind */
        WATCH_DELETE = 1u << 4, /* a name was removed */
        WATCH_RENAME = 1u << 5,
        WATCH_LOOKUP = 1u << 6, /* a name was only looked up (stat and the like): seen where it failed */
        WATCH_FORK = 1u << 7,
        WATCH_EXIT = 1u << 8,
};

/* Classes by what tells of them. */
enum {
        WATCH_NAMES = WATCH_CREATE | WATCH_DELETE | WATCH_RENAME,
        WATCH_FILES = WATCH_OPEN | WATCH_WRITE | WATCH_NAMES,
        WATCH_PROCESSES = WATCH_EXEC | WATCH_FORK | WATCH_EXIT,
        WATCH_CAN_FAIL = WATCH_FILES | WATCH_EXEC | WATCH_LOOKUP,
        WATCH_ALL = WATCH_FILES | WATCH_PROCESSES | WATCH_LOOKUP,
};

/* watch_class_name - "open" and so on, or NULL; watch_class_find - 0 where there is no such class */
const char *watch_class_name(uint32_t class);
uint32_t watch_class_find(const char *name, size_t length);

/* Texts are NULL where they could not be found out, "" where there is none. */
struct watch_event {
        uint32_t class; /* enum watch_class */
        uint32_t pid;
        uint64_t time_us; /* CLOCK_BOOTTIME */
        const char *executable, *unit;
        const char *path;
        const char *new_path; /* where the class has one (WATCH_RENAME, a failed link), else NULL */
        uint32_t user;        /* real user id */
        bool user_known;
        dev_t device;    /* of the filesystem, 0: unknown */
        int error;       /* positive errno of what failed, or 0 */
        uint32_t child;  /* WATCH_FORK */
        uint32_t status; /* WATCH_EXIT, as waitpid(2) has it */
};

enum { WATCH_VALUES_MAX = 64 };

struct watch_texts {
        const char *values[WATCH_VALUES_MAX]; /* not owned */
        size_t n;
};

/* An option that names nothing lets everything through; within one the values are alternatives, and an
 * event has to satisfy all options. */
struct watch_filter {
        uint32_t classes; /* set of enum watch_class */
        bool succeeded, failed;
        struct watch_texts paths;       /* a file, or a folder and what is below it */
        struct watch_texts executables; /* the same, or a name without slash */
        struct watch_texts units;       /* patterns as of fnmatch(3) */
        uid_t users[WATCH_VALUES_MAX];
        size_t n_users;
        dev_t devices[WATCH_VALUES_MAX];
        size_t n_devices;
};

enum watch_match {
        WATCH_NO,
        WATCH_YES,
        WATCH_UNKNOWN, /* what would decide could not be found out */
};

enum watch_match watch_filter_match(const struct watch_filter *filter, const struct watch_event *event);

/* watch_path_is_below - whether @path is @folder or lies below it; a slash at the end of @folder is none */
bool watch_path_is_below(const char *path, const char *folder);

/* watch_filter_device - whether events of this filesystem are wanted at all */
bool watch_filter_device(const struct watch_filter *filter, dev_t device);
