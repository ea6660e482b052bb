/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What several programs ask of the machine: its mount table, a filesystem's UUID and its block device, a
 * process's start, the system's name. It stands here because profiles/ is what all may use; it knows nothing
 * of profiles.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A line of /proc/PID/mountinfo (proc_pid_mountinfo(5)). */
struct mount_line {
        uint64_t id;
        unsigned int major, minor; /* of the superblock */
        char *root;                /* which of its folders is mounted, or file */
        char *path, *type;         /* all in the line's own text, unescaped */
};

/* mount_line_parse - takes @text apart in place. Return: whether it is such a line. */
bool mount_line_parse(char *text, struct mount_line *ret);

/* mount_line_is_local - on a block device, but not FUSE; or btrfs, bcachefs, overlay, which have
 * anonymous devices */
bool mount_line_is_local(const struct mount_line *line);

/* filesystem_read_uuid - asks only the kernel, never the disk
 * @fd: a folder of the filesystem. Return: whether it told. */
bool filesystem_read_uuid(int fd, uint8_t ret[16]);

/* What /proc/PID/stat says of a process (proc_pid_stat(5)). */
struct process_stat {
        char state;           /* 'Z': dead, only not yet waited for */
        int parent;           /* its pid */
        unsigned int flags;   /* PF_... of include/linux/sched.h */
        uint64_t start_ticks; /* since boot, in clock ticks */
};

/* os_describe - ID and VERSION_ID of os-release(5), "debian 12"
 * @root: the system's root folder */
void os_describe(int root, char *ret, size_t size);

/* own_processor_us - what this process has used of the processors */
uint64_t own_processor_us(void);

/* process_stat_parse - Return: whether it is such a text. */
bool process_stat_parse(const char *text, struct process_stat *ret);

enum { DEVICE_NAME_SIZE = 64 };

/* device_name - the kernel's name of a block device, "vda1"; @sys: /sys. Return: 0 or negative errno. */
int device_name(int sys, dev_t device, char ret[static DEVICE_NAME_SIZE]);

/* device_open - opens a block device for reading; @sys: /sys, @dev: /dev
 * Return: descriptor, owned by the caller, or negative errno. */
int device_open(int sys, int dev, dev_t device);

/* device_queue_setting - reads a number below the device's queue folder, that of the whole disk for a
 * partition. Return: 0 or negative errno. */
int device_queue_setting(int sys, dev_t device, const char *name, uint64_t *ret);
