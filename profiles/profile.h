/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A profile: what one machine's boot reads, in which order, and who asked.
 *
 * This header is all that the rest of bootahead knows of profiles. The bytes of the file are
 * described in FORMAT.md and known to this directory alone; the text twin (profile_dump(),
 * profile_load()) says the same in words and round-trips byte for byte.
 *
 * A struct profile owns everything that can be reached from it. Tables refer to each other by
 * index; PROFILE_NONE stands for "no such entry". The library is silent: it returns, its callers log.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Page ranges count pages of this size whatever the machine's own page size is. */
#define PROFILE_PAGE_SIZE 4096u
#define PROFILE_NONE UINT32_MAX

/* Limits for every count and length; reader, text loader and writer refuse what exceeds them. */
enum {
        PROFILE_BOOTS_MAX = 64,
        PROFILE_FILESYSTEMS_MAX = 256,
        PROFILE_FILES_MAX = 1u << 18,
        PROFILE_RANGES_MAX = 1u << 21,
        PROFILE_METADATA_MAX = 1u << 20,
        PROFILE_WALKS_MAX = 1u << 18,
        PROFILE_PROCESSES_MAX = 1u << 20,
        PROFILE_ACCESSES_MAX = 1u << 23,
        PROFILE_INTERVALS_MAX = 1u << 16,
        PROFILE_ARGUMENTS_MAX = 256,       /* bytes of a process's arguments, without the terminating NUL */
        PROFILE_STRING_MAX = 4095,         /* bytes, without the terminating NUL; a path's limit in Linux */
        PROFILE_STRINGS_MAX = 64u << 20,   /* bytes of all different strings together, with their NULs */
        PROFILE_FILE_SIZE_MAX = 64u << 20, /* bytes of a whole profile on disk */
};

/* Answers that a caller must handle; negative results are errno values, 0 is success. */
enum profile_result {
        PROFILE_CORRUPT = 1,   /* not a profile, cut short, or damaged */
        PROFILE_FOREIGN = 2,   /* a newer, incompatible format */
        PROFILE_UNTRUSTED = 3, /* others than its owner root (or the caller) could have written it */
};

enum profile_source {
        PROFILE_SOURCE_AUDIT = 1u << 0,
        PROFILE_SOURCE_FANOTIFY = 1u << 1,
        /* fanotify, only for processes that audit can't see: those older than the enabling of audit */
        PROFILE_SOURCE_FANOTIFY_GAP = 1u << 2,
        PROFILE_SOURCE_REPLAYED = 1u << 3, /* records fed in by a test */
};

/* What the tables of a boot's profile hold, and by which evidence. A reader drops members that it does not
 * know. */
enum profile_content {
        PROFILE_CONTENT_RESIDENT_PAGES = 1u << 0,     /* ranges: what was in memory at the end */
        PROFILE_CONTENT_TOUCHED_PAGES = 1u << 1,      /* ranges: what somebody asked for */
        PROFILE_CONTENT_RESIDENT_METADATA = 1u << 2,  /* metadata: what was in memory at the end */
        PROFILE_CONTENT_REQUESTED_METADATA = 1u << 3, /* metadata: what was requested from the device */
        PROFILE_CONTENT_WALKS = 1u << 4,
        PROFILE_CONTENT_LIVES = 1u << 5, /* every process with its times, not only those that open files */
        PROFILE_CONTENTS = (1u << 6) - 1,
};

/* profile_content_name - the stable lower-case words for one content, as text twin and JSON use them */
const char *profile_content_name(enum profile_content content);

/* What was lost or cut while collecting, by kind; each is a count of events unless said otherwise. */
enum profile_loss {
        PROFILE_LOSS_SOCKET,     /* records that did not fit into our receive buffer */
        PROFILE_LOSS_KERNEL,     /* records the kernel's audit queue dropped ("lost" of the audit status) */
        PROFILE_LOSS_INCOMPLETE, /* audit events of which records were missing */
        PROFILE_LOSS_FANOTIFY,   /* overflows of the fanotify queue (each hides any number of events) */
        PROFILE_LOSS_UNRESOLVED, /* accesses of a file that has no name any more, or none that was found */
        PROFILE_LOSS_FILES,      /* files over the limit of files */
        PROFILE_LOSS_ACCESSES,   /* accesses over the limit of accesses, or by processes over theirs */
        PROFILE_LOSS_PROCESSES,  /* processes, or texts of theirs, over a limit */
        PROFILE_LOSS_RANGES,     /* page or metadata ranges over their limit */
        PROFILE_LOSS_PAGES,      /* files whose residency could not be read */
        PROFILE_LOSS_TRACE,      /* trace events that the kernel's buffer had no room for */
        PROFILE_LOSS_LIVES,      /* process events (fork, exec, exit) that were not delivered */
        PROFILE_LOSS_TOUCHED,    /* touched pages, or walks, over the limit */
        PROFILE_LOSS_COUNT,
};

/* profile_loss_name - the stable lower-case word for a kind of loss, as text twin and JSON use it */
const char *profile_loss_name(enum profile_loss loss);

enum profile_device {
        PROFILE_DEVICE_UNKNOWN,
        PROFILE_DEVICE_ROTATIONAL, /* the kernel says that it has a head */
        PROFILE_DEVICE_SOLID,
        PROFILE_DEVICE_MMC,
        PROFILE_DEVICE_LOOP,
        PROFILE_DEVICE_COUNT,
};

const char *profile_device_name(enum profile_device device);

/* One collecting boot. A profile of one machine's boot has one; a merged profile has more. */
struct profile_boot {
        uint8_t id[16];      /* /proc/sys/kernel/random/boot_id */
        const char *kernel;  /* release, as uname -r prints it */
        const char *os;      /* ID and VERSION_ID of os-release, "debian 12" */
        const char *machine; /* "physical", "container", or the hypervisor's vendor */
        const char *choice;  /* why these sources were used, one line for people */
        uint32_t sources;    /* set of enum profile_source */
        uint64_t wall_us;    /* wall clock at the start of collection, µs since the epoch */
        uint64_t start_us;   /* CLOCK_BOOTTIME at the start of collection, µs */
        uint64_t end_us;     /* CLOCK_BOOTTIME at its end, µs */
        uint32_t contents;   /* set of enum profile_content */
        uint64_t losses[PROFILE_LOSS_COUNT];
};

struct profile_filesystem {
        uint8_t uuid[16];  /* all zero where it has none */
        const char *type;  /* as /proc/self/mountinfo names it, "ext4" */
        const char *mount; /* where it was mounted, "/" or "/var" */
        enum profile_device device;
};

struct profile_file {
        const char *path; /* absolute, resolved: no symlink, no "." or ".." in it */
        uint64_t size;    /* bytes */
        int64_t mtime_ns; /* modification time, ns since the epoch */
        uint64_t inode;
        uint32_t filesystem; /* index */
};

/* Pages of a file that the boot had in memory or, as the contents say, asked for. The table is in order of
 * first use. */
struct profile_range {
        uint32_t file;         /* index */
        uint32_t page;         /* first page, in PROFILE_PAGE_SIZE */
        uint32_t count;        /* pages, at least 1 */
        uint32_t first_use_us; /* since the start of collection; does not decrease along the table */
};

/* Pages of a filesystem's own block device that hold metadata which the boot used; ascending. */
struct profile_metadata {
        uint32_t filesystem; /* index */
        uint32_t count;      /* pages, at least 1 */
        uint64_t page;       /* first page of the device, in PROFILE_PAGE_SIZE */
};

enum profile_walk_kind {
        PROFILE_WALK_LISTED,    /* a directory that was read */
        PROFILE_WALK_LOOKED_UP, /* an existing name whose lookup cost reads */
        PROFILE_WALK_ABSENT,    /* a name that was looked up in vain */
        PROFILE_WALK_COUNT,
};

const char *profile_walk_name(enum profile_walk_kind kind);

/* A name whose lookup or listing the boot waited for, on a filesystem that can't say which metadata pages
 * it read for it. The table is in order of first use. */
struct profile_walk {
        const char *path;      /* as a file's path; "/" is possible */
        uint32_t filesystem;   /* index */
        uint32_t first_use_us; /* since the start of collection; does not decrease along the table */
        enum profile_walk_kind kind;
};

enum profile_process_flags {
        PROFILE_PROCESS_TICKS_COMPUTED = 1u << 0, /* start_ticks is computed, within one tick */
        PROFILE_PROCESS_EXITED = 1u << 1,         /* its end was seen: exit_us and exit_status hold */
        PROFILE_PROCESS_ARGUMENTS_CUT = 1u << 2,  /* there were more arguments */
        PROFILE_PROCESS_FLAGS = (1u << 3) - 1,
};

/* A process as a life: boot, pid and start time together are never reused.
 * Times are in µs since the start of collection, 0: unknown or before it; a true 0 is stored as 1. They are
 * as they were observed, in no promised order. */
struct profile_process {
        uint32_t boot; /* index */
        uint32_t pid;
        uint64_t start_ticks; /* field 22 of /proc/PID/stat (proc(5)); 0 = could not be looked at */
        uint32_t parent;      /* index into the process table, or PROFILE_NONE; nobody is his own ancestor */
        const char *executable;             /* path, or "" where unknown */
        const char *unit;                   /* systemd unit, or "" */
        const char *arguments;              /* words joined by one space, or "" where unknown or left out */
        uint64_t fork_us, exec_us, exit_us; /* the last exec that succeeded */
        uint32_t exit_status;               /* as waitpid(2) tells it */
        uint32_t flags;                     /* set of enum profile_process_flags */
};

enum profile_access_flags {
        PROFILE_ACCESS_OPEN = 1u << 0,
        PROFILE_ACCESS_EXEC = 1u << 1,
        PROFILE_ACCESS_WRITE = 1u << 2,  /* opened for writing */
        PROFILE_ACCESS_CREATE = 1u << 3, /* this open made the file */
        PROFILE_ACCESS_FLAGS = (1u << 4) - 1,
};

/* One access. The table is in order of time. */
struct profile_access {
        uint32_t file;    /* index */
        uint32_t process; /* index */
        uint64_t time_us; /* since the start of collection; does not decrease along the table */
        uint32_t flags;   /* set of enum profile_access_flags */
};

enum profile_interval_kind {
        PROFILE_INTERVAL_SHED,  /* fewer events were asked for, to spare the machine */
        PROFILE_INTERVAL_BLIND, /* no channel delivered */
        PROFILE_INTERVAL_COUNT,
};

const char *profile_interval_name(enum profile_interval_kind kind);

/* A time in which collecting was not complete, in µs since the start of collection. The table is in order of
 * boot and start; intervals may overlap. One from 0 to 0 stands for the time before: somebody had collected
 * then, and was killed. */
struct profile_interval {
        uint32_t boot; /* index */
        enum profile_interval_kind kind;
        uint64_t start_us, end_us;
};

struct profile_strings; /* storage of the strings, private */

struct profile {
        struct profile_boot *boots;
        struct profile_filesystem *filesystems;
        struct profile_file *files; /* ascending by path (strcmp), each path once */
        struct profile_range *ranges;
        struct profile_metadata *metadata;
        struct profile_walk *walks;
        struct profile_process *processes;
        struct profile_access *accesses;
        struct profile_interval *intervals;
        size_t n_boots, n_filesystems, n_files, n_ranges, n_metadata, n_walks, n_processes, n_accesses,
                n_intervals;
        struct profile_strings *strings;
};

/* ---- Building ---------------------------------------------------------------------------- */

struct profile *profile_new(void); /* NULL: out of memory */
void profile_free(struct profile *profile);

/* profile_string - copies a string into the profile; equal strings share one copy
 * Return: the copy, owned by the profile, or NULL with errno ENOMEM, ENAMETOOLONG or E2BIG (limit). */
const char *profile_string(struct profile *profile, const char *string);

/* profile_string_within - the same, where all strings together may take @memory bytes at most */
const char *profile_string_within(struct profile *profile, const char *string, size_t memory);

/* profile_add_x - appends a zeroed entry; a process's arguments are ""
 * Return: the entry, valid until the next is added, or NULL with errno ENOMEM or E2BIG (limit). */
struct profile_boot *profile_add_boot(struct profile *profile);
struct profile_filesystem *profile_add_filesystem(struct profile *profile);
struct profile_file *profile_add_file(struct profile *profile);
struct profile_range *profile_add_range(struct profile *profile);
struct profile_metadata *profile_add_metadata(struct profile *profile);
struct profile_walk *profile_add_walk(struct profile *profile);
struct profile_process *profile_add_process(struct profile *profile);
struct profile_access *profile_add_access(struct profile *profile);
struct profile_interval *profile_add_interval(struct profile *profile);

/* profile_adopt_accesses - takes over a table that was made elsewhere, instead of holding it twice
 * @accesses: from malloc(), with room for @n rounded up to a power of two and for 16; the profile's from now
 * on */
void profile_adopt_accesses(struct profile *profile, struct profile_access *accesses, size_t n);

/* profile_sort - puts the tables into the order that this header promises
 * Files by path (indices that refer to them follow), ranges and walks by first use, metadata by filesystem
 * and page, accesses by time, intervals by boot and start; entries that tie keep their order. Files of one
 * path become one, the first that was added, and so do metadata ranges that begin at one page, the longest.
 * Return: 0 or negative errno. */
int profile_sort(struct profile *profile);

/* profile_check - whether every index, order, length and count is as this header promises
 * @ret_why: on PROFILE_CORRUPT a static description of the first fault, may be NULL
 * Return: 0, PROFILE_CORRUPT, or negative ENOMEM. */
int profile_check(const struct profile *profile, const char **ret_why);

/* profile_strip - leaves what travels to other machines
 * Files and walks below /usr (but not /usr/local) and its old neighbours /bin, /sbin, /lib*, with their pages
 * and order; what was lost, and when collecting was not whole. Goes: all other names, metadata, processes,
 * accesses, inodes, times of files, filesystems' UUIDs and devices, the boots' ids and wall clock.
 * Return: 0, PROFILE_CORRUPT (the profile breaks a promise of this header), or negative ENOMEM. */
int profile_strip(struct profile *profile);

/* ---- The file ---------------------------------------------------------------------------- */

enum profile_part {
        PROFILE_PART_REPLAY, /* boots, filesystems, files (path, size, filesystem), ranges, metadata, walks */
        PROFILE_PART_ALL,
};

/* profile_read - reads and verifies a profile
 * @fd:      the profile's descriptor, not consumed; read from offset 0
 * @part:    PROFILE_PART_REPLAY reads and unpacks no byte behind the sections that replay needs
 * @ret_why: on a positive result a static description, may be NULL
 *
 * Every offset, count and length is checked before anything is handed out.
 * Return: 0, PROFILE_CORRUPT, PROFILE_FOREIGN, or negative errno. */
int profile_read(int fd, enum profile_part part, struct profile **ret, const char **ret_why);

/* profile_open - opens a profile in a file system that others may write to
 * @dirfd, @path: as in openat(2)
 *
 * Refuses what is no regular file (PROFILE_UNTRUSTED), a symlink (negative ELOOP), and a file that is not
 * owned by root or the effective user, or that group or others may write (PROFILE_UNTRUSTED).
 * Return: a descriptor that the caller owns in @ret_fd and 0, PROFILE_UNTRUSTED, or negative errno. */
int profile_open(int dirfd, const char *path, int *ret_fd, const char **ret_why);

/* profile_write - writes a profile atomically
 * @dirfd, @path: as in openat(2)
 * @ret_why: on a positive result a static description, may be NULL
 *
 * Writes a temporary file beside @path, syncs, renames over @path, syncs the folder. The old file
 * stays whole when anything fails, and no temporary file remains. Mode 0644.
 * Return: 0, PROFILE_CORRUPT (the profile breaks a promise of this header: a caller's mistake),
 * PROFILE_UNTRUSTED (a device or the like stands there, and stays), or negative errno. */
int profile_write(int dirfd, const char *path, const struct profile *profile, const char **ret_why);

/* profile_copy - writes what profile_open() has opened elsewhere, in the same way; its mode and
 * time of modification go along. Nothing of it is looked at. Return: 0, PROFILE_UNTRUSTED, or negative errno. */
int profile_copy(int fd, int dirfd, const char *path, const char **ret_why);

/* ---- The text twin ----------------------------------------------------------------------- */

/* profile_dump - writes the text form, described in FORMAT.md
 * Return: 0, PROFILE_CORRUPT (the profile breaks a promise of this header), or negative errno. */
int profile_dump(const struct profile *profile, FILE *out);

/* profile_load - reads the text form
 * @ret_line, @ret_why: on PROFILE_CORRUPT the line (from 1) and a static description of its fault
 * Return: 0, PROFILE_CORRUPT, PROFILE_FOREIGN, or negative errno. */
int profile_load(FILE *in, struct profile **ret, size_t *ret_line, const char **ret_why);
