/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trace-format.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { FIELD_END_MAX = 1 << 20 }; /* no page and no event is longer */

/* The name is the last word of the declaration: "unsigned long i_ino", "char comm[16]", "char[] name". */
static bool declares(const char *start, const char *end, const char *name)
{
        size_t length = strlen(name);
        const char *word = end;

        while (word > start && word[-1] != ' ' && word[-1] != '*')
                word--;
        return (size_t)(end - word) >= length && !memcmp(word, name, length) &&
               (word + length == end || word[length] == '[');
}

int trace_format_field(const char *text, const char *name, struct trace_field *ret)
{
        static const char mark[] = "field:";

        for (const char *at = strstr(text, mark); at; at = strstr(at, mark)) {
                const char *end = strchr(at += strlen(mark), ';');

                if (!end)
                        return -EBADMSG;
                if (!declares(at, end, name))
                        continue;
                if (sscanf(end, ";%*[ \t]offset:%u;%*[ \t]size:%u;", &ret->offset, &ret->size) != 2 ||
                    ret->offset > FIELD_END_MAX || ret->size > FIELD_END_MAX - ret->offset)
                        return -EBADMSG;
                return 0;
        }
        return -ENOENT;
}

int trace_format_id(const char *text, uint32_t *ret)
{
        const char *line = strstr(text, "\nID: ");

        return line && sscanf(line, "\nID: %u", ret) == 1 ? 0 : -EBADMSG;
}

bool trace_field_read(const struct trace_field *field, const void *record, size_t length, uint64_t *ret)
{
        const char *at = (const char *)record + field->offset;
        uint8_t byte;
        uint16_t half;
        uint32_t word;

        if (field->offset > length || field->size > length - field->offset)
                return false;
        switch (field->size) {
        case sizeof byte:
                memcpy(&byte, at, sizeof byte);
                *ret = byte;
                return true;
        case sizeof half:
                memcpy(&half, at, sizeof half);
                *ret = half;
                return true;
        case sizeof word:
                memcpy(&word, at, sizeof word);
                *ret = word;
                return true;
        case sizeof *ret:
                memcpy(ret, at, sizeof *ret);
                return true;
        default:
                return false;
        }
}
