/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "journal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

#include "cleanup.h"

#define ID_COLLECTED "f93a4d3c543f4362ab3b973729d38abd"
#define ID_REPLAYED "b4f7421fe706418b97b4c23042371eaa"
#define ID_NOTE "fb5bb1bcbe534a03b4c5efe978017bf9"
#define ID_BOOTED "952826abdfef459e96c4b0fb0a359e77"

enum { REPORT_MAX = 1 << 16, FIELDS_MAX = 64 };

struct line {
        struct iovec fields[FIELDS_MAX];
        int count;
        int error;
};

static void line_done(struct line *line)
{
        for (int i = 0; i < line->count; i++)
                free(line->fields[i].iov_base);
}

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
        va_list arguments;
        char *text;
        int length;

        if (line->count == FIELDS_MAX)
                return;
        va_start(arguments, format);
        length = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (length < 0)
                line->error = -ENOMEM;
        else
                line->fields[line->count++] = (struct iovec){text, (size_t)length};
}

static void upper(const char *name, char *ret, size_t size)
{
        size_t i;

        for (i = 0; name[i] && i < size - 1; i++)
                ret[i] = isalnum((unsigned char)name[i]) ? (char)toupper((unsigned char)name[i]) : '_';
        ret[i] = '\0';
}

/* Every figure of a report is a field; a table within it gives its name to its fields. */
static void add_fields(struct line *line, const char *prefix, struct json_object *report)
{
        char name[96], key_upper[48];

        json_object_object_foreach(report, key, value)
        {
                upper(key, key_upper, sizeof key_upper);
                if (json_object_is_type(value, json_type_object)) {
                        snprintf(name, sizeof name, "%.40s_%s", prefix, key_upper);
                        add_fields(line, name, value);
                } else {
                        add(line, "%s_%s=%s", prefix, key_upper, json_object_get_string(value));
                }
        }
}

static int send_line(struct line *line)
{
        int r = line->error ? line->error : sd_journal_sendv(line->fields, line->count);

        line_done(line);
        return r;
}

int journal_read_report(const char *path, struct json_object **ret)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        struct json_object *report;
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode) || status.st_size > REPORT_MAX)
                return -EBADMSG;
        report = json_object_from_fd(fd);
        if (!json_object_is_type(report, json_type_object)) {
                json_object_put(report);
                return -EBADMSG;
        }
        *ret = report;
        return 0;
}

const char *journal_text(struct json_object *report, const char *key)
{
        struct json_object *value;

        return json_object_object_get_ex(report, key, &value) ? json_object_get_string(value) : "";
}

int64_t journal_number(struct json_object *report, const char *key)
{
        struct json_object *value;

        return json_object_object_get_ex(report, key, &value) ? json_object_get_int64(value) : 0;
}

int64_t journal_sum(struct json_object *report, const char *key)
{
        struct json_object *table;
        int64_t total = 0;

        if (!json_object_object_get_ex(report, key, &table) || !json_object_is_type(table, json_type_object))
                return 0;
        json_object_object_foreach(table, name, value)
        {
                (void)name;
                total += json_object_get_int64(value);
        }
        return total;
}

/* " (socket 10, trace 3)", or nothing where nothing was lost */
static void describe_losses(struct json_object *report, char *ret, size_t size)
{
        struct json_object *losses;
        size_t length = 0;

        *ret = '\0';
        if (!json_object_object_get_ex(report, "losses", &losses) ||
            !json_object_is_type(losses, json_type_object))
                return;
        json_object_object_foreach(losses, kind, value)
        {
                if (json_object_get_int64(value) > 0 && length < size)
                        length += (size_t)snprintf(ret + length, size - length, "%s%s %" PRIi64,
                                                   length ? ", " : " (", kind, json_object_get_int64(value));
        }
        if (length && length < size)
                snprintf(ret + length, size - length, ")");
}

int journal_collected(struct json_object *report, const char *why)
{
        bool done = !strcmp(journal_text(report, "result"), "done");
        int64_t losses = journal_sum(report, "losses");
        struct line line = {0};
        char kinds[512];

        describe_losses(report, kinds, sizeof kinds);
        if (done)
                add(&line,
                    "MESSAGE=Collected '%s': %" PRIi64 " files, %" PRIi64 " pages, %" PRIi64
                    " accesses in %.1f s by %s, %" PRIi64 " lost%s",
                    journal_text(report, "profile"), journal_number(report, "files"),
                    journal_number(report, "pages"), journal_number(report, "accesses"),
                    (double)journal_number(report, "duration_us") / 1e6, journal_text(report, "source"),
                    losses, kinds);
        else
                add(&line, "MESSAGE=Collected '%s': %s, no profile written", journal_text(report, "profile"),
                    journal_text(report, "why"));
        add(&line, "MESSAGE_ID=" ID_COLLECTED);
        add(&line, "PRIORITY=%d", done ? LOG_INFO : LOG_WARNING);
        add(&line, "BOOTAHEAD_DECISION=%s", why);
        add(&line, "BOOTAHEAD_LOSSES=%" PRIi64, losses);
        add_fields(&line, "BOOTAHEAD", report);
        return send_line(&line);
}

/* "; of what the boot asked for 97 % was in it, 3 % of it was not asked for" */
static void describe_pages(struct json_object *pages, char *ret, size_t size)
{
        int64_t hit = journal_number(pages, "hit_pages");
        int64_t asked = hit + journal_number(pages, "missed_pages");
        int64_t named = hit + journal_number(pages, "wasted_pages");

        *ret = '\0';
        if (asked > 0 && named > 0)
                snprintf(ret, size,
                         "; %" PRIi64 " %% of what the boot asked for was in it, %" PRIi64
                         " %% of it was not asked for",
                         hit * 100 / asked, (named - hit) * 100 / named);
}

int journal_replayed(struct json_object *report, struct json_object *pages, const char *why)
{
        bool done = !strcmp(journal_text(report, "result"), "done");
        struct line line = {0};
        char worth[128] = "";

        if (pages)
                describe_pages(pages, worth, sizeof worth);

        if (done)
                add(&line,
                    "MESSAGE=Read ahead '%s': %" PRIi64 " files, %.1f MiB in %" PRIi64
                    " requests within %.1f s; %" PRIi64 " changed, %" PRIi64 " gone%s",
                    journal_text(report, "profile"), journal_number(report, "files"),
                    (double)journal_number(report, "bytes") / (1 << 20), journal_number(report, "requests"),
                    (double)(journal_number(report, "end_us") - journal_number(report, "start_us")) / 1e6,
                    journal_number(report, "files_changed"), journal_number(report, "files_gone"), worth);
        else
                add(&line, "MESSAGE=Read ahead '%s': %s, booted without replay",
                    journal_text(report, "profile"), journal_text(report, "why"));
        add(&line, "MESSAGE_ID=" ID_REPLAYED);
        add(&line, "PRIORITY=%d", done ? LOG_INFO : LOG_WARNING);
        add(&line, "BOOTAHEAD_DECISION=%s", why);
        add_fields(&line, "BOOTAHEAD", report);
        if (pages)
                add_fields(&line, "BOOTAHEAD_PAGES", pages);
        return send_line(&line);
}

/* " in 11.5 s, 413 reads of 40.1 MiB, waited 2.1 s for disks", as far as it is known */
static void describe_boot(const struct ledger_entry *entry, char *ret, size_t size)
{
        const uint64_t *figures = entry->figures;
        FILE *out = fmemopen(ret, size, "w");

        *ret = '\0';
        if (!out)
                return;
        if (ledger_knows(entry, LEDGER_FINISH_US))
                fprintf(out, " in %.1f s", (double)figures[LEDGER_FINISH_US] / 1e6);
        if (ledger_knows(entry, LEDGER_READ_REQUESTS))
                fprintf(out, ", %" PRIu64 " reads of %.1f MiB", figures[LEDGER_READ_REQUESTS],
                        (double)figures[LEDGER_READ_BYTES] / (1 << 20));
        if (ledger_knows(entry, LEDGER_STALL_US))
                fprintf(out, ", waited %.1f s for disks", (double)figures[LEDGER_STALL_US] / 1e6);
        fclose(out);
}

int journal_booted(const struct ledger_entry *entry)
{
        struct json_object *object = ledger_to_json(entry);
        struct line line = {0};
        char took[160];

        describe_boot(entry, took, sizeof took);
        add(&line, "MESSAGE=Booted%s (%s: %s)", took, entry->mode, entry->why);
        add(&line, "MESSAGE_ID=" ID_BOOTED);
        add(&line, "PRIORITY=%d", LOG_INFO);
        if (object)
                add_fields(&line, "BOOTAHEAD", object);
        json_object_put(object);
        return send_line(&line);
}

int journal_note(int priority, const char *text)
{
        struct line line = {0};

        add(&line, "MESSAGE=%s", text);
        add(&line, "MESSAGE_ID=" ID_NOTE);
        add(&line, "PRIORITY=%d", priority);
        return send_line(&line);
}
