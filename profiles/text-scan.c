/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lexical half of the text twin's reader: no tables, no meaning.
 */
#include "text-scan.h"

#include <string.h>

bool scan_word(const char **line, const char *word)
{
        size_t n = strlen(word);

        if (strncmp(*line, word, n) != 0)
                return false;
        *line += n;
        return true;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

bool scan_u64(const char **line, uint64_t *ret)
{
        const char *at = *line;
        uint64_t value = 0;

        if (!is_digit(*at) || (at[0] == '0' && is_digit(at[1])))
                return false;
        for (; is_digit(*at); at++)
                if (__builtin_mul_overflow(value, 10u, &value) ||
                    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
                        return false;
        *line = at;
        *ret = value;
        return true;
}

bool scan_u32(const char **line, uint32_t *ret)
{
        uint64_t value;

        if (!scan_u64(line, &value) || value > UINT32_MAX)
                return false;
        *ret = (uint32_t)value;
        return true;
}

bool scan_i64(const char **line, int64_t *ret)
{
        bool negative = scan_word(line, "-");
        uint64_t value;

        if (!scan_u64(line, &value) || value > (uint64_t)INT64_MAX + negative || (negative && value == 0))
                return false;
        *ret = negative ? -(int64_t)(value - 1) - 1 : (int64_t)value;
        return true;
}

static int hex_digit(char c)
{
        if (is_digit(c))
                return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* scan_hex - one byte as two lower-case digits */
static bool scan_hex(const char **line, uint8_t *ret)
{
        int high = hex_digit((*line)[0]);
        int low = high < 0 ? -1 : hex_digit((*line)[1]);

        if (low < 0)
                return false;
        *ret = (uint8_t)(high << 4 | low);
        *line += 2;
        return true;
}

/* scan_character - one byte of a string, which is never NUL */
static bool scan_character(const char **line, char *ret)
{
        uint8_t byte = (uint8_t) * *line;

        if (byte < 0x20 || byte > 0x7e)
                return false;
        (*line)++;
        if (byte == '\\') {
                if (**line == '"' || **line == '\\')
                        byte = (uint8_t) * (*line)++;
                else if (!scan_word(line, "x") || !scan_hex(line, &byte) || byte == 0)
                        return false;
        }
        *ret = (char)byte;
        return true;
}

bool scan_string(const char **line, char ret[static PROFILE_STRING_MAX + 1])
{
        size_t n = 0;

        if (!scan_word(line, "\""))
                return false;
        while (!scan_word(line, "\"")) {
                if (n == PROFILE_STRING_MAX || !scan_character(line, &ret[n]))
                        return false;
                n++;
        }
        ret[n] = '\0';
        return true;
}

bool scan_uuid(const char **line, uint8_t ret[static 16])
{
        for (int i = 0; i < 16; i++) {
                if ((i == 4 || i == 6 || i == 8 || i == 10) && !scan_word(line, "-"))
                        return false;
                if (!scan_hex(line, &ret[i]))
                        return false;
        }
        return true;
}

bool scan_name(const char **line, const char *name)
{
        size_t n = strspn(*line, "abcdefghijklmnopqrstuvwxyz0123456789-");

        if (n != strlen(name) || strncmp(*line, name, n) != 0)
                return false;
        *line += n;
        return true;
}

bool scan_set(const char **line, const struct text_bit *bits, uint32_t *ret)
{
        uint32_t set = 0;

        if (!scan_name(line, TEXT_NONE)) {
                do {
                        while (bits->name && !scan_name(line, bits->name))
                                bits++;
                        if (!bits->name)
                                return false;
                        set |= bits++->bit;
                } while (scan_word(line, "+"));
        }
        *ret = set;
        return true;
}
