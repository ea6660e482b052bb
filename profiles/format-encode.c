/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a table to a section's body: strings front-coded, columns in byte planes. Expects a profile that
 * profile_check() has accepted; compresses nothing and writes no file.
 */
#include "cleanup.h"
#include "format.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* The distinct strings of a section in ascending order. */
struct string_list {
        const char **strings;
        size_t n;
};

static void string_list_done(struct string_list *list)
{
        free(list->strings);
}

#define CLEANUP_STRING_LIST __attribute__((cleanup(string_list_done)))

void body_done(struct body *body)
{
        free(body->bytes);
}

/* extend - @n more bytes at the body's end, to be filled in by the caller */
static uint8_t *extend(struct body *body, size_t n)
{
        uint8_t *end;

        if (body->n + n > body->room) {
                size_t room = 2 * (body->n + n);
                uint8_t *bytes = realloc(body->bytes, room);

                if (!bytes)
                        return NULL;
                body->bytes = bytes;
                body->room = room;
        }
        end = body->bytes + body->n;
        body->n += n;
        return end;
}

/* cut - here ends a column */
static int cut(struct body *body)
{
        return body->take ? body->take(body) : 0;
}

/* put_planes - a column: the lowest byte of every value, then the next byte of every value, and so on */
static int put_planes(struct body *body, const uint64_t *values, size_t n, size_t width)
{
        for (size_t plane = 0; plane < width; plane++) {
                uint8_t *bytes = extend(body, n);
                int r;

                if (!bytes)
                        return -ENOMEM;
                for (size_t i = 0; i < n; i++)
                        bytes[i] = (uint8_t)(values[i] >> (8 * plane));
                r = cut(body);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int compare_strings(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *string_at(const char *entries, const struct layout *layout, const struct column *column,
                             size_t i)
{
        const char *string;

        memcpy(&string, entries + i * layout->entry_size + column->offset, sizeof(string));
        return string;
}

/* list_strings - all strings of a section's string columns; equal neighbours are common, so left out early */
static int list_strings(const char *entries, size_t n, const struct layout *layout, struct string_list *ret)
{
        size_t distinct = 0;

        ret->strings = reallocarray(NULL, n * layout->n_columns + 1, sizeof(*ret->strings));
        if (!ret->strings)
                return -ENOMEM;
        for (size_t c = 0; c < layout->n_columns; c++)
                for (size_t i = 0; layout->columns[c].coding == CODING_STRING && i < n; i++) {
                        const char *string = string_at(entries, layout, &layout->columns[c], i);

                        if (ret->n == 0 || ret->strings[ret->n - 1] != string)
                                ret->strings[ret->n++] = string;
                }
        if (ret->n == 0)
                return 0;
        qsort(ret->strings, ret->n, sizeof(*ret->strings), compare_strings);
        for (size_t i = 1; i < ret->n; i++)
                if (strcmp(ret->strings[i], ret->strings[distinct]) != 0)
                        ret->strings[++distinct] = ret->strings[i];
        ret->n = distinct + 1;
        return 0;
}

/* list_paths - the strings of the files' section, which are its rows and in order already */
static int list_paths(const struct profile *profile, struct string_list *ret)
{
        ret->strings = reallocarray(NULL, profile->n_files + 1, sizeof(*ret->strings));
        if (!ret->strings)
                return -ENOMEM;
        for (ret->n = 0; ret->n < profile->n_files; ret->n++)
                ret->strings[ret->n] = profile->files[ret->n].path;
        return 0;
}

static size_t common_prefix(const char *a, const char *b)
{
        size_t n = 0;

        while (a[n] && a[n] == b[n])
                n++;
        return n;
}

/* put_strings - what each string shares with the one before it, the length of the rest, and the rests */
static int put_strings(struct body *body, const struct string_list *list)
{
        _cleanup_free_ uint64_t *shared = reallocarray(NULL, list->n + 1, sizeof(*shared));
        _cleanup_free_ uint64_t *rest = reallocarray(NULL, list->n + 1, sizeof(*rest));
        int r;

        if (!shared || !rest)
                return -ENOMEM;
        for (size_t i = 0; i < list->n; i++) {
                shared[i] = i > 0 ? common_prefix(list->strings[i - 1], list->strings[i]) : 0;
                rest[i] = strlen(list->strings[i]) - shared[i];
                body->total += 2 * sizeof(uint16_t) + rest[i];
        }
        r = put_planes(body, shared, list->n, sizeof(uint16_t));
        if (r < 0)
                return r;
        r = put_planes(body, rest, list->n, sizeof(uint16_t));
        if (r < 0)
                return r;
        for (size_t i = 0; i < list->n; i++) {
                uint8_t *bytes = extend(body, rest[i]);

                if (!bytes)
                        return -ENOMEM;
                memcpy(bytes, list->strings[i] + shared[i], rest[i]);
        }
        return cut(body);
}

static uint64_t string_index(const struct string_list *list, const char *string)
{
        const char **found =
                bsearch(&string, list->strings, list->n, sizeof(*list->strings), compare_strings);

        assert(found);
        return (uint64_t)(found - list->strings);
}

/* load_field - an integer field of an entry, zero-extended */
static uint64_t load_field(const char *entry, const struct column *column)
{
        uint64_t u64;
        uint32_t u32;

        if (column->width == sizeof(u64)) {
                memcpy(&u64, entry + column->offset, sizeof(u64));
                return u64;
        }
        assert(column->width == sizeof(u32));
        memcpy(&u32, entry + column->offset, sizeof(u32));
        return u32;
}

static int64_t load_time(const char *entry, const struct column *column)
{
        int64_t ns;

        memcpy(&ns, entry + column->offset, sizeof(ns));
        return ns;
}

/* zigzag - a difference modulo 2^(8 * width), signed, with the sign moved to the lowest bit */
static uint64_t zigzag(uint64_t difference, size_t width)
{
        uint64_t top = (uint64_t)1 << (8 * width - 1);

        return difference & top ? ~(difference << 1) : difference << 1;
}

static int put_column(struct body *body, const char *entries, size_t n, const struct layout *layout,
                      const struct column *column, const struct string_list *list)
{
        _cleanup_free_ uint64_t *values = reallocarray(NULL, n + 1, sizeof(*values));
        uint64_t value, before = 0;

        if (!values)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const char *entry = entries + i * layout->entry_size;

                switch (column->coding) {
                case CODING_PLAIN:
                        values[i] = load_field(entry, column);
                        break;
                case CODING_STEP:
                        value = load_field(entry, column);
                        values[i] = value - before;
                        before = value;
                        break;
                case CODING_ZIGZAG:
                        value = load_field(entry, column);
                        values[i] = zigzag(value - before, column->width);
                        before = value;
                        break;
                case CODING_STRING:
                        values[i] = string_index(list, string_at(entries, layout, column, i));
                        break;
                case CODING_SECONDS: {
                        int64_t ns = load_time(entry, column);

                        value = (uint64_t)(ns / 1000000000 - (ns % 1000000000 < 0));
                        values[i] = zigzag(value - before, column->width);
                        before = value;
                        break;
                }
                case CODING_NANOSECONDS: {
                        int64_t rest = load_time(entry, column) % 1000000000;

                        values[i] = (uint64_t)(rest < 0 ? rest + 1000000000 : rest);
                        break;
                }
                case CODING_BYTES:
                        assert(false);
                        break;
                }
        }
        return put_planes(body, values, n, column->width);
}

/* put_bytes_column - the same planes for a field that is an array of bytes */
static int put_bytes_column(struct body *body, const char *entries, size_t n, const struct layout *layout,
                            const struct column *column)
{
        uint8_t *bytes = extend(body, n * column->width);

        if (!bytes)
                return -ENOMEM;
        for (size_t plane = 0; plane < column->width; plane++)
                for (size_t i = 0; i < n; i++)
                        bytes[plane * n + i] =
                                (uint8_t)entries[i * layout->entry_size + column->offset + plane];
        return cut(body);
}

/* is_blank - nothing but zeros and empty strings in an entry's columns */
static bool is_blank(const char *entry, const struct layout *layout)
{
        for (size_t c = 0; c < layout->n_columns; c++) {
                const struct column *column = &layout->columns[c];

                if (column->coding == CODING_STRING ? *string_at(entry, layout, column, 0) != '\0'
                                                    : load_field(entry, column) != 0)
                        return false;
        }
        return true;
}

bool body_is_left_out(const struct profile *profile, const struct layout *layout)
{
        const char *entries;
        size_t n;

        if (!layout->optional)
                return false;
        memcpy(&entries, (const char *)profile + layout->table, sizeof(entries));
        memcpy(&n, (const char *)profile + layout->count, sizeof(n));
        if (!layout->extends)
                return n == 0;
        for (size_t i = 0; i < n; i++)
                if (!is_blank(entries + i * layout->entry_size, layout))
                        return false;
        return true;
}

int body_encode(const struct profile *profile, const struct layout *layout, struct body *ret)
{
        CLEANUP_STRING_LIST struct string_list list = {};
        const char *entries;
        uint8_t *fixed;
        size_t n;
        int r;

        memcpy(&entries, (const char *)profile + layout->table, sizeof(entries));
        memcpy(&n, (const char *)profile + layout->count, sizeof(n));
        r = layout->one_string ? list_paths(profile, &list) : list_strings(entries, n, layout, &list);
        if (r < 0)
                return r;
        fixed = extend(ret, BODY_FIXED);
        if (!fixed)
                return -ENOMEM;
        put_bytes(fixed, n, 4);
        put_bytes(fixed + 4, list.n, 4);
        ret->total = BODY_FIXED;
        for (size_t c = 0; c < layout->n_columns; c++)
                ret->total += n * layout->columns[c].width;
        r = put_strings(ret, &list);
        if (r < 0)
                return r;
        for (size_t c = 0; c < layout->n_columns; c++) {
                const struct column *column = &layout->columns[c];

                if (column->coding == CODING_BYTES)
                        r = put_bytes_column(ret, entries, n, layout, column);
                else
                        r = put_column(ret, entries, n, layout, column, &list);
                if (r < 0)
                        return r;
        }
        return ret->total > layout->unpacked_max ? -EFBIG : 0;
}
