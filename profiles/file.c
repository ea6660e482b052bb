/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A profile's file among other files: who may have written it, and replacing it so that a crash leaves
 * the old or the new one. Knows nothing of what is inside.
 */
#include "cleanup.h"
#include "format-write.h"
#include "profile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>
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

/* make_temporary - a new file under a name that nobody else uses */
static int make_temporary(int folder, char *ret_name, size_t n)
{
        static unsigned int counter;
        uint32_t random;
        int fd;

        for (int tries = 0; tries < 100; tries++) {
                if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
                        random = (uint32_t)getpid() * 1000 + counter++;
                snprintf(ret_name, n, ".bootahead-%08x.tmp", random);
                fd = openat(folder, ret_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
                if (fd >= 0 || errno != EEXIST)
                        return fd < 0 ? -errno : fd;
        }
        return -EEXIST;
}

/* fill - the bytes into the temporary file, on disk before it gets its name */
static int fill(int fd, const struct packed *packed)
{
        int r;

        r = write_all(fd, packed->bytes, packed->n);
        if (r < 0)
                return r;
        if (fchmod(fd, 0644) < 0 || fsync(fd) < 0)
                return -errno;
        return 0;
}

/* replace - temporary file, fsync, rename, fsync of the folder */
static int replace(int folder, const char *name, const struct packed *packed)
{
        char temporary[NAME_MAX + 1];
        _cleanup_close_ int fd = -1;
        int r;

        fd = make_temporary(folder, temporary, sizeof(temporary));
        if (fd < 0)
                return fd;
        r = fill(fd, packed);
        if (r == 0 && renameat(folder, temporary, folder, name) < 0)
                r = -errno;
        if (r < 0) {
                (void)unlinkat(folder, temporary, 0);
                return r;
        }
        return fsync(folder) < 0 ? -errno : 0;
}

int profile_write(int dirfd, const char *path, const struct profile *profile)
{
        __attribute__((cleanup(packed_done))) struct packed packed = {};
        _cleanup_close_ int folder = -1;
        const char *name;
        int r;

        r = profile_check(profile, NULL);
        if (r != 0)
                return r;
        r = format_pack(profile, &packed);
        if (r < 0)
                return r;
        folder = open_folder(dirfd, path, &name);
        if (folder < 0)
                return folder;
        return replace(folder, name, &packed);
}
