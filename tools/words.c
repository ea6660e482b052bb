/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "words.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"

const char *word_size(uint64_t bytes, char ret[static WORD_MAX])
{
        static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
        double value = (double)bytes / 1024;
        size_t unit = 0;

        if (bytes < 1024) {
                snprintf(ret, WORD_MAX, "%u bytes", (unsigned)bytes);
                return ret;
        }
        for (; value >= 1023.95 && unit + 1 < sizeof units / sizeof *units; unit++)
                value /= 1024;
        snprintf(ret, WORD_MAX, "%.1f %s", value, units[unit]);
        return ret;
}

const char *word_count(uint64_t count, char ret[static WORD_MAX])
{
        char digits[24];
        int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count), filled = 0;

        for (int i = 0; i < n; i++) {
                if (i > 0 && (n - i) % 3 == 0)
                        ret[filled++] = ',';
                ret[filled++] = digits[i];
        }
        ret[filled] = '\0';
        return ret;
}

const char *word_time(uint64_t wall_us, char ret[static WORD_MAX])
{
        time_t seconds = (time_t)(wall_us / 1000000);
        struct tm tm;

        if (!gmtime_r(&seconds, &tm) || strftime(ret, WORD_MAX, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
                snprintf(ret, WORD_MAX, "an unknown time");
        return ret;
}

const char *word_seconds(uint64_t microseconds, char ret[static WORD_MAX])
{
        snprintf(ret, WORD_MAX, "%.*f s", microseconds < 10000000 ? 2 : 1, (double)microseconds / 1e6);
        return ret;
}

const char *word_uuid(const uint8_t uuid[16], char ret[static WORD_MAX])
{
        int filled = 0;

        for (int i = 0; i < 16; i++)
                filled += snprintf(ret + filled, (size_t)(WORD_MAX - filled), "%s%02x",
                                   i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
        return ret;
}

/* The length of the well-formed UTF-8 sequence at the head of a string, 0 where there is none. */
static size_t utf8_length(const unsigned char *text)
{
        uint32_t value;
        size_t length;

        if (text[0] < 0x80)
                return 1;
        length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
        if (text[0] < 0xc2 || text[0] > 0xf4)
                return 0;
        value = text[0] & (0x7fu >> length);
        for (size_t i = 1; i < length; i++) {
                if ((text[i] & 0xc0) != 0x80)
                        return 0;
                value = value << 6 | (text[i] & 0x3fu);
        }
        if ((length == 3 && value < 0x800) || (length == 4 && value < 0x10000) || value > 0x10ffff ||
            (value >= 0xd800 && value <= 0xdfff))
                return 0;
        return length;
}

/* C1 controls (U+0080 to U+009F) move cursors too. */
static bool is_plain(const unsigned char *text, size_t length)
{
        if (length == 1)
                return *text >= ' ' && *text != 0x7f && *text != '\\';
        return length > 1 && !(text[0] == 0xc2 && text[1] < 0xa0);
}

void print_name(FILE *out, const char *name)
{
        const unsigned char *at = (const unsigned char *)name;

        while (*at) {
                size_t length = utf8_length(at);

                if (is_plain(at, length)) {
                        fwrite(at, 1, length, out);
                        at += length;
                } else {
                        fprintf(out, "\\x%02x", *at++);
                }
        }
}

static bool is_unicode(const char *text)
{
        const unsigned char *at = (const unsigned char *)text;
        size_t length = 1;

        while (*at && (length = utf8_length(at)) > 0)
                at += length;
        return *at == '\0';
}

void json_text(struct json_object *object, const char *key, const char *text)
{
        _cleanup_free_ char *escaped = NULL;
        char mark[WORD_MAX];
        size_t size;
        FILE *out;

        if (is_unicode(text)) {
                json_object_object_add(object, key, json_object_new_string(text));
                return;
        }
        out = open_memstream(&escaped, &size);
        if (!out)
                return;
        print_name(out, text);
        fclose(out);
        json_object_object_add(object, key, json_object_new_string(escaped));
        snprintf(mark, sizeof mark, "%s_escaped", key);
        json_object_object_add(object, mark, json_object_new_boolean(true));
}

void json_number(struct json_object *object, const char *key, uint64_t number)
{
        json_object_object_add(object, key, json_object_new_uint64(number));
}

void json_print(struct json_object *object)
{
        puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                            JSON_C_TO_STRING_NOSLASHESCAPE));
        json_object_put(object);
}
