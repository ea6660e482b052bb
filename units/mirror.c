/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "decision.h"
#include "file.h"
#include "profile.h"

static const char *const names[] = {"profile", DECISION_NEXT};

static bool is_copy(const struct stat *a, const struct stat *b)
{
        return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
               a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Only what the early stage would believe where it is: a copy is root's own. */
static int mirror(int here, int there, const char *name)
{
        _cleanup_close_ int from = -1;
        struct stat status, copy;
        int r = profile_open(here, name, &from, NULL);

        if (r == -ENOENT || r == PROFILE_UNTRUSTED)
                return unlinkat(there, name, 0) < 0 && errno != ENOENT ? -errno : 0;
        if (r < 0 || fstat(from, &status) < 0)
                return r < 0 ? r : -errno;
        if (fstatat(there, name, &copy, AT_SYMLINK_NOFOLLOW) == 0 && is_copy(&status, &copy))
                return 0;
        r = profile_copy(from, there, name, NULL);
        return r == PROFILE_UNTRUSTED ? -EEXIST : r;
}

static int mirror_all(int here, int there)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < sizeof names / sizeof *names; i++)
                r = mirror(here, there, names[i]);
        return r;
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
        here = slash < 0 ? -errno : file_make_folder(slash, BOOTAHEAD_STATEDIR);
        if (here < 0)
                return here;
        there = file_make_folder(root, BOOTAHEAD_STATEDIR);
        if (there < 0)
                return there;
        if (fstat(here, &seen) < 0 || fstat(there, &below) < 0)
                return -errno;
        return seen.st_dev == below.st_dev && seen.st_ino == below.st_ino ? 0 : mirror_all(here, there);
}
