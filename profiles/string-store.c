/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Storage of a profile's strings: blocks that never move, and an open-addressed set of pointers into
 * them, made when it is first needed. Knows nothing of what the strings mean.
 */
#include "string-store.h"

#include "profile.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum {
        BLOCK_SIZE = 64 * 1024,
        SLOTS_MIN = 256, /* a power of two, as every size of the set */
};

struct block {
        struct block *next;
        size_t used, size;
        char bytes[];
};

struct slot {
        const char *string; /* NULL: free */
        uint32_t hash;
        uint32_t length;
};

struct profile_strings {
        struct block *blocks; /* newest first */
        struct slot *slots;
        size_t n_slots;
        size_t n_strings, n_indexed; /* all, and those that are in the set */
        size_t bytes;                /* of all strings with their NULs */
        size_t memory;               /* of blocks and slots */
};

struct profile_strings *strings_new(void)
{
        return calloc(1, sizeof(struct profile_strings));
}

void strings_free(struct profile_strings *strings)
{
        struct block *block, *next;

        if (!strings)
                return;
        for (block = strings->blocks; block; block = next) {
                next = block->next;
                free(block);
        }
        free(strings->slots);
        free(strings);
}

/* Eight bytes a step: paths are long and all of a profile's go through here while a boot waits. */
static uint32_t hash_bytes(const char *bytes, size_t length)
{
        uint64_t hash = length, word;

        for (; length >= sizeof(word); bytes += sizeof(word), length -= sizeof(word)) {
                memcpy(&word, bytes, sizeof(word));
                hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
                hash ^= hash >> 29;
        }
        word = 0;
        memcpy(&word, bytes, length);
        hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
        return (uint32_t)(hash >> 32);
}

/* find - the slot that holds the string, or the free one where it belongs */
static struct slot *find(struct slot *slots, size_t n_slots, const char *bytes, size_t length, uint32_t hash)
{
        for (size_t i = hash & (n_slots - 1);; i = (i + 1) & (n_slots - 1)) {
                struct slot *slot = &slots[i];

                if (!slot->string)
                        return slot;
                if (slot->hash == hash && slot->length == length && memcmp(slot->string, bytes, length) == 0)
                        return slot;
        }
}

/* may_take - whether the set may grow by so much; errno says why not */
static bool may_take(const struct profile_strings *strings, size_t size, size_t memory)
{
        if (strings->memory + size <= memory)
                return true;
        errno = E2BIG;
        return false;
}

/* fill - puts all strings into an empty set */
static void fill(struct slot *slots, size_t n_slots, const struct block *blocks)
{
        for (const struct block *block = blocks; block; block = block->next)
                for (size_t at = 0, length; at < block->used; at += length + 1) {
                        const char *string = block->bytes + at;
                        uint32_t hash;

                        length = strlen(string);
                        hash = hash_bytes(string, length);
                        *find(slots, n_slots, string, length, hash) =
                                (struct slot){.string = string, .hash = hash, .length = (uint32_t)length};
                }
}

/* make_room - keeps the set whole and at most half full; for a moment both sizes of it are there */
static bool make_room(struct profile_strings *strings, size_t memory)
{
        size_t n_slots = strings->n_slots ? strings->n_slots : SLOTS_MIN;
        struct slot *slots;

        if (strings->n_indexed == strings->n_strings && strings->n_strings < strings->n_slots / 2)
                return true;
        while (strings->n_strings >= n_slots / 2)
                n_slots *= 2;
        if (!may_take(strings, n_slots * sizeof(*slots), memory))
                return false;
        slots = calloc(n_slots, sizeof(*slots));
        if (!slots)
                return false;
        fill(slots, n_slots, strings->blocks);
        free(strings->slots);
        strings->memory += (n_slots - strings->n_slots) * sizeof(*slots);
        strings->slots = slots;
        strings->n_slots = n_slots;
        strings->n_indexed = strings->n_strings;
        return true;
}

/* copy - the bytes and a NUL at the end of the newest block */
static const char *copy(struct profile_strings *strings, const char *bytes, size_t length, size_t memory)
{
        struct block *block = strings->blocks;
        char *string;

        if (!block || block->size - block->used < length + 1) {
                if (!may_take(strings, sizeof(*block) + BLOCK_SIZE, memory))
                        return NULL;
                block = malloc(sizeof(*block) + BLOCK_SIZE);
                if (!block)
                        return NULL;
                *block = (struct block){.next = strings->blocks, .size = BLOCK_SIZE};
                strings->memory += sizeof(*block) + BLOCK_SIZE;
                strings->blocks = block;
        }
        string = block->bytes + block->used;
        memcpy(string, bytes, length);
        string[length] = '\0';
        block->used += length + 1;
        strings->bytes += length + 1;
        strings->n_strings++;
        return string;
}

static bool may_add(const struct profile_strings *strings, size_t length)
{
        if (length > PROFILE_STRING_MAX)
                errno = ENAMETOOLONG;
        else if (strings->bytes + length + 1 > PROFILE_STRINGS_MAX)
                errno = E2BIG;
        else
                return true;
        return false;
}

const char *strings_append(struct profile_strings *strings, const char *bytes, size_t length)
{
        return may_add(strings, length) ? copy(strings, bytes, length, SIZE_MAX) : NULL;
}

const char *strings_add(struct profile_strings *strings, const char *bytes, size_t length, size_t memory)
{
        uint32_t hash = hash_bytes(bytes, length);
        struct slot *slot = NULL;
        const char *string;

        if (strings->n_indexed < strings->n_strings && !make_room(strings, memory))
                return NULL;
        if (strings->n_slots)
                slot = find(strings->slots, strings->n_slots, bytes, length, hash);
        if (slot && slot->string)
                return slot->string;
        if (!may_add(strings, length) || !make_room(strings, memory))
                return NULL;
        string = copy(strings, bytes, length, memory);
        if (!string)
                return NULL;
        *find(strings->slots, strings->n_slots, bytes, length, hash) =
                (struct slot){.string = string, .hash = hash, .length = (uint32_t)length};
        strings->n_indexed++;
        return string;
}
