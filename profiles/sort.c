/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order of a profile's tables. Sorting is stable and done by merging: qsort(3) promises no order
 * for ties, and a profile must come out the same for the same input.
 */
#include "tables.h"

#include <errno.h>
#include <string.h>

typedef int (*compare_fn)(const void *a, const void *b);

static int compare_u64(uint64_t a, uint64_t b)
{
        return (a > b) - (a < b);
}

/* A file with the index that it had before sorting. */
struct numbered_file {
        struct profile_file file;
        uint32_t index;
};

static int compare_files(const void *a, const void *b)
{
        const struct numbered_file *one = a, *other = b;

        if (!one->file.path || !other->file.path)
                return !!one->file.path - !!other->file.path;
        return strcmp(one->file.path, other->file.path);
}

static int compare_ranges(const void *a, const void *b)
{
        const struct profile_range *one = a, *other = b;

        return compare_u64(one->first_use_us, other->first_use_us);
}

static int compare_walks(const void *a, const void *b)
{
        const struct profile_walk *one = a, *other = b;

        return compare_u64(one->first_use_us, other->first_use_us);
}

static int compare_metadata(const void *a, const void *b)
{
        const struct profile_metadata *one = a, *other = b;

        if (one->filesystem != other->filesystem)
                return compare_u64(one->filesystem, other->filesystem);
        return compare_u64(one->page, other->page);
}

static int compare_accesses(const void *a, const void *b)
{
        const struct profile_access *one = a, *other = b;

        return compare_u64(one->time_us, other->time_us);
}

static int compare_intervals(const void *a, const void *b)
{
        const struct profile_interval *one = a, *other = b;

        if (one->boot != other->boot)
                return compare_u64(one->boot, other->boot);
        return compare_u64(one->start_us, other->start_us);
}

/* merge - [low, middle) and [middle, high) of @from, each in order, into the same place of @to */
static void merge(char *to, const char *from, size_t low, size_t middle, size_t high, size_t size,
                  compare_fn compare)
{
        size_t left = low, right = middle;

        for (size_t i = low; i < high; i++) {
                bool take_left = right >= high ||
                                 (left < middle && compare(from + left * size, from + right * size) <= 0);
                size_t *next = take_left ? &left : &right;

                memcpy(to + i * size, from + *next * size, size);
                (*next)++;
        }
}

static bool is_sorted(const char *entries, size_t n, size_t size, compare_fn compare)
{
        for (size_t i = 1; i < n; i++)
                if (compare(entries + (i - 1) * size, entries + i * size) > 0)
                        return false;
        return true;
}

static int sort(void *entries, size_t n, size_t size, compare_fn compare)
{
        _cleanup_free_ char *spare = NULL;
        char *from = entries, *to;

        if (n < 2 || is_sorted(entries, n, size, compare))
                return 0;
        to = spare = reallocarray(NULL, n, size);
        if (!spare)
                return -ENOMEM;
        for (size_t width = 1; width < n; width *= 2) {
                char *swap = from;

                for (size_t low = 0; low < n; low += 2 * width) {
                        size_t middle = low + width < n ? low + width : n;
                        size_t high = middle + width < n ? middle + width : n;

                        merge(to, from, low, middle, high, size, compare);
                }
                from = to;
                to = swap;
        }
        if (from != entries)
                memcpy(entries, from, n * size);
        return 0;
}

static bool is_same_file(const struct profile_file *one, const struct profile_file *other)
{
        return one->path && other->path && strcmp(one->path, other->path) == 0;
}

/* sort_files - sorts the files and lets ranges and accesses follow; bad indices stay as they are
 * A file that was replaced while it was looked at may turn up twice under its path. */
static int sort_files(struct profile *profile)
{
        _cleanup_free_ struct numbered_file *numbered = NULL;
        _cleanup_free_ uint32_t *moved = NULL;
        size_t n = profile->n_files, kept = 0;
        int r;

        numbered = reallocarray(NULL, n + 1, sizeof(*numbered));
        moved = reallocarray(NULL, n + 1, sizeof(*moved));
        if (!numbered || !moved)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                numbered[i] = (struct numbered_file){profile->files[i], (uint32_t)i};
        r = sort(numbered, n, sizeof(*numbered), compare_files);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                if (kept == 0 || !is_same_file(&profile->files[kept - 1], &numbered[i].file))
                        profile->files[kept++] = numbered[i].file;
                moved[numbered[i].index] = (uint32_t)(kept - 1);
        }
        profile->n_files = kept;
        for (size_t i = 0; i < profile->n_ranges; i++)
                if (profile->ranges[i].file < n)
                        profile->ranges[i].file = moved[profile->ranges[i].file];
        for (size_t i = 0; i < profile->n_accesses; i++)
                if (profile->accesses[i].file < n)
                        profile->accesses[i].file = moved[profile->accesses[i].file];
        return 0;
}

/* sort_metadata - of ranges that begin at one page the longest stays */
static int sort_metadata(struct profile *profile)
{
        size_t kept = 0;
        int r;

        r = sort(profile->metadata, profile->n_metadata, sizeof(*profile->metadata), compare_metadata);
        if (r < 0)
                return r;
        for (size_t i = 0; i < profile->n_metadata; i++) {
                const struct profile_metadata *metadata = &profile->metadata[i];
                struct profile_metadata *last = kept > 0 ? &profile->metadata[kept - 1] : NULL;

                if (!last || compare_metadata(last, metadata) != 0)
                        profile->metadata[kept++] = *metadata;
                else if (last->count < metadata->count)
                        last->count = metadata->count;
        }
        profile->n_metadata = kept;
        return 0;
}

#define SORT(profile, table, compare)                                                                        \
        sort((profile)->table, (profile)->n_##table, sizeof(*(profile)->table), compare)

int profile_sort(struct profile *profile)
{
        int r;

        r = sort_files(profile);
        if (r == 0)
                r = SORT(profile, ranges, compare_ranges);
        if (r == 0)
                r = sort_metadata(profile);
        if (r == 0)
                r = SORT(profile, walks, compare_walks);
        if (r == 0)
                r = SORT(profile, accesses, compare_accesses);
        if (r == 0)
                r = SORT(profile, intervals, compare_intervals);
        return r;
}
