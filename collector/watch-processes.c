/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch-processes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "process.h"

enum {
        SLOTS = 4096, /* by the low bits of the pid; the one before is looked up anew where it still lives */
        FRESH_US = 1000000,
        PID_1 = 1,
        KTHREADD = 2, /* the parent of the kernel's own threads */
};

struct watched_processes {
        const struct view *view;
        struct process_events *events; /* NULL: none to be had */
        struct watched_process slots[SLOTS];
};

static uint64_t now_us(void)
{
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static void forget(struct watched_process *process)
{
        free(process->executable);
        free(process->unit);
        *process = (struct watched_process){0};
}

static void set_text(char **text, const char *value)
{
        if (*text && value && !strcmp(*text, value))
                return;
        free(*text);
        *text = value ? strdup(value) : NULL;
}

struct status {
        uint32_t user;
        bool kernel; /* one of the kernel's own threads */
};

/* Return: whether the process is there; what is only not yet waited for has left its unit already. */
static bool read_status(const struct view *view, uint32_t pid, struct status *ret)
{
        char path[32], text[4096], state = 'X';
        const char *state_line, *parent_line, *user_line;
        uint32_t parent;

        snprintf(path, sizeof path, "%u/status", pid);
        if (view_read(view->proc, path, text, sizeof text) < 0)
                return false;
        state_line = strstr(text, "\nState:");
        parent_line = strstr(text, "\nPPid:");
        user_line = strstr(text, "\nUid:");
        if (!state_line || sscanf(state_line, "\nState: %c", &state) != 1 || state == 'Z' || state == 'X')
                return false;
        if (!parent_line || sscanf(parent_line, "\nPPid: %u", &parent) != 1)
                return false;
        ret->kernel = pid == KTHREADD || parent == KTHREADD;
        return user_line && sscanf(user_line, "\nUid: %u", &ret->user) == 1;
}

/* look - what /proc says now; where the process is gone, or going, everything stays as it was
 * Return: whether the process was there. */
static bool look(const struct watched_processes *processes, struct watched_process *process)
{
        char unit[UNIT_NAME_SIZE], executable[PATH_MAX] = "";
        int r = process_unit(processes->view, (pid_t)process->pid, unit), executed;
        struct status status;

        executed = process_executable(processes->view, (pid_t)process->pid, executable);
        if (r < 0 || !read_status(processes->view, process->pid, &status) || (executed < 0 && !status.kernel))
                return false;
        process->user = status.user;
        process->user_known = true;
        process->looked_us = now_us();
        process->by_fork = false;
        set_text(&process->unit, unit);
        set_text(&process->executable, executable);
        return true;
}

static struct watched_process *slot_of(struct watched_processes *processes, uint32_t pid)
{
        return &processes->slots[pid % SLOTS];
}

static struct watched_process *find(struct watched_processes *processes, uint32_t pid)
{
        struct watched_process *process = slot_of(processes, pid);

        if (process->pid != pid) {
                forget(process);
                process->pid = pid;
                look(processes, process);
        }
        return process;
}

/* What PID 1 starts moves to a unit of its own before it executes. */
void watched_processes_forked(struct watched_processes *processes, uint32_t parent_pid, uint32_t pid)
{
        const struct watched_process *parent = find(processes, parent_pid);
        struct watched_process *child = slot_of(processes, pid), made;

        made = (struct watched_process){
                .pid = pid,
                .user = parent->user,
                .user_known = parent->user_known,
                .by_fork = true,
                .executable = parent->executable ? strdup(parent->executable) : NULL,
                .unit = parent->unit && parent_pid != PID_1 ? strdup(parent->unit) : NULL,
                .looked_us = parent->looked_us,
        };
        forget(child);
        *child = made;
}

/* Those that are there already: of the end of one nobody could tell otherwise whose it was. */
static void find_all(struct watched_processes *processes)
{
        int fd = openat(processes->view->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *folder = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *entry;

        if (fd >= 0 && !folder)
                close(fd);
        while (folder && (entry = readdir(folder))) {
                unsigned long pid = strtoul(entry->d_name, NULL, 10);

                if (pid > 0 && pid <= UINT32_MAX)
                        find(processes, (uint32_t)pid);
        }
}

int watched_processes_open(const struct view *view, struct watched_processes **ret)
{
        struct watched_processes *processes = calloc(1, sizeof *processes);

        if (!processes)
                return -ENOMEM;
        processes->view = view;
        if (process_events_open(&processes->events) < 0)
                processes->events = NULL;
        else
                find_all(processes);
        *ret = processes;
        return 0;
}

void watched_processes_close(struct watched_processes *processes)
{
        if (!processes)
                return;
        for (size_t i = 0; i < SLOTS; i++)
                forget(&processes->slots[i]);
        process_events_close(processes->events);
        free(processes);
}

int watched_processes_fd(const struct watched_processes *processes)
{
        return processes->events ? process_events_fd(processes->events) : -1;
}

int watched_processes_read(struct watched_processes *processes, struct process_event *ret, int size)
{
        int n = processes->events ? process_events_read(processes->events, ret, (size_t)size) : 0;

        return n > 0 ? n : 0;
}

uint64_t watched_processes_lost(const struct watched_processes *processes)
{
        return processes->events ? process_events_lost(processes->events) : 0;
}

const struct watched_process *watched_processes_find(struct watched_processes *processes, uint32_t pid)
{
        struct watched_process *process = slot_of(processes, pid);

        if (!processes->events)
                forget(process); /* nobody tells when the pid becomes another process */
        process = find(processes, pid);
        if (now_us() - process->looked_us > FRESH_US || (process->by_fork && !process->unit))
                look(processes, process);
        return process;
}

void watched_processes_executed(struct watched_processes *processes, uint32_t pid,
                                const struct execution *execution)
{
        struct watched_process *process = find(processes, pid);
        const char *path = execution->path;

        if (look(processes, process))
                return;
        set_text(&process->executable, path && *path == '/' ? path : NULL);
        process->user = execution->user;
        process->user_known = execution->user_known;
        if (execution->unit)
                set_text(&process->unit, execution->unit);
}
