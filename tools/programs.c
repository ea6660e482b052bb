/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "programs.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "input.h"

/* In the build tree bin/bootahead stands beside libexec/. */
static bool find_in_build_tree(const char *name, char ret[static PATH_MAX])
{
        static const char below[] = "../libexec/";
        ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 1);
        char *slash;

        if (n < 0)
                return false;
        ret[n] = '\0';
        slash = strrchr(ret, '/');
        if (!slash || (size_t)(slash + 1 - ret) + sizeof below + strlen(name) > PATH_MAX)
                return false;
        strcpy(slash + 1, below);
        strcat(slash, name);
        return access(ret, X_OK) == 0;
}

int program_run(const char *name, char **arguments)
{
        const char *folder = secure_getenv("BOOTAHEAD_LIBEXECDIR");
        char path[PATH_MAX];

        if (folder || !find_in_build_tree(name, path))
                snprintf(path, sizeof path, "%s/%s", folder ? folder : BOOTAHEAD_LIBEXECDIR, name);
        execv(path, arguments);
        return complain("program", path, strerror(errno));
}
