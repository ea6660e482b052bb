/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bootahead-switch: what people decide about the next boots, for bootahead(1). Owns one drop-in of the
 * configuration; everything else is what the end of a boot would have written, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "config.h"
#include "decision.h"
#include "file.h"
#include "ledger.h"
#include "lifecycle.h"
#include "mirror.h"

#define SETTINGS "/etc/bootahead/bootahead.conf.d"
#define SWITCH "50-switch.conf"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

static const char disabled[] = "# Written by 'bootahead disable', removed by 'bootahead enable'.\n"
                               "[Boot]\n"
                               "Enabled=no\n";

/* What a verb works on. */
struct place {
        const char *root; /* "" is / */
        int folder;       /* of the root */
        int state;
};

__attribute__((format(printf, 1, 2))) static int refuse(const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        fputs("bootahead: ", stderr);
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
        va_end(arguments);
        return EXIT_REFUSED;
}

static void complain(void *data, const char *message)
{
        (void)data;
        fprintf(stderr, "bootahead: %s\n", message);
}

/* Whether the settings have it so, and which one does. */
static int is_enabled(const struct place *place, char *origin, size_t size)
{
        struct config config;
        int r = config_read(place->root, complain, NULL, &config);

        if (r < 0)
                return r;
        snprintf(origin, size, "%s",
                 config.values[CONFIG_ENABLED].origin ? config.values[CONFIG_ENABLED].origin : "default");
        r = (int)config_number(&config, CONFIG_ENABLED);
        config_done(&config);
        return r;
}

static int write_next(const struct place *place, enum decision_mode mode, const char *why)
{
        struct decision_next next = {.mode = mode};
        char text[sizeof next.why + 64];
        int r;

        snprintf(next.why, sizeof next.why, "%s", why);
        r = file_replace(place->state, DECISION_NEXT, text, decision_format_next(&next, text, sizeof text));
        return r < 0 ? refuse("'" BOOTAHEAD_STATEDIR "/" DECISION_NEXT "': %s", strerror(-r)) : EXIT_DONE;
}

static int delete (int folder, const char *name, const char *path)
{
        if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
                return refuse("'%s/%s': %s", path, name, strerror(errno));
        return EXIT_DONE;
}

static int enable(const struct place *place)
{
        _cleanup_close_ int settings =
                openat(place->folder, SETTINGS + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct decision_next next;
        char origin[PATH_MAX];
        int r = settings < 0 ? 0 : delete (settings, SWITCH, SETTINGS);

        if (r != EXIT_DONE)
                return r;
        r = is_enabled(place, origin, sizeof origin);
        if (r <= 0)
                return r < 0 ? refuse("%s", strerror(-r)) : refuse("'%s' says Enabled=no", origin);
        decision_read_next(place->folder, &next);
        if (next.mode == DECISION_OFF &&
            delete (place->state, DECISION_NEXT, BOOTAHEAD_STATEDIR) != EXIT_DONE)
                return EXIT_REFUSED;
        puts("bootahead is on from the next boot on.");
        return EXIT_DONE;
}

static int disable(const struct place *place)
{
        _cleanup_close_ int settings = file_make_folder(place->folder, SETTINGS);
        char origin[PATH_MAX];
        int r = settings < 0 ? settings : file_replace(settings, SWITCH, disabled, sizeof disabled - 1);

        if (r < 0)
                return refuse("'" SETTINGS "/" SWITCH "': %s", strerror(-r));
        r = is_enabled(place, origin, sizeof origin);
        if (r != 0)
                return r < 0 ? refuse("%s", strerror(-r)) : refuse("'%s' says Enabled=yes", origin);
        r = write_next(place, DECISION_OFF, LIFECYCLE_DISABLED);
        if (r == EXIT_DONE)
                puts("bootahead is off from the next boot on.");
        return r;
}

static int collect_next(const struct place *place)
{
        char origin[PATH_MAX];
        int r = is_enabled(place, origin, sizeof origin);

        if (r <= 0)
                return r < 0 ? refuse("%s", strerror(-r)) : refuse("it is off: '%s' says so", origin);
        r = write_next(place, DECISION_COLLECT, "asked for by 'bootahead collect-next'");
        if (r == EXIT_DONE)
                puts("The next boot is collected.");
        return r;
}

static int forget(const struct place *place)
{
        static const char *const names[] = {"profile", "profile.corrupt", LEDGER_NAME, DECISION_NEXT,
                                            DECISION_PACKAGES};
        char origin[PATH_MAX];
        int r = EXIT_DONE;

        for (size_t i = 0; i < sizeof names / sizeof *names && r == EXIT_DONE; i++)
                r = delete (place->state, names[i], BOOTAHEAD_STATEDIR);
        if (r == EXIT_DONE && is_enabled(place, origin, sizeof origin) == 0)
                r = write_next(place, DECISION_OFF, LIFECYCLE_DISABLED);
        if (r == EXIT_DONE)
                puts("What was known of earlier boots is gone.");
        return r;
}

static const struct verb {
        const char *name;
        int (*run)(const struct place *place);
} verbs[] = {{"enable", enable}, {"disable", disable}, {"collect-next", collect_next}, {"forget", forget}};

/* Where the state folder is not on the root filesystem, the early stage sees copies. */
static int copy(const struct place *place, int status)
{
        int r = status == EXIT_DONE && !*place->root ? mirror_profile() : 0;

        return r < 0 ? refuse("what the next boot sees of '" BOOTAHEAD_STATEDIR "': %s", strerror(-r))
                     : status;
}

static int run(const struct verb *verb, const char *root)
{
        _cleanup_close_ int folder = open(*root ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int state = -1;
        struct place place = {.root = root, .folder = folder};

        if (folder < 0)
                return refuse("'%s': %s", root, strerror(errno));
        place.state = state = file_make_folder(folder, BOOTAHEAD_STATEDIR);
        if (state < 0)
                return refuse("'" BOOTAHEAD_STATEDIR "': %s", strerror(-state));
        return copy(&place, verb->run(&place));
}

int main(int argc, char **argv)
{
        static const struct option options[] = {{"root", required_argument, NULL, 'r'}, {0}};
        const char *root = "";
        int option;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (option != 'r')
                        return EXIT_USAGE;
                root = optarg;
        }
        for (size_t i = 0; optind == argc - 1 && i < sizeof verbs / sizeof *verbs; i++)
                if (!strcmp(argv[optind], verbs[i].name))
                        return run(&verbs[i], root);
        fputs("bootahead-switch [--root=DIR] enable|disable|collect-next|forget\n", stderr);
        return EXIT_USAGE;
}
