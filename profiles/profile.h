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
        PROFILE_PROCESSES_MAX = 1u << 20,
        PROFILE_ACCESSES_MAX = 1u << 23,
        PROFILE_STRING_MAX = 4095, /* bytes, without the terminating NUL; a path's limit in Linux */
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

/* What was lost or cut while collecting, by kind; each is a count of events unless said otherwise. */
enum profile_loss {
        PROFILE_LOSS_SOCKET,     /* records that did not fit into our receive buffer */
        PROFILE_LOSS_KERNEL,     /* records the kernel's audit queue dropped ("lost" of the audit status) */
        PROFILE_LOSS_INCOMPLETE, /* audit events of which records were missing */
        PROFILE_LOSS_FANOTIFY,   /* overflows of the fanotify queue (each hides any number of events) */
        PROFILE_LOSS_UNRESOLVED, /* accesses of a file that has no name any more, or none that was found */
        PROFILE_LOSS_FILES,      /* files over the limit of files */
        PROFILE_LOSS_ACCESSES,   /* accesses over the limit of accesses */
        PROFILE_LOSS_PROCESSES,  /* processes over the limit of processes */
        PROFILE_LOSS_RANGES,     /* page or metadata ranges over their limit */
        PROFILE_LOSS_PAGES,      /* files whose residency could not be read */
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
        uint8_t id[16];       /* /proc/sys/kernel/random/boot_id */
        const char *kernel;   /* release, as uname -r prints it */
        const char *os;       /* ID and VERSION_ID of os-release, "debian 12" */
        const char *machine;  /* "physical", "container", or the hypervisor's vendor */
        const char *choice;   /* why these sources were used, one line for people */
        uint32_t sources;     /* set of enum profile_source */
        uint64_t wall_us;     /* wall clock at the start of collection, µs since the epoch */
        uint64_t start_us;    /* CLOCK_BOOTTIME at the start of collection, µs */
        uint64_t end_us;      /* CLOCK_BOOTTIME at its end, µs */
        uint64_t losses[PROFILE_LOSS_COUNT];
};

struct profile_filesystem {
        uint8_t uuid[16];          /* all zero where it has none */
        const char *type;          /* as /proc/self/mountinfo names it, "ext4" */
        const char *mount;         /* where it was mounted, "/" or "/var" */
        enum profile_device device;
};

struct profile_file {
        const char *path;    /* absolute, resolved: no symlink, no "." or ".." in it */
        uint64_t size;       /* bytes */
        int64_t mtime_ns;    /* modification time, ns since the epoch */
        uint64_t inode;
        uint32_t filesystem; /* index */
};

/* Pages of a file that the boot had in memory. The table is in order of first use. */
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

/* A process as a life: boot, pid and start time together are never reused. */
struct profile_process {
        uint32_t boot;        /* index */
        uint32_t pid;
        uint64_t start_ticks; /* field 22 of /proc/PID/stat (proc(5)); 0 = could not be looked at */
        uint32_t parent;      /* index into the process table, or PROFILE_NONE; nobody is his own ancestor */
        const char *executable; /* path, or "" where unknown */
        const char *unit;       /* systemd unit, or "" */
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

struct profile_strings; /* storage of the strings, private */

struct profile {
        struct profile_boot *boots;
        struct profile_filesystem *filesystems;
        struct profile_file *files; /* ascending by path (strcmp), each path once */
        struct profile_range *ranges;
        struct profile_metadata *metadata;
        struct profile_process *processes;
        struct profile_access *accesses;
        size_t n_boots, n_filesystems, n_files, n_ranges, n_metadata, n_processes, n_accesses;
        struct profile_strings *strings;
};

/* ---- Building ---------------------------------------------------------------------------- */

struct profile *profile_new(void); /* NULL: out of memory */
void profile_free(struct profile *profile);

/* profile_string - copies a string into the profile; equal strings share one copy
 * Return: the copy, owned by the profile, or NULL with errno ENOMEM, ENAMETOOLONG or E2BIG (limit). */
const char *profile_string(struct profile *profile, const char *string);

/* profile_add_x - appends a zeroed entry
 * Return: the entry, valid until the next is added, or NULL with errno ENOMEM or E2BIG (limit). */
struct profile_boot *profile_add_boot(struct profile *profile);
struct profile_filesystem *profile_add_filesystem(struct profile *profile);
struct profile_file *profile_add_file(struct profile *profile);
struct profile_range *profile_add_range(struct profile *profile);
struct profile_metadata *profile_add_metadata(struct profile *profile);
struct profile_process *profile_add_process(struct profile *profile);
struct profile_access *profile_add_access(struct profile *profile);

/* profile_sort - puts the tables into the order that this header promises
 * Files by path (indices that refer to them follow), ranges by first use, metadata by filesystem and
 * page, accesses by time; entries that tie keep their order.
 * Return: 0 or negative errno. */
int profile_sort(struct profile *profile);

/* profile_check - whether every index, order, length and count is as this header promises
 * @ret_why: on PROFILE_CORRUPT a static description of the first fault, may be NULL
 * Return: 0, PROFILE_CORRUPT, or negative ENOMEM. */
int profile_check(const struct profile *profile, const char **ret_why);

/* ---- The file ---------------------------------------------------------------------------- */

enum profile_part {
        PROFILE_PART_REPLAY, /* boots, filesystems, files (path, size, filesystem), ranges, metadata */
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
 *
 * Writes a temporary file beside @path, syncs, renames over @path, syncs the folder. The old file
 * stays whole when anything fails, and no temporary file remains. Mode 0644.
 * Return: 0, PROFILE_CORRUPT (the profile breaks a promise of this header: a caller's mistake), or
 * negative errno. */
int profile_write(int dirfd, const char *path, const struct profile *profile);

/* ---- The text twin ----------------------------------------------------------------------- */

/* profile_dump - writes the text form, described in FORMAT.md
 * Return: 0, PROFILE_CORRUPT (the profile breaks a promise of this header), or negative errno. */
int profile_dump(const struct profile *profile, FILE *out);

/* profile_load - reads the text form
 * @ret_line, @ret_why: on PROFILE_CORRUPT the line (from 1) and a static description of its fault
 * Return: 0, PROFILE_CORRUPT, PROFILE_FOREIGN, or negative errno. */
int profile_load(FILE *in, struct profile **ret, size_t *ret_line, const char **ret_why);
