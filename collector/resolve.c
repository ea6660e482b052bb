/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resolve.h"

#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"

/* include/linux/exportfs.h: 32-bit inode number, 32-bit generation. Generation 0 matches any in ext4
 * (ext4_nfs_get_inode(), fs/ext4/super.c). */
enum { HANDLE_INODE32_GENERATION = 1, HANDLE_INODE32_SIZE = 8 };

static int open_path(int dirfd, const char *path, uint64_t resolve)
{
        struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = resolve};
        long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof how);

        return fd < 0 ? -errno : (int)fd;
}

/* A name that others passed may lead anywhere: onto an automount point, a dead server. What was opened a
 * moment ago is in the kernel's directory cache, and only there we look; the cache may just be changing. */
static int open_known(int dirfd, const char *path, uint64_t resolve)
{
        enum { ATTEMPTS = 3 };
        int fd = -EAGAIN;

        for (int attempt = 0; fd == -EAGAIN && attempt < ATTEMPTS; attempt++)
                fd = open_path(dirfd, path, resolve | RESOLVE_CACHED);
        return fd;
}

static int is_file(const struct resolver *resolver, int fd, const struct file_key *key)
{
        struct stat status;
        dev_t device;
        int r;

        if (fstat(fd, &status) < 0)
                return -errno;
        if (status.st_ino != key->inode || !S_ISREG(status.st_mode))
                return -ENOENT;
        if (status.st_dev == key->device)
                return 0;
        r = mounts_device(resolver->view, fd, status.st_dev, &device);
        if (r < 0)
                return r;
        return device == key->device ? 0 : -ENOENT;
}

/* The kernel names an open descriptor without symlinks; in our own mounts, from our own root. */
static int path_of(const struct resolver *resolver, int fd, char ret[static PATH_MAX])
{
        char link[32], seen[PATH_MAX];
        const char *below;
        ssize_t n;

        snprintf(link, sizeof link, "self/fd/%d", fd);
        n = readlinkat(resolver->view->proc, link, seen, sizeof seen - 1);
        if (n < 0)
                return -errno;
        seen[n] = '\0';
        below = view_strip(resolver->view, seen);
        if (!below)
                return -EXDEV;
        memcpy(ret, below, strlen(below) + 1);
        return 0;
}

int resolve_file(const struct resolver *resolver, const char *path, const struct file_key *key)
{
        _cleanup_close_ int fd = open_path(resolver->view->root, path, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
        int r = fd < 0 ? fd : is_file(resolver, fd, key);

        return r < 0 ? r : take_fd(&fd);
}

static int confirm(const struct resolver *resolver, const char *path, const struct file_key *key)
{
        _cleanup_close_ int fd = resolve_file(resolver, path, key);

        return fd < 0 ? fd : 0;
}

static int try_below(const struct resolver *resolver, int dirfd, const char *path, const struct file_key *key,
                     char ret[static PATH_MAX])
{
        _cleanup_close_ int fd = open_known(dirfd, path, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
        int r;

        if (fd < 0)
                return fd;
        r = is_file(resolver, fd, key);
        return r < 0 ? r : path_of(resolver, fd, ret);
}

/* A folder of the living process: "root", "cwd" or "fd/N" below /proc/PID. */
static int try_process(const struct resolver *resolver, pid_t pid, const char *folder, const char *path,
                       const struct file_key *key, char ret[static PATH_MAX])
{
        _cleanup_close_ int dirfd = -1, fd = -1;
        char place[64];
        int r;

        snprintf(place, sizeof place, "%d/%s", (int)pid, folder);
        dirfd = open_path(resolver->view->proc, place, 0);
        if (dirfd < 0)
                return dirfd;
        while (*path == '/')
                path++;
        fd = open_known(dirfd, *path ? path : ".", RESOLVE_NO_MAGICLINKS);
        if (fd < 0)
                return fd;
        r = is_file(resolver, fd, key);
        if (r == 0)
                r = path_of(resolver, fd, ret);
        /* what is said of a foreign mount is not ours: look whether it holds */
        return r < 0 ? r : confirm(resolver, ret, key);
}

static int try_relative(const struct resolver *resolver, const struct passed_name *passed,
                        const struct file_key *key, char ret[static PATH_MAX])
{
        char place[32], joined[2 * PATH_MAX];

        if (passed->dirfd != AT_FDCWD) {
                snprintf(place, sizeof place, "fd/%d", passed->dirfd);
                return try_process(resolver, passed->pid, place, passed->name, key, ret);
        }
        if (passed->cwd) {
                snprintf(joined, sizeof joined, "%s/%s", passed->cwd, passed->name);
                if (try_below(resolver, resolver->view->root, joined, key, ret) == 0)
                        return 0;
        }
        return try_process(resolver, passed->pid, "cwd", passed->name, key, ret);
}

int resolve_name(const struct resolver *resolver, const struct passed_name *passed,
                 const struct file_key *key, char ret[static PATH_MAX])
{
        int r;

        if (!passed->name || !*passed->name)
                return -ENOENT;
        if (*passed->name != '/')
                return try_relative(resolver, passed, key, ret);
        r = try_below(resolver, resolver->view->root, passed->name, key, ret);
        if (r == 0)
                return 0;
        return try_process(resolver, passed->pid, "root", passed->name, key, ret);
}

/* The root's own filesystem is open already. */
static int open_handle(const struct resolver *resolver, const struct filesystem *filesystem,
                       struct file_handle *handle)
{
        bool is_root = filesystem->mount[1] == '\0';
        _cleanup_close_ int opened = is_root ? -1 : filesystem_open(filesystem, resolver->view);
        int fd;

        if (!is_root && opened < 0)
                return opened;
        fd = open_by_handle_at(is_root ? resolver->view->root : opened, handle, O_PATH | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int resolve_inode(const struct resolver *resolver, const struct file_key *key, char ret[static PATH_MAX])
{
        int filesystem = mounts_find(resolver->mounts, key->device);
        uint32_t inode_and_generation[2] = {(uint32_t)key->inode, 0};
        union {
                struct file_handle handle;
                char storage[sizeof(struct file_handle) + HANDLE_INODE32_SIZE];
        } buffer = {
                .handle = {.handle_bytes = HANDLE_INODE32_SIZE, .handle_type = HANDLE_INODE32_GENERATION}};
        _cleanup_close_ int fd = -1;

        if (filesystem < 0 || !resolver->mounts->filesystems[filesystem].linked_inodes ||
            key->inode > UINT32_MAX)
                return -EOPNOTSUPP;
        memcpy(buffer.handle.f_handle, inode_and_generation, sizeof inode_and_generation);
        fd = open_handle(resolver, &resolver->mounts->filesystems[filesystem], &buffer.handle);
        return fd < 0 ? fd : path_of(resolver, fd, ret);
}

int resolve_handle(const struct resolver *resolver, int filesystem, struct file_handle *handle,
                   struct file_key *ret_key, char ret[static PATH_MAX])
{
        const struct filesystem *place = &resolver->mounts->filesystems[filesystem];
        _cleanup_close_ int fd = open_handle(resolver, place, handle);
        struct stat status;

        if (fd < 0)
                return fd;
        if (fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return 1;
        *ret_key = (struct file_key){.device = status.st_dev, .inode = status.st_ino};
        return path_of(resolver, fd, ret);
}

int resolve_descriptor(const struct resolver *resolver, int filesystem, int fd, const struct file_key *key,
                       char ret[static PATH_MAX])
{
        union {
                struct file_handle handle;
                char storage[sizeof(struct file_handle) + MAX_HANDLE_SZ];
        } buffer = {.handle = {.handle_bytes = MAX_HANDLE_SZ}};
        struct file_key same;
        int mount;

        if (path_of(resolver, fd, ret) == 0 && confirm(resolver, ret, key) == 0)
                return 0;
        if (name_to_handle_at(fd, "", &buffer.handle, &mount, AT_EMPTY_PATH) < 0 ||
            resolve_handle(resolver, filesystem, &buffer.handle, &same, ret) < 0)
                return -ENOENT;
        return confirm(resolver, ret, key);
}

int resolve_path(const struct resolver *resolver, const char *path, struct file_key *ret_key)
{
        _cleanup_close_ int fd = open_path(resolver->view->root, path, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
        struct stat status;
        int r;

        if (fd < 0)
                return fd;
        if (fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return -ENOENT;
        ret_key->inode = status.st_ino;
        r = mounts_device(resolver->view, fd, status.st_dev, &ret_key->device);
        return r < 0 ? r : take_fd(&fd);
}

int resolve_open(const struct view *view, int fd)
{
        char link[32];
        int opened;

        snprintf(link, sizeof link, "self/fd/%d", fd);
        opened = openat(view->proc, link, O_RDONLY | O_NOATIME | O_NONBLOCK | O_CLOEXEC);
        return opened < 0 ? -errno : opened;
}
