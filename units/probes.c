/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "decision.h"
#include "machine.h"

enum {
        KERNEL_MESSAGES = 1, /* the group of the kernel's own, not those that udev sends on */
        MESSAGE_MOST = 8192,
        DISKS_MOST = 64,
        PAGE = 4096,
        REQUEST = 128 << 10,     /* what the kernel reads ahead in one call on any device */
        EDGE = 512 << 10,        /* at either end, where the places lie close */
        FIRST_PLACES = 4 << 20,  /* up to here a page at each power of two */
        LAST_PLACE = 3087 * 512, /* from the end: an array's */
        LEAST_SIZE = 16 << 20,
};

struct disk {
        int fd;
        uint64_t size;
};

struct disks {
        int dev; /* the folder of devices */
        struct disk all[DISKS_MOST];
        size_t count;
};

static const char *value_of(const char *message, const char *end, const char *key)
{
        size_t length = strlen(key);

        for (; message < end; message += strlen(message) + 1)
                if (!strncmp(message, key, length) && message[length] == '=')
                        return message + length + 1;
        return "";
}

bool probes_parse(const char *message, size_t size, char ret_name[static PROBES_NAME_SIZE])
{
        const char *end = message + size, *name;

        if (size == 0 || end[-1] != '\0')
                return false;
        name = value_of(message, end, "DEVNAME");
        if (strcmp(value_of(message, end, "ACTION"), "add") != 0 ||
            strcmp(value_of(message, end, "SUBSYSTEM"), "block") != 0 ||
            !strncmp(value_of(message, end, "DEVPATH"), "/devices/virtual/", 17) || *name == '\0' ||
            strlen(name) >= PROBES_NAME_SIZE)
                return false;
        strcpy(ret_name, name);
        return true;
}

static void read_ahead(int disk, uint64_t from, uint64_t to)
{
        for (; from < to; from += REQUEST)
                posix_fadvise(disk, (off_t)from, (off_t)(to - from < REQUEST ? to - from : REQUEST),
                              POSIX_FADV_WILLNEED);
}

static void read_places(const struct disk *disk)
{
        uint64_t last = (disk->size - LAST_PLACE) / PAGE * PAGE;

        read_ahead(disk->fd, 0, EDGE);
        read_ahead(disk->fd, (disk->size - EDGE) / PAGE * PAGE, disk->size);
        read_ahead(disk->fd, last, last + PAGE);
        for (uint64_t place = EDGE; place <= FIRST_PLACES; place *= 2)
                read_ahead(disk->fd, place, place + PAGE);
}

static void keep(struct disks *disks, const char *name)
{
        _cleanup_close_ int fd = openat(disks->dev, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
        struct disk *disk = &disks->all[disks->count];
        struct stat status;

        if (fd < 0 || disks->count == DISKS_MOST || fstat(fd, &status) < 0 || !S_ISBLK(status.st_mode) ||
            ioctl(fd, BLKGETSIZE64, &disk->size) < 0 || disk->size < LEAST_SIZE)
                return;
        disk->fd = take_fd(&fd);
        disks->count++;
        read_places(disk);
}

static void take_message(int messages, struct disks *disks)
{
        char text[MESSAGE_MOST], name[PROBES_NAME_SIZE];
        struct sockaddr_nl from;
        socklen_t from_size = sizeof from;
        ssize_t n = recvfrom(messages, text, sizeof text, MSG_DONTWAIT, (struct sockaddr *)&from, &from_size);

        if (n > 0 && from.nl_pid == 0 && probes_parse(text, (size_t)n, name))
                keep(disks, name);
}

/* The first local filesystem: an initramfs has none before the root. */
static bool find_mounted(char ret_path[static PATH_MAX])
{
        _cleanup_fclose_ FILE *file = fopen("/proc/self/mountinfo", "re");
        _cleanup_free_ char *text = NULL;
        struct mount_line line;
        size_t size = 0;

        while (file && getline(&text, &size, file) >= 0)
                if (mount_line_parse(text, &line) && mount_line_is_local(&line)) {
                        snprintf(ret_path, PATH_MAX, "%s", line.path);
                        return true;
                }
        return false;
}

static int64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Mounting drops what was read, and udev looks once more at a disk that fsck has written to. What leads to
 * the profile is read while the initramfs looks for a /usr in the root's fstab. */
static void end(const struct disks *disks, const char *root)
{
        char path[PATH_MAX + sizeof BOOTAHEAD_STATEDIR "/profile"];
        int profile;

        for (size_t i = 0; i < disks->count; i++)
                read_places(&disks->all[i]);
        snprintf(path, sizeof path, "%s" BOOTAHEAD_STATEDIR "/profile", root);
        profile = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);
        if (profile >= 0)
                posix_fadvise(profile, 0, 0, POSIX_FADV_WILLNEED);
}

/* Nothing is closed: the process ends. */
static void attend(int messages, int mounts, struct disks *disks)
{
        int64_t late = now_ms() + PROBES_SECONDS * 1000, now;
        struct pollfd events[] = {{.fd = messages, .events = POLLIN}, {.fd = mounts, .events = POLLPRI}};
        char root[PATH_MAX];

        while ((now = now_ms()) < late && poll(events, 2, (int)(late - now)) > 0) {
                if (events[1].revents && find_mounted(root)) {
                        end(disks, root);
                        return;
                }
                if (events[0].revents)
                        take_message(messages, disks);
        }
}

static int listen_to_kernel(void)
{
        struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = KERNEL_MESSAGES};
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
                return -errno;
        return take_fd(&fd);
}

static bool is_wanted(int here)
{
        struct decision decision;
        int r = decision_by_command_line(here, &decision);

        return r == 0 || (r > 0 && (decision.mode == DECISION_REPLAY || decision.mode == DECISION_COLLECT));
}

int probes_start(void)
{
        _cleanup_close_ int here = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
        _cleanup_close_ int messages = -1;
        struct disks disks = {.dev = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC)};
        pid_t child;

        if (here < 0 || disks.dev < 0 || mounts < 0)
                return -errno;
        if (!is_wanted(here))
                return 0;
        messages = listen_to_kernel();
        if (messages < 0)
                return messages;
        child = fork();
        if (child < 0)
                return -errno;
        if (child > 0)
                return 0;
        setsid();
        attend(messages, mounts, &disks);
        _exit(0);
}
