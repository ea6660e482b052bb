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
#include "machine.h"

enum { FILESYSTEMS_MAX = PROFILE_FILESYSTEMS_MAX, ALIASES_MAX = 256 };

static int add(struct mounts *mounts, const struct view *view, const struct mount_line *line,
               const char *below)
{
        _cleanup_close_ int fd = -1;
        _cleanup_free_ char *mount = strdup(below), *type = strdup(line->type);
        struct filesystem *grown, *added;
        struct statfs status;

        if (!mount || !type)
                return -ENOMEM;
        grown = reallocarray(mounts->filesystems, mounts->count + 1, sizeof *grown);
        if (!grown)
                return -ENOMEM;
        mounts->filesystems = grown;
        added = &grown[mounts->count];
        *added = (struct filesystem){
                .device = makedev(line->major, line->minor), .mount = mount, .type = type};
        fd = filesystem_open(added, view);
        if (fd < 0 || fstatfs(fd, &status) < 0)
                return 0; /* gone again, a file's bind mount, or hidden below another mount */
        added->linked_inodes = status.f_type == EXT4_SUPER_MAGIC;
        added->layered = status.f_type == OVERLAYFS_SUPER_MAGIC;
        added->untold = added->layered || status.f_type == SQUASHFS_MAGIC;
        memcpy(&added->fsid, &status.f_fsid, sizeof added->fsid);
        mount = type = NULL; /* they are the table's now */
        mounts->count++;
        return 1;
}

int filesystem_open(const struct filesystem *filesystem, const struct view *view)
{
        const char *below = filesystem->mount[1] ? filesystem->mount + 1 : ".";
        _cleanup_close_ int fd = openat(view->root, below, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        /* Another filesystem may be mounted there; btrfs subvolumes have device numbers of their own. */
        if (major(filesystem->device) != 0 && status.st_dev != filesystem->device)
                return -ENODEV;
        return take_fd(&fd);
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

                if (!mount_line_parse(text, &line) || !mount_line_is_local(&line))
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
        }
        free(mounts->filesystems);
        free(mounts->aliases);
        *mounts = (struct mounts){0};
}

int mounts_find(const struct mounts *mounts, dev_t device)
{
        for (size_t i = 0; i < mounts->count; i++)
                if (mounts->filesystems[i].device == device)
                        return (int)i;
        for (size_t i = 0; i < mounts->n_aliases; i++)
                if (mounts->aliases[i].device == device)
                        return (int)mounts->aliases[i].filesystem;
        return -1;
}

int mounts_find_root(const struct mounts *mounts)
{
        for (size_t i = 0; i < mounts->count; i++)
                if (!mounts->filesystems[i].mount[1])
                        return (int)i;
        return -1;
}

int mounts_alias(struct mounts *mounts, dev_t device, int filesystem)
{
        struct mounts_alias *grown;

        if (mounts_find(mounts, device) >= 0)
                return 0;
        grown = mounts->n_aliases < ALIASES_MAX
                        ? reallocarray(mounts->aliases, mounts->n_aliases + 1, sizeof *grown)
                        : NULL;
        if (!grown)
                return -ENOMEM;
        mounts->aliases = grown;
        grown[mounts->n_aliases++] =
                (struct mounts_alias){.device = device, .filesystem = (size_t)filesystem};
        return 0;
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
                struct mount_line line;

                if (mount_line_parse(text, &line) && line.id == status.stx_mnt_id) {
                        *ret = makedev(line.major, line.minor);
                        return 0;
                }
        }
        return -ENOENT;
}
