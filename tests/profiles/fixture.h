/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of the profile library share: the sample profile, and files that are built section by
 * section, so that a test can break exactly one thing of them.
 */
#pragma once

#include "cleanup.h"
#include "format.h"

/* cmocka.h wants these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

DEFINE_CLEANUP(struct profile *, profile_free)

#define _cleanup_profile_ CLEANUP(profile_free)

/* sample_profile - tests/profiles/sample.txt, which has something in every field */
struct profile *sample_profile(void);
char *sample_text(size_t *ret_n);

/* text_of - profile_dump() into memory; load_text - the way back */
char *text_of(const struct profile *profile);
int load_text(const char *text, size_t n, struct profile **ret, size_t *ret_line, const char **ret_why);

/* bytes_fd - a file in memory with these bytes, at its start */
int bytes_fd(const void *bytes, size_t n);

/* read_bytes - profile_read() of these bytes */
int read_bytes(const void *bytes, size_t n, enum profile_part part, struct profile **ret,
               const char **ret_why);

/* A file in pieces. The header is made from them, after which @patch may spoil its fields. */
struct craft {
        struct craft_section {
                uint32_t type, flags;
                struct body body; /* what gets compressed */
                uint8_t *frame;   /* or else these bytes as they are, from malloc() */
                size_t frame_n;
                bool no_checksum;                                /* the frame has none */
                int64_t unpacked_more, packed_more, offset_more; /* what the header says too much */
        } sections[SECTIONS_MAX];
        size_t n;
        size_t entry_size, header_extra; /* bytes of a larger header or entry than version 1 has */
        void (*patch)(uint8_t *header);  /* before the checksum is computed */
        void (*spoil)(uint8_t *header);  /* after it */
};

/* craft_new - the pieces of the sample profile's file */
struct craft *craft_new(void);
void craft_free(struct craft *craft);
DEFINE_CLEANUP(struct craft *, craft_free)
#define _cleanup_craft_ CLEANUP(craft_free)

/* craft_section - the section of a type; craft_insert - an empty one in front of position @at */
struct craft_section *craft_section(struct craft *craft, uint32_t type);
struct craft_section *craft_insert(struct craft *craft, size_t at, uint32_t type);

/* craft_body - replaces a section's body */
void craft_body(struct craft_section *section, const void *bytes, size_t n);

/* craft_build - the whole file, from malloc() */
uint8_t *craft_build(struct craft *craft, size_t *ret_n);

/* craft_read - builds it and reads it */
int craft_read(struct craft *craft, enum profile_part part, struct profile **ret, const char **ret_why);

/* header_checksum - puts the right checksum into a header that was changed */
void header_checksum(uint8_t *header, size_t n);
