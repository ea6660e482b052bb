/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tables of a profile in memory: making, growing and releasing them, and the words for their
 * enumerations. Knows neither the file's bytes nor the text form.
 */
#include "profile.h"

#include "cleanup.h"
#include "string-store.h"
#include "tables.h"
#include "text.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const char *const loss_names[] = {
        [PROFILE_LOSS_SOCKET] = "socket",         [PROFILE_LOSS_KERNEL] = "kernel",
        [PROFILE_LOSS_INCOMPLETE] = "incomplete", [PROFILE_LOSS_FANOTIFY] = "fanotify",
        [PROFILE_LOSS_UNRESOLVED] = "unresolved", [PROFILE_LOSS_FILES] = "files",
        [PROFILE_LOSS_ACCESSES] = "accesses",     [PROFILE_LOSS_PROCESSES] = "processes",
        [PROFILE_LOSS_RANGES] = "ranges",         [PROFILE_LOSS_PAGES] = "pages",
        [PROFILE_LOSS_TRACE] = "trace",           [PROFILE_LOSS_LIVES] = "lives",
        [PROFILE_LOSS_TOUCHED] = "touched",
};
static_assert(sizeof(loss_names) / sizeof(loss_names[0]) == PROFILE_LOSS_COUNT, "a name for each loss");

static const char *const device_names[] = {
        [PROFILE_DEVICE_UNKNOWN] = "unknown", [PROFILE_DEVICE_ROTATIONAL] = "rotational",
        [PROFILE_DEVICE_SOLID] = "solid",     [PROFILE_DEVICE_MMC] = "mmc",
        [PROFILE_DEVICE_LOOP] = "loop",
};
static_assert(sizeof(device_names) / sizeof(device_names[0]) == PROFILE_DEVICE_COUNT,
              "a name for each device");

static const char *const walk_names[] = {
        [PROFILE_WALK_LISTED] = "listed",
        [PROFILE_WALK_LOOKED_UP] = "looked-up",
        [PROFILE_WALK_ABSENT] = "absent",
};
static_assert(sizeof(walk_names) / sizeof(walk_names[0]) == PROFILE_WALK_COUNT, "a name for each walk");

static const char *const interval_names[] = {
        [PROFILE_INTERVAL_SHED] = "shed",
        [PROFILE_INTERVAL_BLIND] = "blind",
};
static_assert(sizeof(interval_names) / sizeof(interval_names[0]) == PROFILE_INTERVAL_COUNT,
              "a name for each interval");

const char *profile_content_name(enum profile_content content)
{
        const struct text_bit *bits = text_contents;

        while (bits->name && bits->bit != (uint32_t)content)
                bits++;
        assert(bits->name);
        return bits->name;
}

const char *profile_walk_name(enum profile_walk_kind kind)
{
        assert((size_t)kind < PROFILE_WALK_COUNT);
        return walk_names[kind];
}

const char *profile_interval_name(enum profile_interval_kind kind)
{
        assert((size_t)kind < PROFILE_INTERVAL_COUNT);
        return interval_names[kind];
}

const char *profile_loss_name(enum profile_loss loss)
{
        assert((size_t)loss < PROFILE_LOSS_COUNT);
        return loss_names[loss];
}

const char *profile_device_name(enum profile_device device)
{
        assert((size_t)device < PROFILE_DEVICE_COUNT);
        return device_names[device];
}

struct profile *profile_new(void)
{
        struct profile *profile = calloc(1, sizeof(*profile));

        if (!profile)
                return NULL;
        profile->strings = strings_new();
        if (!profile->strings) {
                free(profile);
                return NULL;
        }
        return profile;
}

void profile_free(struct profile *profile)
{
        if (!profile)
                return;
        free(profile->boots);
        free(profile->filesystems);
        free(profile->files);
        free(profile->ranges);
        free(profile->metadata);
        free(profile->walks);
        free(profile->processes);
        free(profile->accesses);
        free(profile->intervals);
        strings_free(profile->strings);
        free(profile);
}

const char *profile_string(struct profile *profile, const char *string)
{
        return profile_string_within(profile, string, SIZE_MAX);
}

const char *profile_string_within(struct profile *profile, const char *string, size_t memory)
{
        return strings_add(profile->strings, string, strlen(string), memory);
}

/* A table's room is the next power of two of its count, so that only the count has to be kept. */
static size_t room_for(size_t n)
{
        size_t room = 16;

        while (room < n)
                room *= 2;
        return room;
}

int table_resize(void *table, size_t n, size_t entry_size)
{
        void *entries;

        memcpy(&entries, table, sizeof(entries));
        entries = reallocarray(entries, room_for(n), entry_size);
        if (!entries)
                return -ENOMEM;
        memcpy(table, &entries, sizeof(entries));
        return 0;
}

/* append - a zeroed entry at the end of a table */
static void *append(void *table, size_t *n, size_t entry_size, size_t max)
{
        char *entries, *entry;

        if (*n >= max) {
                errno = E2BIG;
                return NULL;
        }
        if (*n == 0 || *n == room_for(*n)) {
                if (table_resize(table, *n + 1, entry_size) < 0) {
                        errno = ENOMEM;
                        return NULL;
                }
        }
        memcpy(&entries, table, sizeof(entries));
        entry = entries + *n * entry_size;
        memset(entry, 0, entry_size);
        (*n)++;
        return entry;
}

struct profile_boot *profile_add_boot(struct profile *profile)
{
        return append(&profile->boots, &profile->n_boots, sizeof(struct profile_boot), PROFILE_BOOTS_MAX);
}

struct profile_filesystem *profile_add_filesystem(struct profile *profile)
{
        return append(&profile->filesystems, &profile->n_filesystems, sizeof(struct profile_filesystem),
                      PROFILE_FILESYSTEMS_MAX);
}

struct profile_file *profile_add_file(struct profile *profile)
{
        return append(&profile->files, &profile->n_files, sizeof(struct profile_file), PROFILE_FILES_MAX);
}

struct profile_range *profile_add_range(struct profile *profile)
{
        return append(&profile->ranges, &profile->n_ranges, sizeof(struct profile_range), PROFILE_RANGES_MAX);
}

struct profile_metadata *profile_add_metadata(struct profile *profile)
{
        return append(&profile->metadata, &profile->n_metadata, sizeof(struct profile_metadata),
                      PROFILE_METADATA_MAX);
}

struct profile_walk *profile_add_walk(struct profile *profile)
{
        return append(&profile->walks, &profile->n_walks, sizeof(struct profile_walk), PROFILE_WALKS_MAX);
}

struct profile_process *profile_add_process(struct profile *profile)
{
        struct profile_process *process = append(&profile->processes, &profile->n_processes,
                                                 sizeof(struct profile_process), PROFILE_PROCESSES_MAX);

        if (process)
                process->arguments = "";
        return process;
}

struct profile_access *profile_add_access(struct profile *profile)
{
        return append(&profile->accesses, &profile->n_accesses, sizeof(struct profile_access),
                      PROFILE_ACCESSES_MAX);
}

struct profile_interval *profile_add_interval(struct profile *profile)
{
        return append(&profile->intervals, &profile->n_intervals, sizeof(struct profile_interval),
                      PROFILE_INTERVALS_MAX);
}

void profile_adopt_accesses(struct profile *profile, struct profile_access *accesses, size_t n)
{
        free(profile->accesses);
        profile->accesses = accesses;
        profile->n_accesses = n;
}
