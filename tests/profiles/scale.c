/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scaling for measurements. A plain copy would be folded away by the compressor, so that every copy gets
 * words of its own in its paths, random letters, which compress worse than real words; and its accesses
 * differ from the original's in time, in order and here and there in their files.
 */
#include "scale.h"

#include "cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

DEFINE_CLEANUP(struct profile *, profile_free)

enum {
        LETTERS_MIN = 8,
        WORD_MIN = 4, /* letters; shorter runs are suffixes and abbreviations that recur everywhere */
        REPLACED_PER_MILLE = 50,
        JITTER_US = 8000, /* reorders neighbours: no copy interleaves its processes as another does */
};

struct scaling {
        const struct profile *from;
        struct profile *to;
        uint32_t *file_of; /* file of copy c made from file i: [c * from->n_files + i] */
        size_t copies;
        uint64_t random;
};

static uint64_t mix(uint64_t x)
{
        x ^= x >> 31;
        x *= 0x7FB5D329728EA185u;
        x ^= x >> 27;
        x *= 0x81DADEF4BC2DD44Du;
        return x ^ x >> 33;
}

static uint64_t next_random(struct scaling *scaling)
{
        return mix(++scaling->random * 0x9E3779B97F4A7C15u);
}

/* rename_letter - another letter of the same case; for a given hash no two letters become the same one */
static char rename_letter(char letter, uint64_t hash)
{
        char first = islower((unsigned char)letter) ? 'a' : 'A';

        return (char)(first + ((uint64_t)(letter - first) + hash) % 26);
}

/* rename_path - a copy's path: each longer run of letters becomes another one, the same for the whole copy
 * Return: how many letters were renamed. */
static size_t rename_path(const char *path, size_t copy, char *ret)
{
        size_t renamed = 0;

        while (*path) {
                uint64_t hash = mix(copy);
                size_t length = 0;

                while (isalpha((unsigned char)path[length]))
                        length++;
                if (length < WORD_MIN) {
                        length = length > 0 ? length : 1;
                        memcpy(ret, path, length);
                } else {
                        for (size_t i = 0; i < length; i++) {
                                ret[i] = rename_letter(path[i], hash);
                                hash = mix(hash * 31 + (unsigned char)path[i]);
                        }
                        renamed += length;
                }
                ret += length;
                path += length;
        }
        *ret = '\0';
        return renamed;
}

/* keep_top - the folders at the top are the same on every system */
static size_t keep_top(const char *path)
{
        const char *second = strchr(path + 1, '/');
        const char *third = second ? strchr(second + 1, '/') : NULL;

        return (size_t)((third ? third : second ? second : path) - path);
}

static int copy_file(struct scaling *scaling, size_t copy, const struct profile_file *from)
{
        struct profile_file *file = profile_add_file(scaling->to);
        size_t top = keep_top(from->path);
        char path[PROFILE_STRING_MAX + 32];

        if (!file)
                return -errno;
        *file = *from;
        memcpy(path, from->path, top);
        if (copy == 0)
                strcpy(path, from->path);
        else if (rename_path(from->path + top, copy, path + top) < LETTERS_MIN)
                sprintf(path + strlen(path), "-%zu", copy); /* too few letters to differ in every copy */
        file->path = profile_string(scaling->to, path);
        if (!file->path)
                return -errno;
        if (copy > 0) {
                file->size += next_random(scaling) % (file->size / 4 + 1);
                file->mtime_ns -=
                        (int64_t)(mix(copy * 1000 + (uint64_t)from->mtime_ns / 1000000000) % 100000000) *
                        1000000000;
                file->inode += copy * 1000000 + next_random(scaling) % 8;
        }
        return 0;
}

/* copy_files - and their ranges, a copy after the other: a longer boot, not a denser one */
static int copy_files(struct scaling *scaling, size_t wanted)
{
        const struct profile *from = scaling->from;
        uint32_t span = from->n_ranges > 0 ? from->ranges[from->n_ranges - 1].first_use_us + 1 : 0;

        for (size_t c = 0; c < scaling->copies; c++) {
                for (size_t i = 0; i < from->n_files && scaling->to->n_files < wanted; i++) {
                        int r;

                        scaling->file_of[c * from->n_files + i] = (uint32_t)scaling->to->n_files;
                        r = copy_file(scaling, c, &from->files[i]);
                        if (r < 0)
                                return r;
                }
                for (size_t i = 0; i < from->n_ranges; i++) {
                        uint32_t file = scaling->file_of[c * from->n_files + from->ranges[i].file];
                        struct profile_range *range;

                        if (file == PROFILE_NONE)
                                continue;
                        range = profile_add_range(scaling->to);
                        if (!range)
                                return -errno;
                        *range = from->ranges[i];
                        range->file = file;
                        range->first_use_us += (uint32_t)c * (span / 2) + next_random(scaling) % JITTER_US;
                }
        }
        return 0;
}

/* later - a time of a life in a copy; what is not known stays so */
static uint64_t later(struct scaling *scaling, uint64_t time_us, size_t copy)
{
        return time_us == 0 ? 0 : time_us + copy * 10000000 + next_random(scaling) % JITTER_US;
}

static int copy_processes(struct scaling *scaling, size_t copy)
{
        const struct profile *from = scaling->from;
        uint32_t base = (uint32_t)scaling->to->n_processes;

        for (size_t i = 0; i < from->n_processes; i++) {
                struct profile_process *process = profile_add_process(scaling->to);

                if (!process)
                        return -errno;
                *process = from->processes[i];
                process->pid += (uint32_t)copy * 5000;
                process->start_ticks += copy * 1000 + next_random(scaling) % 3;
                process->fork_us = later(scaling, process->fork_us, copy);
                process->exec_us = later(scaling, process->exec_us, copy);
                process->exit_us = later(scaling, process->exit_us, copy);
                if (process->parent != PROFILE_NONE)
                        process->parent += base;
                process->executable = profile_string(scaling->to, process->executable);
                process->unit = profile_string(scaling->to, process->unit);
                process->arguments = profile_string(scaling->to, process->arguments);
                if (!process->executable || !process->unit || !process->arguments)
                        return -errno;
        }
        return 0;
}

static int copy_accesses(struct scaling *scaling, size_t copy, size_t wanted)
{
        const struct profile *from = scaling->from;
        uint32_t base = (uint32_t)(scaling->to->n_processes - from->n_processes);
        uint64_t span = from->accesses[from->n_accesses - 1].time_us + 1;
        size_t file_copy = copy % scaling->copies;

        for (size_t i = 0; i < from->n_accesses && scaling->to->n_accesses < wanted; i++) {
                struct profile_access *access = profile_add_access(scaling->to);
                uint32_t file;

                if (!access)
                        return -errno;
                *access = from->accesses[i];
                file = scaling->file_of[file_copy * from->n_files + access->file];
                if (file == PROFILE_NONE || next_random(scaling) % 1000 < REPLACED_PER_MILLE)
                        file = (uint32_t)(next_random(scaling) % scaling->to->n_files);
                access->file = file;
                access->process += base;
                access->time_us += copy * (span / 2) + (copy > 0 ? next_random(scaling) % JITTER_US : 0);
        }
        return 0;
}

static int copy_boots(const struct profile *from, struct profile *to)
{
        for (size_t i = 0; i < from->n_boots; i++) {
                struct profile_boot *boot = profile_add_boot(to);

                if (!boot)
                        return -errno;
                *boot = from->boots[i];
                boot->kernel = profile_string(to, boot->kernel);
                boot->os = profile_string(to, boot->os);
                boot->machine = profile_string(to, boot->machine);
                boot->choice = profile_string(to, boot->choice);
                if (!boot->kernel || !boot->os || !boot->machine || !boot->choice)
                        return -errno;
        }
        for (size_t i = 0; i < from->n_filesystems; i++) {
                struct profile_filesystem *filesystem = profile_add_filesystem(to);

                if (!filesystem)
                        return -errno;
                *filesystem = from->filesystems[i];
                filesystem->type = profile_string(to, filesystem->type);
                filesystem->mount = profile_string(to, filesystem->mount);
                if (!filesystem->type || !filesystem->mount)
                        return -errno;
        }
        return 0;
}

/* copy_metadata - one filesystem's table can't be repeated, so that gaps grow with each copy instead */
static int copy_metadata(struct scaling *scaling)
{
        const struct profile *from = scaling->from;

        for (size_t c = 0; c < scaling->copies; c++)
                for (size_t i = 0; i < from->n_metadata; i++) {
                        struct profile_metadata *metadata = profile_add_metadata(scaling->to);

                        if (!metadata)
                                return -errno;
                        *metadata = from->metadata[i];
                        metadata->page += c * (from->metadata[from->n_metadata - 1].page + 1000) +
                                          next_random(scaling) % 16 + i * 16;
                }
        return 0;
}

static int scale(struct scaling *scaling, size_t files, size_t accesses)
{
        int r;

        r = copy_boots(scaling->from, scaling->to);
        if (r < 0)
                return r;
        r = copy_files(scaling, files);
        if (r < 0)
                return r;
        r = copy_metadata(scaling);
        for (size_t c = 0; r == 0 && scaling->to->n_accesses < accesses; c++) {
                r = copy_processes(scaling, c);
                if (r == 0)
                        r = copy_accesses(scaling, c, accesses);
        }
        return r < 0 ? r : profile_sort(scaling->to);
}

int profile_scale(const struct profile *from, size_t files, size_t accesses, struct profile **ret)
{
        CLEANUP(profile_free) struct profile *to = NULL;
        _cleanup_free_ uint32_t *file_of = NULL;
        struct scaling scaling = {.from = from};
        int r;

        if (from->n_files == 0 || from->n_accesses == 0 || files > PROFILE_FILES_MAX ||
            accesses > PROFILE_ACCESSES_MAX)
                return -EINVAL;
        scaling.copies = (files + from->n_files - 1) / from->n_files;
        file_of = reallocarray(NULL, scaling.copies * from->n_files + 1, sizeof(*file_of));
        scaling.to = to = profile_new();
        if (!file_of || !to)
                return -ENOMEM;
        memset(file_of, 0xff, scaling.copies * from->n_files * sizeof(*file_of));
        scaling.file_of = file_of;
        r = scale(&scaling, files, accesses);
        if (r < 0)
                return r;
        if (profile_check(to, NULL) != 0)
                return -EINVAL;
        *ret = TAKE(to);
        return 0;
}
