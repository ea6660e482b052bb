/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"

static const char name[] = "profile", temporary[] = ".profile.new";

static int make_folder(int root)
{
        char path[] = BOOTAHEAD_STATEDIR "/";
        int fd;

        for (char *slash = path; (slash = strchr(slash + 1, '/')); *slash = '/') {
                *slash = '\0';
                if (mkdirat(root, path + 1, 0755) < 0 && errno != EEXIST)
                        return -errno;
        }
        fd = openat(root, path + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static bool is_copy(const struct stat *a, const struct stat *b)
{
        return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
               a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int copy_content(int from, int to, const struct stat *status)
{
        struct timespec times[] = {status->st_atim, status->st_mtim};
        off_t offset = 0;
        ssize_t n = 1;

        while (n > 0 && offset < status->st_size)
                n = sendfile(to, from, &offset, (size_t)(status->st_size - offset));
        if (n < 0 || futimens(to, times) < 0 || fsync(to) < 0)
                return -errno;
        return offset < status->st_size ? -EIO : 0;
}

static int replace(int from, int there, const struct stat *status)
{
        _cleanup_close_ int to =
                openat(there, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                       status->st_mode & 0755);
        int r = to < 0 ? -errno : copy_content(from, to, status);

        if (r == 0 && renameat(there, temporary, there, name) < 0)
                r = -errno;
        if (r < 0)
                (void)unlinkat(there, temporary, 0);
        return r;
}

static int mirror(int here, int there)
{
        _cleanup_close_ int from = openat(here, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat status, copy;

        if (from < 0 && errno != ENOENT)
                return -errno;
        if (from < 0)
                return unlinkat(there, name, 0) < 0 && errno != ENOENT ? -errno : 0;
        if (fstat(from, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return -EINVAL;
        if (fstatat(there, name, &copy, AT_SYMLINK_NOFOLLOW) == 0 && is_copy(&status, &copy))
                return 0;
        return replace(from, there, &status);
}

/* A copy of the root's mount has nothing mounted in it. */
int mirror_profile(void)
{
        _cleanup_close_ int root =
                (int)syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        _cleanup_close_ int slash = -1, here = -1, there = -1;
        struct stat seen, below;

        if (root < 0)
                return -errno;
        slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        here = slash < 0 ? -errno : make_folder(slash);
        if (here < 0)
                return here;
        there = make_folder(root);
        if (there < 0)
                return there;
        if (fstat(here, &seen) < 0 || fstat(there, &below) < 0)
                return -errno;
        return seen.st_dev == below.st_dev && seen.st_ino == below.st_ino ? 0 : mirror(here, there);
}
