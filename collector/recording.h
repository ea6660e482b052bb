/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bounded, ordered, in-memory collection of this boot's accesses. Pure: it knows neither kernel
 * interfaces nor files on disk, only what it is told, so that it is tested without root.
 * Each file is there once, whatever its names; each process as a life.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "profile.h"
#include "resolve.h"

struct recorded_file {
        struct file_key key;
        const char *path; /* below the recorded root; NULL while it could not be resolved */
        uint64_t first_us;
        uint32_t n_accesses;
};

/* Times are in µs since the start of collection, 0: unknown. What happens to lives is lives.h's. */
struct recorded_process {
        uint32_t pid, parent_pid;
        uint32_t parent; /* index of the parent's life, or PROFILE_NONE where only its pid is known */
        uint32_t exit_status;
        uint64_t start_ticks; /* 0: unknown */
        uint64_t fork_us, exec_us, exit_us;
        const char *executable, *unit, *arguments; /* NULL where unknown */
        uint32_t exec_file;                        /* the file that it executed last, or PROFILE_NONE */
        bool arguments_cut;                        /* there were more, or there was no room for them */
        bool ticks_computed;                       /* start_ticks is within one tick */
        bool exited;
        bool looked;      /* /proc was read since it executed something */
        bool accessed;    /* something is recorded of it */
        bool executing;   /* its last access was to execute: the next one may be the interpreter's */
        bool exec_ahead;  /* what it executed was opened before the execution was told of: two channels */
        bool exec_owed;   /* the other way round */
        bool hidden;      /* a kernel thread, or ours, or forked by such and nothing executed yet */
        bool kept;        /* goes into the profile: lives_settle() */
        uint8_t ancestry; /* lives_settle()'s own */
};

enum { RECORDING_INTERVALS = 256 };

struct recording_limits {
        uint32_t files, processes, accesses;
};

extern const struct recording_limits recording_default_limits;

struct table; /* key to index, private */

struct recording {
        struct recording_limits limits;
        struct recorded_file *files;
        struct recorded_process *processes;
        struct profile_access *accesses; /* by indices of this recording; the profile takes the table over */
        uint32_t n_files, n_processes, n_accesses;
        uint64_t losses[PROFILE_LOSS_COUNT];
        uint64_t last_us;
        struct profile_interval intervals[RECORDING_INTERVALS];
        uint32_t n_intervals;
        struct profile *texts; /* the profile in the making: it holds all texts, equal ones once */
        struct table *files_by_key, *processes_by_pid;
};

struct recording *recording_new(const struct recording_limits *limits); /* NULL: out of memory */
void recording_free(struct recording *recording);

/* recording_find_file, recording_find_process - Return: index or PROFILE_NONE. */
uint32_t recording_find_file(const struct recording *recording, const struct file_key *key);
uint32_t recording_find_process(const struct recording *recording, uint32_t pid);

/* recording_add_x - Return: index, or PROFILE_NONE when over the limit or out of memory. A file that is not
 * added is a lost access, counted here; a process is counted by whoever knows that it is a new one. A process
 * that is added takes its pid over from an earlier life. */
uint32_t recording_add_file(struct recording *recording, const struct file_key *key);
uint32_t recording_add_process(struct recording *recording, uint32_t pid, uint32_t parent_pid,
                               uint64_t start_ticks);

/* recording_set_path, recording_set_text - a copy is kept, of a file's path or a process's executable or unit
 * NULL leaves it as it is. So it is where all texts together take too much memory: then a text is counted as
 * lost, a file without path at the end. */
void recording_set_path(struct recording *recording, uint32_t file, const char *path);
void recording_set_text(struct recording *recording, const char **text, const char *value);

/* recording_set_arguments - a copy is kept, cut to what a profile holds; NULL: unknown */
void recording_set_arguments(struct recording *recording, uint32_t process, const char *arguments);

/* recording_access - the time never runs backwards: an earlier one counts as the latest so far */
void recording_access(struct recording *recording, uint32_t file, uint32_t process, uint32_t flags,
                      uint64_t time_us);

/* recording_interval - a time in which less was recorded than happened
 * One too many lengthens the last of its kind: that too much is doubted does less harm than too little. */
void recording_interval(struct recording *recording, enum profile_interval_kind kind, uint64_t start_us,
                        uint64_t end_us);
