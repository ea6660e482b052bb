/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing the text twin. One entry a line, in the order of the tables; FORMAT.md has the grammar.
 */
#include "text.h"

#include <errno.h>
#include <inttypes.h>

/* put_string - quoted; whatever a terminal might act on is escaped, so a dump is safe to look at */
static void put_string(FILE *out, const char *string)
{
        putc_unlocked('"', out);
        for (; *string; string++) {
                unsigned char byte = (unsigned char)*string;

                if (byte == '"' || byte == '\\')
                        fprintf(out, "\\%c", byte);
                else if (byte < 0x20 || byte > 0x7e)
                        fprintf(out, "\\x%02x", byte);
                else
                        putc_unlocked(byte, out);
        }
        putc_unlocked('"', out);
}

/* put_named - a key and its string */
static void put_named(FILE *out, const char *key, const char *string)
{
        fprintf(out, " %s=", key);
        put_string(out, string);
}

static void put_uuid(FILE *out, const uint8_t *bytes)
{
        for (int i = 0; i < 16; i++)
                fprintf(out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
}

static void put_set(FILE *out, uint32_t set, const struct text_bit *bits)
{
        const char *join = "";

        for (; bits->name; bits++)
                if (set & bits->bit) {
                        fprintf(out, "%s%s", join, bits->name);
                        join = "+";
                }
        if (set == 0)
                fputs(TEXT_NONE, out);
}

static void put_optional(FILE *out, const char *key, uint64_t value)
{
        if (value != 0)
                fprintf(out, " %s=%" PRIu64, key, value);
}

static void dump_boots(const struct profile *profile, FILE *out)
{
        for (size_t i = 0; i < profile->n_boots; i++) {
                const struct profile_boot *boot = &profile->boots[i];

                fprintf(out, "boot %zu id=", i);
                put_uuid(out, boot->id);
                fputs(" sources=", out);
                put_set(out, boot->sources, text_sources);
                fprintf(out, " wall=%" PRIu64 " start=%" PRIu64 " end=%" PRIu64, boot->wall_us,
                        boot->start_us, boot->end_us);
                put_named(out, "kernel", boot->kernel);
                put_named(out, "os", boot->os);
                put_named(out, "machine", boot->machine);
                put_named(out, "choice", boot->choice);
                if (boot->contents != 0) {
                        fputs(" contents=", out);
                        put_set(out, boot->contents, text_contents);
                }
                fputc('\n', out);
                for (int loss = 0; loss < PROFILE_LOSS_COUNT; loss++)
                        if (boot->losses[loss] > 0)
                                fprintf(out, "loss %s=%" PRIu64 "\n", profile_loss_name(loss),
                                        boot->losses[loss]);
        }
}

static void dump_filesystems(const struct profile *profile, FILE *out)
{
        for (size_t i = 0; i < profile->n_filesystems; i++) {
                const struct profile_filesystem *filesystem = &profile->filesystems[i];

                fprintf(out, "filesystem %zu uuid=", i);
                put_uuid(out, filesystem->uuid);
                fprintf(out, " device=%s", profile_device_name(filesystem->device));
                put_named(out, "type", filesystem->type);
                put_named(out, "mount", filesystem->mount);
                fputc('\n', out);
        }
}

static void dump_files(const struct profile *profile, FILE *out)
{
        for (size_t i = 0; i < profile->n_files; i++) {
                const struct profile_file *file = &profile->files[i];

                fputs("file ", out);
                put_string(out, file->path);
                fprintf(out, " filesystem=%" PRIu32 " size=%" PRIu64 " mtime=%" PRId64 " inode=%" PRIu64 "\n",
                        file->filesystem, file->size, file->mtime_ns, file->inode);
        }
}

static void dump_ranges(const struct profile *profile, FILE *out)
{
        for (size_t i = 0; i < profile->n_ranges; i++) {
                const struct profile_range *range = &profile->ranges[i];

                fputs("range ", out);
                put_string(out, profile->files[range->file].path);
                fprintf(out, " page=%" PRIu32 " count=%" PRIu32 " use=%" PRIu32 "\n", range->page,
                        range->count, range->first_use_us);
        }
        for (size_t i = 0; i < profile->n_metadata; i++) {
                const struct profile_metadata *metadata = &profile->metadata[i];

                fprintf(out, "metadata filesystem=%" PRIu32 " page=%" PRIu64 " count=%" PRIu32 "\n",
                        metadata->filesystem, metadata->page, metadata->count);
        }
}

static void dump_walks(const struct profile *profile, FILE *out)
{
        for (size_t i = 0; i < profile->n_walks; i++) {
                const struct profile_walk *walk = &profile->walks[i];

                fputs("walk ", out);
                put_string(out, walk->path);
                fprintf(out, " filesystem=%" PRIu32 " use=%" PRIu32 " kind=%s\n", walk->filesystem,
                        walk->first_use_us, profile_walk_name(walk->kind));
        }
}

/* put_life - what is not known of a life is not written */
static void put_life(FILE *out, const struct profile_process *process)
{
        put_optional(out, "fork", process->fork_us);
        put_optional(out, "exec", process->exec_us);
        put_optional(out, "exit", process->exit_us);
        put_optional(out, "status", process->exit_status);
        if (process->flags != 0) {
                fputs(" flags=", out);
                put_set(out, process->flags, text_process_flags);
        }
        if (*process->arguments)
                put_named(out, "arguments", process->arguments);
}

static void dump_processes(const struct profile *profile, FILE *out)
{
        for (size_t i = 0; i < profile->n_processes; i++) {
                const struct profile_process *process = &profile->processes[i];

                fprintf(out, "process %zu boot=%" PRIu32 " pid=%" PRIu32 " start=%" PRIu64 " parent=", i,
                        process->boot, process->pid, process->start_ticks);
                if (process->parent == PROFILE_NONE)
                        fputs(TEXT_NONE, out);
                else
                        fprintf(out, "%" PRIu32, process->parent);
                put_named(out, "executable", process->executable);
                put_named(out, "unit", process->unit);
                put_life(out, process);
                fputc('\n', out);
        }
}

static void dump_accesses(const struct profile *profile, FILE *out)
{
        for (size_t i = 0; i < profile->n_accesses; i++) {
                const struct profile_access *access = &profile->accesses[i];

                fputs("access ", out);
                put_string(out, profile->files[access->file].path);
                fprintf(out, " process=%" PRIu32 " time=%" PRIu64 " flags=", access->process,
                        access->time_us);
                put_set(out, access->flags, text_access_flags);
                fputc('\n', out);
        }
}

static void dump_intervals(const struct profile *profile, FILE *out)
{
        for (size_t i = 0; i < profile->n_intervals; i++) {
                const struct profile_interval *interval = &profile->intervals[i];

                fprintf(out, "interval boot=%" PRIu32 " kind=%s start=%" PRIu64 " end=%" PRIu64 "\n",
                        interval->boot, profile_interval_name(interval->kind), interval->start_us,
                        interval->end_us);
        }
}

int profile_dump(const struct profile *profile, FILE *out)
{
        int r;

        r = profile_check(profile, NULL);
        if (r != 0)
                return r;
        fprintf(out, TEXT_MAGIC "%d\n", TEXT_VERSION);
        dump_boots(profile, out);
        dump_filesystems(profile, out);
        dump_files(profile, out);
        dump_ranges(profile, out);
        dump_walks(profile, out);
        dump_processes(profile, out);
        dump_accesses(profile, out);
        dump_intervals(profile, out);
        fputs("end\n", out);
        errno = 0;
        if (fflush(out) != 0 || ferror(out))
                return errno > 0 ? -errno : -EIO;
        return 0;
}
