/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"

/* A file's ranges in the profile need not follow each other; its reads in the plan do. */
struct file_ranges {
        uint32_t *next;  /* of each range: the file's next one, or PROFILE_NONE */
        uint32_t *first; /* of each file: its first range, or PROFILE_NONE */
};

static int link_ranges(const struct profile *profile, struct file_ranges *ret)
{
        ret->next = malloc((profile->n_ranges + 1) * sizeof *ret->next);
        ret->first = malloc((profile->n_files + 1) * sizeof *ret->first);
        if (!ret->next || !ret->first)
                return -ENOMEM;
        for (size_t file = 0; file < profile->n_files; file++)
                ret->first[file] = PROFILE_NONE;
        for (size_t range = profile->n_ranges; range-- > 0;) {
                ret->next[range] = ret->first[profile->ranges[range].file];
                ret->first[profile->ranges[range].file] = (uint32_t)range;
        }
        return 0;
}

static void unlink_ranges(struct file_ranges *ranges)
{
        free(ranges->next);
        free(ranges->first);
}

/* Joins a read to the one before it where both are of the same place and close enough. */
static void add_read(struct plan *plan, const struct plan_limits *limits, const struct plan_read *read,
                     bool may_join)
{
        struct plan_read *last = plan->n_reads ? &plan->reads[plan->n_reads - 1] : NULL;
        uint64_t gap = (uint64_t)limits->gap_pages * PROFILE_PAGE_SIZE, cost = read->length;
        bool join = may_join && last && last->file == read->file && last->filesystem == read->filesystem &&
                    read->offset >= last->offset && read->offset <= last->offset + last->length + gap;

        if (join && read->offset + read->length <= last->offset + last->length)
                return;
        if (join)
                cost = read->offset + read->length - last->offset - last->length;
        if (plan->bytes + cost > limits->bytes) {
                plan->cut_bytes += cost;
                return;
        }
        plan->bytes += cost;
        if (join)
                last->length += cost;
        else
                plan->reads[plan->n_reads++] = *read;
}

static void add_metadata(struct plan *plan, const struct profile *profile, const struct plan_limits *limits,
                         const enum plan_part *parts)
{
        for (size_t i = 0; i < profile->n_metadata; i++) {
                const struct profile_metadata *metadata = &profile->metadata[i];
                struct plan_read read = {
                        .filesystem = metadata->filesystem,
                        .file = PROFILE_NONE,
                        .offset = metadata->page * PROFILE_PAGE_SIZE,
                        .length = (uint64_t)metadata->count * PROFILE_PAGE_SIZE,
                };

                if (parts[metadata->filesystem] == PLAN_PART)
                        add_read(plan, limits, &read, true);
        }
        plan->n_metadata = plan->n_reads;
}

static int compare_offsets(const void *left, const void *right)
{
        const struct plan_read *a = left, *b = right;

        return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* All at the file's first use, ascending: the boot touched them as it needed them, the disk gives them in one
 * piece. They are gathered where the plan ends, and joined in place. */
static void add_file(struct plan *plan, const struct profile *profile, const struct plan_limits *limits,
                     const struct file_ranges *ranges, uint32_t file)
{
        size_t before = plan->n_reads, count = 0;
        struct plan_read *gathered = plan->reads + before;

        for (uint32_t range = ranges->first[file]; range != PROFILE_NONE; range = ranges->next[range])
                gathered[count++] = (struct plan_read){
                        .filesystem = profile->files[file].filesystem,
                        .file = file,
                        .offset = (uint64_t)profile->ranges[range].page * PROFILE_PAGE_SIZE,
                        .length = (uint64_t)profile->ranges[range].count * PROFILE_PAGE_SIZE,
                };
        if (count > 1)
                qsort(gathered, count, sizeof *gathered, compare_offsets);
        for (size_t i = 0; i < count; i++) {
                struct plan_read read = gathered[i];

                add_read(plan, limits, &read, plan->n_reads > before);
        }
        plan->files += plan->n_reads > before;
}

static uint64_t bytes_of(const struct profile *profile, const struct file_ranges *ranges, uint32_t file)
{
        uint64_t bytes = 0;

        for (uint32_t range = ranges->first[file]; range != PROFILE_NONE; range = ranges->next[range])
                bytes += (uint64_t)profile->ranges[range].count * PROFILE_PAGE_SIZE;
        return bytes;
}

int plan_make(const struct profile *profile, const struct plan_limits *limits, const enum plan_part *parts,
              struct plan *ret)
{
        __attribute__((cleanup(unlink_ranges))) struct file_ranges ranges = {0};
        struct plan plan = {0};
        int r = link_ranges(profile, &ranges);

        if (r < 0)
                return r;
        plan.reads = malloc((profile->n_ranges + profile->n_metadata + 1) * sizeof *plan.reads);
        if (!plan.reads)
                return -ENOMEM;
        add_metadata(&plan, profile, limits, parts);
        for (size_t i = 0; i < profile->n_ranges; i++) {
                uint32_t file = profile->ranges[i].file;
                enum plan_part part = parts[profile->files[file].filesystem];

                if (ranges.first[file] != i || part == PLAN_DONE)
                        continue; /* not the first of its file: already planned with it */
                if (part == PLAN_ABSENT)
                        plan.skipped_files++;
                else if (plan.files >= limits->files)
                        plan.cut_bytes += bytes_of(profile, &ranges, file);
                else
                        add_file(&plan, profile, limits, &ranges, file);
        }
        *ret = plan;
        return 0;
}

void plan_done(struct plan *plan)
{
        free(plan->reads);
        *plan = (struct plan){0};
}
