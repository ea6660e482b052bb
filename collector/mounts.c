/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "cleanup.h"

enum { FILESYSTEMS_MAX = PROFILE_FILESYSTEMS_MAX };

struct mount_line {
        unsigned int major, minor;
        char *path, *type;
};

/* mountinfo writes space, tab, newline and backslash as three octal digits. */
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
static bool parse_line(char *line, struct mount_line *ret)
{
        char *rest = NULL;
        char *separator = strstr(line, " - ");

        if (!separator)
                return false;
        *separator = '\0';
        if (sscanf(line, "%*u %*u %u:%u", &ret->major, &ret->minor) != 2)
                return false;
        strtok_r(line, " ", &rest);
        for (int field = 0; field < 3; field++)
                strtok_r(NULL, " ", &rest);
        ret->path = strtok_r(NULL, " ", &rest);
        ret->type = strtok_r(separator + 3, " ", &rest);
        if (!ret->path || !ret->type)
                return false;
        unescape(ret->path);
        return true;
}

static bool is_local(const struct mount_line *line)
{
        static const char *const anonymous[] = {"btrfs", "bcachefs", "overlay"};

        if (line->major != 0)
                return strncmp(line->type, "fuse", 4) != 0;
        for (size_t i = 0; i < sizeof anonymous / sizeof *anonymous; i++)
                if (!strcmp(line->type, anonymous[i]))
                        return true;
        return false;
}

static int add(struct mounts *mounts, const struct view *view, const struct mount_line *line,
               const char *below)
{
        _cleanup_close_ int fd = -1;
        _cleanup_free_ char *mount = strdup(below), *type = strdup(line->type);
        struct filesystem *grown;
        struct statfs statfs_buffer;
        struct stat status;

        if (!mount || !type)
                return -ENOMEM;
        fd = openat(view->root, below[1] ? below + 1 : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstatfs(fd, &statfs_buffer) < 0 || fstat(fd, &status) < 0)
                return 0; /* gone again, a file's bind mount, or hidden below another mount */
        /* Another filesystem may be mounted on top; btrfs subvolumes have device numbers of their own. */
        if (line->major != 0 && status.st_dev != makedev(line->major, line->minor))
                return 0;
        grown = reallocarray(mounts->filesystems, mounts->count + 1, sizeof *grown);
        if (!grown)
                return -ENOMEM;
        mounts->filesystems = grown;
        grown[mounts->count] = (struct filesystem){
                .device = makedev(line->major, line->minor),
                .mount = TAKE(mount),
                .type = TAKE(type),
                .fd = take_fd(&fd),
                .linked_inodes = statfs_buffer.f_type == EXT4_SUPER_MAGIC,
        };
        memcpy(&grown[mounts->count].fsid, &statfs_buffer.f_fsid, sizeof grown->fsid);
        mounts->count++;
        return 1;
}

int mounts_update(struct mounts *mounts, const struct view *view)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_fclose_ FILE *file = NULL;
        size_t size = 0;
        int added = 0, fd = openat(view->proc, "self/mountinfo", O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        file = fdopen(fd, "re");
        if (!file) {
                close(fd);
                return -ENOMEM;
        }
        while (getline(&text, &size, file) >= 0) {
                struct mount_line line;
                const char *below;
                int r;

                if (!parse_line(text, &line) || !is_local(&line))
                        continue;
                below = view_strip(view, line.path);
                if (!below || mounts->count >= FILESYSTEMS_MAX ||
                    mounts_find(mounts, makedev(line.major, line.minor)) >= 0)
                        continue;
                r = add(mounts, view, &line, below);
                if (r < 0)
                        return r;
                added += r;
        }
        return added;
}

void mounts_done(struct mounts *mounts)
{
        for (size_t i = 0; i < mounts->count; i++) {
                free(mounts->filesystems[i].mount);
                free(mounts->filesystems[i].type);
                close_cleanup(&mounts->filesystems[i].fd);
        }
        free(mounts->filesystems);
        *mounts = (struct mounts){0};
}

int mounts_find(const struct mounts *mounts, dev_t device)
{
        for (size_t i = 0; i < mounts->count; i++)
                if (mounts->filesystems[i].device == device)
                        return (int)i;
        return -1;
}

int mounts_find_fsid(const struct mounts *mounts, uint64_t fsid)
{
        for (size_t i = 0; i < mounts->count; i++)
                if (mounts->filesystems[i].fsid == fsid)
                        return (int)i;
        return -1;
}

/* Only filesystems without a device of their own need the long way: mount id, then mountinfo. */
int mounts_device(const struct view *view, int fd, dev_t st_dev, dev_t *ret)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_fclose_ FILE *file = NULL;
        struct statx status;
        size_t size = 0;
        int table;

        *ret = st_dev;
        if (major(st_dev) != 0)
                return 0;
        if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) < 0)
                return -errno;
        table = openat(view->proc, "self/mountinfo", O_RDONLY | O_CLOEXEC);
        if (table < 0)
                return -errno;
        file = fdopen(table, "re");
        if (!file) {
                close(table);
                return -ENOMEM;
        }
        while (getline(&text, &size, file) >= 0) {
                unsigned long long id;
                unsigned int major, minor;

                if (sscanf(text, "%llu %*u %u:%u", &id, &major, &minor) == 3 && id == status.stx_mnt_id) {
                        *ret = makedev(major, minor);
                        return 0;
                }
        }
        return -ENOENT;
}
