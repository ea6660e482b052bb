/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bootahead-init: the early stage where no initramfs has one. The kernel starts it as the first process
 * (init=); it mounts what the stage and its programs need, begins, and becomes the system's own init.
 *
 * Whatever goes wrong here, the real init is started. Mounts are those that systemd would make, and finds
 * made where an initramfs made them: it leaves them alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "begin.h"
#include "cleanup.h"

enum { EXIT_USAGE = 2, COMMAND_LINE_MAX = 4096 };

static const struct {
        const char *type, *path;
        unsigned long flags;
        const char *options;
} needed[] = {
        {"proc", "/proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL},
        {"sysfs", "/sys", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL},
        {"devtmpfs", "/dev", MS_NOSUID | MS_STRICTATIME, "mode=0755"},
        {"tmpfs", "/run", MS_NOSUID | MS_NODEV | MS_STRICTATIME, "mode=0755,size=20%,nr_inodes=800k"},
};

static bool is_mounted(const char *path)
{
        struct stat here, root;

        return stat(path, &here) == 0 && stat("/", &root) == 0 && here.st_dev != root.st_dev;
}

static int mount_needed(void)
{
        for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
                if (!is_mounted(needed[i].path) && mount(needed[i].type, needed[i].path, needed[i].type,
                                                         needed[i].flags, needed[i].options) < 0)
                        return -errno;
        }
        return 0;
}

/* The last word counts, as with the kernel's own. */
static const char *asked_for(char text[static COMMAND_LINE_MAX])
{
        static const char key[] = "bootahead.init=";
        _cleanup_close_ int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, COMMAND_LINE_MAX - 1);
        const char *found = NULL;
        char *word;

        text[n > 0 ? n : 0] = '\0';
        while ((word = strsep(&text, " \t\n"))) {
                if (!strncmp(word, key, sizeof key - 1))
                        found = word + sizeof key - 1;
        }
        return found;
}

static void become(const char *program, char **argv)
{
        argv[0] = (char *)program;
        execv(program, argv);
        fprintf(stderr, "bootahead-init: '%s': %s\n", program, strerror(errno));
}

int main(int argc, char **argv)
{
        static const char *const usual[] = {"/sbin/init", "/etc/init", "/bin/init", "/bin/sh"};
        char text[COMMAND_LINE_MAX];
        const char *asked;
        int r;

        (void)argc;
        if (getpid() != 1) {
                fputs("bootahead-init: this is for the kernel to start, see bootahead.service(8)\n", stderr);
                return EXIT_USAGE;
        }
        r = mount_needed();
        if (r == 0)
                r = begin("/");
        if (r < 0)
                fprintf(stderr, "bootahead-init: %s, a later stage decides\n", strerror(-r));
        asked = asked_for(text);
        if (asked)
                become(asked, argv);
        for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
                become(usual[i], argv);
        return 1;
}
