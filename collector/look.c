/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "look.h"

#include <errno.h>

#include "arguments.h"
#include "collection.h"
#include "lives.h"
#include "process.h"

enum {
        LOOKS_PER_SECOND = 1000, /* 2 % of one processor */
        LOOKS_AT_ONCE = 256,
};

/* Return: 0 when the recorded life is alive, or negative errno. */
static int look_at_life(const struct collection *collection, struct recorded_process *process)
{
        struct life life;
        int r = life_read(&collection->view, (pid_t)process->pid, &life);

        if (r < 0 && r != -ESRCH)
                return r;
        if (process->ticks_computed ? !lives_same_start(life.start_ticks, process->start_ticks)
                                    : process->start_ticks && life.start_ticks != process->start_ticks)
                return -ESRCH; /* another one has the pid by now */
        process->start_ticks = life.start_ticks;
        process->ticks_computed = false;
        if (!process->parent_pid)
                process->parent_pid = (uint32_t)life.parent;
        process->hidden |= life.kernel;
        return r;
}

static void look(struct collection *collection, uint32_t index)
{
        struct recorded_process *process = &collection->recording->processes[index];
        char unit[UNIT_NAME_SIZE], executable[PATH_MAX];
        pid_t pid = (pid_t)process->pid;

        process->looked = true;
        if (look_at_life(collection, process) < 0 || process->hidden)
                return;
        if (collection->arguments)
                arguments_ask(collection->arguments, index, pid, process->exec_us);
        if (process_executable(&collection->view, pid, executable) == 0)
                recording_set_text(collection->recording, &process->executable, executable);
        if (process_unit(&collection->view, pid, unit) == 0 && *unit)
                recording_set_text(collection->recording, &process->unit, unit);
}

/* Of an execution that is past by now the answer is not wanted any more. */
static void take_answers(struct collection *collection, bool wait)
{
        struct arguments_answer answer;

        while (collection->arguments && arguments_take(collection->arguments, wait, &answer)) {
                const struct recorded_process *process = &collection->recording->processes[answer.process];

                if (process->looked && process->exec_us == answer.exec_us)
                        recording_set_arguments(collection->recording, answer.process, answer.text);
        }
}

static bool may_look(struct collection *collection)
{
        struct look_budget *budget = &collection->looks;
        uint64_t now_us = collection_now_us(collection);
        uint64_t earned =
                budget->filled_us ? (now_us - budget->filled_us) * LOOKS_PER_SECOND / 1000000 : LOOKS_AT_ONCE;

        if (earned) {
                budget->left = earned + budget->left > LOOKS_AT_ONCE ? LOOKS_AT_ONCE
                                                                     : (uint32_t)earned + budget->left;
                budget->filled_us = now_us ? now_us : 1;
        }
        if (!budget->left)
                return false;
        budget->left--;
        return true;
}

void look_at(struct collection *collection, uint32_t process)
{
        const struct recorded_process *recorded = &collection->recording->processes[process];

        take_answers(collection, false);
        if (!recorded->looked && !recorded->exited && may_look(collection))
                look(collection, process);
}

/* Of a container's host only those that have accesses, and their children. */
static bool matters(const struct collection *collection, const struct recorded_process *process)
{
        const struct recorded_process *processes = collection->recording->processes;

        if (process->hidden || process->exited)
                return false;
        return !*collection->view.prefix || process->accessed ||
               (process->parent != PROFILE_NONE && processes[process->parent].accessed);
}

void look_at_all(struct collection *collection)
{
        const struct recording *recording = collection->recording;
        uint32_t n = 0;

        for (uint32_t i = 0; i < recording->n_processes; i++) {
                const struct recorded_process *process = &recording->processes[i];

                if (!matters(collection, process) || (process->looked && process->unit))
                        continue;
                look(collection, i);
                if (++n % LOOKS_AT_ONCE == 0)
                        take_answers(collection, true);
        }
        take_answers(collection, true);
}
