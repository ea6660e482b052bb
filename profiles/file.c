/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A profile's file among other files: who may have written it, and replacing it so that a crash leaves
 * the old or the new one. Knows nothing of what is inside.
 */
#include "file.h"

#include "cleanup.h"
#include "format-write.h"
#include "profile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int profile_open(int dirfd, const char *path, int *ret_fd, const char **ret_why)
{
        const char *ignored, **why = ret_why ? ret_why : &ignored;
        struct stat status;
        _cleanup_close_ int fd = -1;

        /* non-blocking: opening a FIFO must not wait for its other end */
        fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode)) {
                *why = "not a regular file";
                return PROFILE_UNTRUSTED;
        }
        if (status.st_uid != 0 && status.st_uid != geteuid()) {
                *why = "owned by another user";
                return PROFILE_UNTRUSTED;
        }
        if (status.st_mode & (S_IWGRP | S_IWOTH)) {
                *why = "others than its owner may write it";
                return PROFILE_UNTRUSTED;
        }
        *ret_fd = take_fd(&fd);
        return 0;
}

static int write_all(int fd, const uint8_t *bytes, size_t n)
{
        while (n > 0) {
                ssize_t written = write(fd, bytes, n);

                if (written < 0 && errno == EINTR)
                        continue;
                if (written < 0)
                        return -errno;
                bytes += written;
                n -= (size_t)written;
        }
        return 0;
}

/* open_folder - the folder of @path, and the name in it */
static int open_folder(int dirfd, const char *path, const char **ret_name)
{
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *folder = NULL;
        int fd;

        *ret_name = slash ? slash + 1 : path;
        if (**ret_name == '\0')
                return -EISDIR;
        if (!slash)
                folder = strdup(".");
        else
                folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
        if (!folder)
                return -ENOMEM;
        fd = openat(dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* What is written has no name until it is whole, so that a kill leaves nothing; where the file system can't
 * do that it has the temporary one. What is interrupted in the act of naming leaves that, for the next. */
static int make_temporary(int folder, const char *temporary, bool *ret_named)
{
        int fd = openat(folder, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);

        *ret_named = fd < 0;
        if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
                return fd < 0 ? -errno : fd;
        if (unlinkat(folder, temporary, 0) < 0 && errno != ENOENT)
                return -errno;
        fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        return fd < 0 ? -errno : fd;
}

/* Without the right to name a file by its descriptor alone, by the link to it in /proc. */
static int give_name(int fd, int folder, const char *temporary)
{
        char link[32];

        if (unlinkat(folder, temporary, 0) < 0 && errno != ENOENT)
                return -errno;
        if (linkat(fd, "", folder, temporary, AT_EMPTY_PATH) == 0)
                return 0;
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        return linkat(AT_FDCWD, link, folder, temporary, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* fill - the bytes into the temporary file, on disk before it gets its name; @like: gives time and mode, or
 * NULL */
static int fill(int fd, const struct packed *packed, const struct stat *like)
{
        int r;

        r = write_all(fd, packed->bytes, packed->n);
        if (r < 0)
                return r;
        if (like && futimens(fd, (struct timespec[]){{.tv_nsec = UTIME_OMIT}, like->st_mtim}) < 0)
                return -errno;
        if (fchmod(fd, like ? like->st_mode & 0777 : 0644) < 0 || fsync(fd) < 0)
                return -errno;
        return 0;
}

/* take_place - another writer of the same file may take the temporary name away; then once more */
static int take_place(int fd, int folder, const char *temporary, const char *name)
{
        enum { TRIES = 100 };
        int r = -EEXIST;

        for (int tries = 0; (r == -ENOENT || r == -EEXIST) && tries < TRIES; tries++) {
                r = give_name(fd, folder, temporary);
                if (r == 0 && renameat(folder, temporary, folder, name) < 0)
                        r = -errno;
        }
        return r;
}

/* replace - temporary file, fsync, rename, fsync of the folder */
static int replace(int folder, const char *name, const struct packed *packed, const struct stat *like)
{
        char temporary[NAME_MAX + 1];
        _cleanup_close_ int fd = -1;
        bool named;
        int r;

        if ((size_t)snprintf(temporary, sizeof(temporary), ".%s.new", name) >= sizeof(temporary))
                return -ENAMETOOLONG;
        fd = make_temporary(folder, temporary, &named);
        if (fd < 0)
                return fd;
        r = fill(fd, packed, like);
        if (r == 0 && !named)
                r = take_place(fd, folder, temporary, name);
        else if (r == 0 && renameat(folder, temporary, folder, name) < 0)
                r = -errno;
        if (r < 0) {
                (void)unlinkat(folder, temporary, 0);
                return r;
        }
        return fsync(folder) < 0 ? -errno : 0;
}

/* Of a folder the renaming tells. A link is replaced itself. */
static bool is_no_file(int folder, const char *name)
{
        struct stat status;

        return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(status.st_mode) &&
               !S_ISLNK(status.st_mode) && !S_ISDIR(status.st_mode);
}

static int put(int dirfd, const char *path, const struct packed *packed, const struct stat *like,
               const char **ret_why)
{
        _cleanup_close_ int folder = -1;
        const char *name;

        folder = open_folder(dirfd, path, &name);
        if (folder < 0)
                return folder;
        if (is_no_file(folder, name)) {
                if (ret_why)
                        *ret_why = "not a regular file";
                return PROFILE_UNTRUSTED;
        }
        return replace(folder, name, packed, like);
}

int profile_write(int dirfd, const char *path, const struct profile *profile, const char **ret_why)
{
        __attribute__((cleanup(packed_done))) struct packed packed = {};
        int r;

        r = profile_check(profile, ret_why);
        if (r != 0)
                return r;
        r = format_pack(profile, &packed);
        return r < 0 ? r : put(dirfd, path, &packed, NULL, ret_why);
}

static int read_all(int fd, struct packed *ret)
{
        while (ret->n < ret->room) {
                ssize_t n = pread(fd, ret->bytes + ret->n, ret->room - ret->n, (off_t)ret->n);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                ret->n += (size_t)n;
        }
        return 0;
}

int profile_copy(int fd, int dirfd, const char *path, const char **ret_why)
{
        __attribute__((cleanup(packed_done))) struct packed packed = {};
        struct stat status;
        int r;

        if (fstat(fd, &status) < 0)
                return -errno;
        packed.room = (size_t)status.st_size;
        packed.bytes = malloc(packed.room + 1);
        if (!packed.bytes)
                return -ENOMEM;
        r = read_all(fd, &packed);
        return r < 0 ? r : put(dirfd, path, &packed, &status, ret_why);
}

int file_replace(int folder, const char *name, const void *bytes, size_t n)
{
        struct packed packed = {.bytes = (uint8_t *)bytes, .n = n};

        return replace(folder, name, &packed, NULL);
}

int file_make_folder(int root, const char *path)
{
        _cleanup_free_ char *folder = NULL;
        int fd;

        if (asprintf(&folder, "%s/", path) < 0)
                return -ENOMEM;
        for (char *slash = folder; (slash = strchr(slash + 1, '/')); *slash = '/') {
                *slash = '\0';
                if (mkdirat(root, folder + 1, 0755) < 0 && errno != EEXIST)
                        return -errno;
        }
        fd = openat(root, folder + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}
