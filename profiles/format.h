/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bytes of a profile, as FORMAT.md specifies them. Private to profiles/: nobody else may
 * include this header.
 */
#pragma once

#include "profile.h"

#include <stddef.h>
#include <stdint.h>

#define FORMAT_MAGIC                                                                                         \
        "\x89"                                                                                               \
        "boota"                                                                                              \
        "h\n"

enum {
        FORMAT_VERSION = 2, /* that this code follows */
        FORMAT_NEEDS = 1,   /* that a reader has to know */

        /* header fields, by offset */
        HEADER_MAGIC = 0,         /* 8 bytes */
        HEADER_SIZE = 8,          /* u32, with the section table */
        HEADER_CHECKSUM = 12,     /* u32, CRC-32 of the header with this field zero */
        HEADER_VERSION = 16,      /* u16 */
        HEADER_NEEDS = 18,        /* u16 */
        HEADER_COMPATIBLE = 20,   /* u32 */
        HEADER_INCOMPATIBLE = 24, /* u32 */
        HEADER_SECTIONS = 28,     /* u16 */
        HEADER_ENTRY_SIZE = 30,   /* u16 */
        HEADER_FIXED = 32,
        HEADER_MAX = 4096,

        /* section table entries, by offset */
        ENTRY_TYPE = 0,      /* u32 */
        ENTRY_FLAGS = 4,     /* u32 */
        ENTRY_OFFSET = 8,    /* u64 */
        ENTRY_PACKED = 16,   /* u64 */
        ENTRY_UNPACKED = 24, /* u64 */
        ENTRY_FIXED = 32,
        SECTIONS_MAX = 32,

        BODY_FIXED = 8, /* u32 rows, u32 strings */
};

#define SECTION_FLAGS_INCOMPATIBLE 0xFFFF0000u

enum section_type {
        SECTION_BOOTS = 1,
        SECTION_FILESYSTEMS = 2,
        SECTION_FILES = 3,
        SECTION_RANGES = 4,
        SECTION_METADATA = 5,
        SECTION_WALKS = 6,
        SECTION_REPLAY_END = 16, /* types below are what replay needs, and lie first */
        SECTION_DETAILS = 16,
        SECTION_PROCESSES = 17,
        SECTION_ACCESSES = 18,
        SECTION_INTERVALS = 19,
        SECTION_LIVES = 20,
};

/* ---- Integers ---------------------------------------------------------------------------- */

static inline uint64_t get_bytes(const uint8_t *from, size_t width)
{
        uint64_t value = 0;

        for (size_t i = 0; i < width; i++)
                value |= (uint64_t)from[i] << (8 * i);
        return value;
}

static inline void put_bytes(uint8_t *to, uint64_t value, size_t width)
{
        for (size_t i = 0; i < width; i++)
                to[i] = (uint8_t)(value >> (8 * i));
}

static inline uint16_t get_u16(const uint8_t *from)
{
        return (uint16_t)get_bytes(from, 2);
}

static inline uint32_t get_u32(const uint8_t *from)
{
        return (uint32_t)get_bytes(from, 4);
}

static inline uint64_t get_u64(const uint8_t *from)
{
        return get_bytes(from, 8);
}

/* ---- The header -------------------------------------------------------------------------- */

struct section {
        uint32_t type, flags;
        uint64_t offset, packed, unpacked;
};

struct header {
        uint32_t size;
        size_t n_sections;
        struct section sections[SECTIONS_MAX];
};

/* header_decode - verifies the header alone
 * @n: bytes at @bytes, all of the file or at least HEADER_MAX
 * Return: 0, PROFILE_CORRUPT or PROFILE_FOREIGN with @ret_why. */
int header_decode(const uint8_t *bytes, size_t n, uint64_t file_size, struct header *ret,
                  const char **ret_why);

/* header_encode - the @header->size bytes of the header; sections must be filled in */
void header_encode(const struct header *header, uint8_t *ret);

/* ---- Section bodies ---------------------------------------------------------------------- */

/* How a column's values are written; FORMAT.md "Columns". */
enum coding {
        CODING_PLAIN,
        CODING_STEP,        /* difference to the row before */
        CODING_ZIGZAG,      /* the same, signed, with the sign in the lowest bit */
        CODING_BYTES,       /* bytes as they are */
        CODING_STRING,      /* index into the section's strings */
        CODING_SECONDS,     /* of a time in ns, coded as zigzag */
        CODING_NANOSECONDS, /* the rest of the same time */
};

struct column {
        size_t offset; /* of the field in the table's entry */
        uint8_t width; /* bytes a value */
        enum coding coding;
        uint32_t known; /* of a set the members that this version knows; 0: no set */
};

struct layout {
        uint32_t type;
        const struct column *columns;
        size_t n_columns;
        size_t n_needed;     /* columns that every version has written; 0: all */
        size_t table, count; /* offsets in struct profile */
        size_t entry_size;
        size_t rows_max;
        uint64_t unpacked_max;
        bool extends;    /* its rows are those of a section before it */
        bool optional;   /* left out where it would say nothing */
        bool one_string; /* row i has string i, no column needed */
};

extern const struct layout layouts[];
extern const size_t n_layouts;

const struct layout *layout_find(uint32_t type); /* NULL: not known */

/* A section's bytes before compression. Where columns end is the best place to begin a block; a large
 * section is taken away there, since it would not fit into the memory of a collector. */
struct body {
        uint8_t *bytes;
        size_t n, room;
        uint64_t total; /* bytes of the whole body, known before the first of them is taken */
        int (*take)(
                struct body *body); /* called at the end of a column: takes all bytes, or none; may be NULL */
        void *taker;                /* for take(), which returns 0 or negative errno */
};

void body_done(struct body *body);

/* body_encode - a section's body; the profile must have passed profile_check()
 * Return: 0 or negative errno. */
int body_encode(const struct profile *profile, const struct layout *layout, struct body *ret);

/* body_is_left_out - the section is an optional one and the profile has nothing for it */
bool body_is_left_out(const struct profile *profile, const struct layout *layout);

/* body_decode - fills the section's table, to be checked by profile_check() afterwards
 * Return: 0, PROFILE_CORRUPT with @ret_why, or negative errno. */
int body_decode(struct profile *profile, const struct layout *layout, const uint8_t *bytes, size_t n,
                const char **ret_why);
