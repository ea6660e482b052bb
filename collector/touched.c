/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "touched.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_LEAST = 1024 };

/* Open addressing; a slot holds index + 1. At most half of them are in use. */
struct touched_index {
        uint32_t n_slots; /* a power of two */
        uint32_t slots[];
};

static struct touched_index *index_new(uint32_t n_slots)
{
        struct touched_index *index = calloc(1, sizeof *index + n_slots * sizeof *index->slots);

        if (index)
                index->n_slots = n_slots;
        return index;
}

struct touched *touched_new(void)
{
        struct touched *touched = calloc(1, sizeof *touched);

        if (touched)
                touched->index = index_new(SLOTS_LEAST);
        if (touched && !touched->index) {
                free(touched);
                return NULL;
        }
        return touched;
}

void touched_free(struct touched *touched)
{
        if (!touched)
                return;
        for (uint32_t i = 0; i < touched->n_files; i++)
                free(touched->files[i].spans);
        free(touched->files);
        free(touched->index);
        free(touched);
}

/* Return: the slot that holds the file, or the free one where it would be. */
static uint32_t *find_slot(const struct touched *touched, const struct file_key *key)
{
        uint64_t hash = (key->inode ^ (uint64_t)key->device << 40) * 0x9e3779b97f4a7c15u;
        uint32_t *slots = touched->index->slots, mask = touched->index->n_slots - 1;

        for (uint32_t at = (uint32_t)(hash >> 32) & mask;; at = (at + 1) & mask) {
                const struct file_key *there = slots[at] ? &touched->files[slots[at] - 1].key : key;

                if (there->inode == key->inode && there->device == key->device)
                        return &slots[at];
        }
}

/* Arrays double; their length is known from the count alone. */
static bool make_room(void *array, uint32_t count, size_t size)
{
        void **place = array, *grown;

        if (count & (count - 1) || (count && count < 4))
                return true;
        grown = reallocarray(*place, count ? (size_t)count * 2 : 4, size);
        if (grown)
                *place = grown;
        return grown;
}

static bool index_has_room(struct touched *touched)
{
        struct touched_index *old = touched->index;

        if (touched->n_files < old->n_slots / 2)
                return true;
        touched->index = index_new(old->n_slots * 2);
        if (!touched->index) {
                touched->index = old;
                return false;
        }
        for (uint32_t i = 0; i < touched->n_files; i++)
                *find_slot(touched, &touched->files[i].key) = i + 1;
        free(old);
        return true;
}

static struct touched_file *get_file(struct touched *touched, const struct file_key *key)
{
        uint32_t *slot = find_slot(touched, key);

        if (*slot)
                return &touched->files[*slot - 1];
        if (touched->n_files >= TOUCHED_FILES_MAX || !index_has_room(touched) ||
            !make_room(&touched->files, touched->n_files, sizeof *touched->files))
                return NULL;
        touched->files[touched->n_files] = (struct touched_file){.key = *key};
        *find_slot(touched, key) = ++touched->n_files;
        return &touched->files[touched->n_files - 1];
}

const struct touched_file *touched_find(const struct touched *touched, const struct file_key *key)
{
        uint32_t slot = *find_slot(touched, key);

        return slot ? &touched->files[slot - 1] : NULL;
}

/* Return: index of the first span that ends at @page or later. */
static uint32_t span_at(const struct touched_file *file, uint32_t page)
{
        uint32_t low = 0, high = file->n_spans;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (file->spans[middle].last < page)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

bool touched_together(const struct touched_span *left, const struct touched_span *right)
{
        uint32_t apart = left->time_us > right->time_us ? left->time_us - right->time_us
                                                        : right->time_us - left->time_us;

        return apart <= TOUCHED_JOIN_US;
}

static bool may_join(const struct touched_span *left, const struct touched_span *right)
{
        return left->last + 1 == right->first && left->around == right->around &&
               touched_together(left, right);
}

static void remove_span(struct touched *touched, struct touched_file *file, uint32_t at)
{
        memmove(&file->spans[at], &file->spans[at + 1], (file->n_spans - at - 1) * sizeof *file->spans);
        file->n_spans--;
        touched->n_spans--;
}

static void join(struct touched *touched, struct touched_file *file, uint32_t at)
{
        struct touched_span *left = &file->spans[at], *right = left + 1;

        if (at + 1 >= file->n_spans || !may_join(left, right))
                return;
        left->last = right->last;
        if (right->time_us < left->time_us)
                left->time_us = right->time_us;
        remove_span(touched, file, at + 1);
}

static bool insert_span(struct touched *touched, struct touched_file *file, uint32_t at,
                        const struct touched_span *span)
{
        if (touched->n_spans >= TOUCHED_SPANS_MAX || file->n_spans >= TOUCHED_SPANS_OF_FILE ||
            !make_room(&file->spans, file->n_spans, sizeof *file->spans))
                return false;
        memmove(&file->spans[at + 1], &file->spans[at], (file->n_spans - at) * sizeof *file->spans);
        file->spans[at] = *span;
        file->n_spans++;
        touched->n_spans++;
        return true;
}

/* What is told now changes what is known of a part of a span: it was asked for, or earlier than known, by
 * another processor's events. What lies before and after it stays. */
static bool change_part(struct touched *touched, struct touched_file *file, uint32_t at,
                        const struct touched_span *told)
{
        struct touched_span before = file->spans[at], after = before;

        if (before.first < told->first) {
                before.last = told->first - 1;
                if (!insert_span(touched, file, at, &before))
                        return false;
                file->spans[++at].first = told->first;
        }
        if (after.last > told->last) {
                after.first = told->last + 1;
                if (!insert_span(touched, file, at + 1, &after))
                        return false;
                file->spans[at].last = told->last;
        }
        file->spans[at].around = after.around && told->around;
        if (told->time_us < after.time_us)
                file->spans[at].time_us = told->time_us;
        join(touched, file, at);
        if (at > 0)
                join(touched, file, at - 1);
        return true;
}

static bool is_news(const struct touched_span *known, const struct touched_span *told)
{
        return (known->around && !told->around) ||
               (told->time_us < known->time_us && !touched_together(told, known));
}

static bool fill_gap(struct touched *touched, struct touched_file *file, uint32_t at,
                     const struct touched_span *span)
{
        if (at > 0 && may_join(&file->spans[at - 1], span)) {
                file->spans[--at].last = span->last;
                if (span->time_us < file->spans[at].time_us)
                        file->spans[at].time_us = span->time_us;
        } else if (!insert_span(touched, file, at, span)) {
                return false;
        }
        join(touched, file, at);
        return true;
}

static bool add(struct touched *touched, struct touched_file *file, const struct touched_span *span)
{
        struct touched_span rest = *span;

        for (;;) {
                uint32_t at = span_at(file, rest.first);
                const struct touched_span *there = at < file->n_spans ? &file->spans[at] : NULL;
                struct touched_span piece = rest;

                if (there && there->first <= rest.last)
                        piece.last = there->first > rest.first ? there->first - 1
                                     : there->last < rest.last ? there->last
                                                               : rest.last;
                if (!there || piece.last < there->first) {
                        if (!fill_gap(touched, file, at, &piece))
                                return false;
                } else if (is_news(there, &piece)) {
                        if (!change_part(touched, file, at, &piece))
                                return false;
                }
                if (piece.last >= rest.last)
                        return true;
                rest.first = piece.last + 1;
        }
}

void touched_add(struct touched *touched, const struct file_key *key, const struct touched_span *span)
{
        struct touched_file *file = span->first <= span->last ? get_file(touched, key) : NULL;

        if (!file || !add(touched, file, span))
                touched->lost++;
}
