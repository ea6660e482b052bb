/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recording.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* A boot of a large server opens some 20,000 times a few thousand files: room for ten of them. */
const struct recording_limits recording_default_limits = {
        .files = 65536,
        .processes = 65536,
        .accesses = 1u << 18,
};

/* Open addressing; the keys stand in the recording, a slot holds index + 1. */
struct table {
        uint32_t *slots;
        uint32_t mask, used;
};

static struct table *table_new(void)
{
        struct table *table = calloc(1, sizeof *table);

        if (!table)
                return NULL;
        table->mask = 1023;
        table->slots = calloc(table->mask + 1, sizeof *table->slots);
        if (!table->slots) {
                free(table);
                return NULL;
        }
        return table;
}

static void table_free(struct table *table)
{
        if (table)
                free(table->slots);
        free(table);
}

static uint32_t mix(uint64_t value)
{
        return (uint32_t)((value * 0x9e3779b97f4a7c15u) >> 32);
}

static uint32_t file_hash(const struct file_key *key)
{
        return mix(key->inode ^ (uint64_t)key->device << 40);
}

typedef uint32_t (*hash_of)(const struct recording *recording, uint32_t index);

static uint32_t hash_of_file(const struct recording *recording, uint32_t index)
{
        return file_hash(&recording->files[index].key);
}

static uint32_t hash_of_process(const struct recording *recording, uint32_t index)
{
        return mix(recording->processes[index].pid);
}

static void place(struct table *table, uint32_t hash, uint32_t index)
{
        uint32_t at = hash & table->mask;

        while (table->slots[at])
                at = (at + 1) & table->mask;
        table->slots[at] = index + 1;
}

static bool table_grow(struct table *table, const struct recording *recording, hash_of hash)
{
        struct table larger = {.mask = table->mask * 2 + 1, .used = table->used};

        larger.slots = calloc((size_t)larger.mask + 1, sizeof *larger.slots);
        if (!larger.slots)
                return false;
        for (uint32_t at = 0; at <= table->mask; at++)
                if (table->slots[at])
                        place(&larger, hash(recording, table->slots[at] - 1), table->slots[at] - 1);
        free(table->slots);
        *table = larger;
        return true;
}

static bool table_add(struct table *table, const struct recording *recording, hash_of hash, uint32_t index)
{
        if (table->used * 2 > table->mask && !table_grow(table, recording, hash))
                return false;
        place(table, hash(recording, index), index);
        table->used++;
        return true;
}

struct recording *recording_new(const struct recording_limits *limits)
{
        struct recording *recording = calloc(1, sizeof *recording);

        if (!recording)
                return NULL;
        recording->limits = *limits;
        recording->texts = profile_new();
        recording->files_by_key = table_new();
        recording->processes_by_pid = table_new();
        if (!recording->texts || !recording->files_by_key || !recording->processes_by_pid) {
                recording_free(recording);
                return NULL;
        }
        return recording;
}

void recording_free(struct recording *recording)
{
        if (!recording)
                return;
        profile_free(recording->texts);
        free(recording->files);
        free(recording->processes);
        free(recording->accesses);
        table_free(recording->files_by_key);
        table_free(recording->processes_by_pid);
        free(recording);
}

/* Arrays double; their length is known from the count alone. */
static bool make_room(void *array, uint32_t count, size_t size)
{
        void **place_of = array, *grown;

        if (count & (count - 1) || (count && count < 64))
                return true;
        grown = reallocarray(*place_of, count ? (size_t)count * 2 : 64, size);
        if (grown)
                *place_of = grown;
        return grown;
}

uint32_t recording_find_file(const struct recording *recording, const struct file_key *key)
{
        const struct table *table = recording->files_by_key;

        for (uint32_t at = file_hash(key) & table->mask; table->slots[at]; at = (at + 1) & table->mask) {
                const struct recorded_file *file = &recording->files[table->slots[at] - 1];

                if (file->key.inode == key->inode && file->key.device == key->device)
                        return table->slots[at] - 1;
        }
        return PROFILE_NONE;
}

/* Lives of one pid share a chain; the latest of them has the highest index. */
uint32_t recording_find_process(const struct recording *recording, uint32_t pid)
{
        const struct table *table = recording->processes_by_pid;
        uint32_t found = PROFILE_NONE;

        for (uint32_t at = mix(pid) & table->mask; table->slots[at]; at = (at + 1) & table->mask) {
                uint32_t index = table->slots[at] - 1;

                if (recording->processes[index].pid == pid && (found == PROFILE_NONE || index > found))
                        found = index;
        }
        return found;
}

uint32_t recording_add_file(struct recording *recording, const struct file_key *key)
{
        uint32_t index = recording->n_files;

        if (index >= recording->limits.files ||
            !make_room(&recording->files, index, sizeof *recording->files))
                goto lost;
        recording->files[index] = (struct recorded_file){.key = *key, .first_us = recording->last_us};
        if (!table_add(recording->files_by_key, recording, hash_of_file, index))
                goto lost;
        recording->n_files++;
        return index;
lost:
        recording->losses[PROFILE_LOSS_FILES]++;
        return PROFILE_NONE;
}

uint32_t recording_add_process(struct recording *recording, uint32_t pid, uint32_t parent_pid,
                               uint64_t start_ticks)
{
        uint32_t index = recording->n_processes;

        if (index >= recording->limits.processes ||
            !make_room(&recording->processes, index, sizeof *recording->processes))
                return PROFILE_NONE;
        recording->processes[index] = (struct recorded_process){.pid = pid,
                                                                .parent_pid = parent_pid,
                                                                .parent = PROFILE_NONE,
                                                                .exec_file = PROFILE_NONE,
                                                                .start_ticks = start_ticks};
        if (!table_add(recording->processes_by_pid, recording, hash_of_process, index))
                return PROFILE_NONE;
        recording->n_processes++;
        return index;
}

void recording_set_path(struct recording *recording, uint32_t file, const char *path)
{
        const char *copy = path ? profile_string_within(recording->texts, path, MEMORY_TEXTS) : NULL;

        if (copy)
                recording->files[file].path = copy;
}

void recording_set_text(struct recording *recording, const char **text, const char *value)
{
        const char *copy = value ? profile_string_within(recording->texts, value, MEMORY_TEXTS) : NULL;

        if (copy)
                *text = copy;
        else if (value)
                recording->losses[PROFILE_LOSS_PROCESSES]++;
}

void recording_set_arguments(struct recording *recording, uint32_t process, const char *arguments)
{
        struct recorded_process *recorded = &recording->processes[process];
        char cut[PROFILE_ARGUMENTS_MAX + 1];
        size_t length = arguments ? strnlen(arguments, PROFILE_ARGUMENTS_MAX) : 0;

        recorded->arguments = NULL;
        recorded->arguments_cut = false;
        if (!arguments)
                return;
        memcpy(cut, arguments, length);
        cut[length] = '\0';
        recorded->arguments = profile_string_within(recording->texts, cut, MEMORY_ARGUMENTS);
        recorded->arguments_cut = !recorded->arguments || arguments[length];
}

/* What an execution opens first is what was asked for; interpreters and loaders follow it. */
static void note_exec(struct recorded_process *process, uint32_t file, uint32_t flags)
{
        bool executes = flags & PROFILE_ACCESS_EXEC;

        if (executes && !process->executing) {
                process->exec_file = file;
                process->exec_ahead = !process->exec_owed;
                process->exec_owed = false;
        }
        process->executing = executes;
        process->accessed = true;
}

void recording_access(struct recording *recording, uint32_t file, uint32_t process, uint32_t flags,
                      uint64_t time_us)
{
        uint32_t index = recording->n_accesses;

        if (time_us > recording->last_us)
                recording->last_us = time_us;
        if (recording->files[file].n_accesses++ == 0)
                recording->files[file].first_us = recording->last_us;
        if (process != PROFILE_NONE)
                note_exec(&recording->processes[process], file, flags);
        if (process == PROFILE_NONE || index >= recording->limits.accesses ||
            !make_room(&recording->accesses, index, sizeof *recording->accesses)) {
                recording->losses[PROFILE_LOSS_ACCESSES]++;
                return;
        }
        recording->accesses[index] = (struct profile_access){
                .file = file, .process = process, .flags = flags, .time_us = recording->last_us};
        recording->n_accesses++;
}

void recording_interval(struct recording *recording, enum profile_interval_kind kind, uint64_t start_us,
                        uint64_t end_us)
{
        /* the last places are for kinds of which there is none yet */
        bool full = recording->n_intervals >= RECORDING_INTERVALS - PROFILE_INTERVAL_COUNT;
        struct profile_interval *last = NULL;

        if (end_us < start_us)
                end_us = start_us; /* an event's time may be a little older than ours */
        for (uint32_t i = 0; i < recording->n_intervals; i++)
                if (recording->intervals[i].kind == kind)
                        last = &recording->intervals[i];
        if (last && (start_us <= last->end_us || full)) {
                last->start_us = start_us < last->start_us ? start_us : last->start_us;
                last->end_us = end_us > last->end_us ? end_us : last->end_us;
                return;
        }
        recording->intervals[recording->n_intervals++] =
                (struct profile_interval){.kind = kind, .start_us = start_us, .end_us = end_us};
}
