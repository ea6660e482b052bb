/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lives.h"

#include <string.h>

/* When a thread that is not the first executes a program, the first one ends, and the thread takes its pid
 * over (fs/exec.c, de_thread()). No pid is given anew as soon as that. */
enum { THREAD_EXEC_US = 1000000 };

/* Whoever forks may lose the processor between the new process's start and the event: on a busy emulated one
 * for longer than a tick. */
enum { LATE_TICKS = 50 };

enum { ANCESTRY_UNKNOWN, ANCESTRY_ON_THIS_WAY, ANCESTRY_GOOD };

/* The manager puts what it starts into another unit than its own. */
static const char manager_unit[] = "init.scope";

static uint64_t time_of(uint64_t time_us)
{
        return time_us ? time_us : 1; /* 0 is no time */
}

/* What is over the limit of processes is counted there already. */
static void miss(struct lives *lives, uint64_t time_us)
{
        if (time_us > lives->known_us && !lives->recording->losses[PROFILE_LOSS_PROCESSES])
                lives->missed++;
}

bool lives_same_start(uint64_t seen, uint64_t computed)
{
        return seen <= computed + 1 && computed <= seen + LATE_TICKS;
}

static uint32_t add(struct lives *lives, uint32_t pid, uint32_t parent_pid, uint64_t start_ticks)
{
        uint32_t index = recording_add_process(lives->recording, pid, parent_pid, start_ticks);

        if (index == PROFILE_NONE)
                lives->recording->losses[PROFILE_LOSS_PROCESSES]++;
        return index;
}

uint32_t lives_found(struct lives *lives, uint32_t pid, uint32_t parent_pid, uint64_t start_ticks)
{
        uint32_t index = recording_find_process(lives->recording, pid);

        if (index != PROFILE_NONE && !lives->recording->processes[index].exited &&
            lives_same_start(start_ticks, lives->recording->processes[index].start_ticks))
                return index;
        return add(lives, pid, parent_pid, start_ticks);
}

/* It was found by its accesses, or in /proc, before its fork was told of. */
static bool is_found_already(const struct recorded_process *process, uint64_t start_ticks)
{
        return !process->exited && !process->fork_us &&
               (!process->start_ticks || lives_same_start(process->start_ticks, start_ticks));
}

uint32_t lives_fork(struct lives *lives, uint32_t pid, uint32_t parent_pid, uint64_t start_ticks,
                    uint64_t time_us)
{
        struct recording *recording = lives->recording;
        uint32_t parent = recording_find_process(recording, parent_pid);
        uint32_t index = recording_find_process(recording, pid);
        struct recorded_process *process;

        if (parent == PROFILE_NONE && !lives->all)
                return PROFILE_NONE;
        if (index == PROFILE_NONE || !is_found_already(&recording->processes[index], start_ticks)) {
                if (index != PROFILE_NONE && !recording->processes[index].exited)
                        miss(lives, time_us);
                index = add(lives, pid, parent_pid, 0);
        }
        if (index == PROFILE_NONE)
                return index;
        process = &recording->processes[index];
        process->parent = parent;
        process->parent_pid = parent_pid;
        process->fork_us = time_of(time_us);
        if (parent != PROFILE_NONE) {
                process->hidden = recording->processes[parent].hidden;
                /* later the parent may execute something else */
                if (!process->executable && process->exec_file == PROFILE_NONE)
                        process->executable = recording->processes[parent].executable;
        }
        if (!process->start_ticks) {
                process->start_ticks = start_ticks;
                process->ticks_computed = true;
        }
        return index;
}

uint32_t lives_exec(struct lives *lives, uint32_t pid, uint64_t time_us)
{
        struct recording *recording = lives->recording;
        uint32_t index = recording_find_process(recording, pid);
        struct recorded_process *process = index == PROFILE_NONE ? NULL : &recording->processes[index];

        if (!process && !lives->all)
                return PROFILE_NONE;
        if (!process || (process->exited && time_us > process->exit_us + THREAD_EXEC_US)) {
                miss(lives, time_us);
                index = recording_add_process(recording, pid, 0, 0); /* not new: its fork was lost */
                if (index == PROFILE_NONE)
                        return index;
                process = &recording->processes[index];
        }
        process->exited = false;
        process->exit_us = 0;
        process->exit_status = 0;
        process->exec_us = time_of(time_us);
        process->hidden = false;
        process->looked = false;
        if (!process->exec_ahead) {
                process->executable = NULL;
                recording_set_arguments(recording, index, NULL);
        }
        process->exec_owed = !process->exec_ahead;
        process->exec_ahead = false;
        return index;
}

uint32_t lives_exit(struct lives *lives, uint32_t pid, uint32_t status, bool thread, uint64_t time_us)
{
        uint32_t index = recording_find_process(lives->recording, pid);
        struct recorded_process *process;

        if (index == PROFILE_NONE || (!thread && lives->recording->processes[index].exited)) {
                if (lives->all && !thread)
                        miss(lives, time_us);
                return PROFILE_NONE;
        }
        process = &lives->recording->processes[index];
        time_us = time_of(time_us);
        if (time_us < process->exec_us || (thread && !process->exited))
                return index; /* of a thread that was replaced by an execution, or one of several */
        process->exited = true;
        process->exit_us = time_us > process->exit_us ? time_us : process->exit_us;
        process->exit_status = status;
        return index;
}

/* ---- At the end -------------------------------------------------------------------------- */

/* Those that were found side by side may name a parent that was found later. */
static void find_parents(struct recording *recording)
{
        for (uint32_t i = 0; i < recording->n_processes; i++) {
                struct recorded_process *process = &recording->processes[i];

                process->ancestry = ANCESTRY_UNKNOWN;
                if (!process->fork_us && process->parent == PROFILE_NONE && process->parent_pid)
                        process->parent = recording_find_process(recording, process->parent_pid);
        }
}

/* Not where a fork was told of in its turn: a circle has another place too. */
static void cut_circle(struct recorded_process *processes, uint32_t i)
{
        for (; processes[i].ancestry != ANCESTRY_GOOD; i = processes[i].parent)
                processes[i].ancestry = ANCESTRY_GOOD;
        while (processes[i].fork_us && processes[i].parent < i)
                i = processes[i].parent;
        processes[i].parent = PROFILE_NONE;
}

/* Nobody is his own ancestor. Each is passed once on the way up, and once more. */
static void cut_circles(struct recording *recording)
{
        struct recorded_process *processes = recording->processes;

        for (uint32_t start = 0; start < recording->n_processes; start++) {
                uint32_t i;

                for (i = start; i != PROFILE_NONE && processes[i].ancestry == ANCESTRY_UNKNOWN;
                     i = processes[i].parent)
                        processes[i].ancestry = ANCESTRY_ON_THIS_WAY;
                if (i != PROFILE_NONE && processes[i].ancestry == ANCESTRY_ON_THIS_WAY)
                        cut_circle(processes, i);
                for (i = start; i != PROFILE_NONE && processes[i].ancestry == ANCESTRY_ON_THIS_WAY;
                     i = processes[i].parent)
                        processes[i].ancestry = ANCESTRY_GOOD;
        }
}

static void settle_executable(const struct recording *recording, struct recorded_process *process)
{
        const struct recorded_process *parent =
                process->parent == PROFILE_NONE ? NULL : &recording->processes[process->parent];

        if (process->executable)
                return;
        if (process->exec_file != PROFILE_NONE)
                process->executable = recording->files[process->exec_file].path;
        else if (parent && process->fork_us && !process->exec_us && parent->exec_us <= process->fork_us)
                process->executable = parent->executable;
}

static void settle_unit(const struct recording *recording, struct recorded_process *process)
{
        const char *unit =
                process->parent == PROFILE_NONE ? NULL : recording->processes[process->parent].unit;

        if (!process->unit && unit && strcmp(unit, manager_unit))
                process->unit = unit;
}

void lives_settle(struct recording *recording, bool all)
{
        find_parents(recording);
        cut_circles(recording);
        for (uint32_t i = 0; i < recording->n_processes; i++) {
                struct recorded_process *process = &recording->processes[i];

                settle_executable(recording, process);
                settle_unit(recording, process);
                process->kept = process->accessed ||
                                (!process->hidden && (all || (process->parent != PROFILE_NONE &&
                                                              recording->processes[process->parent].kept)));
        }
}
