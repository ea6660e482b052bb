/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Storage of a profile's strings: blocks that never move, and an open-addressed set of pointers into
 * them. Knows nothing of what the strings mean.
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
        size_t n_slots, n_used;
        size_t bytes;  /* of all strings with their NULs */
        size_t memory; /* of blocks and slots */
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

/* make_room - keeps the set at most half full; for a moment both sizes of it are there */
static bool make_room(struct profile_strings *strings, size_t memory)
{
        size_t n_slots = strings->n_slots ? strings->n_slots * 2 : SLOTS_MIN;
        struct slot *slots;

        if (strings->n_used < strings->n_slots / 2)
                return true;
        if (!may_take(strings, n_slots * sizeof(*slots), memory))
                return false;
        slots = calloc(n_slots, sizeof(*slots));
        if (!slots)
                return false;
        for (size_t i = 0; i < strings->n_slots; i++) {
                const struct slot *old = &strings->slots[i];

                if (old->string)
                        *find(slots, n_slots, old->string, old->length, old->hash) = *old;
        }
        free(strings->slots);
        strings->memory += (n_slots - strings->n_slots) * sizeof(*slots);
        strings->slots = slots;
        strings->n_slots = n_slots;
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
        return string;
}

const char *strings_add(struct profile_strings *strings, const char *bytes, size_t length, size_t memory)
{
        uint32_t hash = hash_bytes(bytes, length);
        struct slot *slot;
        const char *string;

        if (length > PROFILE_STRING_MAX) {
                errno = ENAMETOOLONG;
                return NULL;
        }
        slot = strings->n_slots ? find(strings->slots, strings->n_slots, bytes, length, hash) : NULL;
        if (slot && slot->string)
                return slot->string;
        if (strings->bytes + length + 1 > PROFILE_STRINGS_MAX) {
                errno = E2BIG;
                return NULL;
        }
        string = make_room(strings, memory) ? copy(strings, bytes, length, memory) : NULL;
        if (!string)
                return NULL;
        *find(strings->slots, strings->n_slots, bytes, length, hash) =
                (struct slot){.string = string, .hash = hash, .length = (uint32_t)length};
        strings->n_used++;
        return string;
}
