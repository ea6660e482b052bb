/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The verbs of bootahead(1) as data: name, options, bounds of arguments, help, function. The command line
 * and the help are made of the tables; a verb itself only does its work.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

/* What a verb understands, and what was given. */
enum verb_option {
        OPTION_JSON = 1u << 0,
        OPTION_OUTPUT = 1u << 1,
        OPTION_SOURCE = 1u << 2,
        OPTION_FILES = 1u << 3,
        OPTION_PROCESSES = 1u << 4,
        OPTION_ACCESSES = 1u << 5,
        OPTION_TRAVEL = 1u << 6,
        OPTION_ALIVE = 1u << 7,
};

struct request {
        const char *verb;
        const char *root; /* what is taken for /, never with a slash at its end; "" is / */
        const char *output;
        const char *source;
        unsigned options; /* set of enum verb_option */
        int n_arguments;
        char **arguments; /* what is neither option nor verb, ends with NULL */
};

enum verb_style {
        VERB_PLAIN,
        VERB_COMMAND, /* its options end where a command begins */
        VERB_THROUGH, /* everything behind it goes to another program */
};

struct verb {
        const char *name;
        const char *arguments; /* for the help */
        const char *help;      /* one line */
        enum verb_style style;
        unsigned options; /* set of enum verb_option */
        int least, most;  /* number of arguments; most < 0: any */
        /* Return: enum of exit codes above */
        int (*run)(const struct request *request);
};

extern const struct verb verbs[];
extern const size_t n_verbs;

int verb_status(const struct request *request);
int verb_show(const struct request *request);
int verb_lives(const struct request *request);
int verb_dump(const struct request *request);
int verb_load(const struct request *request);
int verb_verify(const struct request *request);
int verb_config(const struct request *request);
int verb_switch(const struct request *request);
int verb_record(const struct request *request);
int verb_replay(const struct request *request);
int verb_watch(const struct request *request);
