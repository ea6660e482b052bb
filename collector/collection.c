/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "process.h"

/* A file whose name can't be found by then is left to the end. */
enum { NAMES_TRIED = 8 };

void collection_explain(struct collection *collection, const char *more)
{
        size_t length = strlen(collection->choice);

        snprintf(collection->choice + length, sizeof collection->choice - length, "; %s", more);
}

uint64_t collection_now_us(const struct collection *collection)
{
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u - collection->start_us;
}

/* Where no events tell of forks: a pid that executes or turns up under another parent may be another life
 * by now. */
static bool is_another_life(const struct collection *collection, const struct recorded_process *process,
                            const struct access_seen *seen)
{
        struct life life;

        if (collection->contents & PROFILE_CONTENT_LIVES)
                return false;
        if (!(seen->flags & PROFILE_ACCESS_EXEC) &&
            (!seen->parent_pid || seen->parent_pid == process->parent_pid))
                return false;
        if (process->start_ticks && life_read(&collection->view, (pid_t)seen->pid, &life) == 0)
                return process->start_ticks != life.start_ticks;
        return seen->parent_pid && process->parent_pid && seen->parent_pid != process->parent_pid &&
               seen->parent_pid != 1;
}

/* Another program, of which no event has told yet, or none will. */
static void forget_program(struct recording *recording, uint32_t index, uint32_t flags)
{
        struct recorded_process *process = &recording->processes[index];

        if (!(flags & PROFILE_ACCESS_EXEC) || process->executing || process->exec_owed)
                return;
        process->looked = false;
        process->executable = NULL;
        recording_set_arguments(recording, index, NULL);
}

/* Of the whole machine everybody who executes something is looked at, elsewhere whoever has accesses; and the
 * parent, from whom comes what a fork inherits. */
static void look_at_accessing(struct collection *collection, uint32_t index, uint32_t flags)
{
        struct recorded_process *process = &collection->recording->processes[index];
        bool has_events = collection->contents & PROFILE_CONTENT_LIVES,
             executes = flags & PROFILE_ACCESS_EXEC;

        if ((has_events && !*collection->view.prefix) || (process->accessed && !executes))
                return;
        look_at(collection, index);
        if (process->parent != PROFILE_NONE)
                look_at(collection, process->parent);
}

static uint32_t find_process(struct collection *collection, const struct access_seen *seen)
{
        struct recording *recording = collection->recording;
        uint32_t index = recording_find_process(recording, seen->pid);
        struct recorded_process *process;

        if (index == PROFILE_NONE || is_another_life(collection, &recording->processes[index], seen))
                index = recording_add_process(recording, seen->pid, seen->parent_pid, 0);
        if (index == PROFILE_NONE)
                return index;
        forget_program(recording, index, seen->flags);
        look_at_accessing(collection, index, seen->flags);
        process = &recording->processes[index];
        if (seen->flags & PROFILE_ACCESS_EXEC || !process->executable)
                recording_set_text(recording, &process->executable, seen->executable);
        if (seen->arguments && collection->arguments && !process->executing)
                recording_set_arguments(recording, index, seen->arguments);
        return index;
}

static void find_path(struct collection *collection, uint32_t file, const struct access_seen *seen)
{
        struct resolver resolver = {.view = &collection->view, .mounts = &collection->mounts};
        char path[PATH_MAX];

        if (seen->path)
                recording_set_path(collection->recording, file, seen->path);
        else if ((seen->passed && resolve_name(&resolver, seen->passed, &seen->key, path) == 0) ||
                 resolve_inode(&resolver, &seen->key, path) == 0)
                recording_set_path(collection->recording, file, path);
}

void collection_access(struct collection *collection, const struct access_seen *seen)
{
        uint32_t file = recording_find_file(collection->recording, &seen->key);

        if (file == PROFILE_NONE)
                file = recording_add_file(collection->recording, &seen->key);
        if (file == PROFILE_NONE)
                return;
        if (!collection->recording->files[file].path &&
            collection->recording->files[file].n_accesses < NAMES_TRIED)
                find_path(collection, file, seen);
        recording_access(collection->recording, file, find_process(collection, seen), seen->flags,
                         seen->time_us);
}

bool collection_knows(const struct collection *collection, const struct file_key *key)
{
        uint32_t file = recording_find_file(collection->recording, key);

        return file != PROFILE_NONE && collection->recording->files[file].path;
}
