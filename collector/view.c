/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

static int open_folder(const char *path)
{
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

int view_open_readonly(struct view *view, const char *root, const char **ret_what)
{
        *view = (struct view){.proc = -1, .sys = -1, .dev = -1, .run = -1, .root = -1};

        *ret_what = root;
        view->root = open_folder(root);
        if (view->root < 0)
                return view->root;
        if (!realpath(root, view->prefix))
                return -errno;
        if (!strcmp(view->prefix, "/"))
                view->prefix[0] = '\0';

        *ret_what = "/proc";
        view->proc = open_folder("/proc");
        if (view->proc < 0)
                return view->proc;

        view->sys = open_folder("/sys");
        view->dev = open_folder("/dev");
        return 0;
}

int view_open(struct view *view, const char *root, const char **ret_what)
{
        int r = view_open_readonly(view, root, ret_what);

        if (r < 0)
                return r;
        *ret_what = BOOTAHEAD_RUNDIR;
        if (mkdir(BOOTAHEAD_RUNDIR, 0755) < 0 && errno != EEXIST)
                return -errno;
        view->run = open_folder(BOOTAHEAD_RUNDIR);
        return view->run < 0 ? view->run : 0;
}

int view_enter(struct view *view)
{
        if (fchdir(view->root) < 0 || chroot(".") < 0 || chdir("/") < 0)
                return -errno;
        view->prefix[0] = '\0';
        return 0;
}

void view_close(struct view *view)
{
        close_cleanup(&view->proc);
        close_cleanup(&view->sys);
        close_cleanup(&view->dev);
        close_cleanup(&view->run);
        close_cleanup(&view->root);
}

int view_read(int dirfd, const char *path, char *buffer, size_t size)
{
        _cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
        size_t length = 0;

        if (fd < 0)
                return -errno;
        while (length < size - 1) {
                ssize_t n = read(fd, buffer + length, size - 1 - length);

                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                length += (size_t)n;
        }
        buffer[length] = '\0';
        return (int)length;
}

const char *view_strip(const struct view *view, const char *path)
{
        size_t length = strlen(view->prefix);

        if (strncmp(path, view->prefix, length))
                return NULL;
        if (path[length] == '\0')
                return "/";
        return path[length] == '/' ? path + length : NULL;
}
