/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "json-text.h"

#include <stddef.h>

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

size_t json_character_length(const char *text)
{
        return character_length((const unsigned char *)text);
}

bool json_print_text(FILE *file, const char *text)
{
        bool odd = false;
        size_t length;

        fputc('"', file);
        for (; *text; text += length ? length : 1) {
                length = json_character_length(text);
                odd |= !length;
                if (!length)
                        fprintf(file, "\\\\x%02x", (unsigned char)*text);
                else if (*text == '"' || *text == '\\')
                        fprintf(file, "\\%c", *text);
                else if (length == 1 && *text < ' ')
                        fprintf(file, "\\u%04x", (unsigned int)*text);
                else
                        fwrite(text, 1, length, file);
        }
        fputc('"', file);
        return odd;
}
