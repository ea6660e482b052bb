/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "cleanup.h"
#include "memory.h"
#include "process.h"

enum {
        CPUS_MAX = 4096,
        CPU_LEAST = 16 << 10, /* bytes of a processor's buffer */
        PAGES_AT_ONCE = 4096, /* of a processor, before others get their turn */
        WAKE_AT_PERCENT = 25,
        STATISTICS_SIZE = 1024,
        BUSY_ATTEMPTS = 40,
        BUSY_PAUSE_NS = 5000000,
};

#define NAME_FORMAT "bootahead-%d-%llu"

struct trace {
        int tracefs;   /* its root, mounted nowhere */
        int folder;    /* of the instance */
        char name[48]; /* below instances/, "" until it has been made */
        int epoll;
        struct trace_cpu {
                unsigned int number;
                int fd; /* trace_pipe_raw */
        } * cpus;
        size_t n_cpus;
        uint64_t clock_ahead; /* CLOCK_BOOTTIME is by so much ahead of the trace's clock, ns, modulo 2^64 */
        struct trace_page_layout layout;
        char *page;
};

static int mount_tracefs(void)
{
        _cleanup_close_ int context = (int)syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC);
        int fd;

        if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        fd = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC,
                          MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        return fd < 0 ? -errno : fd;
}

static int write_text(int dirfd, const char *path, const char *text)
{
        _cleanup_close_ int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
        size_t length = strlen(text);
        ssize_t n = fd < 0 ? -1 : write(fd, text, length);

        if (n < 0)
                return -errno;
        return (size_t)n == length ? 0 : -EIO;
}

static int write_number(int dirfd, const char *path, unsigned long long value)
{
        char text[24];

        snprintf(text, sizeof text, "%llu", value);
        return write_text(dirfd, path, text);
}

static int add_cpu(struct trace *trace, unsigned int number)
{
        struct trace_cpu *grown = reallocarray(trace->cpus, trace->n_cpus + 1, sizeof *grown);
        struct epoll_event event = {.events = EPOLLIN};
        char path[64];
        int fd;

        if (!grown)
                return -ENOMEM;
        trace->cpus = grown;
        snprintf(path, sizeof path, "per_cpu/cpu%u/trace_pipe_raw", number);
        fd = openat(trace->folder, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        trace->cpus[trace->n_cpus++] = (struct trace_cpu){.number = number, .fd = fd};
        return epoll_ctl(trace->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int add_cpus(struct trace *trace)
{
        int fd = openat(trace->folder, "per_cpu", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *folder = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *entry;
        unsigned int number;

        if (!folder) {
                close_cleanup(&fd);
                return -errno;
        }
        while ((entry = readdir(folder)) && trace->n_cpus < CPUS_MAX) {
                int r = sscanf(entry->d_name, "cpu%u", &number) == 1 ? add_cpu(trace, number) : 0;

                if (r < 0)
                        return r;
        }
        return trace->n_cpus ? 0 : -ENODEV;
}

static int read_layout(struct trace *trace)
{
        char text[1024];
        int r = view_read(trace->folder, "events/header_page", text, sizeof text);

        if (r >= 0)
                r = trace_page_layout(text, &trace->layout);
        if (r < 0)
                return r;
        trace->page = malloc(trace_page_size(&trace->layout));
        return trace->page ? 0 : -ENOMEM;
}

static uint64_t boottime_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int read_statistics(const struct trace *trace, unsigned int cpu, char *ret, size_t size)
{
        char path[64];

        snprintf(path, sizeof path, "per_cpu/cpu%u/stats", cpu);
        return view_read(trace->folder, path, ret, size);
}

/* To choose a clock for the trace means to wait for all processors, some 25 ms of a boot. Its own default
 * counts nanoseconds too, and its statistics tell the time by it. */
static int compare_clocks(struct trace *trace)
{
        static const char mark[] = "\nnow ts: ";
        unsigned long long seconds, microseconds;
        char text[STATISTICS_SIZE];
        const char *line;
        int r = read_statistics(trace, trace->cpus[0].number, text, sizeof text);

        if (r < 0)
                return r;
        line = strstr(text, mark);
        if (!line || sscanf(line + strlen(mark), "%llu.%llu", &seconds, &microseconds) != 2)
                return -EBADMSG;
        trace->clock_ahead = boottime_ns() - (seconds * 1000000u + microseconds) * 1000u;
        return 0;
}

/* Only ever made smaller: that, too, waits for all processors. */
static int limit_buffers(const struct trace *trace)
{
        size_t share = MEMORY_TRACE / trace->n_cpus;
        char text[64];
        int r = view_read(trace->folder, "buffer_size_kb", text, sizeof text);

        if (share < CPU_LEAST)
                share = CPU_LEAST;
        if (r < 0 || strtoull(text, NULL, 10) <= share >> 10)
                return r < 0 ? r : 0;
        return write_number(trace->folder, "buffer_size_kb", share >> 10);
}

/* What does not fit is dropped and counted, rather than what was there first. The names of processes are of
 * no use to us: for them the kernel would patch its own scheduler, and note them at each switch. */
static int settle(struct trace *trace)
{
        int r = limit_buffers(trace);

        if (r == 0)
                r = write_text(trace->folder, "trace_options", "nooverwrite");
        if (r == 0)
                r = write_text(trace->folder, "trace_options", "norecord-cmd");
        if (r == 0)
                r = write_number(trace->folder, "buffer_percent", WAKE_AT_PERCENT);
        return r == 0 ? compare_clocks(trace) : r;
}

/* An instance of which a file is open can't be removed; others may just be looking at it. */
static int remove_instance(int tracefs, const char *name)
{
        const struct timespec pause = {.tv_nsec = BUSY_PAUSE_NS};
        char path[64];

        snprintf(path, sizeof path, "instances/%.48s", name);
        for (int attempt = 0; unlinkat(tracefs, path, AT_REMOVEDIR) < 0; attempt++) {
                if (errno != EBUSY || attempt == BUSY_ATTEMPTS)
                        return -errno;
                nanosleep(&pause, NULL);
        }
        return 0;
}

/* Whether the name is of our kind, and its collector is no more. */
static bool is_left_behind(const struct view *view, const char *name)
{
        unsigned long long ticks;
        struct life life;
        char exact[64];
        int pid;

        if (sscanf(name, NAME_FORMAT, &pid, &ticks) != 2)
                return false;
        snprintf(exact, sizeof exact, NAME_FORMAT, pid, ticks);
        return !strcmp(exact, name) && (life_read(view, pid, &life) < 0 || life.start_ticks != ticks);
}

/* What collectors that live no more have left. Return: number of them, or negative errno. */
static int remove_left(int tracefs, const struct view *view)
{
        int fd = openat(tracefs, "instances", O_RDONLY | O_DIRECTORY | O_CLOEXEC), removed = 0;
        _cleanup_closedir_ DIR *folder = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *entry;

        if (!folder) {
                close_cleanup(&fd);
                return -errno;
        }
        while ((entry = readdir(folder)))
                if (is_left_behind(view, entry->d_name) && remove_instance(tracefs, entry->d_name) == 0)
                        removed++;
        return removed;
}

static int make(struct trace *trace, const struct view *view)
{
        struct life self;
        char name[sizeof trace->name], path[64];
        int r = life_read(view, getpid(), &self);

        if (r < 0)
                return r;
        trace->tracefs = mount_tracefs();
        if (trace->tracefs < 0)
                return trace->tracefs;
        remove_left(trace->tracefs, view);
        snprintf(name, sizeof name, NAME_FORMAT, (int)getpid(), (unsigned long long)self.start_ticks);
        snprintf(path, sizeof path, "instances/%s", name);
        if (mkdirat(trace->tracefs, path, 0700) < 0)
                return -errno;
        strcpy(trace->name, name);
        trace->folder = openat(trace->tracefs, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        trace->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (trace->folder < 0 || trace->epoll < 0)
                return -errno;
        r = add_cpus(trace);
        if (r == 0)
                r = settle(trace);
        return r == 0 ? read_layout(trace) : r;
}

int trace_new(const struct view *view, struct trace **ret)
{
        struct trace *trace = calloc(1, sizeof *trace);
        int r;

        if (!trace)
                return -ENOMEM;
        trace->tracefs = trace->folder = trace->epoll = -1;
        r = make(trace, view);
        if (r < 0)
                trace_free(trace);
        else
                *ret = trace;
        return r;
}

void trace_free(struct trace *trace)
{
        if (!trace)
                return;
        for (size_t i = 0; i < trace->n_cpus; i++)
                close_cleanup(&trace->cpus[i].fd);
        close_cleanup(&trace->epoll);
        close_cleanup(&trace->folder);
        if (*trace->name)
                remove_instance(trace->tracefs, trace->name);
        close_cleanup(&trace->tracefs);
        free(trace->cpus);
        free(trace->page);
        free(trace);
}

int trace_fd(const struct trace *trace)
{
        return trace->epoll;
}

int trace_format(const struct trace *trace, const char *event, char ret[static TRACE_TEXT_SIZE])
{
        char path[128];
        int r;

        snprintf(path, sizeof path, "events/%s/format", event);
        r = view_read(trace->folder, path, ret, TRACE_TEXT_SIZE);
        return r < 0 ? r : 0;
}

int trace_enable(const struct trace *trace, const char *event, const char *filter)
{
        char path[128];
        int r;

        snprintf(path, sizeof path, "events/%s/filter", event);
        r = write_text(trace->folder, path, filter);
        if (r < 0)
                return r;
        snprintf(path, sizeof path, "events/%s/enable", event);
        return write_text(trace->folder, path, "1");
}

int trace_follow(const struct trace *trace, pid_t pid)
{
        int r = write_text(trace->folder, "trace_options", "event-fork");

        return r < 0 ? r : write_number(trace->folder, "set_event_pid", (unsigned long long)pid);
}

struct passing {
        uint64_t clock_ahead;
        trace_visit visit;
        void *data;
};

static void pass(void *data, uint64_t time, const void *record, size_t length)
{
        const struct passing *passing = data;

        passing->visit(passing->data, time + passing->clock_ahead, record, length);
}

static int read_cpu(struct trace *trace, int fd, struct passing *passing)
{
        for (int pages = 0; pages < PAGES_AT_ONCE; pages++) {
                ssize_t n = read(fd, trace->page, trace_page_size(&trace->layout));
                int r;

                if (n <= 0)
                        return n == 0 || errno == EAGAIN || errno == EINTR ? 0 : -errno;
                r = trace_page_read(&trace->layout, trace->page, (size_t)n, pass, passing);
                if (r < 0)
                        return r;
        }
        return 0;
}

int trace_read(struct trace *trace, trace_visit visit, void *data)
{
        struct passing passing = {.clock_ahead = trace->clock_ahead, .visit = visit, .data = data};

        for (size_t i = 0; i < trace->n_cpus; i++) {
                int r = read_cpu(trace, trace->cpus[i].fd, &passing);

                if (r < 0)
                        return r;
        }
        return 0;
}

static uint64_t lost_of(const char *statistics)
{
        static const char *const kinds[] = {"\noverrun: ", "\ncommit overrun: ", "\ndropped events: "};
        uint64_t lost = 0;

        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
                const char *line = strstr(statistics, kinds[i]);

                if (line)
                        lost += strtoull(line + strlen(kinds[i]), NULL, 10);
        }
        return lost;
}

uint64_t trace_lost(const struct trace *trace)
{
        char text[STATISTICS_SIZE];
        uint64_t lost = 0;

        for (size_t i = 0; i < trace->n_cpus; i++)
                if (read_statistics(trace, trace->cpus[i].number, text, sizeof text) > 0)
                        lost += lost_of(text);
        return lost;
}

int trace_restore(const struct view *view)
{
        _cleanup_close_ int tracefs = mount_tracefs();

        if (tracefs < 0)
                return tracefs == -ENODEV || tracefs == -EPERM ? 0 : tracefs;
        return remove_left(tracefs, view);
}
