/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "cleanup.h"
#include "json-text.h"
#include "machine.h"

static void print_text(FILE *file, const char *name, const char *text)
{
        fprintf(file, "  \"%s\": ", name);
        json_print_text(file, text);
        fputs(",\n", file);
}

static void print_number(FILE *file, const char *name, uint64_t value)
{
        fprintf(file, "  \"%s\": %" PRIu64 ",\n", name, value);
}

static void print_counters(FILE *file, const struct replay_result *result)
{
        const struct engine_counters *counters = &result->counters;

        print_number(file, "files", counters->files);
        print_number(file, "files_gone", counters->gone);
        print_number(file, "files_changed", counters->changed);
        print_number(file, "files_failed", counters->failed);
        print_number(file, "files_skipped", result->skipped_files);
        print_number(file, "requests", counters->requests);
        print_number(file, "bytes", counters->bytes);
        print_number(file, "metadata_requests", counters->metadata_requests);
        print_number(file, "metadata_bytes", counters->metadata_bytes);
        print_number(file, "gap_bytes", counters->gap_bytes);
        print_number(file, "walks", result->walks.walks);
        print_number(file, "walks_gone", result->walks.gone);
        print_number(file, "walks_late", result->walks.late);
        print_number(file, "cut_bytes", result->cut_bytes + counters->cut_bytes);
        print_number(file, "late_requests", counters->late);
        print_number(file, "errors", counters->errors);
}

/* Which profile it was, and whether it is still of this system. */
static void print_boot(FILE *file, const struct profile_boot *boot)
{
        char id[2 * sizeof boot->id + 5];
        int filled = 0;

        for (size_t i = 0; i < sizeof boot->id; i++)
                filled += snprintf(id + filled, sizeof id - (size_t)filled, "%s%02x",
                                   i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", boot->id[i]);
        print_text(file, "profile_boot", id);
        print_text(file, "profile_kernel", boot->kernel);
        print_text(file, "profile_os", boot->os);
        print_number(file, "profile_wall_us", boot->wall_us);
}

static void print_report(FILE *file, const struct replay_result *result)
{
        fputs("{\n", file);
        print_text(file, "result", result->why ? "refused" : "done");
        print_text(file, "why", result->why ? result->why : "");
        print_text(file, "profile", result->profile);
        if (result->boot)
                print_boot(file, result->boot);
        print_counters(file, result);
        print_number(file, "start_us", result->times.start);
        print_number(file, "verified_us", result->times.verified);
        print_number(file, "planned_us", result->times.planned);
        print_number(file, "end_us", result->times.end);
        print_number(file, "processor_us", own_processor_us());
        fputs("  \"version\": 1\n}\n", file);
}

int report_write(int dirfd, const char *path, const struct replay_result *result)
{
        _cleanup_fclose_ FILE *file = NULL;
        char temporary[PATH_MAX];
        int fd, r = 0;

        if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
                return -ENAMETOOLONG;
        fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd < 0)
                return -errno;
        file = fdopen(fd, "we");
        if (!file) {
                close(fd);
                return -ENOMEM;
        }
        print_report(file, result);
        if (fflush(file) || ferror(file))
                r = -EIO;
        else if (renameat(dirfd, temporary, dirfd, path) < 0)
                r = -errno;
        if (r < 0)
                unlinkat(dirfd, temporary, 0);
        return r;
}
