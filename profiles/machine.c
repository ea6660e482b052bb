/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"

/* Space, tab, newline and backslash stand as three octal digits. */
static void unescape(char *text)
{
        char *to = text;

        for (const char *from = text; *from; to++) {
                if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] && from[3]) {
                        *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
                        from += 4;
                } else {
                        *to = *from++;
                }
        }
        *to = '\0';
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw" */
bool mount_line_parse(char *text, struct mount_line *ret)
{
        char *rest = NULL, *separator = strstr(text, " - ");

        if (!separator)
                return false;
        *separator = '\0';
        if (sscanf(text, "%" SCNu64 " %*u %u:%u", &ret->id, &ret->major, &ret->minor) != 3)
                return false;
        strtok_r(text, " ", &rest);
        for (int field = 0; field < 2; field++)
                strtok_r(NULL, " ", &rest);
        ret->root = strtok_r(NULL, " ", &rest);
        ret->path = strtok_r(NULL, " ", &rest);
        ret->type = strtok_r(separator + 3, " ", &rest);
        if (!ret->root || !ret->path || !ret->type)
                return false;
        unescape(ret->root);
        unescape(ret->path);
        return true;
}

bool mount_line_is_local(const struct mount_line *line)
{
        static const char *const anonymous[] = {"btrfs", "bcachefs", "overlay"};

        if (line->major != 0)
                return strncmp(line->type, "fuse", 4) != 0;
        for (size_t i = 0; i < sizeof anonymous / sizeof *anonymous; i++)
                if (!strcmp(line->type, anonymous[i]))
                        return true;
        return false;
}

/* Linux 6.9, include/uapi/linux/fs.h */
struct fs_uuid {
        uint8_t length;
        uint8_t uuid[16];
};
#define GET_FS_UUID _IOR(0x15, 0, struct fs_uuid)

/* Linux 5.19, fs/ext4/ext4.h; the number was made from the structure without its array */
struct ext4_uuid_head {
        uint32_t length, flags;
};
struct ext4_uuid {
        struct ext4_uuid_head head;
        uint8_t uuid[16];
};
#define EXT4_GET_FS_UUID _IOR('f', 44, struct ext4_uuid_head)

bool filesystem_read_uuid(int fd, uint8_t ret[16])
{
        struct fs_uuid any = {0};
        struct ext4_uuid ext4 = {.head = {.length = sizeof ext4.uuid}};

        if (ioctl(fd, GET_FS_UUID, &any) == 0 && any.length == sizeof any.uuid)
                memcpy(ret, any.uuid, sizeof any.uuid);
        else if (ioctl(fd, EXT4_GET_FS_UUID, &ext4) == 0)
                memcpy(ret, ext4.uuid, sizeof ext4.uuid);
        else
                return false;
        return true;
}

static int read_text(int dirfd, const char *path, char *buffer, size_t size)
{
        _cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, buffer, size - 1);

        if (n < 0)
                return -errno;
        buffer[n] = '\0';
        return 0;
}

int device_name(int sys, dev_t device, char ret[static DEVICE_NAME_SIZE])
{
        char path[64], text[512], *name;
        int r;

        snprintf(path, sizeof path, "dev/block/%u:%u/uevent", major(device), minor(device));
        r = read_text(sys, path, text, sizeof text);
        if (r < 0)
                return r;
        name = strstr(text, "DEVNAME=");
        return name && sscanf(name, "DEVNAME=%63[^\n]", ret) == 1 ? 0 : -ENODEV;
}

int device_open(int sys, int dev, dev_t device)
{
        _cleanup_close_ int fd = -1;
        char name[DEVICE_NAME_SIZE];
        struct stat status;
        int r = device_name(sys, device, name);

        if (r < 0)
                return r;
        fd = openat(dev, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        return S_ISBLK(status.st_mode) && status.st_rdev == device ? take_fd(&fd) : -ENODEV;
}

int device_queue_setting(int sys, dev_t device, const char *name, uint64_t *ret)
{
        static const char *const queues[] = {"queue", "../queue"};
        char path[96], text[24];
        int r = -ENOENT;

        for (size_t i = 0; r < 0 && i < sizeof queues / sizeof *queues; i++) {
                snprintf(path, sizeof path, "dev/block/%u:%u/%s/%s", major(device), minor(device), queues[i],
                         name);
                r = read_text(sys, path, text, sizeof text);
        }
        if (r == 0)
                *ret = strtoull(text, NULL, 10);
        return r;
}

bool process_stat_parse(const char *text, struct process_stat *ret)
{
        enum { STATE, PARENT, FLAGS = 6, START = 19, WORDS }; /* behind the command's name */
        const char *at = strrchr(text, ')'), *words[WORDS];   /* which may hold anything */

        for (int word = 0; word < WORDS; word++) {
                at = at ? strchr(at, ' ') : NULL;
                if (!at || !at[1] || at[1] == ' ')
                        return false;
                words[word] = ++at;
        }
        ret->state = *words[STATE];
        ret->parent = (int)strtol(words[PARENT], NULL, 10);
        ret->flags = (unsigned int)strtoul(words[FLAGS], NULL, 10);
        ret->start_ticks = strtoull(words[START], NULL, 10);
        return true;
}

uint64_t own_processor_us(void)
{
        struct rusage used;

        getrusage(RUSAGE_SELF, &used);
        return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000u +
               (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

/* os-release(5): NAME=value or NAME="value" on lines of their own */
static void read_os_field(const char *text, const char *field, char *ret, size_t size)
{
        size_t length = strlen(field);

        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (!strncmp(line, field, length) && line[length] == '=') {
                        const char *value = line + length + 1;

                        value += *value == '"';
                        snprintf(ret, size, "%.*s", (int)strcspn(value, "\"\n"), value);
                        return;
                }
        }
}

void os_describe(int root, char *ret, size_t size)
{
        char text[4096], id[64] = "linux", version[64] = "";

        if (read_text(root, "etc/os-release", text, sizeof text) >= 0 ||
            read_text(root, "usr/lib/os-release", text, sizeof text) >= 0) {
                read_os_field(text, "ID", id, sizeof id);
                read_os_field(text, "VERSION_ID", version, sizeof version);
        }
        snprintf(ret, size, "%s%s%s", id, *version ? " " : "", version);
}
