/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "uuid.h"

#include <string.h>
#include <sys/ioctl.h>

/* Linux 6.9, include/uapi/linux/fs.h */
struct fs_uuid {
        uint8_t length;
        uint8_t uuid[16];
};
#define GET_FS_UUID _IOR(0x15, 0, struct fs_uuid)

/* Linux 5.19, fs/ext4/ext4.h; the number was made from the structure without its array */
struct ext4_fs_uuid_head {
        uint32_t length, flags;
};
struct ext4_fs_uuid {
        struct ext4_fs_uuid_head head;
        uint8_t uuid[16];
};
#define EXT4_GET_FS_UUID _IOR('f', 44, struct ext4_fs_uuid_head)

bool uuid_may_be(int fd, const uint8_t uuid[16])
{
        static const uint8_t unknown[16];
        struct fs_uuid any = {0};
        struct ext4_fs_uuid ext4 = {.head = {.length = sizeof ext4.uuid}};

        if (!memcmp(uuid, unknown, sizeof unknown))
                return true;
        if (ioctl(fd, GET_FS_UUID, &any) == 0 && any.length == sizeof any.uuid)
                return !memcmp(any.uuid, uuid, sizeof any.uuid);
        if (ioctl(fd, EXT4_GET_FS_UUID, &ext4) == 0)
                return !memcmp(ext4.uuid, uuid, sizeof ext4.uuid);
        return true;
}
