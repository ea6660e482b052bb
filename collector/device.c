/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel tells of the device below a filesystem: its UUID, its kind, its node. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "mounts.h"

/* Linux 6.9, include/uapi/linux/fs.h */
struct fs_uuid {
        uint8_t length;
        uint8_t uuid[16];
};
#define GET_FS_UUID _IOR(0x15, 0, struct fs_uuid)

/* Linux 5.19, fs/ext4/ext4.h */
struct ext4_fs_uuid {
        uint32_t length;
        uint32_t flags;
        uint8_t uuid[16];
};
#define EXT4_GET_FS_UUID                                                                                     \
        _IOR(                                                                                                \
                'f', 44, struct {                                                                            \
                        uint32_t length;                                                                     \
                        uint32_t flags;                                                                      \
                })

static bool parse_uuid(const char *text, uint8_t ret[16])
{
        size_t n = 0;

        for (; *text && n < 32; text++) {
                char digit[2] = {*text, '\0'}, *end;
                unsigned long value = strtoul(digit, &end, 16);

                if (*text == '-')
                        continue;
                if (*end)
                        return false;
                ret[n / 2] = (uint8_t)(n % 2 ? ret[n / 2] | value : value << 4);
                n++;
        }
        return n == 32 && !*text;
}

/* Older kernels do not tell; udev's links do. */
static void uuid_from_links(dev_t device, const struct view *view, uint8_t ret[16])
{
        int fd = openat(view->dev, "disk/by-uuid", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *folder = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *entry;

        while (folder && (entry = readdir(folder))) {
                struct stat status;
                uint8_t uuid[16];

                if (fstatat(dirfd(folder), entry->d_name, &status, 0) == 0 && S_ISBLK(status.st_mode) &&
                    status.st_rdev == device && parse_uuid(entry->d_name, uuid)) {
                        memcpy(ret, uuid, sizeof uuid);
                        return;
                }
        }
}

void filesystem_uuid(const struct filesystem *filesystem, const struct view *view, uint8_t ret[16])
{
        struct fs_uuid uuid = {0};
        struct ext4_fs_uuid ext4 = {.length = sizeof ext4.uuid};

        memset(ret, 0, 16);
        if (ioctl(filesystem->fd, GET_FS_UUID, &uuid) == 0 && uuid.length == sizeof uuid.uuid)
                memcpy(ret, uuid.uuid, sizeof uuid.uuid);
        else if (filesystem->linked_inodes && ioctl(filesystem->fd, EXT4_GET_FS_UUID, &ext4) == 0)
                memcpy(ret, ext4.uuid, sizeof ext4.uuid);
        else
                uuid_from_links(filesystem->device, view, ret);
}

/* device_name - the kernel's name of a device, "vda1", from its uevent file */
static int device_name(dev_t device, const struct view *view, char ret[static 64])
{
        char path[64], text[512], *name;
        int r;

        snprintf(path, sizeof path, "dev/block/%u:%u/uevent", major(device), minor(device));
        r = view_read(view->sys, path, text, sizeof text);
        if (r < 0)
                return r;
        name = strstr(text, "DEVNAME=");
        if (!name || sscanf(name, "DEVNAME=%63[^\n]", ret) != 1)
                return -ENODEV;
        return 0;
}

enum profile_device filesystem_device_kind(const struct filesystem *filesystem, const struct view *view)
{
        char name[64], path[96], text[8];

        if (device_name(filesystem->device, view, name) < 0)
                return PROFILE_DEVICE_UNKNOWN;
        if (!strncmp(name, "mmcblk", 6))
                return PROFILE_DEVICE_MMC;
        if (!strncmp(name, "loop", 4))
                return PROFILE_DEVICE_LOOP;
        /* Paravirtual disks call themselves rotational whatever is behind them. */
        if (!strncmp(name, "vd", 2) || !strncmp(name, "xvd", 3) || !strncmp(name, "nbd", 3))
                return PROFILE_DEVICE_UNKNOWN;
        for (int level = 0; level < 2; level++) { /* a partition has no queue; its parent has */
                snprintf(path, sizeof path, "dev/block/%u:%u/%squeue/rotational", major(filesystem->device),
                         minor(filesystem->device), level ? "../" : "");
                if (view_read(view->sys, path, text, sizeof text) > 0)
                        return text[0] == '1' ? PROFILE_DEVICE_ROTATIONAL : PROFILE_DEVICE_SOLID;
        }
        return PROFILE_DEVICE_UNKNOWN;
}

int filesystem_open_device(const struct filesystem *filesystem, const struct view *view)
{
        _cleanup_close_ int fd = -1;
        char name[64];
        struct stat status;
        int r = device_name(filesystem->device, view, name);

        if (r < 0)
                return r;
        fd = openat(view->dev, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISBLK(status.st_mode) || status.st_rdev != filesystem->device)
                return -ENODEV;
        return take_fd(&fd);
}
