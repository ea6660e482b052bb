/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "words.h"

enum { LINE_SIZE = 4096 };

const char *input_path(const struct request *request, char ret[static INPUT_PATH_MAX])
{
        if (request->n_arguments > 0)
                return request->arguments[0];
        snprintf(ret, INPUT_PATH_MAX, "%s%s/profile", request->root, BOOTAHEAD_STATEDIR);
        return ret;
}

int complain(const char *what, const char *path, const char *why)
{
        fprintf(stderr, "bootahead: %s '", what);
        print_name(stderr, path);
        fprintf(stderr, "': %s\n", why);
        return EXIT_REFUSED;
}

int input_read(const char *path, struct profile **ret, const char **ret_why)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        int r = fd < 0 ? -errno : profile_read(fd, PROFILE_PART_ALL, ret, ret_why);

        if (r < 0)
                *ret_why = strerror(-r);
        return r;
}

int input_profile(const struct request *request, struct profile **ret)
{
        char buffer[INPUT_PATH_MAX];
        const char *path = input_path(request, buffer), *why = NULL;

        return input_read(path, ret, &why) ? complain("profile", path, why) : EXIT_DONE;
}

struct json_object *input_lines(int folder, const char *path)
{
        struct json_object *object;
        _cleanup_fclose_ FILE *file = NULL;
        char line[LINE_SIZE];
        int fd = openat(folder, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0)
                return NULL;
        file = fdopen(fd, "re");
        if (!file) {
                close(fd);
                return NULL;
        }
        object = json_object_new_object();
        while (fgets(line, sizeof line, file)) {
                char *value = strchr(line, '=');

                line[strcspn(line, "\n")] = '\0';
                if (!value)
                        continue;
                *value++ = '\0';
                json_text(object, line, value);
        }
        return object;
}
