/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watcher.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "watch-files.h"
#include "watch-names.h"
#include "watch-output.h"
#include "watch-print.h"
#include "watch-probes.h"
#include "watch-processes.h"
#include "watch-units.h"

enum {
        USERS = 64,   /* whose names are remembered */
        BATCH = 64,   /* process events at a time */
        QUEUE = 8192, /* of them in a round */
        FAREWELL_MS = 500,
        /* Which descriptor is which in watcher_poll(). */
        POLL_PROCESSES = 0,
        POLL_FILES,
        POLL_PROBES,
        POLL_MOUNTS,
        POLL_OUTPUT,
};

/* What is lost where; each is counted by its channel and told when it has grown. */
enum loss { LOSS_QUEUE, LOSS_PROCESSES, LOSS_PROBES, LOSS_OUTPUT, LOSS_UNKNOWN, N_LOSSES };

static const char *const loss_names[N_LOSSES] = {
        [LOSS_QUEUE] = "queue",   [LOSS_PROCESSES] = "processes", [LOSS_PROBES] = "probes",
        [LOSS_OUTPUT] = "output", [LOSS_UNKNOWN] = "unknown",
};

struct watcher {
        const struct view *view;
        const struct watch_options *options;
        struct watched_processes *processes;
        struct watched_files *files; /* NULL: no class needs it */
        struct probes *probes;       /* NULL: not in this kernel */
        struct watched_units *units; /* NULL: not on this machine */
        struct watch_output *output;
        int output_fd, mount_table;
        struct process_event queue[QUEUE]; /* process events that have been read */
        size_t n_queue, next;              /* the first ones have taken effect */
        uint64_t round_us;                 /* what is later is for the next round */
        unsigned int printed;
        uint64_t thrown_away, unknown;
        uint64_t told[N_LOSSES];
        FILE *line; /* writes into the text */
        char *text;
        size_t size;
        struct {
                bool known;
                uint32_t user;
                char name[40];
        } users[USERS];
};

/* ---- Lines ------------------------------------------------------------------------------- */

static uint64_t now_us(void)
{
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static const char *user_name(struct watcher *watcher, uint32_t user)
{
        size_t slot = user % USERS;

        if (!watcher->users[slot].known || watcher->users[slot].user != user) {
                const struct passwd *entry = getpwuid(user);

                watcher->users[slot].known = true;
                watcher->users[slot].user = user;
                if (entry)
                        snprintf(watcher->users[slot].name, sizeof watcher->users[slot].name, "%s",
                                 entry->pw_name);
                else
                        snprintf(watcher->users[slot].name, sizeof watcher->users[slot].name, "%u", user);
        }
        return watcher->users[slot].name;
}

static bool emit(struct watcher *watcher, uint64_t time_us)
{
        off_t length = ftello(watcher->line);

        fflush(watcher->line);
        rewind(watcher->line);
        return length > 0 && watch_output_add(watcher->output, time_us, watcher->text, (size_t)length);
}

static bool is_complete(const struct watcher *watcher)
{
        return watcher->options->events && watcher->printed == watcher->options->events;
}

/* Fills in who it was, and lets out what is wanted. */
static void take_event(struct watcher *watcher, struct watch_event *event)
{
        const struct watched_process *process = watched_processes_find(watcher->processes, event->pid);
        struct watch_line line = {.event = event};

        if (event->pid == (uint32_t)getpid() || is_complete(watcher))
                return;
        event->executable = process->executable;
        if (!event->unit)
                event->unit = process->unit;
        if (!event->user_known) {
                event->user_known = process->user_known;
                event->user = process->user;
        }
        switch (watch_filter_match(&watcher->options->filter, event)) {
        case WATCH_NO:
                return;
        case WATCH_UNKNOWN:
                watcher->unknown++;
                return;
        case WATCH_YES:
                break;
        }
        line.user = event->user_known ? user_name(watcher, event->user) : NULL;
        if (watcher->options->json)
                watch_print_json(watcher->line, &line);
        else
                watch_print_text(watcher->line, &line);
        if (emit(watcher, event->time_us))
                watcher->printed++;
        else
                watcher->thrown_away++;
}

static void tell_losses(struct watcher *watcher)
{
        const uint64_t losses[N_LOSSES] = {
                [LOSS_QUEUE] = watcher->files ? watched_files_overflows(watcher->files) : 0,
                [LOSS_PROCESSES] = watched_processes_lost(watcher->processes),
                [LOSS_PROBES] = watcher->probes ? probes_lost(watcher->probes) : 0,
                [LOSS_OUTPUT] = watcher->thrown_away,
                [LOSS_UNKNOWN] = watcher->unknown,
        };
        uint64_t time_us = now_us();

        for (int loss = 0; loss < N_LOSSES; loss++) {
                if (losses[loss] == watcher->told[loss])
                        continue;
                watch_print_lost(watcher->line, watcher->options->json, time_us, loss_names[loss],
                                 losses[loss] - watcher->told[loss]);
                if (emit(watcher, time_us))
                        watcher->told[loss] = losses[loss];
        }
}

/* ---- Channels ---------------------------------------------------------------------------- */

static void take_file(void *userdata, const struct file_event *seen)
{
        take_event(userdata, &(struct watch_event){
                                     .class = seen->class,
                                     .pid = seen->pid,
                                     .time_us = seen->time_us,
                                     .device = seen->device,
                                     .path = seen->path,
                                     .new_path = seen->new_path,
                             });
}

static void take_process(struct watcher *watcher, const struct process_event *seen)
{
        struct watch_event event = {.pid = seen->pid, .time_us = seen->time_ns / 1000};

        switch (seen->kind) {
        case PROCESS_FORK:
                watched_processes_forked(watcher->processes, seen->parent_pid, seen->pid);
                event.class = WATCH_FORK;
                event.pid = seen->parent_pid;
                event.child = seen->pid;
                break;
        case PROCESS_EXEC:
                if (watcher->probes)
                        return; /* they tell it better */
                watched_processes_executed(watcher->processes, seen->pid, &(struct execution){0});
                event.class = WATCH_EXEC;
                event.path = watched_processes_find(watcher->processes, seen->pid)->executable;
                break;
        case PROCESS_EXIT:
                event.class = WATCH_EXIT;
                event.status = seen->exit_status;
                break;
        case PROCESS_THREAD_EXIT:
                return;
        }
        take_event(watcher, &event);
}

/* Lets take effect what was before, so that each event meets the processes as they were. */
static void take_processes(struct watcher *watcher, uint64_t until_us)
{
        while (watcher->next < watcher->n_queue && watcher->queue[watcher->next].time_ns / 1000 <= until_us)
                take_process(watcher, &watcher->queue[watcher->next++]);
}

static const char *unit_of(struct watcher *watcher, const struct probe_event *seen)
{
        return watcher->units ? watched_units_find(watcher->units, seen->group) : NULL;
}

/* A program called by descriptor has no name but that of what runs now. */
static const char *program_of(struct watcher *watcher, const struct probe_event *seen,
                              char path[static PATH_MAX])
{
        const struct watched_process *process;

        watched_processes_executed(watcher->processes, seen->pid,
                                   &(struct execution){.path = seen->path,
                                                       .user = seen->user,
                                                       .user_known = true,
                                                       .unit = unit_of(watcher, seen)});
        process = watched_processes_find(watcher->processes, seen->pid);
        if (!strncmp(seen->path, "/dev/fd/", 8) && process->executable && *process->executable)
                return process->executable;
        return watch_absolute_name(watcher->view, seen->pid, AT_FDCWD, seen->path, path);
}

static bool take_probe(void *userdata, const struct probe_event *seen)
{
        struct watcher *watcher = userdata;
        char path[PATH_MAX], new_path[PATH_MAX];
        struct watch_event event = {
                .class = seen->class,
                .pid = seen->pid,
                .time_us = seen->time_us,
                .user = seen->user,
                .user_known = true,
                .unit = unit_of(watcher, seen),
                .error = seen->error,
        };

        if (seen->time_us > watcher->round_us)
                return false;
        take_processes(watcher, seen->time_us);
        if (!seen->error)
                event.path = program_of(watcher, seen, path);
        else
                event.path = watch_absolute_name(watcher->view, seen->pid, seen->dirfd, seen->path, path);
        if (seen->new_path)
                event.new_path = watch_absolute_name(watcher->view, seen->pid, seen->new_dirfd,
                                                     seen->new_path, new_path);
        if (watcher->options->filter.n_devices && *event.path == '/')
                event.device = watch_device_of(watcher->view, event.path);
        take_event(watcher, &event);
        return true;
}

/* Reads until there are no more, or no room; then the round ends with the last of them. */
static void read_processes(struct watcher *watcher)
{
        size_t left = watcher->n_queue - watcher->next;
        int n;

        memmove(watcher->queue, watcher->queue + watcher->next, left * sizeof *watcher->queue);
        watcher->next = 0;
        watcher->n_queue = left;
        do {
                n = watched_processes_read(watcher->processes, watcher->queue + watcher->n_queue, BATCH);
                watcher->n_queue += (size_t)n;
                if (watcher->n_queue + BATCH > QUEUE) {
                        watcher->round_us = watcher->queue[watcher->n_queue - 1].time_ns / 1000;
                        return;
                }
        } while (n > 0);
}

bool watcher_has_more(const struct watcher *watcher)
{
        return watcher->next < watcher->n_queue;
}

int watcher_round(struct watcher *watcher, const struct pollfd ready[static WATCHER_DESCRIPTORS])
{
        int r = 0;

        if (ready[POLL_OUTPUT].revents & (POLLERR | POLLNVAL))
                return -EPIPE;
        if (ready[POLL_MOUNTS].revents && watcher->files)
                r = watched_files_mark(watcher->files);
        /* Files are received first and looked at last: then whoever did it has been told of. The other
         * channels have times, by which they are merged as far as all of them have been read. */
        if (r >= 0 && watcher->files)
                r = watched_files_receive(watcher->files);
        watcher->round_us = now_us();
        read_processes(watcher);
        if (watcher->probes)
                probes_read(watcher->probes, take_probe, watcher);
        take_processes(watcher, watcher->round_us);
        if (watcher->files)
                watched_files_take(watcher->files, take_file, watcher);
        tell_losses(watcher);
        watch_output_end_round(watcher->output);
        if (r >= 0)
                r = watch_output_flush(watcher->output);
        return r < 0 ? r : is_complete(watcher);
}

int watcher_finish(struct watcher *watcher)
{
        struct pollfd ready = {.fd = watcher->output_fd, .events = POLLOUT};
        uint64_t end = now_us() + FAREWELL_MS * 1000u;
        int r;

        tell_losses(watcher);
        watch_output_end_round(watcher->output);
        do {
                poll(&ready, 1, FAREWELL_MS / 10);
                r = watch_output_flush(watcher->output);
        } while (r == 0 && !watch_output_is_empty(watcher->output) && now_us() < end);
        return r;
}

void watcher_poll(const struct watcher *watcher, struct pollfd ret[static WATCHER_DESCRIPTORS])
{
        bool waiting = !watch_output_is_empty(watcher->output);

        ret[POLL_PROCESSES] = (struct pollfd){watched_processes_fd(watcher->processes), POLLIN, 0};
        ret[POLL_FILES] = (struct pollfd){watcher->files ? watched_files_fd(watcher->files) : -1, POLLIN, 0};
        ret[POLL_PROBES] = (struct pollfd){watcher->probes ? probes_fd(watcher->probes) : -1, POLLIN, 0};
        ret[POLL_MOUNTS] = (struct pollfd){watcher->mount_table, POLLPRI, 0};
        ret[POLL_OUTPUT] = (struct pollfd){watcher->output_fd, waiting ? POLLOUT : 0, 0};
}

const char *watcher_describe(const struct watcher *watcher, char *ret, size_t size)
{
        char files[64] = "", probes[64] = "";

        if (watcher->files)
                snprintf(files, sizeof files, "%d filesystems", watched_files_count(watcher->files));
        if (watcher->options->filter.failed)
                snprintf(probes, sizeof probes, "failed calls");
        snprintf(ret, size, "watching %s%s%s%s", files, *files && *probes ? ", " : "", probes,
                 *files || *probes ? "" : "processes");
        return ret;
}

/* ---- Life -------------------------------------------------------------------------------- */

DEFINE_CLEANUP(struct watcher *, watcher_close)

static int open_channels(struct watcher *watcher, const char **ret_what)
{
        const struct watch_filter *filter = &watcher->options->filter;
        const struct probe_scope scope = {
                .failed = filter->failed ? filter->classes & WATCH_CAN_FAIL : 0,
                .users = filter->users,
                .n_users = filter->n_users,
        };
        int r = watched_processes_open(watcher->view, &watcher->processes);

        *ret_what = "processes";
        if (r == 0 && filter->classes & WATCH_PROCESSES && filter->succeeded &&
            watched_processes_fd(watcher->processes) < 0)
                r = -EOPNOTSUPP;
        if (r == 0) {
                *ret_what = "failed calls";
                r = probes_open(&scope, &watcher->probes);
                if (watched_units_open(watcher->view, &watcher->units) < 0)
                        watcher->units = NULL;
                if (!scope.failed)
                        r = 0; /* processes that are gone too soon stay unknown, and are counted */
        }
        if (r == 0 && filter->classes & WATCH_FILES && filter->succeeded) {
                *ret_what = "files";
                r = watched_files_open(watcher->view, filter, &watcher->files);
                watcher->mount_table = openat(watcher->view->proc, "self/mountinfo", O_RDONLY | O_CLOEXEC);
        }
        return r;
}

int watcher_open(const struct view *view, const struct watch_options *options, int output,
                 struct watcher **ret, const char **ret_what)
{
        CLEANUP(watcher_close) struct watcher *watcher = calloc(1, sizeof *watcher);
        int r;

        *ret_what = "memory";
        if (!watcher)
                return -ENOMEM;
        watcher->view = view;
        watcher->options = options;
        watcher->output_fd = output;
        watcher->mount_table = -1;
        watcher->line = open_memstream(&watcher->text, &watcher->size);
        watcher->output = watch_output_new(output);
        if (!watcher->line || !watcher->output)
                return -ENOMEM;
        r = open_channels(watcher, ret_what);
        if (r < 0)
                return r;
        *ret = TAKE(watcher);
        return 0;
}

void watcher_close(struct watcher *watcher)
{
        if (!watcher)
                return;
        watched_files_close(watcher->files);
        probes_close(watcher->probes);
        watched_units_close(watcher->units);
        watched_processes_close(watcher->processes);
        watch_output_free(watcher->output);
        close_cleanup(&watcher->mount_table);
        if (watcher->line)
                fclose(watcher->line);
        free(watcher->text);
        free(watcher);
}
