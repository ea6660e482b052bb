/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel tells of the device below a filesystem: its UUID, its kind, its node. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "machine.h"
#include "mounts.h"

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
        _cleanup_close_ int fd = filesystem_open(filesystem, view);

        memset(ret, 0, 16);
        if (fd < 0 || !filesystem_read_uuid(fd, ret))
                uuid_from_links(filesystem->device, view, ret);
}

enum profile_device filesystem_device_kind(const struct filesystem *filesystem, const struct view *view)
{
        char name[DEVICE_NAME_SIZE];
        uint64_t rotational;

        if (device_name(view->sys, filesystem->device, name) < 0)
                return PROFILE_DEVICE_UNKNOWN;
        if (!strncmp(name, "mmcblk", 6))
                return PROFILE_DEVICE_MMC;
        if (!strncmp(name, "loop", 4))
                return PROFILE_DEVICE_LOOP;
        /* Paravirtual disks call themselves rotational whatever is behind them. */
        if (!strncmp(name, "vd", 2) || !strncmp(name, "xvd", 3) || !strncmp(name, "nbd", 3))
                return PROFILE_DEVICE_UNKNOWN;
        if (device_queue_setting(view->sys, filesystem->device, "rotational", &rotational) < 0)
                return PROFILE_DEVICE_UNKNOWN;
        return rotational ? PROFILE_DEVICE_ROTATIONAL : PROFILE_DEVICE_SOLID;
}

int filesystem_open_device(const struct filesystem *filesystem, const struct view *view)
{
        return device_open(view->sys, view->dev, filesystem->device);
}
