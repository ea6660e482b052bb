/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch-print.h"

#include <inttypes.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "json-text.h"

static bool is_plain(unsigned char byte)
{
        return byte > ' ' && byte < 0x7f && byte != '\\';
}

/* A field is one word of ASCII, or of whole characters of Unicode that are no control characters. */
static void print_word(FILE *out, const char *text)
{
        if (!text || !*text) {
                fputs(text ? " -" : " ?", out);
                return;
        }
        fputc(' ', out);
        for (size_t length; *text; text += length) {
                length = json_character_length(text);
                if (length > 1 && !((unsigned char)*text == 0xc2 && (unsigned char)text[1] < 0xa0)) {
                        fwrite(text, 1, length, out);
                        continue;
                }
                length = 1;
                if (is_plain((unsigned char)*text))
                        fputc(*text, out);
                else
                        fprintf(out, "\\x%02x", (unsigned int)(unsigned char)*text);
        }
}

static void print_time(FILE *out, uint64_t time_us)
{
        fprintf(out, "%" PRIu64 ".%06" PRIu64, time_us / 1000000, time_us % 1000000);
}

static void print_result(FILE *out, const struct watch_event *event)
{
        int status = (int)event->status;
        const char *name = event->error ? strerrorname_np(event->error) : "ok";

        if (event->class == WATCH_FORK)
                fprintf(out, " child=%" PRIu32, event->child);
        else if (event->class == WATCH_EXIT && WIFSIGNALED(status))
                fprintf(out, " signal=%d", WTERMSIG(status));
        else if (event->class == WATCH_EXIT)
                fprintf(out, " status=%d", WEXITSTATUS(status));
        else if (name)
                fprintf(out, " %s", name);
        else
                fprintf(out, " %d", event->error);
}

void watch_print_text(FILE *out, const struct watch_line *line)
{
        const struct watch_event *event = line->event;

        print_time(out, event->time_us);
        fprintf(out, " %s %" PRIu32, watch_class_name(event->class), event->pid);
        print_word(out, event->executable);
        print_word(out, event->unit);
        print_word(out, line->user);
        print_result(out, event);
        if (!(event->class & (WATCH_FORK | WATCH_EXIT)))
                print_word(out, event->path);
        if (event->new_path || event->class == WATCH_RENAME)
                print_word(out, event->new_path);
        fputc('\n', out);
}

static void print_member(FILE *out, const char *name, const char *text)
{
        if (!text)
                return;
        fprintf(out, ",\"%s\":", name);
        if (json_print_text(out, text))
                fprintf(out, ",\"%s_escaped\":true", name);
}

static void print_json_result(FILE *out, const struct watch_event *event)
{
        int status = (int)event->status;

        if (event->class == WATCH_FORK)
                fprintf(out, ",\"child\":%" PRIu32, event->child);
        if (event->class == WATCH_EXIT)
                fprintf(out, ",\"%s\":%d", WIFSIGNALED(status) ? "signal" : "status",
                        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        fprintf(out, ",\"result\":\"%s\"", event->error ? "failed" : "ok");
        if (event->error) {
                fprintf(out, ",\"errno\":%d", event->error);
                print_member(out, "error", strerrorname_np(event->error));
        }
}

void watch_print_json(FILE *out, const struct watch_line *line)
{
        const struct watch_event *event = line->event;

        fprintf(out, "{\"time_us\":%" PRIu64 ",\"class\":\"%s\",\"pid\":%" PRIu32, event->time_us,
                watch_class_name(event->class), event->pid);
        print_member(out, "executable", event->executable);
        print_member(out, "unit", event->unit);
        if (event->user_known)
                fprintf(out, ",\"uid\":%" PRIu32, event->user);
        print_member(out, "user", line->user);
        print_json_result(out, event);
        if (event->device)
                fprintf(out, ",\"device\":\"%u:%u\"", major(event->device), minor(event->device));
        print_member(out, "path", event->path);
        print_member(out, "new_path", event->new_path);
        fputs("}\n", out);
}

void watch_print_lost(FILE *out, bool json, uint64_t time_us, const char *kind, uint64_t count)
{
        if (json) {
                fprintf(out,
                        "{\"time_us\":%" PRIu64 ",\"class\":\"lost\",\"kind\":\"%s\",\"count\":%" PRIu64
                        "}\n",
                        time_us, kind, count);
                return;
        }
        print_time(out, time_us);
        fprintf(out, " lost %s %" PRIu64 "\n", kind, count);
}
