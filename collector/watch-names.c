/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch-names.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "cwd", "root" or "fd/N" of the process. */
static bool read_base(const struct view *view, uint32_t pid, const char *what, char ret[static PATH_MAX])
{
        char link[64];
        ssize_t n;

        snprintf(link, sizeof link, "%u/%s", pid, what);
        n = readlinkat(view->proc, link, ret, PATH_MAX - 1);
        if (n <= 0 || *ret != '/')
                return false;
        ret[n] = '\0';
        return true;
}

void watch_clean_name(char *name)
{
        const char *from = name;
        char *to = name;

        while (*from) {
                bool at_start = to == name || to[-1] == '/';

                if (at_start && from[0] == '/' && to != name)
                        from++;
                else if (at_start && from[0] == '.' && from[1] == '/')
                        from += 2;
                else if (at_start && from[0] == '.' && !from[1] && to != name)
                        from++;
                else
                        *to++ = *from++;
        }
        while (to > name + 1 && to[-1] == '/')
                to--;
        *to = '\0';
}

const char *watch_absolute_name(const struct view *view, uint32_t pid, int dirfd, const char *name,
                                char ret[static PATH_MAX])
{
        char base[PATH_MAX], what[24] = "cwd";
        bool known;

        if (*name == '/')
                snprintf(what, sizeof what, "root");
        else if (dirfd != AT_FDCWD)
                snprintf(what, sizeof what, "fd/%d", dirfd);
        known = read_base(view, pid, what, base);
        if (!known)
                base[0] = '\0'; /* who has another root is rare, and told nowhere else */
        if ((!known && *name != '/') || strlen(base) + strlen(name) + 2 > PATH_MAX)
                return name;
        stpcpy(stpcpy(stpcpy(ret, base), "/"), name);
        watch_clean_name(ret);
        return ret;
}
