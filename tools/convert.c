/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dump, load, verify: a profile as bytes, as text, and whether it is good. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "input.h"
#include "words.h"

/* A text that is not whole is none: no file remains of it. A device stays. */
static int dump_to(const struct profile *profile, const char *path)
{
        FILE *out = fopen(path, "we");
        struct stat status;
        bool file;
        int r;

        if (!out)
                return complain("text", path, strerror(errno));
        file = fstat(fileno(out), &status) == 0 && S_ISREG(status.st_mode);
        r = profile_dump(profile, out);
        if (fclose(out) && r == 0)
                r = -errno;
        if (r < 0 && file)
                unlink(path);
        return r < 0 ? complain("text", path, strerror(-r)) : EXIT_DONE;
}

int verb_dump(const struct request *request)
{
        CLEANUP(profile_free) struct profile *profile = NULL;
        int r = input_profile(request, &profile);

        if (r != EXIT_DONE)
                return r;
        r = request->options & OPTION_TRAVEL ? profile_strip(profile) : 0;
        if (r < 0)
                return complain("text", "-", strerror(-r));
        if (request->output)
                return dump_to(profile, request->output);
        r = profile_dump(profile, stdout);
        return r < 0 ? complain("text", "-", strerror(-r)) : EXIT_DONE;
}

static int load(const char *path, FILE *in, struct profile **ret)
{
        const char *why = NULL;
        char text[256];
        size_t line = 0;
        int r = profile_load(in, ret, &line, &why);

        if (r == 0)
                return EXIT_DONE;
        if (r < 0)
                return complain("text", path, strerror(-r));
        snprintf(text, sizeof text, "line %zu: %s", line, why);
        return complain("text", path, text);
}

int verb_load(const struct request *request)
{
        const char *path = request->n_arguments > 0 ? request->arguments[0] : "-";
        CLEANUP(profile_free) struct profile *profile = NULL;
        _cleanup_fclose_ FILE *file = NULL;
        const char *why = NULL;
        int r;

        if (!request->output) {
                fputs("bootahead load: where to? Say -o FILE\n", stderr);
                return EXIT_USAGE;
        }
        if (strcmp(path, "-")) {
                file = fopen(path, "re");
                if (!file)
                        return complain("text", path, strerror(errno));
        }
        r = load(path, file ? file : stdin, &profile);
        if (r != EXIT_DONE)
                return r;
        r = profile_write(AT_FDCWD, request->output, profile, &why);
        if (r == 0)
                return EXIT_DONE;
        return complain("profile", request->output, r < 0 ? strerror(-r) : why);
}

/* As replay looks at it, and then the rest as well. */
static int check(const char *path, struct profile **ret, const char **ret_why)
{
        _cleanup_close_ int fd = -1;
        int r = profile_open(AT_FDCWD, path, &fd, ret_why);

        if (r == 0)
                r = profile_read(fd, PROFILE_PART_ALL, ret, ret_why);
        if (r < 0)
                *ret_why = strerror(-r);
        return r;
}

static const char *result_name(int result)
{
        switch (result) {
        case 0:
                return "good";
        case PROFILE_CORRUPT:
                return "corrupt";
        case PROFILE_FOREIGN:
                return "foreign";
        case PROFILE_UNTRUSTED:
                return "untrusted";
        default:
                return "error";
        }
}

int verb_verify(const struct request *request)
{
        CLEANUP(profile_free) struct profile *profile = NULL;
        char buffer[INPUT_PATH_MAX], files[WORD_MAX];
        const char *path = input_path(request, buffer), *why = "";
        int r = check(path, &profile, &why);

        if (request->options & OPTION_JSON) {
                struct json_object *object = json_object_new_object();

                json_text(object, "profile", path);
                json_text(object, "result", result_name(r));
                json_text(object, "why", r ? why : "");
                json_print(object);
                return r ? EXIT_REFUSED : EXIT_DONE;
        }
        if (r)
                return complain("profile", path, why);
        fputs("profile '", stdout);
        print_name(stdout, path);
        printf("': good, %s files\n", word_count(profile->n_files, files));
        return EXIT_DONE;
}
