/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "cleanup.h"

/* Return: the bytes of the UTF-8 character that the text begins with (RFC 3629), 0: it is none. */
static size_t character_length(const unsigned char *text)
{
        static const struct {
                unsigned char first, last, least, most; /* first byte's range, second byte's range */
                size_t length;
        } forms[] = {
                {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
                {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
                {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
        };

        if (*text < 0x80)
                return 1;
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
                size_t length = 2;

                if (*text < forms[i].first || *text > forms[i].last)
                        continue;
                if (text[1] < forms[i].least || text[1] > forms[i].most)
                        return 0;
                while (length < forms[i].length && (text[length] & 0xc0) == 0x80)
                        length++;
                return length == forms[i].length ? length : 0;
        }
        return 0;
}

/* JSON is Unicode and paths are bytes: those that are no characters are shown as \xNN. */
static void print_text(FILE *file, const char *name, const char *text)
{
        size_t length;

        fprintf(file, "  \"%s\": \"", name);
        for (; *text; text += length ? length : 1) {
                length = character_length((const unsigned char *)text);
                if (!length)
                        fprintf(file, "\\\\x%02x", (unsigned char)*text);
                else if (*text == '"' || *text == '\\')
                        fprintf(file, "\\%c", *text);
                else if (length == 1 && *text < ' ')
                        fprintf(file, "\\u%04x", (unsigned int)*text);
                else
                        fwrite(text, 1, length, file);
        }
        fputs("\",\n", file);
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
        print_number(file, "files_skipped", result->plan.skipped_files);
        print_number(file, "requests", counters->requests);
        print_number(file, "bytes", counters->bytes);
        print_number(file, "metadata_requests", counters->metadata_requests);
        print_number(file, "metadata_bytes", counters->metadata_bytes);
        print_number(file, "cut_bytes", result->plan.cut_bytes);
        print_number(file, "late_requests", counters->late);
        print_number(file, "errors", counters->errors);
}

static void print_report(FILE *file, const struct replay_result *result)
{
        fputs("{\n", file);
        print_text(file, "result", result->why ? "refused" : "done");
        print_text(file, "why", result->why ? result->why : "");
        print_text(file, "profile", result->profile);
        print_counters(file, result);
        print_number(file, "start_us", result->times.start);
        print_number(file, "verified_us", result->times.verified);
        print_number(file, "planned_us", result->times.planned);
        print_number(file, "end_us", result->times.end);
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
