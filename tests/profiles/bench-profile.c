/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench-profile [--json] [--files=N] [--accesses=N] [--runs=N] FILE - what a profile costs
 *
 * Takes any profile, binary or text, scales it where asked, and measures writing it, its size for replay
 * and for the rest, and opening and verifying what replay needs. Medians; not a test, since it judges
 * nothing.
 */
#include "cleanup.h"
#include "format.h"
#include "scale.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

DEFINE_CLEANUP(struct profile *, profile_free)

enum { RUNS_MAX = 1000 };

struct options {
        bool json;
        size_t files, accesses, runs;
        const char *path;
};

struct figures {
        size_t files, ranges, metadata, processes, accesses;
        uint64_t bytes, replay_bytes;
        double write_mib; /* memory that writing needs beside the profile's own */
        double write_ms, open_replay_ms, open_all_ms;
};

static double now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1000000;
}

static int compare_doubles(const void *a, const void *b)
{
        double one = *(const double *)a, other = *(const double *)b;

        return (one > other) - (one < other);
}

static double median(double *values, size_t n)
{
        qsort(values, n, sizeof(*values), compare_doubles);
        return values[n / 2];
}

/* load_any - a profile, or the text of one */
static int load_any(const char *path, struct profile **ret, const char **ret_why)
{
        _cleanup_fclose_ FILE *file = fopen(path, "re");
        size_t line;
        int r;

        if (!file)
                return -errno;
        r = profile_read(fileno(file), PROFILE_PART_ALL, ret, ret_why);
        return r == PROFILE_CORRUPT ? profile_load(file, ret, &line, ret_why) : r;
}

/* memory_mib - what /proc/self/status says of this process's memory in RAM */
static double memory_mib(const char *field)
{
        _cleanup_fclose_ FILE *file = fopen("/proc/self/status", "re");
        unsigned long kib = 0;
        char line[128];

        while (file && kib == 0 && fgets(line, sizeof(line), file))
                if (strncmp(line, field, strlen(field)) == 0)
                        (void)sscanf(line + strlen(field), ":%lu", &kib);
        return (double)kib / 1024;
}

/* forget_peak - the peak begins anew (proc(5), clear_refs) */
static void forget_peak(void)
{
        _cleanup_fclose_ FILE *file = fopen("/proc/self/clear_refs", "we");

        if (file)
                fputs("5", file);
}

static int measure_write(const struct profile *profile, const char *path, size_t runs, double *ret)
{
        double times[RUNS_MAX];

        for (size_t i = 0; i < runs; i++) {
                double start = now_ms();
                int r;

                r = profile_write(AT_FDCWD, path, profile, NULL);
                if (r != 0)
                        return r < 0 ? r : -EINVAL;
                times[i] = now_ms() - start;
        }
        *ret = median(times, runs);
        return 0;
}

static int measure_read(const char *path, enum profile_part part, size_t runs, double *ret)
{
        double times[RUNS_MAX];

        for (size_t i = 0; i < runs; i++) {
                CLEANUP(profile_free) struct profile *profile = NULL;
                _cleanup_close_ int fd = -1;
                double start = now_ms();
                int r;

                r = profile_open(AT_FDCWD, path, &fd, NULL);
                if (r == 0)
                        r = profile_read(fd, part, &profile, NULL);
                if (r != 0)
                        return r < 0 ? r : -EINVAL;
                times[i] = now_ms() - start;
        }
        *ret = median(times, runs);
        return 0;
}

/* measure_sizes - the whole file, and how much of it replay reads */
static int measure_sizes(const char *path, struct figures *figures)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        uint8_t bytes[HEADER_MAX];
        struct header header;
        struct stat status;
        const char *why;
        ssize_t n;

        if (fd < 0 || fstat(fd, &status) < 0 || (n = pread(fd, bytes, sizeof(bytes), 0)) < 0)
                return -errno;
        if (header_decode(bytes, (size_t)n, (uint64_t)status.st_size, &header, &why) != 0)
                return -EINVAL;
        figures->bytes = (uint64_t)status.st_size;
        figures->replay_bytes = header.size;
        for (size_t i = 0; i < header.n_sections; i++)
                if (header.sections[i].type < SECTION_REPLAY_END)
                        figures->replay_bytes += header.sections[i].packed;
        return 0;
}

static int measure(const struct profile *profile, const char *path, size_t runs, struct figures *ret)
{
        int r;

        *ret = (struct figures){.files = profile->n_files,
                                .ranges = profile->n_ranges,
                                .metadata = profile->n_metadata,
                                .processes = profile->n_processes,
                                .accesses = profile->n_accesses};
        forget_peak();
        ret->write_mib = -memory_mib("VmRSS");
        r = measure_write(profile, path, runs, &ret->write_ms);
        ret->write_mib += memory_mib("VmHWM");
        if (r == 0)
                r = measure_sizes(path, ret);
        if (r == 0)
                r = measure_read(path, PROFILE_PART_REPLAY, runs, &ret->open_replay_ms);
        if (r == 0)
                r = measure_read(path, PROFILE_PART_ALL, runs, &ret->open_all_ms);
        return r;
}

static void print(const struct figures *figures, bool json)
{
        double a_file = (double)figures->replay_bytes / (double)figures->files;
        double an_access = (double)(figures->bytes - figures->replay_bytes) / (double)figures->accesses;

        printf(json ? "{\"files\": %zu, \"ranges\": %zu, \"metadata\": %zu, \"processes\": %zu, "
                      "\"accesses\": %zu, "
                    : "%zu files, %zu ranges, %zu metadata ranges, %zu processes, %zu accesses\n",
               figures->files, figures->ranges, figures->metadata, figures->processes, figures->accesses);
        printf(json ? "\"bytes\": %llu, \"replay_bytes\": %llu, "
                    : "size           %llu bytes, %llu for replay\n",
               (unsigned long long)figures->bytes, (unsigned long long)figures->replay_bytes);
        printf(json ? "\"bytes_per_file\": %.2f, \"bytes_per_access\": %.2f, "
                    : "replay's part  %.2f bytes a file\nthe rest       %.2f bytes an access\n",
               a_file, an_access);
        printf(json ? "\"write_mib\": %.1f, " : "written with   %.1f MiB of memory\n", figures->write_mib);
        printf(json ? "\"write_ms\": %.2f, \"open_replay_ms\": %.2f, \"open_all_ms\": %.2f}\n"
                    : "written in     %.2f ms\nreplay's part  opened and verified in %.2f ms\n"
                      "everything     opened and verified in %.2f ms\n",
               figures->write_ms, figures->open_replay_ms, figures->open_all_ms);
}

static int parse(int argc, char **argv, struct options *ret)
{
        static const struct option known[] = {
                {"json", no_argument, NULL, 'j'},
                {"files", required_argument, NULL, 'f'},
                {"accesses", required_argument, NULL, 'a'},
                {"runs", required_argument, NULL, 'r'},
                {},
        };
        int c;

        *ret = (struct options){.runs = 9};
        while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
                if (c == 'j')
                        ret->json = true;
                else if (c == 'f')
                        ret->files = strtoul(optarg, NULL, 10);
                else if (c == 'a')
                        ret->accesses = strtoul(optarg, NULL, 10);
                else if (c == 'r')
                        ret->runs = strtoul(optarg, NULL, 10);
                else
                        return -EINVAL;
        }
        if (optind != argc - 1 || ret->runs < 1 || ret->runs > RUNS_MAX)
                return -EINVAL;
        ret->path = argv[optind];
        return 0;
}

static int run(const struct options *options, const char *path, struct figures *ret, const char **ret_why)
{
        CLEANUP(profile_free) struct profile *recorded = NULL, *scaled = NULL;
        const struct profile *profile;
        int r;

        r = load_any(options->path, &recorded, ret_why);
        if (r != 0)
                return r;
        profile = recorded;
        if (options->files > 0 || options->accesses > 0) {
                r = profile_scale(recorded, options->files > 0 ? options->files : recorded->n_files,
                                  options->accesses > 0 ? options->accesses : recorded->n_accesses, &scaled);
                if (r < 0)
                        return r;
                profile = scaled;
        }
        return measure(profile, path, options->runs, ret);
}

int main(int argc, char **argv)
{
        char folder[] = "bench-profile-XXXXXX", path[sizeof(folder) + sizeof("/profile")];
        struct options options;
        struct figures figures;
        const char *why = NULL;
        int r;

        if (parse(argc, argv, &options) < 0) {
                fprintf(stderr, "usage: %s [--json] [--files=N] [--accesses=N] [--runs=N] FILE\n", argv[0]);
                return 2;
        }
        if (!mkdtemp(folder)) {
                fprintf(stderr, "bench-profile: no folder to write to in the current one: %s\n",
                        strerror(errno));
                return 1;
        }
        snprintf(path, sizeof(path), "%s/profile", folder);
        r = run(&options, path, &figures, &why);
        (void)unlink(path);
        (void)rmdir(folder);
        if (r != 0) {
                fprintf(stderr, "bench-profile: '%s': %s, nothing measured\n", options.path,
                        r > 0 ? why : strerror(-r));
                return 1;
        }
        print(&figures, options.json);
        return 0;
}
