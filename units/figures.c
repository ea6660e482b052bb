/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "figures.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

#include "cleanup.h"
#include "machine.h"
#include "manager.h"

enum { SECTOR_SIZE = 512, MESSAGE_MAX = 8192 };

static void know_time(struct ledger_entry *entry, enum ledger_figure figure, uint64_t time)
{
        if (time)
                ledger_know(entry, figure, time);
}

/* "6,345,1234567,-;Run /init as init process" is the kernel's last word before the first program begins.
 * Return: that time, 0: it is not in the kernel's log any more; @ret_initramfs: whether it is an initramfs's.
 */
static uint64_t first_program(bool *ret_initramfs)
{
        _cleanup_close_ int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        char line[MESSAGE_MAX];
        ssize_t n = 0;

        while (fd >= 0 && ((n = read(fd, line, sizeof line - 1)) > 0 || (n < 0 && errno == EPIPE))) {
                uint64_t time;
                char program[256];

                line[n > 0 ? n : 0] = '\0';
                if (sscanf(line, "%*u,%*u,%" SCNu64 ",%*[^;];Run %255s as init process", &time, program) != 2)
                        continue;
                *ret_initramfs = !strcmp(program, "/init");
                return time ? time : 1;
        }
        return 0;
}

static void take_times(struct ledger_entry *entry)
{
        struct manager_times times;
        bool initramfs = false;
        uint64_t kernel = first_program(&initramfs);

        if (manager_read_times(&times) < 0)
                return;
        know_time(entry, LEDGER_KERNEL_US, times.initramfs ? times.initramfs : kernel);
        if (times.initramfs || initramfs)
                know_time(entry, LEDGER_INITRAMFS_US, times.userspace);
        know_time(entry, LEDGER_SYSINIT_US, times.sysinit);
        know_time(entry, LEDGER_BASIC_US, times.basic);
        know_time(entry, LEDGER_DEFAULT_US, times.default_target);
        know_time(entry, LEDGER_FINISH_US, times.finish);
}

/* Whole disks have a device behind them; what is made of disks would count their reads twice. */
static bool read_disk(int block, const char *name, uint64_t *requests, uint64_t *sectors)
{
        _cleanup_close_ int disk = openat(block, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int fd = disk < 0 ? -1 : openat(disk, "stat", O_RDONLY | O_CLOEXEC);
        char text[256];
        ssize_t n;

        if (fd < 0 || faccessat(disk, "device", F_OK, 0) < 0)
                return false;
        n = read(fd, text, sizeof text - 1);
        text[n > 0 ? n : 0] = '\0';
        return sscanf(text, "%" SCNu64 " %*u %" SCNu64, requests, sectors) == 2;
}

static void take_reads(struct ledger_entry *entry)
{
        _cleanup_closedir_ DIR *folder = opendir("/sys/block");
        uint64_t requests, sectors, all_requests = 0, all_sectors = 0;
        struct dirent *disk;
        bool any = false;

        while (folder && (disk = readdir(folder))) {
                if (*disk->d_name == '.' || !read_disk(dirfd(folder), disk->d_name, &requests, &sectors))
                        continue;
                any = true;
                all_requests += requests;
                all_sectors += sectors;
        }
        if (any) {
                ledger_know(entry, LEDGER_READ_REQUESTS, all_requests);
                ledger_know(entry, LEDGER_READ_BYTES, all_sectors * SECTOR_SIZE);
        }
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234" */
static void take_stall(struct ledger_entry *entry)
{
        _cleanup_fclose_ FILE *file = fopen("/proc/pressure/io", "re");
        uint64_t total;

        if (file && fscanf(file, "some avg10=%*s avg60=%*s avg300=%*s total=%" SCNu64, &total) == 1)
                ledger_know(entry, LEDGER_STALL_US, total);
}

/* The root filesystem's UUID and the size of the whole disk below it: a copy on another disk differs, too. */
static void take_disk(struct ledger_entry *entry)
{
        _cleanup_close_ int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int sys = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
        uint64_t sectors = 0;
        struct stat status;
        uint8_t uuid[16] = {0};
        size_t filled = 0;

        if (root < 0 || sys < 0 || fstat(root, &status) < 0)
                return;
        filesystem_read_uuid(root, uuid);
        for (size_t i = 0; i < sizeof uuid; i++)
                filled +=
                        (size_t)snprintf(entry->disk + filled, sizeof entry->disk - filled, "%02x", uuid[i]);
        if (device_queue_setting(sys, status.st_dev, "../size", &sectors) == 0)
                snprintf(entry->disk + filled, sizeof entry->disk - filled, " %" PRIu64,
                         sectors * SECTOR_SIZE);
}

static void take_boot_id(struct ledger_entry *entry)
{
        _cleanup_fclose_ FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

        if (!file || fscanf(file, "%39s", entry->boot) != 1)
                *entry->boot = '\0';
}

void figures_take(struct ledger_entry *entry)
{
        _cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct timespec now;
        struct utsname names;

        take_reads(entry); /* first what goes on growing */
        take_stall(entry);
        take_times(entry);
        take_boot_id(entry);
        take_disk(entry);
        clock_gettime(CLOCK_REALTIME, &now);
        entry->wall_us = (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
        uname(&names);
        snprintf(entry->kernel, sizeof entry->kernel, "%s", names.release);
        if (root >= 0)
                os_describe(root, entry->os, sizeof entry->os);
}

static void know_member(struct ledger_entry *entry, enum ledger_figure figure, struct json_object *report,
                        const char *name)
{
        struct json_object *member;

        if (json_object_object_get_ex(report, name, &member))
                ledger_know(entry, figure, json_object_get_uint64(member));
}

static bool is_done(struct json_object *report)
{
        return report && !strcmp(journal_text(report, "result"), "done");
}

void figures_add_reports(struct ledger_entry *entry, struct json_object *replay, struct json_object *pages,
                         struct json_object *collect)
{
        if (is_done(replay)) {
                snprintf(entry->profile, sizeof entry->profile, "%s", journal_text(replay, "profile_boot"));
                know_member(entry, LEDGER_FILES, replay, "files");
                ledger_know(entry, LEDGER_STALE_FILES,
                            (uint64_t)(journal_number(replay, "files_gone") +
                                       journal_number(replay, "files_changed")));
        }
        if (is_done(pages)) {
                know_member(entry, LEDGER_HIT_BYTES, pages, "hit_bytes");
                know_member(entry, LEDGER_MISSED_BYTES, pages, "missed_bytes");
                know_member(entry, LEDGER_WASTED_BYTES, pages, "wasted_bytes");
        }
        if (collect && json_object_object_get(collect, "losses"))
                ledger_know(entry, LEDGER_LOSSES, (uint64_t)journal_sum(collect, "losses"));
}
