/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch-places.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "machine.h"

enum { PLACES_MAX = 1024 };

/* ---- The mount table --------------------------------------------------------------------- */

static FILE *open_table(const struct view *view)
{
        int fd = openat(view->proc, "self/mountinfo", O_RDONLY | O_CLOEXEC);
        FILE *table = fd < 0 ? NULL : fdopen(fd, "re");

        if (fd >= 0 && !table)
                close(fd);
        return table;
}

/* What is left of a path below a folder, "" or "/..."; "/" as a folder leaves all but itself. */
static const char *rest_below(const char *path, const char *folder)
{
        const char *rest = path + (folder[1] ? strlen(folder) : 0);

        return rest[0] == '/' && !rest[1] ? "" : rest;
}

/* Where a path lies: the last of the longest hides the others.
 * @ret_name: its name within the filesystem, on the heap; or NULL: not asked for */
static dev_t find_mount(const struct view *view, const char *path, char **ret_name)
{
        _cleanup_free_ char *text = NULL, *name = NULL;
        _cleanup_fclose_ FILE *table = open_table(view);
        size_t size = 0, longest = 0;
        dev_t device = 0;

        while (table && getline(&text, &size, table) >= 0) {
                struct mount_line line;

                if (!mount_line_parse(text, &line) || !watch_path_is_below(path, line.path) ||
                    strlen(line.path) < longest)
                        continue;
                longest = strlen(line.path);
                device = makedev(line.major, line.minor);
                free(TAKE(name));
                if (ret_name &&
                    asprintf(&name, "%s%s", line.root[1] ? line.root : "", rest_below(path, line.path)) < 0)
                        name = NULL;
        }
        if (ret_name)
                *ret_name = TAKE(name);
        return device;
}

dev_t watch_device_of(const struct view *view, const char *path)
{
        return find_mount(view, path, NULL);
}

char *watch_first_name(const struct view *view, const char *path)
{
        _cleanup_free_ char *text = NULL, *name = NULL;
        _cleanup_fclose_ FILE *table = open_table(view);
        dev_t device = find_mount(view, path, &name);
        char *first = NULL;
        size_t size = 0;

        while (!first && table && name && getline(&text, &size, table) >= 0) {
                struct mount_line line;

                if (mount_line_parse(text, &line) && makedev(line.major, line.minor) == device &&
                    watch_path_is_below(*name ? name : "/", line.root) &&
                    asprintf(&first, "%s%s", line.path[1] ? line.path : "", rest_below(name, line.root)) < 0)
                        return NULL;
        }
        return first;
}

int watch_mount_open(const struct view *view, const char *type)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_fclose_ FILE *table = open_table(view);
        size_t size = 0;

        while (table && getline(&text, &size, table) >= 0) {
                struct mount_line line;
                int fd;

                if (!mount_line_parse(text, &line) || strcmp(line.type, type) != 0)
                        continue;
                fd = openat(view->root, line.path + 1, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                return fd < 0 ? -errno : fd;
        }
        return -ENOENT;
}

int watch_device_parse(const struct view *view, const char *text, dev_t *ret)
{
        unsigned int major_number, minor_number;
        struct stat status;
        char rest;

        if (strspn(text, "0123456789:") == strlen(text) &&
            sscanf(text, "%9u:%9u%c", &major_number, &minor_number, &rest) == 2) {
                *ret = makedev(major_number, minor_number);
                return 0;
        }
        if (*text != '/')
                return -EINVAL;
        if (stat(text, &status) < 0)
                return -errno;
        *ret = S_ISBLK(status.st_mode) ? status.st_rdev : watch_device_of(view, text);
        return *ret ? 0 : -ENODEV;
}

/* What is wanted lies on this filesystem, or on one that is mounted below what is wanted. */
static bool holds_path(const struct view *view, const struct watch_filter *filter, const char *mount,
                       dev_t device)
{
        for (size_t i = 0; i < filter->paths.n; i++)
                if (watch_path_is_below(mount, filter->paths.values[i]) ||
                    (watch_path_is_below(filter->paths.values[i], mount) &&
                     watch_device_of(view, filter->paths.values[i]) == device))
                        return true;
        return !filter->paths.n;
}

static bool is_wanted(const struct view *view, const struct watch_filter *filter,
                      const struct mount_line *line)
{
        dev_t device = makedev(line->major, line->minor);

        return (filter->n_devices || mount_line_is_local(line) || !strcmp(line->type, "tmpfs")) &&
               watch_filter_device(filter, device) && holds_path(view, filter, line->path, device);
}

/* ---- Places ------------------------------------------------------------------------------ */

static bool is_known(const struct watch_places *places, dev_t device)
{
        for (size_t i = 0; i < places->n; i++)
                if (places->places[i].device == device)
                        return true;
        return false;
}

static int add(struct watch_places *places, const struct view *view, const struct mount_line *line)
{
        struct watch_place *grown = reallocarray(places->places, places->n + 1, sizeof *grown), *place;

        if (!grown)
                return -ENOMEM;
        places->places = grown;
        place = &grown[places->n];
        *place = (struct watch_place){
                .device = makedev(line->major, line->minor), .mount = strdup(line->path), .fd = -1};
        if (!place->mount)
                return -ENOMEM;
        if (watch_place_open(place, view) < 0) {
                free(place->mount);
                return 0; /* gone again, a file's bind mount, or hidden below another mount */
        }
        places->n++;
        return 1;
}

int watch_places_update(struct watch_places *places, const struct view *view,
                        const struct watch_filter *filter)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_fclose_ FILE *table = open_table(view);
        size_t size = 0;
        int added = 0;

        if (!table)
                return -errno;
        while (getline(&text, &size, table) >= 0 && places->n < PLACES_MAX) {
                struct mount_line line;
                int r;

                if (!mount_line_parse(text, &line) || is_known(places, makedev(line.major, line.minor)) ||
                    !is_wanted(view, filter, &line))
                        continue;
                r = add(places, view, &line);
                if (r < 0)
                        return r;
                added += r;
        }
        return added;
}

void watch_places_rest(struct watch_places *places)
{
        for (size_t i = 0; i < places->n; i++) {
                close_cleanup(&places->places[i].fd);
                places->places[i].fd = -1;
        }
}

void watch_places_done(struct watch_places *places)
{
        watch_places_rest(places);
        for (size_t i = 0; i < places->n; i++)
                free(places->places[i].mount);
        free(places->places);
        *places = (struct watch_places){0};
}

int watch_places_find(const struct watch_places *places, uint64_t fsid)
{
        for (size_t i = 0; i < places->n; i++)
                if (places->places[i].fsid == fsid)
                        return (int)i;
        return -1;
}

int watch_place_open(struct watch_place *place, const struct view *view)
{
        const char *below = place->mount[1] ? place->mount + 1 : ".";
        _cleanup_close_ int fd = -1;
        struct statfs filesystem;
        struct stat status;
        uint64_t fsid;

        if (place->fd >= 0)
                return place->fd;
        fd = openat(view->root, below, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &status) < 0 || fstatfs(fd, &filesystem) < 0)
                return -errno;
        memcpy(&fsid, &filesystem.f_fsid, sizeof fsid);
        /* Another filesystem may be mounted there; btrfs subvolumes have device numbers of their own. */
        if ((major(place->device) != 0 && status.st_dev != place->device) ||
            (place->fsid && fsid != place->fsid))
                return -ENODEV;
        if (!place->fsid)
                place->fsid = fsid;
        return place->fd = take_fd(&fd);
}

int watch_place_path(struct watch_place *place, const struct view *view, struct file_handle *handle,
                     char ret[static PATH_MAX])
{
        int mount = watch_place_open(place, view);
        _cleanup_close_ int fd = mount < 0 ? -1 : open_by_handle_at(mount, handle, O_PATH | O_CLOEXEC);
        struct stat status;
        char link[32];
        ssize_t n;

        if (mount < 0)
                return mount;
        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        if (!status.st_nlink)
                return -ESTALE;
        snprintf(link, sizeof link, "self/fd/%d", fd);
        n = readlinkat(view->proc, link, ret, PATH_MAX - 1);
        if (n < 0)
                return -errno;
        ret[n] = '\0';
        return 0;
}
