/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What show prints of a profile: a summary, or tables; for people, or as JSON. */
#pragma once

#include <json-c/json.h>

#include "profile.h"

/* Sums over a profile's tables. */
struct tally {
        uint64_t pages, metadata_pages, losses;
        size_t began, executed, ended,
                failed; /* lives of which that was seen; ended with another status than 0 */
        size_t walks[PROFILE_WALK_COUNT];
        uint32_t *files;      /* of each filesystem */
        uint64_t *file_pages; /* of each file */
        uint32_t *first_use;  /* of each file, µs; UINT32_MAX: no page of it */
        uint32_t *accesses;   /* of each process */
};

/* tally_init - Return: 0 or -ENOMEM; tally_done() releases either way */
int tally_init(const struct profile *profile, struct tally *ret);
void tally_done(struct tally *tally);

/* source_name - the word for one bit of enum profile_source, NULL for none known */
const char *source_name(uint32_t source);

/* files_by_use - indices of the files in order of first use, those without pages last; free() it
 * Return: NULL where memory is short */
uint32_t *files_by_use(const struct profile *profile, const struct tally *tally);

void print_files(const struct profile *profile, const struct tally *tally);
void print_processes(const struct profile *profile, const struct tally *tally);
void print_accesses(const struct profile *profile);

/* Columns of a line about one process: a time, or "-" for 0; its exit code, or the signal that killed it; what
 * it runs, to the end of the line. */
void print_moment(uint64_t time_us);
void print_status(const struct profile_process *process);
void print_program(const struct profile_process *process);

/* The same as JSON; the caller owns what is returned. */
struct json_object *json_summary(const struct profile *profile, const struct tally *tally);
struct json_object *json_files(const struct profile *profile, const struct tally *tally);
struct json_object *json_processes(const struct profile *profile, const struct tally *tally);
struct json_object *json_accesses(const struct profile *profile);
