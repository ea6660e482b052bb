/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A profile as JSON. Times are µs since the start of collection unless their name says wall. */
#include "show.h"

#include "cleanup.h"
#include "words.h"

static struct json_object *json_intervals(const struct profile *profile, size_t boot)
{
        struct json_object *intervals = json_object_new_array();

        for (size_t i = 0; i < profile->n_intervals; i++) {
                const struct profile_interval *interval = &profile->intervals[i];
                struct json_object *object;

                if (interval->boot != boot)
                        continue;
                object = json_object_new_object();
                json_text(object, "kind", profile_interval_name(interval->kind));
                json_number(object, "start_us", interval->start_us);
                json_number(object, "end_us", interval->end_us);
                json_object_array_add(intervals, object);
        }
        return intervals;
}

static struct json_object *json_boot(const struct profile *profile, size_t i)
{
        struct json_object *object = json_object_new_object(), *sources = json_object_new_array(),
                           *losses = json_object_new_object(), *contents = json_object_new_array();
        const struct profile_boot *boot = &profile->boots[i];
        char uuid[WORD_MAX];

        json_text(object, "id", word_uuid(boot->id, uuid));
        json_text(object, "kernel", boot->kernel);
        json_text(object, "os", boot->os);
        json_text(object, "machine", boot->machine);
        json_text(object, "choice", boot->choice);
        for (uint32_t bit = 1; bit; bit <<= 1)
                if (boot->sources & bit && source_name(bit))
                        json_object_array_add(sources, json_object_new_string(source_name(bit)));
        json_object_object_add(object, "sources", sources);
        json_number(object, "wall_us", boot->wall_us);
        json_number(object, "start_us", boot->start_us);
        json_number(object, "end_us", boot->end_us);
        for (int loss = 0; loss < PROFILE_LOSS_COUNT; loss++)
                json_number(losses, profile_loss_name((enum profile_loss)loss), boot->losses[loss]);
        json_object_object_add(object, "losses", losses);
        for (uint32_t bit = 1; bit & PROFILE_CONTENTS; bit <<= 1)
                if (boot->contents & bit)
                        json_object_array_add(contents, json_object_new_string(profile_content_name(bit)));
        json_object_object_add(object, "contents", contents);
        json_object_object_add(object, "intervals", json_intervals(profile, i));
        return object;
}

static struct json_object *json_filesystem(const struct profile_filesystem *filesystem, uint32_t files)
{
        struct json_object *object = json_object_new_object();
        char uuid[WORD_MAX];

        json_text(object, "uuid", word_uuid(filesystem->uuid, uuid));
        json_text(object, "type", filesystem->type);
        json_text(object, "mount", filesystem->mount);
        json_text(object, "device", profile_device_name(filesystem->device));
        json_number(object, "files", files);
        return object;
}

struct json_object *json_summary(const struct profile *profile, const struct tally *tally)
{
        struct json_object *object = json_object_new_object(), *boots = json_object_new_array(),
                           *filesystems = json_object_new_array(), *counts = json_object_new_object();

        json_number(object, "version", 1);
        for (size_t i = 0; i < profile->n_boots; i++)
                json_object_array_add(boots, json_boot(profile, i));
        json_object_object_add(object, "boots", boots);
        for (size_t i = 0; i < profile->n_filesystems; i++)
                json_object_array_add(filesystems,
                                      json_filesystem(&profile->filesystems[i], tally->files[i]));
        json_object_object_add(object, "filesystems", filesystems);
        json_number(counts, "files", profile->n_files);
        json_number(counts, "ranges", profile->n_ranges);
        json_number(counts, "bytes", tally->pages * PROFILE_PAGE_SIZE);
        json_number(counts, "metadata_bytes", tally->metadata_pages * PROFILE_PAGE_SIZE);
        json_number(counts, "walks", profile->n_walks);
        json_number(counts, "processes", profile->n_processes);
        json_number(counts, "began", tally->began);
        json_number(counts, "executed", tally->executed);
        json_number(counts, "ended", tally->ended);
        json_number(counts, "failed", tally->failed);
        json_number(counts, "accesses", profile->n_accesses);
        json_number(counts, "losses", tally->losses);
        json_object_object_add(object, "counts", counts);
        return object;
}

struct json_object *json_files(const struct profile *profile, const struct tally *tally)
{
        _cleanup_free_ uint32_t *order = files_by_use(profile, tally);
        struct json_object *files = json_object_new_array();

        for (size_t i = 0; order && i < profile->n_files; i++) {
                const struct profile_file *file = &profile->files[order[i]];
                struct json_object *object = json_object_new_object();

                json_text(object, "path", file->path);
                json_number(object, "size", file->size);
                json_object_object_add(object, "mtime_ns", json_object_new_int64(file->mtime_ns));
                json_number(object, "inode", file->inode);
                json_text(object, "mount", profile->filesystems[file->filesystem].mount);
                json_number(object, "bytes", tally->file_pages[order[i]] * PROFILE_PAGE_SIZE);
                if (tally->file_pages[order[i]] > 0)
                        json_number(object, "first_use_us", tally->first_use[order[i]]);
                json_object_array_add(files, object);
        }
        return files;
}

/* json_life - what is not known is not there */
static void json_life(struct json_object *object, const struct profile_process *process)
{
        const struct {
                const char *name;
                uint64_t time_us;
        } times[] = {
                {"fork_us", process->fork_us}, {"exec_us", process->exec_us}, {"exit_us", process->exit_us}};

        for (size_t i = 0; i < sizeof times / sizeof *times; i++)
                if (times[i].time_us > 0)
                        json_number(object, times[i].name, times[i].time_us);
        if (process->flags & PROFILE_PROCESS_EXITED)
                json_number(object, "exit_status", process->exit_status);
        if (process->flags & PROFILE_PROCESS_TICKS_COMPUTED)
                json_object_object_add(object, "start_ticks_computed", json_object_new_boolean(true));
        if (*process->arguments)
                json_text(object, "arguments", process->arguments);
        if (process->flags & PROFILE_PROCESS_ARGUMENTS_CUT)
                json_object_object_add(object, "arguments_cut", json_object_new_boolean(true));
}

struct json_object *json_processes(const struct profile *profile, const struct tally *tally)
{
        struct json_object *processes = json_object_new_array();

        for (size_t i = 0; i < profile->n_processes; i++) {
                const struct profile_process *process = &profile->processes[i];
                struct json_object *object = json_object_new_object();

                json_number(object, "boot", process->boot);
                json_number(object, "pid", process->pid);
                json_number(object, "start_ticks", process->start_ticks);
                if (process->parent != PROFILE_NONE)
                        json_number(object, "parent", process->parent);
                json_text(object, "executable", process->executable);
                json_text(object, "unit", process->unit);
                json_life(object, process);
                json_number(object, "accesses", tally->accesses[i]);
                json_object_array_add(processes, object);
        }
        return processes;
}

struct json_object *json_accesses(const struct profile *profile)
{
        static const char *const flags[] = {"open", "exec", "write", "create"};
        struct json_object *accesses = json_object_new_array();

        for (size_t i = 0; i < profile->n_accesses; i++) {
                const struct profile_access *access = &profile->accesses[i];
                struct json_object *object = json_object_new_object(), *how = json_object_new_array();

                json_number(object, "time_us", access->time_us);
                json_number(object, "process", access->process);
                json_text(object, "path", profile->files[access->file].path);
                for (size_t flag = 0; flag < sizeof flags / sizeof *flags; flag++)
                        if (access->flags & 1u << flag)
                                json_object_array_add(how, json_object_new_string(flags[flag]));
                json_object_object_add(object, "flags", how);
                json_object_array_add(accesses, object);
        }
        return accesses;
}
