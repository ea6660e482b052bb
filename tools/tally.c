/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sums over a profile's tables; see show.h. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "show.h"

static void count_lives(const struct profile *profile, struct tally *tally)
{
        for (size_t i = 0; i < profile->n_processes; i++) {
                const struct profile_process *process = &profile->processes[i];
                bool ended = process->flags & PROFILE_PROCESS_EXITED;

                tally->began += process->fork_us > 0;
                tally->executed += process->exec_us > 0;
                tally->ended += ended;
                tally->failed += ended && process->exit_status != 0;
        }
}

/* Overlapping ranges of a file count twice; a profile has none. */
static void count(const struct profile *profile, struct tally *tally)
{
        for (size_t i = 0; i < profile->n_files; i++) {
                tally->files[profile->files[i].filesystem]++;
                tally->first_use[i] = UINT32_MAX;
        }
        for (size_t i = 0; i < profile->n_ranges; i++) {
                const struct profile_range *range = &profile->ranges[i];

                tally->pages += range->count;
                tally->file_pages[range->file] += range->count;
                if (range->first_use_us < tally->first_use[range->file])
                        tally->first_use[range->file] = range->first_use_us;
        }
        for (size_t i = 0; i < profile->n_metadata; i++)
                tally->metadata_pages += profile->metadata[i].count;
        for (size_t i = 0; i < profile->n_walks; i++)
                tally->walks[profile->walks[i].kind]++;
        count_lives(profile, tally);
        for (size_t i = 0; i < profile->n_accesses; i++)
                tally->accesses[profile->accesses[i].process]++;
        for (size_t i = 0; i < profile->n_boots; i++)
                for (int loss = 0; loss < PROFILE_LOSS_COUNT; loss++)
                        if (__builtin_add_overflow(tally->losses, profile->boots[i].losses[loss],
                                                   &tally->losses))
                                tally->losses = UINT64_MAX;
}

int tally_init(const struct profile *profile, struct tally *ret)
{
        *ret = (struct tally){
                .files = calloc(profile->n_filesystems + 1, sizeof *ret->files),
                .file_pages = calloc(profile->n_files + 1, sizeof *ret->file_pages),
                .first_use = calloc(profile->n_files + 1, sizeof *ret->first_use),
                .accesses = calloc(profile->n_processes + 1, sizeof *ret->accesses),
        };
        if (!ret->files || !ret->file_pages || !ret->first_use || !ret->accesses)
                return -ENOMEM;
        count(profile, ret);
        return 0;
}

void tally_done(struct tally *tally)
{
        free(tally->files);
        free(tally->file_pages);
        free(tally->first_use);
        free(tally->accesses);
}

const char *source_name(uint32_t source)
{
        switch (source) {
        case PROFILE_SOURCE_AUDIT:
                return "audit";
        case PROFILE_SOURCE_FANOTIFY:
                return "fanotify";
        case PROFILE_SOURCE_FANOTIFY_GAP:
                return "fanotify-gap";
        case PROFILE_SOURCE_REPLAYED:
                return "replayed";
        default:
                return NULL;
        }
}

static int compare(const void *a, const void *b, void *userdata)
{
        const struct tally *tally = userdata;
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
        bool unread_x = tally->file_pages[x] == 0, unread_y = tally->file_pages[y] == 0;

        if (unread_x != unread_y)
                return unread_x ? 1 : -1;
        if (tally->first_use[x] != tally->first_use[y])
                return tally->first_use[x] < tally->first_use[y] ? -1 : 1;
        return x < y ? -1 : x > y;
}

uint32_t *files_by_use(const struct profile *profile, const struct tally *tally)
{
        uint32_t *order = calloc(profile->n_files + 1, sizeof *order);

        for (size_t i = 0; order && i < profile->n_files; i++)
                order[i] = (uint32_t)i;
        if (order)
                qsort_r(order, profile->n_files, sizeof *order, compare, (void *)tally);
        return order;
}
