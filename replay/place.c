/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "uuid.h"

static int open_folder(const char *path)
{
        return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int place_open(struct place *place, const char *root)
{
        int error;

        place->proc = open_folder("/proc");
        place->sys = open_folder("/sys");
        place->dev = open_folder("/dev");
        mkdir(BOOTAHEAD_RUNDIR, 0755);
        place->run = open_folder(BOOTAHEAD_RUNDIR);
        place->root = open_folder(root);
        error = errno;
        return place->root < 0 ? -error : 0;
}

void place_close(struct place *place)
{
        close_cleanup(&place->proc);
        close_cleanup(&place->sys);
        close_cleanup(&place->dev);
        close_cleanup(&place->run);
        close_cleanup(&place->root);
}

struct mount_line {
        unsigned int major, minor;
        char *path, *type;
};

/* mountinfo writes space, tab, newline and backslash as three octal digits (proc_pid_mountinfo(5)). */
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

static bool parse_line(char *line, struct mount_line *ret)
{
        char *rest = NULL, *separator = strstr(line, " - ");

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
        if (line->major != 0)
                return strncmp(line->type, "fuse", 4) != 0;
        return !strcmp(line->type, "btrfs") || !strcmp(line->type, "bcachefs") ||
               !strcmp(line->type, "overlay");
}

static int open_device(const struct place *place, unsigned int device_major, unsigned int device_minor)
{
        _cleanup_close_ int uevent = -1, fd = -1;
        char path[64], text[512], name[64];
        struct stat status;
        const char *at;
        ssize_t n;

        snprintf(path, sizeof path, "dev/block/%u:%u/uevent", device_major, device_minor);
        uevent = openat(place->sys, path, O_RDONLY | O_CLOEXEC);
        n = uevent < 0 ? -1 : read(uevent, text, sizeof text - 1);
        if (n < 0)
                return -1;
        text[n] = '\0';
        at = strstr(text, "DEVNAME=");
        if (!at || sscanf(at, "DEVNAME=%63[^\n]", name) != 1)
                return -1;
        fd = openat(place->dev, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &status) < 0 || !S_ISBLK(status.st_mode) ||
            status.st_rdev != makedev(device_major, device_minor))
                return -1;
        return take_fd(&fd);
}

static uint64_t queue_setting(const struct place *place, unsigned int device_major, unsigned int device_minor,
                              const char *name)
{
        for (int level = 0; level < 2; level++) { /* a partition has no queue; its parent has */
                _cleanup_close_ int fd = -1;
                char path[96], text[24];
                ssize_t n;

                snprintf(path, sizeof path, "dev/block/%u:%u/%squeue/%s", device_major, device_minor,
                         level ? "../" : "", name);
                fd = openat(place->sys, path, O_RDONLY | O_CLOEXEC);
                n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
                if (n > 0) {
                        text[n] = '\0';
                        return strtoull(text, NULL, 10);
                }
        }
        return 0;
}

/* The larger of read-ahead window and largest request (force_page_cache_ra(), mm/readahead.c, Linux 6.1
 * to 6.18). */
static uint64_t window_of(const struct place *place, unsigned int device_major, unsigned int device_minor)
{
        enum { LEAST_KB = 4, USUAL_KB = 128, MOST_KB = 16384 };
        uint64_t ahead = queue_setting(place, device_major, device_minor, "read_ahead_kb");
        uint64_t request = queue_setting(place, device_major, device_minor, "max_sectors_kb");
        uint64_t window = ahead > request ? ahead : request;

        return (window < LEAST_KB ? USUAL_KB : window > MOST_KB ? MOST_KB : window) * 1024;
}

/* Two mount points may be tried for one filesystem: the later line hides the earlier one. */
static void take_line(const struct place *place, const struct mount_line *line, const char *below,
                      const struct profile_filesystem *wanted, struct mounted *mounted)
{
        _cleanup_close_ int fd = -1;
        struct stat status;

        close_cleanup(&mounted->root);
        close_cleanup(&mounted->device);
        mounted->root = mounted->device = -1;
        mounted->why = "another filesystem is mounted there";
        if (strcmp(line->type, wanted->type) || !is_local(line))
                return;
        fd = openat(place->root, *below ? below : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &status) < 0 ||
            (line->major != 0 && status.st_dev != makedev(line->major, line->minor)) ||
            !uuid_may_be(fd, wanted->uuid))
                return;
        mounted->root = take_fd(&fd);
        mounted->device = line->major != 0 ? open_device(place, line->major, line->minor) : -1;
        mounted->window = window_of(place, line->major, line->minor);
        mounted->why = "";
}

/* Return: the part of a mount point below the root without its leading slash, or NULL. */
static const char *below_root(const char *path, const char *root)
{
        size_t length = strcmp(root, "/") ? strlen(root) : 0;

        if (strncmp(path, root, length))
                return NULL;
        if (path[length] == '\0')
                return "";
        return path[length] == '/' ? path + length + 1 : NULL;
}

int place_find_filesystems(const struct place *place, const char *root, const struct profile *profile,
                           struct mounted **ret)
{
        struct mounted *mounted = calloc(profile->n_filesystems + 1, sizeof *mounted);
        _cleanup_free_ char *text = NULL, *real = realpath(root, NULL);
        _cleanup_fclose_ FILE *file = NULL;
        int fd = openat(place->proc, "self/mountinfo", O_RDONLY | O_CLOEXEC);
        size_t size = 0;

        file = fd < 0 ? NULL : fdopen(fd, "re");
        if (!mounted || !real || !file) {
                free(mounted);
                return fd < 0 ? -ENOENT : -ENOMEM;
        }
        for (size_t i = 0; i < profile->n_filesystems; i++)
                mounted[i] = (struct mounted){.root = -1, .device = -1, .why = "not mounted"};
        while (getline(&text, &size, file) >= 0) {
                struct mount_line line;
                const char *below = parse_line(text, &line) ? below_root(line.path, real) : NULL;

                for (size_t i = 0; below && i < profile->n_filesystems; i++)
                        if (!strcmp(profile->filesystems[i].mount + 1, below))
                                take_line(place, &line, below, &profile->filesystems[i], &mounted[i]);
        }
        *ret = mounted;
        return 0;
}

void mounted_free(struct mounted *mounted, size_t count)
{
        for (size_t i = 0; mounted && i < count; i++) {
                close_cleanup(&mounted[i].root);
                close_cleanup(&mounted[i].device);
        }
        free(mounted);
}

/* O_PATH touches nothing: a device or FIFO that took the file's place is not opened. The descriptor then
 * is the file, whatever happens to its name. */
int place_open_file(const struct place *place, const struct mounted *mounted, const char *below,
                    uint64_t size, int *ret_fd)
{
        struct open_how how = {
                .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
        };
        _cleanup_close_ int path = (int)syscall(SYS_openat2, mounted->root, below, &how, sizeof how);
        char link[32];
        struct stat status;
        int fd;

        if (path < 0)
                return errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EXDEV ? PLACE_GONE
                                                                                               : -errno;
        if (fstat(path, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size != size)
                return PLACE_CHANGED;
        snprintf(link, sizeof link, "self/fd/%d", path);
        fd = openat(place->proc, link, O_RDONLY | O_NOATIME | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}
