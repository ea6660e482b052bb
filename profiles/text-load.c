/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading the text twin, line by line with bounded memory. Every entry is checked when its line is read,
 * so that a fault has a line number.
 */
#include "string-store.h"
#include "tables.h"
#include "text-scan.h"

#include <errno.h>
#include <string.h>

/* Four strings of which every byte is escaped, and room for the words between them. */
#define LINE_MAX_BYTES (4 * 4 * PROFILE_STRING_MAX + 4096)

struct loader {
        struct profile *profile;
        const char *line; /* what is left of it */
        const char *why;
        char string[PROFILE_STRING_MAX + 1];
};

static int corrupt(struct loader *loader, const char *why)
{
        loader->why = why;
        return PROFILE_CORRUPT;
}

/* after_failure - what errno means after an entry or a string could not be added */
static int after_failure(struct loader *loader)
{
        return errno == E2BIG ? corrupt(loader, "more than the format allows") : -errno;
}

/* finish - the last step of each line: nothing behind the entry, and no fault in it */
static int finish(struct loader *loader, const char *fault)
{
        if (*loader->line != '\0')
                return corrupt(loader, "a line goes on behind its last field");
        return fault ? corrupt(loader, fault) : 0;
}

/* load_string - a field that is a string: its key, then the copy that the profile keeps */
static int load_string(struct loader *loader, const char *key, const char **ret)
{
        if (!scan_word(&loader->line, key) || !scan_string(&loader->line, loader->string))
                return corrupt(loader, "a string is missing or wrongly quoted");
        *ret = profile_string(loader->profile, loader->string);
        return *ret ? 0 : after_failure(loader);
}

static bool load_u64(struct loader *loader, const char *key, uint64_t *ret)
{
        return scan_word(&loader->line, key) && scan_u64(&loader->line, ret);
}

static bool load_u32(struct loader *loader, const char *key, uint32_t *ret)
{
        return scan_word(&loader->line, key) && scan_u32(&loader->line, ret);
}

/* load_optional - a number that is 0 where its key is not there */
static bool load_optional(struct loader *loader, const char *key, uint64_t *ret)
{
        return !scan_word(&loader->line, key) || scan_u64(&loader->line, ret);
}

static int load_boot(struct loader *loader)
{
        struct profile_boot *boot = profile_add_boot(loader->profile);
        size_t i = loader->profile->n_boots - 1;
        uint64_t number;
        int r;

        if (!boot)
                return after_failure(loader);
        if (!scan_u64(&loader->line, &number) || number != i || !scan_word(&loader->line, " id=") ||
            !scan_uuid(&loader->line, boot->id) || !scan_word(&loader->line, " sources=") ||
            !scan_set(&loader->line, text_sources, &boot->sources) ||
            !load_u64(loader, " wall=", &boot->wall_us) || !load_u64(loader, " start=", &boot->start_us) ||
            !load_u64(loader, " end=", &boot->end_us))
                return corrupt(loader, "a boot's number, id, sources or times are wrong");
        if ((r = load_string(loader, " kernel=", &boot->kernel)) != 0 ||
            (r = load_string(loader, " os=", &boot->os)) != 0 ||
            (r = load_string(loader, " machine=", &boot->machine)) != 0 ||
            (r = load_string(loader, " choice=", &boot->choice)) != 0)
                return r;
        if (scan_word(&loader->line, " contents=") &&
            !scan_set(&loader->line, text_contents, &boot->contents))
                return corrupt(loader, "a boot's contents are wrong");
        return finish(loader, check_boot(loader->profile, i));
}

static int load_loss(struct loader *loader)
{
        struct profile *profile = loader->profile;

        if (profile->n_boots == 0)
                return corrupt(loader, "a loss without a boot");
        for (int loss = 0; loss < PROFILE_LOSS_COUNT; loss++)
                if (scan_name(&loader->line, profile_loss_name(loss))) {
                        if (!load_u64(loader, "=", &profile->boots[profile->n_boots - 1].losses[loss]))
                                return corrupt(loader, "a loss without a number");
                        return finish(loader, NULL);
                }
        return corrupt(loader, "an unknown kind of loss");
}

static bool load_device(struct loader *loader, enum profile_device *ret)
{
        for (int device = 0; device < PROFILE_DEVICE_COUNT; device++)
                if (scan_name(&loader->line, profile_device_name(device))) {
                        *ret = device;
                        return true;
                }
        return false;
}

static int load_filesystem(struct loader *loader)
{
        struct profile_filesystem *filesystem = profile_add_filesystem(loader->profile);
        size_t i = loader->profile->n_filesystems - 1;
        uint64_t number;
        int r;

        if (!filesystem)
                return after_failure(loader);
        if (!scan_u64(&loader->line, &number) || number != i || !scan_word(&loader->line, " uuid=") ||
            !scan_uuid(&loader->line, filesystem->uuid) || !scan_word(&loader->line, " device=") ||
            !load_device(loader, &filesystem->device))
                return corrupt(loader, "a filesystem's number, UUID or device is wrong");
        if ((r = load_string(loader, " type=", &filesystem->type)) != 0 ||
            (r = load_string(loader, " mount=", &filesystem->mount)) != 0)
                return r;
        return finish(loader, check_filesystem(loader->profile, i));
}

static int load_file(struct loader *loader)
{
        struct profile_file *file = profile_add_file(loader->profile);
        int r;

        if (!file)
                return after_failure(loader);
        r = load_string(loader, "", &file->path);
        if (r != 0)
                return r;
        if (!load_u32(loader, " filesystem=", &file->filesystem) ||
            !load_u64(loader, " size=", &file->size) || !scan_word(&loader->line, " mtime=") ||
            !scan_i64(&loader->line, &file->mtime_ns) || !load_u64(loader, " inode=", &file->inode))
                return corrupt(loader, "a file's filesystem, size, time or inode is wrong");
        return finish(loader, check_file(loader->profile, loader->profile->n_files - 1));
}

static int compare_path(const void *path, const void *file)
{
        return strcmp(path, ((const struct profile_file *)file)->path);
}

/* load_path - a file that has been listed before, by its path */
static bool load_path(struct loader *loader, uint32_t *ret)
{
        const struct profile *profile = loader->profile;
        const struct profile_file *file;

        if (!scan_string(&loader->line, loader->string) || profile->n_files == 0)
                return false;
        file = bsearch(loader->string, profile->files, profile->n_files, sizeof(*file), compare_path);
        if (!file)
                return false;
        *ret = (uint32_t)(file - profile->files);
        return true;
}

static int load_range(struct loader *loader)
{
        struct profile_range *range = profile_add_range(loader->profile);

        if (!range)
                return after_failure(loader);
        if (!load_path(loader, &range->file))
                return corrupt(loader, "a range of a file that is not listed");
        if (!load_u32(loader, " page=", &range->page) || !load_u32(loader, " count=", &range->count) ||
            !load_u32(loader, " use=", &range->first_use_us))
                return corrupt(loader, "a range's pages or time are wrong");
        return finish(loader, check_range(loader->profile, loader->profile->n_ranges - 1));
}

static int load_metadata(struct loader *loader)
{
        struct profile_metadata *metadata = profile_add_metadata(loader->profile);

        if (!metadata)
                return after_failure(loader);
        if (!load_u32(loader, "filesystem=", &metadata->filesystem) ||
            !load_u64(loader, " page=", &metadata->page) || !load_u32(loader, " count=", &metadata->count))
                return corrupt(loader, "a metadata range's filesystem or pages are wrong");
        return finish(loader, check_metadata(loader->profile, loader->profile->n_metadata - 1));
}

static bool load_walk_kind(struct loader *loader, enum profile_walk_kind *ret)
{
        for (int kind = 0; kind < PROFILE_WALK_COUNT; kind++)
                if (scan_name(&loader->line, profile_walk_name(kind))) {
                        *ret = kind;
                        return true;
                }
        return false;
}

static int load_walk(struct loader *loader)
{
        struct profile_walk *walk = profile_add_walk(loader->profile);
        int r;

        if (!walk)
                return after_failure(loader);
        r = load_string(loader, "", &walk->path);
        if (r != 0)
                return r;
        if (!load_u32(loader, " filesystem=", &walk->filesystem) ||
            !load_u32(loader, " use=", &walk->first_use_us) || !scan_word(&loader->line, " kind=") ||
            !load_walk_kind(loader, &walk->kind))
                return corrupt(loader, "a walk's filesystem, time or kind is wrong");
        return finish(loader, check_walk(loader->profile, loader->profile->n_walks - 1));
}

/* load_life - the part of a process's line that is written where it is known */
static int load_life(struct loader *loader, struct profile_process *process)
{
        uint64_t status = 0;

        if (!load_optional(loader, " fork=", &process->fork_us) ||
            !load_optional(loader, " exec=", &process->exec_us) ||
            !load_optional(loader, " exit=", &process->exit_us) ||
            !load_optional(loader, " status=", &status) || status > UINT32_MAX ||
            (scan_word(&loader->line, " flags=") &&
             !scan_set(&loader->line, text_process_flags, &process->flags)))
                return corrupt(loader, "a process's times, status or flags are wrong");
        process->exit_status = (uint32_t)status;
        return *loader->line ? load_string(loader, " arguments=", &process->arguments) : 0;
}

static int load_process(struct loader *loader)
{
        struct profile_process *process = profile_add_process(loader->profile);
        size_t i = loader->profile->n_processes - 1;
        uint64_t number;
        int r;

        if (!process)
                return after_failure(loader);
        process->parent = PROFILE_NONE;
        if (!scan_u64(&loader->line, &number) || number != i || !load_u32(loader, " boot=", &process->boot) ||
            !load_u32(loader, " pid=", &process->pid) ||
            !load_u64(loader, " start=", &process->start_ticks) || !scan_word(&loader->line, " parent=") ||
            (!scan_name(&loader->line, TEXT_NONE) &&
             (!scan_u32(&loader->line, &process->parent) || process->parent == PROFILE_NONE)))
                return corrupt(loader, "a process's number, boot, pid, start or parent is wrong");
        if ((r = load_string(loader, " executable=", &process->executable)) != 0 ||
            (r = load_string(loader, " unit=", &process->unit)) != 0 || (r = load_life(loader, process)) != 0)
                return r;
        return finish(loader, check_process(loader->profile, i));
}

static int load_access(struct loader *loader)
{
        struct profile_access *access = profile_add_access(loader->profile);

        if (!access)
                return after_failure(loader);
        if (!load_path(loader, &access->file))
                return corrupt(loader, "an access of a file that is not listed");
        if (!load_u32(loader, " process=", &access->process) ||
            !load_u64(loader, " time=", &access->time_us) || !scan_word(&loader->line, " flags=") ||
            !scan_set(&loader->line, text_access_flags, &access->flags))
                return corrupt(loader, "an access's process, time or flags are wrong");
        return finish(loader, check_access(loader->profile, loader->profile->n_accesses - 1));
}

static bool load_interval_kind(struct loader *loader, enum profile_interval_kind *ret)
{
        for (int kind = 0; kind < PROFILE_INTERVAL_COUNT; kind++)
                if (scan_name(&loader->line, profile_interval_name(kind))) {
                        *ret = kind;
                        return true;
                }
        return false;
}

static int load_interval(struct loader *loader)
{
        struct profile_interval *interval = profile_add_interval(loader->profile);

        if (!interval)
                return after_failure(loader);
        if (!load_u32(loader, "boot=", &interval->boot) || !scan_word(&loader->line, " kind=") ||
            !load_interval_kind(loader, &interval->kind) ||
            !load_u64(loader, " start=", &interval->start_us) ||
            !load_u64(loader, " end=", &interval->end_us))
                return corrupt(loader, "an interval's boot, kind or times are wrong");
        return finish(loader, check_interval(loader->profile, loader->profile->n_intervals - 1));
}

/* Kinds of lines by rank: a rank never decreases, so that what a line refers to has been read. */
static const struct {
        const char *word;
        int rank;
        int (*load)(struct loader *);
} kinds[] = {
        {"boot ", 0, load_boot},         {"loss ", 0, load_loss},       {"filesystem ", 1, load_filesystem},
        {"file ", 2, load_file},         {"range ", 3, load_range},     {"metadata ", 4, load_metadata},
        {"walk ", 5, load_walk},         {"process ", 6, load_process}, {"access ", 7, load_access},
        {"interval ", 8, load_interval},
};

static int load_line(struct loader *loader, int *rank)
{
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
                if (!scan_word(&loader->line, kinds[i].word))
                        continue;
                if (kinds[i].rank < *rank)
                        return corrupt(loader, "a line comes later than its kind may");
                *rank = kinds[i].rank;
                return kinds[i].load(loader);
        }
        return corrupt(loader, "a line of an unknown kind");
}

/* load_magic - the first line says which version of the text this is */
static int load_magic(struct loader *loader)
{
        uint64_t version;

        if (!scan_word(&loader->line, TEXT_MAGIC) || !scan_u64(&loader->line, &version) || version == 0 ||
            *loader->line != '\0')
                return corrupt(loader, "not the text of a profile");
        if (version > TEXT_VERSION) {
                loader->why = "the text is of a newer version";
                return PROFILE_FOREIGN;
        }
        return 0;
}

/* read_line - the next line without its end; @ret_end: there is none */
static int read_line(FILE *in, char *line, bool *ret_end, const char **ret_why)
{
        size_t n = 0;
        int c;

        *ret_end = false;
        while ((c = getc_unlocked(in)) != '\n') {
                if (c == EOF && ferror(in))
                        return errno > 0 ? -errno : -EIO;
                if (c == EOF && n == 0) {
                        *ret_end = true;
                        return 0;
                }
                if (c == EOF || c == '\0' || n == LINE_MAX_BYTES) {
                        *ret_why = c == EOF    ? "the last line is cut short"
                                   : c == '\0' ? "a line holds a NUL"
                                               : "a line is too long";
                        return PROFILE_CORRUPT;
                }
                line[n++] = (char)c;
        }
        line[n] = '\0';
        return 0;
}

static int load_lines(FILE *in, struct loader *loader, char *line, size_t *ret_line)
{
        bool magic = false, ended = false, end;
        int rank = 0, r;

        for (*ret_line = 1;; (*ret_line)++) {
                r = read_line(in, line, &end, &loader->why);
                if (r != 0)
                        return r;
                if (end)
                        break;
                loader->line = line;
                if (magic && (*line == '\0' || *line == '#'))
                        continue;
                if (ended)
                        return corrupt(loader, "the text goes on behind its end");
                if (!magic)
                        r = load_magic(loader);
                else if (strcmp(line, "end") == 0)
                        ended = true;
                else
                        r = load_line(loader, &rank);
                if (r != 0)
                        return r;
                magic = true;
        }
        if (!magic)
                return corrupt(loader, "the text is empty");
        if (!ended)
                return corrupt(loader, "the text ends before its end");
        return profile_check(loader->profile, &loader->why);
}

int profile_load(FILE *in, struct profile **ret, size_t *ret_line, const char **ret_why)
{
        CLEANUP(profile_free) struct profile *profile = profile_new();
        _cleanup_free_ struct loader *loader = calloc(1, sizeof(*loader));
        _cleanup_free_ char *line = malloc(LINE_MAX_BYTES + 1);
        size_t ignored;
        int r;

        if (!profile || !loader || !line)
                return -ENOMEM;
        loader->profile = profile;
        errno = 0;
        r = load_lines(in, loader, line, ret_line ? ret_line : &ignored);
        if (r > 0 && ret_why)
                *ret_why = loader->why;
        if (r == 0)
                *ret = TAKE(profile);
        return r;
}
