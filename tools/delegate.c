/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config, record, replay, watch, and the switches: the verbs that are other programs. */
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "programs.h"
#include "verbs.h"

/* Return: "NAME=VALUE" that the caller owns, or NULL */
static char *option_text(const char *name, const char *value)
{
        char *text = NULL;

        return asprintf(&text, "%s=%s", name, value) < 0 ? NULL : text;
}

static int out_of_memory(void)
{
        fputs("bootahead: out of memory\n", stderr);
        return EXIT_REFUSED;
}

/* A program's own options, then what the request hands on. */
static int run(const char *name, char *const *options, size_t n_options, const struct request *request)
{
        size_t n_arguments = (size_t)request->n_arguments, n = 0;
        _cleanup_free_ char **arguments = calloc(n_options + n_arguments + 2, sizeof *arguments);
        _cleanup_free_ char *own = strdup(name);

        if (!arguments || !own)
                return out_of_memory();
        arguments[n++] = own;
        for (size_t i = 0; i < n_options; i++)
                arguments[n++] = options[i];
        for (size_t i = 0; i < n_arguments; i++)
                arguments[n++] = request->arguments[i];
        return program_run(name, arguments);
}

int verb_config(const struct request *request)
{
        _cleanup_free_ char *root = option_text("--root", request->root);
        char json[] = "--json", *options[] = {root, json};

        return root ? run("bootahead-config", options, request->options & OPTION_JSON ? 2 : 1, request)
                    : out_of_memory();
}

int verb_switch(const struct request *request)
{
        _cleanup_free_ char *root = option_text("--root", request->root), *verb = strdup(request->verb);
        char *options[] = {root, verb};

        return root && verb ? run("bootahead-switch", options, 2, request) : out_of_memory();
}

int verb_record(const struct request *request)
{
        _cleanup_free_ char *source = option_text("--source", request->source ? request->source : "auto");
        _cleanup_free_ char *output = option_text("--output", request->output ? request->output : "");
        char end[] = "--", *options[] = {source, output, end};

        if (!request->output) {
                fputs("bootahead record: where to? Say -o FILE\n", stderr);
                return EXIT_USAGE;
        }
        return source && output ? run("bootahead-collect", options, 3, request) : out_of_memory();
}

int verb_replay(const struct request *request)
{
        _cleanup_free_ char *root = option_text("--root", request->root);

        return root ? run("bootahead-replay", &root, *request->root ? 1 : 0, request) : out_of_memory();
}

int verb_watch(const struct request *request)
{
        if (*request->root) {
                fputs("bootahead watch: --root is not for it; --path says what to watch\n", stderr);
                return EXIT_USAGE;
        }
        return run("bootahead-watch", NULL, 0, request);
}
