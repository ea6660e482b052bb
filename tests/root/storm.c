/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A storm of one kind of calls from several processes for some seconds, and the count of what a listener
 * that misses nothing would have seen of it below the folder. Prints:
 *
 *   done N     calls of its kind, by all processes; each makes one open or execution
 *   pairs N    distinct pairs of process and file among them
 *   cpu_us N   processor time
 *   at T N...  the boot clock in microseconds, and the calls done until then; every 10 ms
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
        PROCESSES_MAX = 64,
        SECONDS_MAX = 600,
        SAMPLES_A_SECOND = 100,
        SAMPLE_NS = 1000000000 / SAMPLES_A_SECOND,
        WRITTEN = 4096,
        INODES = 1 << 16, /* places in a process's set; the kernel takes the same few inodes again */
};

struct worker {
        _Alignas(64) atomic_ulong done;
        unsigned long pairs;
};

struct storm {
        const char *folder;
        unsigned int files, number; /* of the process */
        unsigned long calls;        /* each process ends after so many */
        uint64_t *inodes;
        struct worker *worker;
};

/* One turn of a storm. Return: whether it made a pair of process and file that was not there before. */
typedef bool (*turn)(struct storm *storm, unsigned long count);

static void must(long result, const char *what)
{
        if (result >= 0)
                return;
        fprintf(stderr, "storm: %s: %s\n", what, strerror(errno));
        _exit(1);
}

static bool is_new_inode(struct storm *storm, int fd)
{
        struct stat status;
        size_t at;

        must(fstat(fd, &status), "fstat");
        for (at = status.st_ino % INODES; storm->inodes[at]; at = (at + 1) % INODES)
                if (storm->inodes[at] == status.st_ino)
                        return false;
        storm->inodes[at] = status.st_ino;
        return true;
}

/* What unpacking, compiling and databases do: create, write, close, rename, delete. */
static bool turn_files(struct storm *storm, unsigned long count)
{
        static const char page[WRITTEN];
        char name[512], renamed[520];
        bool is_new;
        int fd;

        snprintf(name, sizeof name, "%s/%u-%lu", storm->folder, storm->number, count);
        snprintf(renamed, sizeof renamed, "%s.new", name);
        fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        must(fd, name);
        is_new = is_new_inode(storm, fd);
        must(write(fd, page, sizeof page), name);
        close(fd);
        must(rename(name, renamed), name);
        must(unlink(renamed), renamed);
        return is_new;
}

static bool turn_open(struct storm *storm, unsigned long count)
{
        char name[512];
        int fd;

        snprintf(name, sizeof name, "%s/%lu", storm->folder, count % storm->files);
        fd = open(name, O_RDONLY | O_CLOEXEC);
        must(fd, name);
        close(fd);
        return count < storm->files;
}

static bool turn_fork(struct storm *storm, unsigned long count)
{
        char program[512];
        int status;
        pid_t child;

        (void)count;
        snprintf(program, sizeof program, "%s/program", storm->folder);
        child = fork();
        must(child, "fork");
        if (child == 0) {
                execl(program, program, NULL);
                _exit(127);
        }
        must(waitpid(child, &status, 0), "waitpid");
        must(status == 0 ? 0 : -1, program);
        return true;
}

static const struct {
        const char *name;
        turn turn;
} kinds[] = {
        {"files", turn_files},
        {"open", turn_open},
        {"fork", turn_fork},
};

static void work(turn turn, struct storm *storm, const atomic_bool *stop)
{
        storm->inodes = calloc(INODES, sizeof *storm->inodes);
        must(storm->inodes ? 0 : -1, "memory");
        for (unsigned long count = 0; count < storm->calls; count++) {
                if (atomic_load_explicit(stop, memory_order_relaxed))
                        break;
                storm->worker->pairs += turn(storm, count);
                atomic_store_explicit(&storm->worker->done, count + 1, memory_order_relaxed);
        }
        _exit(0);
}

static unsigned long done_by_all(const struct worker *workers, unsigned int processes)
{
        unsigned long sum = 0;

        for (unsigned int i = 0; i < processes; i++)
                sum += atomic_load_explicit(&workers[i].done, memory_order_relaxed);
        return sum;
}

struct sample {
        unsigned long long time_us;
        unsigned long done;
};

static unsigned long long boot_clock_us(void)
{
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000;
}

/* Return: how many samples were taken before it was over. */
static unsigned int watch(const struct worker *workers, unsigned int processes, unsigned long calls,
                          unsigned int n, struct sample *samples)
{
        struct timespec next;
        unsigned int i;

        clock_gettime(CLOCK_MONOTONIC, &next);
        for (i = 0; i < n && done_by_all(workers, processes) / processes < calls; i++) {
                next.tv_nsec += SAMPLE_NS;
                next.tv_sec += next.tv_nsec / 1000000000;
                next.tv_nsec %= 1000000000;
                while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL) == EINTR)
                        continue;
                samples[i] = (struct sample){boot_clock_us(), done_by_all(workers, processes)};
        }
        return i;
}

static void report(const struct worker *workers, unsigned int processes, const struct sample *samples,
                   unsigned int n)
{
        unsigned long pairs = 0;
        struct rusage used;

        for (unsigned int i = 0; i < processes; i++)
                pairs += workers[i].pairs;
        getrusage(RUSAGE_CHILDREN, &used);
        printf("done %lu\npairs %lu\n", done_by_all(workers, processes), pairs);
        printf("cpu_us %lld\n", (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000LL +
                                        used.ru_utime.tv_usec + used.ru_stime.tv_usec);
        for (unsigned int i = 0; i < n; i++)
                printf("at %llu %lu\n", samples[i].time_us, samples[i].done);
}

static unsigned int parse(const char *text, unsigned int maximum)
{
        char *end;
        unsigned long value = strtoul(text, &end, 10);

        if (*end || end == text || value < 1 || value > maximum) {
                fprintf(stderr, "storm: '%s' is not a number from 1 to %u\n", text, maximum);
                exit(2);
        }
        return (unsigned int)value;
}

static void run(turn turn, struct storm *storm, unsigned int processes, unsigned int seconds)
{
        struct {
                atomic_bool stop;
                struct worker workers[PROCESSES_MAX];
        } *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        static struct sample samples[SECONDS_MAX * SAMPLES_A_SECOND];
        unsigned int n;
        int status;

        must(shared == MAP_FAILED ? -1 : 0, "memory");
        for (storm->number = 0; storm->number < processes; storm->number++) {
                pid_t child = fork();

                storm->worker = &shared->workers[storm->number];
                must(child, "fork");
                if (child == 0)
                        work(turn, storm, &shared->stop);
        }
        n = watch(shared->workers, processes, storm->calls, seconds * SAMPLES_A_SECOND, samples);
        atomic_store(&shared->stop, true);
        for (unsigned int i = 0; i < processes; i++) {
                must(wait(&status), "wait");
                must(status == 0 ? 0 : -1, "a process of the storm failed");
        }
        report(shared->workers, processes, samples, n);
}

int main(int argc, char **argv)
{
        struct storm storm = {0};

        if (argc != 6 && argc != 7) {
                fprintf(stderr, "storm files|open|fork FOLDER SECONDS PROCESSES FILES [CALLS]\n");
                return 2;
        }
        storm.folder = argv[2];
        storm.files = parse(argv[5], 1000000);
        storm.calls = argc == 7 ? parse(argv[6], UINT_MAX) : ULONG_MAX;
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
                if (strcmp(argv[1], kinds[i].name) != 0)
                        continue;
                run(kinds[i].turn, &storm, parse(argv[4], PROCESSES_MAX), parse(argv[3], SECONDS_MAX));
                return 0;
        }
        fprintf(stderr, "storm: '%s' is no kind of storm\n", argv[1]);
        return 2;
}
