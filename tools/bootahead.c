/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bootahead(1): turns the command line into a request for one of the verbs. Owns options and help, both
 * made of tables; what the verbs do is theirs.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "verbs.h"

/* Letters of long options; those that can be said in one letter have that. */
enum {
        LETTER_HELP = 256,
        LETTER_VERSION,
        LETTER_ROOT,
        LETTER_JSON,
        LETTER_OUTPUT = 'o',
        LETTER_SOURCE = LETTER_JSON + 1,
        LETTER_FILES,
        LETTER_PROCESSES,
        LETTER_ACCESSES,
        LETTER_TRAVEL,
        LETTER_ALIVE,
};

/* Options of verbs; the first ones are for all. */
static const struct {
        const char *name;
        const char *argument; /* NULL: takes none */
        int letter;
        unsigned option; /* enum verb_option, 0: for all verbs */
        const char *help;
} options[] = {
        {"help", NULL, LETTER_HELP, 0, "print this"},
        {"version", NULL, LETTER_VERSION, 0, "print the version"},
        {"root", "DIR", LETTER_ROOT, 0, "take what lies below DIR for the system's"},
        {"json", NULL, LETTER_JSON, OPTION_JSON, "print JSON"},
        {"output", "FILE", LETTER_OUTPUT, OPTION_OUTPUT, "write to FILE (also -o)"},
        {"source", "SOURCE", LETTER_SOURCE, OPTION_SOURCE, "auto, audit or fanotify"},
        {"files", NULL, LETTER_FILES, OPTION_FILES, "files, by first use"},
        {"processes", NULL, LETTER_PROCESSES, OPTION_PROCESSES, "processes"},
        {"accesses", NULL, LETTER_ACCESSES, OPTION_ACCESSES, "accesses, by time"},
        {"alive", NULL, LETTER_ALIVE, OPTION_ALIVE, "only those that are still there"},
        {"travel", NULL, LETTER_TRAVEL, OPTION_TRAVEL, "only what may leave the machine"},
};

enum { N_OPTIONS = sizeof options / sizeof *options };

static void print_options(unsigned set)
{
        for (size_t i = 0; i < N_OPTIONS; i++) {
                char name[32];

                if (options[i].option ? !(options[i].option & set) : set != 0)
                        continue;
                snprintf(name, sizeof name, "--%s%s%s", options[i].name, options[i].argument ? "=" : "",
                         options[i].argument ? options[i].argument : "");
                printf("      %-18s %s\n", name, options[i].help);
        }
}

static void print_help(void)
{
        puts("bootahead [--root=DIR] VERB [OPTION...]\n"
             "\n"
             "Every boot starts with its files in memory.\n");
        for (size_t i = 0; i < n_verbs; i++) {
                printf("  %s%s%s\n      %s\n", verbs[i].name, *verbs[i].arguments ? " " : "",
                       verbs[i].arguments, verbs[i].help);
                if (verbs[i].options)
                        print_options(verbs[i].options);
        }
        puts("\nFor all:");
        print_options(0);
        puts("\nPROFILE is " BOOTAHEAD_STATEDIR "/profile where none is given.");
}

static int usage(const char *verb, const char *what)
{
        fprintf(stderr, "bootahead%s%s: %s; see 'bootahead --help'\n", *verb ? " " : "", verb, what);
        return EXIT_USAGE;
}

static const struct verb *find_verb(const char *name)
{
        for (size_t i = 0; i < n_verbs; i++)
                if (!strcmp(verbs[i].name, name))
                        return &verbs[i];
        return NULL;
}

/* The options that a verb understands, and those for all. */
static void make_getopt(unsigned set, struct option ret[static N_OPTIONS + 1])
{
        size_t n = 0;

        for (size_t i = 0; i < N_OPTIONS; i++)
                if (!options[i].option || options[i].option & set)
                        ret[n++] = (struct option){options[i].name,
                                                   options[i].argument ? required_argument : no_argument,
                                                   NULL, options[i].letter};
        ret[n] = (struct option){0};
}

static void take_option(int letter, struct request *request)
{
        for (size_t i = 0; i < N_OPTIONS; i++)
                if (options[i].letter == letter)
                        request->options |= options[i].option;
        if (letter == LETTER_OUTPUT)
                request->output = optarg;
        else if (letter == LETTER_ROOT)
                request->root = optarg;
        else if (letter == LETTER_SOURCE)
                request->source = optarg;
}

/* Return: 0, or 1 when the program is to exit with @ret_exit. */
static int parse(int argc, char **argv, const char *letters, unsigned set, struct request *request,
                 int *ret_exit)
{
        struct option known[N_OPTIONS + 1];
        int letter;

        make_getopt(set, known);
        *ret_exit = EXIT_USAGE;
        while ((letter = getopt_long(argc, argv, letters, known, NULL)) >= 0) {
                if (letter == '?')
                        return 1;
                if (letter == LETTER_HELP || letter == LETTER_VERSION) {
                        *ret_exit = EXIT_DONE;
                        if (letter == LETTER_HELP)
                                print_help();
                        else
                                puts("bootahead " BOOTAHEAD_VERSION);
                        return 1;
                }
                take_option(letter, request);
        }
        request->n_arguments = argc - optind;
        request->arguments = argv + optind;
        return 0;
}

static int run_verb(const struct verb *verb, int argc, char **argv, struct request *request)
{
        static const char *const letters[] = {
                [VERB_PLAIN] = "o:", [VERB_COMMAND] = "+o:", [VERB_THROUGH] = ""};
        int status;

        request->verb = verb->name;
        if (verb->style == VERB_THROUGH) {
                request->n_arguments = argc - 1;
                request->arguments = argv + 1;
                return verb->run(request);
        }
        optind = 0; /* glibc: begin anew, with other options */
        if (parse(argc, argv, verb->options & OPTION_OUTPUT ? letters[verb->style] : "", verb->options,
                  request, &status))
                return status;
        if (request->n_arguments < verb->least)
                return usage(verb->name, "too few arguments");
        if (verb->most >= 0 && request->n_arguments > verb->most)
                return usage(verb->name, "too many arguments");
        if (!strcmp(request->root, "/"))
                request->root = "";
        return verb->run(request);
}

int main(int argc, char **argv)
{
        struct request request = {.root = ""};
        const struct verb *verb;
        int status;

        if (parse(argc, argv, "+", 0, &request, &status))
                return status;
        if (request.n_arguments == 0)
                return usage("", "which verb?");
        verb = find_verb(request.arguments[0]);
        if (!verb)
                return usage(request.arguments[0], "there is no such verb");
        status = run_verb(verb, request.n_arguments, request.arguments, &request);
        if (fflush(stdout) || ferror(stdout)) {
                fputs("bootahead: standard output: cannot be written\n", stderr);
                return EXIT_REFUSED;
        }
        return status;
}
