/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bootahead-generator: pulls into this boot just the units that what this boot does needs.
 *
 * Owns the links, and the decision where no earlier stage made one. PID 1 waits for it, at boot and at every
 * daemon-reload: it reads two small files and touches no profile.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "decision.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

static bool exists(int root, const char *path)
{
        return faccessat(root, path + 1, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A container's files are its host's business, an initramfs has a stage of its own. */
static bool is_our_place(int root)
{
        const char *machine = getenv("SYSTEMD_VIRTUALIZATION");

        return !(machine && !strncmp(machine, "container:", strlen("container:"))) &&
               !exists(root, "/run/systemd/container") && !exists(root, "/etc/initrd-release");
}

static int link_to(const char *folder, const char *name, const char *target)
{
        _cleanup_close_ int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return symlinkat(target, fd, name) < 0 && errno != EEXIST ? -errno : 0;
}

static int pull_in(const char *folder, const char *by, const char *unit)
{
        _cleanup_free_ char *wants = NULL, *target = NULL;

        if (asprintf(&wants, "%s/%s.wants", folder, by) < 0)
                return -ENOMEM;
        if (asprintf(&target, "%s/%s", SYSTEMD_UNIT_DIR, unit) < 0)
                return -ENOMEM;
        if (mkdir(wants, 0755) < 0 && errno != EEXIST)
                return -errno;
        return link_to(wants, unit, target);
}

static int install(const struct decision *decision, const char *normal, const char *early)
{
        int r = 0;

        /* journald would log every record of ours, and switch audit off. */
        if (decision_by_audit(decision))
                r = link_to(early, "systemd-journald-audit.socket", "/dev/null");
        if (r == 0 && decision->mode == DECISION_COLLECT)
                r = pull_in(normal, "sysinit.target", "bootahead-collect.service");
        if (r == 0 && decision->mode == DECISION_REPLAY && !decision->early)
                r = pull_in(normal, "sysinit.target", "bootahead-replay.service");
        if (r == 0 && (decision->mode == DECISION_REPLAY || decision->mode == DECISION_CONTROL))
                r = pull_in(normal, "multi-user.target", "bootahead-report.service");
        return r;
}

/* Return: 1 decided, 0 nothing is to be done, or negative errno. */
static int decide(int root, struct decision *ret)
{
        int r = decision_read(root, ret);

        if (r != -ENOENT)
                return r < 0 ? r : 1;
        /* Nothing was decided and PID 1 serves already: installed in a running system, or switched off. */
        if (exists(root, "/run/systemd/private"))
                return 0;
        r = decision_make(root, ret);
        if (r < 0)
                return r;
        /* Newer systemd gives generators a read-only view; then the units keep the decision. */
        r = decision_write(root, ret);
        return r < 0 && r != -EROFS ? r : 1;
}

int main(int argc, char **argv)
{
        _cleanup_close_ int root = -1;
        struct decision decision;
        int r;

        if (argc != 4 && argc != 5) {
                fputs("bootahead-generator NORMAL-DIR EARLY-DIR LATE-DIR [ROOT]\n", stderr);
                return EXIT_USAGE;
        }
        root = open(argc == 5 ? argv[4] : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        r = root < 0 ? -errno : is_our_place(root) ? decide(root, &decision) : 0;
        if (r > 0)
                r = install(&decision, argv[1], argv[2]);
        if (r < 0) {
                fprintf(stderr, "bootahead-generator: '%s': %s, booting without bootahead\n",
                        BOOTAHEAD_RUNDIR "/decision", strerror(-r));
                return EXIT_REFUSED;
        }
        return EXIT_DONE;
}
