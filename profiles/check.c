/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a profile keeps the promises of profile.h: each entry by itself, against the one before it
 * and against the tables that it refers to. The one place of these rules, for reader, writer and text.
 */
#include "tables.h"

#include <errno.h>
#include <string.h>

enum {
        SOURCES = PROFILE_SOURCE_AUDIT | PROFILE_SOURCE_FANOTIFY | PROFILE_SOURCE_FANOTIFY_GAP |
                  PROFILE_SOURCE_REPLAYED,
};

#define DEVICE_PAGES_MAX ((uint64_t)INT64_MAX / PROFILE_PAGE_SIZE)

static bool is_string(const char *string)
{
        return string && strnlen(string, PROFILE_STRING_MAX + 1) <= PROFILE_STRING_MAX;
}

/* is_resolved - an absolute path without empty, "." and ".." components; "/" itself only for a folder */
static bool is_resolved(const char *path, bool folder)
{
        if (!is_string(path) || path[0] != '/')
                return false;
        if (path[1] == '\0')
                return folder;
        while (*path) {
                const char *name = path + 1, *end = strchrnul(name, '/');
                size_t length = (size_t)(end - name);

                if (length == 0 || (length == 1 && name[0] == '.') ||
                    (length == 2 && name[0] == '.' && name[1] == '.'))
                        return false;
                path = end;
        }
        return true;
}

const char *check_boot(const struct profile *profile, size_t i)
{
        const struct profile_boot *boot = &profile->boots[i];

        if (!is_string(boot->kernel) || !is_string(boot->os) || !is_string(boot->machine) ||
            !is_string(boot->choice))
                return "a boot's text is missing or too long";
        if (boot->sources & ~(uint32_t)SOURCES)
                return "a boot has an unknown source";
        if (boot->contents & ~(uint32_t)PROFILE_CONTENTS)
                return "a boot has unknown contents";
        if (boot->end_us < boot->start_us)
                return "a boot's collection ends before it starts";
        return NULL;
}

const char *check_filesystem(const struct profile *profile, size_t i)
{
        const struct profile_filesystem *filesystem = &profile->filesystems[i];

        if (!is_string(filesystem->type))
                return "a filesystem's type is missing or too long";
        if (!is_resolved(filesystem->mount, true))
                return "a mount point is no resolved absolute path";
        if ((size_t)filesystem->device >= PROFILE_DEVICE_COUNT)
                return "a filesystem has an unknown kind of device";
        return NULL;
}

const char *check_file(const struct profile *profile, size_t i)
{
        const struct profile_file *file = &profile->files[i];

        if (!is_resolved(file->path, false))
                return "a file's path is no resolved absolute path";
        if (i > 0 && strcmp(profile->files[i - 1].path, file->path) >= 0)
                return "files are not in ascending order of their paths";
        if (file->size > INT64_MAX)
                return "a file is larger than a file can be";
        if (file->filesystem >= profile->n_filesystems)
                return "a file refers to a filesystem that is not there";
        return NULL;
}

const char *check_range(const struct profile *profile, size_t i)
{
        const struct profile_range *range = &profile->ranges[i];

        if (range->file >= profile->n_files)
                return "a range refers to a file that is not there";
        if (range->count == 0)
                return "a range is empty";
        if (range->page > UINT32_MAX - range->count)
                return "a range ends behind the last possible page";
        if (i > 0 && profile->ranges[i - 1].first_use_us > range->first_use_us)
                return "ranges are not in order of first use";
        return NULL;
}

const char *check_metadata(const struct profile *profile, size_t i)
{
        const struct profile_metadata *metadata = &profile->metadata[i];
        const struct profile_metadata *before = i > 0 ? metadata - 1 : NULL;

        if (metadata->filesystem >= profile->n_filesystems)
                return "metadata refers to a filesystem that is not there";
        if (metadata->count == 0)
                return "a metadata range is empty";
        if (metadata->page > DEVICE_PAGES_MAX - metadata->count)
                return "a metadata range ends behind the last possible page";
        if (before && (before->filesystem > metadata->filesystem ||
                       (before->filesystem == metadata->filesystem && before->page >= metadata->page)))
                return "metadata is not in ascending order";
        return NULL;
}

const char *check_walk(const struct profile *profile, size_t i)
{
        const struct profile_walk *walk = &profile->walks[i];

        if (!is_resolved(walk->path, true))
                return "a walk's path is no resolved absolute path";
        if (walk->filesystem >= profile->n_filesystems)
                return "a walk refers to a filesystem that is not there";
        if ((size_t)walk->kind >= PROFILE_WALK_COUNT)
                return "a walk is of an unknown kind";
        if (i > 0 && profile->walks[i - 1].first_use_us > walk->first_use_us)
                return "walks are not in order of first use";
        return NULL;
}

const char *check_process(const struct profile *profile, size_t i)
{
        const struct profile_process *process = &profile->processes[i];

        if (process->boot >= profile->n_boots)
                return "a process refers to a boot that is not there";
        if (!is_string(process->executable) || !is_string(process->unit))
                return "a process's text is missing or too long";
        if (!process->arguments ||
            strnlen(process->arguments, PROFILE_ARGUMENTS_MAX + 1) > PROFILE_ARGUMENTS_MAX)
                return "a process's arguments are missing or too long";
        if (process->flags & ~(uint32_t)PROFILE_PROCESS_FLAGS)
                return "a process has an unknown flag";
        return NULL;
}

const char *check_access(const struct profile *profile, size_t i)
{
        const struct profile_access *access = &profile->accesses[i];

        if (access->file >= profile->n_files)
                return "an access refers to a file that is not there";
        if (access->process >= profile->n_processes)
                return "an access refers to a process that is not there";
        if (access->flags & ~(uint32_t)PROFILE_ACCESS_FLAGS)
                return "an access has an unknown flag";
        if (i > 0 && profile->accesses[i - 1].time_us > access->time_us)
                return "accesses are not in order of time";
        return NULL;
}

const char *check_interval(const struct profile *profile, size_t i)
{
        const struct profile_interval *interval = &profile->intervals[i];
        const struct profile_interval *before = i > 0 ? interval - 1 : NULL;

        if (interval->boot >= profile->n_boots)
                return "an interval refers to a boot that is not there";
        if ((size_t)interval->kind >= PROFILE_INTERVAL_COUNT)
                return "an interval is of an unknown kind";
        if (interval->end_us < interval->start_us)
                return "an interval ends before it starts";
        if (before && (before->boot > interval->boot ||
                       (before->boot == interval->boot && before->start_us > interval->start_us)))
                return "intervals are not in order of boot and start";
        return NULL;
}

/* check_parents - every parent is there, and nobody is his own ancestor */
static int check_parents(const struct profile *profile, const char **ret_why)
{
        enum { NEW, ON_THIS_WALK, GOOD };
        _cleanup_free_ uint8_t *state = calloc(profile->n_processes + 1, 1);

        if (!state)
                return -ENOMEM;
        for (uint32_t start = 0; start < profile->n_processes; start++) {
                uint32_t i;

                for (i = start; i != PROFILE_NONE && state[i] == NEW; i = profile->processes[i].parent) {
                        state[i] = ON_THIS_WALK;
                        if (profile->processes[i].parent != PROFILE_NONE &&
                            profile->processes[i].parent >= profile->n_processes) {
                                *ret_why = "a process's parent is not there";
                                return PROFILE_CORRUPT;
                        }
                }
                if (i != PROFILE_NONE && state[i] == ON_THIS_WALK) {
                        *ret_why = "a process is its own ancestor";
                        return PROFILE_CORRUPT;
                }
                for (i = start; i != PROFILE_NONE && state[i] == ON_THIS_WALK;
                     i = profile->processes[i].parent)
                        state[i] = GOOD;
        }
        return 0;
}

int profile_check(const struct profile *profile, const char **ret_why)
{
        const struct {
                size_t n, max;
                const char *(*check)(const struct profile *, size_t);
        } tables[] = {
                {profile->n_boots, PROFILE_BOOTS_MAX, check_boot},
                {profile->n_filesystems, PROFILE_FILESYSTEMS_MAX, check_filesystem},
                {profile->n_files, PROFILE_FILES_MAX, check_file},
                {profile->n_ranges, PROFILE_RANGES_MAX, check_range},
                {profile->n_metadata, PROFILE_METADATA_MAX, check_metadata},
                {profile->n_walks, PROFILE_WALKS_MAX, check_walk},
                {profile->n_processes, PROFILE_PROCESSES_MAX, check_process},
                {profile->n_accesses, PROFILE_ACCESSES_MAX, check_access},
                {profile->n_intervals, PROFILE_INTERVALS_MAX, check_interval},
        };
        const char *ignored, **why = ret_why ? ret_why : &ignored;

        for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
                if (tables[t].n > tables[t].max) {
                        *why = "a table has more entries than the format allows";
                        return PROFILE_CORRUPT;
                }
                for (size_t i = 0; i < tables[t].n; i++) {
                        const char *fault = tables[t].check(profile, i);

                        if (fault) {
                                *why = fault;
                                return PROFILE_CORRUPT;
                        }
                }
        }
        return check_parents(profile, why);
}
