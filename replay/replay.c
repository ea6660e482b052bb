/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bootahead-replay: one profile in, reads out. Runs before anything else does, so it links next to
 * nothing and reads one file. This file owns the program's life: options, background, limits, messages.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine.h"
#include "options.h"
#include "place.h"
#include "plan.h"
#include "profile.h"
#include "report.h"

DEFINE_CLEANUP(struct profile *, profile_free)

enum { WALKERS = 4 }; /* threads that wait for the disk at every step of a path */

static uint64_t now_us(void)
{
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* By CLOCK_BOOTTIME, 0: none. */
static uint64_t deadline_of(const struct options *options, const struct replay_result *result)
{
        return options->seconds ? result->times.start + options->seconds * UINT64_C(1000000) : 0;
}

static const char *profile_path(const struct options *options)
{
        return options->profile ? options->profile : BOOTAHEAD_STATEDIR "/profile";
}

static int write_report(const struct place *place, const struct options *options,
                        const struct replay_result *result)
{
        if (options->dry_run)
                return 0;
        if (options->report)
                return report_write(AT_FDCWD, options->report, result);
        return place->run < 0 ? 0 : report_write(place->run, "replay.json", result);
}

static int refuse(const struct place *place, const struct options *options, struct replay_result *result,
                  const char *why)
{
        result->why = why;
        result->times.end = now_us();
        fprintf(stderr, "bootahead-replay: profile '%s': %s, booting without replay\n", result->profile, why);
        write_report(place, options, result);
        return EXIT_REFUSED;
}

static int read_profile(const struct place *place, const struct options *options, struct profile **ret,
                        const char **ret_why)
{
        _cleanup_close_ int fd = -1;
        int r;

        if (options->profile)
                r = profile_open(AT_FDCWD, options->profile, &fd, ret_why);
        else
                r = profile_open(place->root, BOOTAHEAD_STATEDIR "/profile" + 1, &fd, ret_why);
        if (r == 0)
                r = profile_read(fd, PROFILE_PART_REPLAY, ret, ret_why);
        if (r < 0)
                *ret_why = strerror(-r);
        return r;
}

/* Pages that would push out others before the boot needs them are worth nothing. */
static uint64_t byte_limit(const struct place *place, const struct options *options,
                           const struct engine_counters *counters)
{
        uint64_t limit = (uint64_t)options->megabytes << 20, used = engine_bytes(counters);
        uint64_t memory = place_memory(place, options->memory_percent);

        limit = memory < limit ? memory : limit;
        return used < limit ? limit - used : 0;
}

/* A line is a read, whatever bytes its path has. */
static void print_path(const char *path)
{
        for (; *path; path++) {
                if ((unsigned char)*path < ' ' || *path == 0x7f || *path == '\\')
                        printf("\\x%02x", (unsigned char)*path);
                else
                        putchar(*path);
        }
        putchar('\n');
}

static void print_walks(const struct profile *profile, const struct mounted *mounted)
{
        for (size_t i = 0; i < profile->n_walks; i++) {
                if (mounted[profile->walks[i].filesystem].root < 0)
                        continue;
                fputs(profile->walks[i].kind == PROFILE_WALK_LISTED ? "list " : "look-up ", stdout);
                print_path(profile->walks[i].path);
        }
}

static void print_plan(const struct profile *profile, const struct plan *plan)
{
        for (size_t i = 0; i < plan->n_reads; i++) {
                const struct plan_read *read = &plan->reads[i];

                printf("%" PRIu64 " %" PRIu64 " ", read->offset, read->length);
                print_path(read->file == PROFILE_NONE ? profile->filesystems[read->filesystem].mount
                                                      : profile->files[read->file].path);
        }
}

/* Where the metadata is there before the files, opening one waits for nothing: one thread keeps the order
 * best. Elsewhere every opening waits for the disk. */
static unsigned int threads_for(const struct plan *plan, const struct profile *profile)
{
        return plan->n_metadata > 0 || profile->n_walks > 0 ? 1 : WALKERS;
}

static void run_plan(const struct place *place, const struct options *options, const struct profile *profile,
                     const struct mounted *mounted, const struct plan *plan, struct replay_result *result)
{
        struct engine_files files = {.place = place,
                                     .profile = profile,
                                     .mounted = mounted,
                                     .memory_percent = options->memory_percent};
        struct engine_settings settings = {
                .threads = options->threads ? options->threads : threads_for(plan, profile),
                .in_flight = (uint64_t)options->in_flight_kilobytes << 10,
                .deadline_us = deadline_of(options, result),
        };

        walk_run(profile, mounted, options->threads ? options->threads : WALKERS, settings.deadline_us,
                 &result->walks);
        engine_run(&engine_readahead, &files, plan, &settings, &result->counters);
        result->times.end = now_us();
        write_report(place, options, result);
}

/* Reads ahead what is on the filesystems that have been found, and lets go of them. */
static int replay_found(const struct place *place, const struct options *options,
                        const struct profile *profile, struct mounted *mounted, struct replay_result *result)
{
        struct plan_limits limits = {
                .bytes = byte_limit(place, options, &result->counters),
                .files = options->files - result->counters.files,
                .gap_pages = options->gap_pages,
        };
        enum plan_part parts[PROFILE_FILESYSTEMS_MAX];
        struct plan plan;
        int r;

        for (size_t i = 0; i < profile->n_filesystems; i++)
                parts[i] = mounted[i].done ? PLAN_DONE : mounted[i].root < 0 ? PLAN_ABSENT : PLAN_PART;
        r = plan_make(profile, &limits, parts, &plan);
        if (r < 0)
                return r;
        if (!result->times.planned)
                result->times.planned = now_us();
        result->skipped_files = plan.skipped_files;
        result->cut_bytes += plan.cut_bytes;
        if (options->dry_run) {
                print_walks(profile, mounted);
                print_plan(profile, &plan);
        } else {
                run_plan(place, options, profile, mounted, &plan, result);
        }
        plan_done(&plan);
        for (size_t i = 0; i < profile->n_filesystems; i++)
                if (parts[i] == PLAN_PART)
                        mounted_close(&mounted[i]);
        return 0;
}

/* Return: whether the mount table has changed before time was up. */
static bool wait_for_mounts(const struct place *place, const struct options *options,
                            const struct replay_result *result)
{
        uint64_t deadline = deadline_of(options, result), now = now_us();

        if (deadline && now >= deadline)
                return false;
        return place_wait_for_mounts(place, deadline ? (int)((deadline - now) / 1000) + 1 : -1);
}

static int replay(const struct place *place, const struct options *options, const struct profile *profile,
                  struct replay_result *result)
{
        struct mounted *mounted = mounted_new(profile->n_filesystems);
        int status = EXIT_DONE, r = mounted ? 0 : -ENOMEM;

        if (r == 0)
                r = place_find_filesystems(place, profile, mounted);
        if (r >= 0)
                r = replay_found(place, options, profile, mounted, result);
        if (r < 0)
                status = refuse(place, options, result, strerror(-r));
        while (r >= 0 && !options->dry_run && result->skipped_files > 0 &&
               wait_for_mounts(place, options, result)) {
                r = place_find_filesystems(place, profile, mounted);
                if (r > 0)
                        r = replay_found(place, options, profile, mounted, result);
        }
        mounted_free(mounted, profile->n_filesystems);
        return status;
}

/* The parent tells by its exit status that the profile is good; the child goes on. A systemd initramfs
 * kills what does not mark itself as belonging to the root's storage. */
static int to_background(char **argv)
{
        int null;
        pid_t child = fork();

        if (child < 0)
                return -errno;
        if (child > 0)
                _exit(EXIT_DONE);
        setsid();
        if (access("/etc/initrd-release", F_OK) == 0)
                argv[0][0] = '@';
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null >= 0) {
                dup2(null, STDIN_FILENO);
                dup2(null, STDOUT_FILENO);
                dup2(null, STDERR_FILENO);
                close(null);
        }
        return 0;
}

int main(int argc, char **argv)
{
        CLEANUP(profile_free) struct profile *profile = NULL;
        struct replay_result result = {.times.start = now_us()};
        struct options options;
        struct place place;
        const char *why = NULL;
        int status, r;

        if (options_parse(argc, argv, &options, &status))
                return status;
        result.profile = profile_path(&options);
        r = place_open(&place, options.root);
        if (r < 0) {
                fprintf(stderr, "bootahead-replay: '%s': %s, booting without replay\n", options.root,
                        strerror(-r));
                status = EXIT_REFUSED;
        } else if (read_profile(&place, &options, &profile, &why) != 0) {
                status = refuse(&place, &options, &result, why);
        } else {
                result.times.verified = now_us();
                result.boot = profile->n_boots > 0 ? &profile->boots[0] : NULL;
                r = options.background ? to_background(argv) : 0;
                status = r < 0 ? refuse(&place, &options, &result, strerror(-r))
                               : replay(&place, &options, profile, &result);
        }
        place_close(&place);
        return status;
}
