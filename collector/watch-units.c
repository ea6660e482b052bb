/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch-units.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "process.h"
#include "watch-places.h"

enum {
        GROUPS = 256,            /* that are remembered: numbers are never given anew, groups may be gone */
        HANDLE_OF_KERNFS = 0xfe, /* FILEID_KERNFS, include/linux/exportfs.h: the number, 64 bits */
};

struct watched_units {
        const struct view *view;
        int hierarchy;
        struct {
                uint64_t number;
                char unit[UNIT_NAME_SIZE]; /* "": in none */
        } groups[GROUPS];
};

int watched_units_open(const struct view *view, struct watched_units **ret)
{
        struct watched_units *units = calloc(1, sizeof *units);
        int r;

        if (!units)
                return -ENOMEM;
        units->view = view;
        r = units->hierarchy = watch_mount_open(view, "cgroup2");
        if (r < 0) {
                watched_units_close(units);
                return r;
        }
        *ret = units;
        return 0;
}

void watched_units_close(struct watched_units *units)
{
        if (!units)
                return;
        close_cleanup(&units->hierarchy);
        free(units);
}

static int group_path(const struct watched_units *units, uint64_t number, char ret[static PATH_MAX])
{
        union {
                struct file_handle handle;
                char storage[sizeof(struct file_handle) + sizeof number];
        } buffer = {.handle = {.handle_bytes = sizeof number, .handle_type = HANDLE_OF_KERNFS}};
        _cleanup_close_ int fd = -1;
        char link[32];
        ssize_t n;

        memcpy(buffer.handle.f_handle, &number, sizeof number);
        fd = open_by_handle_at(units->hierarchy, &buffer.handle, O_PATH | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        snprintf(link, sizeof link, "self/fd/%d", fd);
        n = readlinkat(units->view->proc, link, ret, PATH_MAX - 1);
        if (n < 0)
                return -errno;
        ret[n] = '\0';
        return 0;
}

const char *watched_units_find(struct watched_units *units, uint64_t group)
{
        size_t slot = group % GROUPS;
        char *unit = units->groups[slot].unit, path[PATH_MAX];

        if (units->groups[slot].number != group) {
                if (group_path(units, group, path) < 0)
                        return NULL;
                units->groups[slot].number = group;
                if (!unit_of_path(path, unit))
                        *unit = '\0';
        }
        return *unit ? unit : NULL;
}
