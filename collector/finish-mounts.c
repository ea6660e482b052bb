/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "finish-mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "machine.h"

struct mount_point {
        char *path;                 /* below the recorded root */
        uint32_t filesystem, entry; /* the profile's: first mount, this mount or PROFILE_NONE */
};

static int add(struct mount_points *points, const char *path, uint32_t filesystem)
{
        _cleanup_free_ char *copy = strdup(path);
        struct mount_point *grown = reallocarray(points->points, points->count + 1, sizeof *grown);

        if (grown)
                points->points = grown;
        if (!grown || !copy)
                return -ENOMEM;
        grown[points->count++] =
                (struct mount_point){.path = TAKE(copy), .filesystem = filesystem, .entry = PROFILE_NONE};
        return 0;
}

int mount_points_read(const struct collection *collection, struct mount_points *ret)
{
        const struct mounts *mounts = &collection->mounts;
        _cleanup_free_ char *text = NULL;
        int fd = openat(collection->view.proc, "self/mountinfo", O_RDONLY | O_CLOEXEC), r = 0;
        _cleanup_fclose_ FILE *file = fd < 0 ? NULL : fdopen(fd, "re");
        size_t size = 0;

        *ret = (struct mount_points){0};
        while (r == 0 && file && getline(&text, &size, file) >= 0) {
                struct mount_line line;
                const char *below =
                        mount_line_parse(text, &line) ? view_strip(&collection->view, line.path) : NULL;
                int found = below ? mounts_find(mounts, makedev(line.major, line.minor)) : -1;

                if (found >= 0 && strcmp(below, mounts->filesystems[found].mount) != 0)
                        r = add(ret, below, (uint32_t)found);
        }
        return r;
}

void mount_points_done(struct mount_points *points)
{
        for (size_t i = 0; i < points->count; i++)
                free(points->points[i].path);
        free(points->points);
}

static bool is_below(const char *path, const char *mount)
{
        size_t length = mount[1] ? strlen(mount) : 0;

        return !strncmp(path, mount, length) && path[length] == '/';
}

/* What can't be added is left where replay will not find it. */
static uint32_t entry_of(struct mount_point *point, struct profile *profile)
{
        const char *path = point->entry == PROFILE_NONE ? profile_string(profile, point->path) : NULL;
        struct profile_filesystem *added = path ? profile_add_filesystem(profile) : NULL;

        if (added) {
                *added = profile->filesystems[point->filesystem];
                added->mount = path;
                point->entry = (uint32_t)(profile->n_filesystems - 1);
        }
        return point->entry == PROFILE_NONE ? point->filesystem : point->entry;
}

uint32_t mount_points_find(struct mount_points *points, struct profile *profile, const char *path,
                           uint32_t filesystem)
{
        size_t length = strlen(profile->filesystems[filesystem].mount);
        struct mount_point *best = NULL;

        if (!is_below(path, profile->filesystems[filesystem].mount))
                length = 0;
        for (size_t i = 0; i < points->count; i++) {
                struct mount_point *point = &points->points[i];

                if (point->filesystem != filesystem || !is_below(path, point->path) ||
                    strlen(point->path) < length)
                        continue;
                best = point;
                length = strlen(point->path);
        }
        return best ? entry_of(best, profile) : filesystem;
}
