/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "machine.h"

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
        place->mounts = place->proc < 0 ? -1 : openat(place->proc, "self/mountinfo", O_RDONLY | O_CLOEXEC);
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
        close_cleanup(&place->mounts);
        close_cleanup(&place->run);
        close_cleanup(&place->root);
}

uint64_t place_memory(const struct place *place, unsigned int percent)
{
        int fd = openat(place->proc, "meminfo", O_RDONLY | O_CLOEXEC);
        _cleanup_fclose_ FILE *file = fd < 0 ? NULL : fdopen(fd, "re");
        uint64_t kilobytes;
        char line[128];

        while (file && fgets(line, sizeof line, file))
                if (sscanf(line, "MemAvailable: %" SCNu64, &kilobytes) == 1)
                        return kilobytes * 1024 / 100 * percent;
        return UINT64_MAX;
}

static uint64_t queue_setting(const struct place *place, dev_t device, const char *name)
{
        uint64_t value;

        return device_queue_setting(place->sys, device, name, &value) == 0 ? value : 0;
}

/* The larger of read-ahead window and largest request (force_page_cache_ra(), mm/readahead.c, Linux 6.1
 * to 6.18). */
static uint64_t window_of(const struct place *place, dev_t device)
{
        enum { LEAST_KB = 4, USUAL_KB = 128, MOST_KB = 16384 };
        uint64_t ahead = queue_setting(place, device, "read_ahead_kb");
        uint64_t request = queue_setting(place, device, "max_sectors_kb");
        uint64_t window = ahead > request ? ahead : request;

        return (window < LEAST_KB ? USUAL_KB : window > MOST_KB ? MOST_KB : window) * 1024;
}

/* Where neither side knows, it can be the same. */
static bool may_have_uuid(int fd, const uint8_t wanted[16])
{
        static const uint8_t unknown[16];
        uint8_t uuid[16];

        return !memcmp(wanted, unknown, sizeof unknown) || !filesystem_read_uuid(fd, uuid) ||
               !memcmp(wanted, uuid, sizeof uuid);
}

static void forget(struct mounted *mounted)
{
        close_cleanup(&mounted->root);
        close_cleanup(&mounted->device);
        mounted->root = mounted->device = -1;
}

/* Two mount points may be tried for one filesystem: the later line hides the earlier one. */
static void take_line(const struct place *place, const struct mount_line *line, const char *below,
                      const struct profile_filesystem *wanted, struct mounted *mounted)
{
        dev_t device = makedev(line->major, line->minor);
        _cleanup_close_ int fd = -1;
        struct stat status;

        forget(mounted);
        if (strcmp(line->type, wanted->type) || !mount_line_is_local(line))
                return;
        fd = openat(place->root, *below ? below : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &status) < 0 || (line->major != 0 && status.st_dev != device) ||
            !may_have_uuid(fd, wanted->uuid))
                return;
        mounted->root = take_fd(&fd);
        mounted->device = line->major != 0 ? device_open(place->sys, place->dev, device) : -1;
        mounted->window = window_of(place, device);
}

/* As the mount table has it, whose paths become others when the root of an initramfs moves. */
static int path_of_root(const struct place *place, char ret[static PATH_MAX])
{
        char link[32];
        ssize_t n;

        snprintf(link, sizeof link, "self/fd/%d", place->root);
        n = readlinkat(place->proc, link, ret, PATH_MAX - 1);
        if (n < 0)
                return -errno;
        ret[n] = '\0';
        return 0;
}

int place_find_filesystems(const struct place *place, const struct profile *profile, struct mounted *mounted)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_fclose_ FILE *file = NULL;
        int fd = openat(place->proc, "self/mountinfo", O_RDONLY | O_CLOEXEC);
        char root[PATH_MAX];
        size_t size = 0;
        int r = path_of_root(place, root);

        file = fd < 0 ? NULL : fdopen(fd, "re");
        if (r < 0 || !file)
                return r < 0 ? r : fd < 0 ? -ENOENT : -ENOMEM;
        while (getline(&text, &size, file) >= 0) {
                struct mount_line line;
                const char *below = mount_line_parse(text, &line) ? place_path_below(line.path, root) : NULL;

                for (size_t i = 0; below && i < profile->n_filesystems; i++)
                        if (!mounted[i].done && !strcmp(profile->filesystems[i].mount + 1, below))
                                take_line(place, &line, below, &profile->filesystems[i], &mounted[i]);
        }
        r = 0;
        for (size_t i = 0; i < profile->n_filesystems; i++)
                r += mounted[i].root >= 0;
        return r;
}

bool place_wait_for_mounts(const struct place *place, int milliseconds)
{
        struct pollfd table = {.fd = place->mounts, .events = POLLPRI};

        return place->mounts >= 0 && poll(&table, 1, milliseconds) > 0;
}

struct mounted *mounted_new(size_t count)
{
        struct mounted *mounted = calloc(count + 1, sizeof *mounted);

        for (size_t i = 0; mounted && i < count; i++)
                mounted[i] = (struct mounted){.root = -1, .device = -1};
        return mounted;
}

void mounted_close(struct mounted *mounted)
{
        mounted->done = mounted->root >= 0;
        forget(mounted);
}

void mounted_free(struct mounted *mounted, size_t count)
{
        for (size_t i = 0; mounted && i < count; i++)
                forget(&mounted[i]);
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

const char *place_path_below(const char *path, const char *mount)
{
        size_t length = strcmp(mount, "/") ? strlen(mount) : 0;

        if (strncmp(path, mount, length))
                return NULL;
        if (path[length] == '\0')
                return path + length;
        return path[length] == '/' ? path + length + 1 : NULL;
}
