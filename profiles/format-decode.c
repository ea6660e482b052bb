/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a section's body to a table. Trusts no number in it: each count, length and index is tested
 * against its limit and the bytes that are there. What values mean is profile_check()'s business.
 */
#include "cleanup.h"
#include "format.h"
#include "string-store.h"
#include "tables.h"

#include <errno.h>
#include <string.h>

struct cursor {
        const uint8_t *bytes;
        size_t left;
};

/* take - the next @n * @width bytes, or NULL where there are fewer */
static const uint8_t *take(struct cursor *cursor, size_t n, size_t width)
{
        const uint8_t *bytes = cursor->bytes;

        if (n > cursor->left / width)
                return NULL;
        cursor->bytes += n * width;
        cursor->left -= n * width;
        return bytes;
}

static uint64_t value_at(const uint8_t *planes, size_t n, size_t width, size_t i)
{
        uint64_t value = 0;

        for (size_t plane = 0; plane < width; plane++)
                value |= (uint64_t)planes[plane * n + i] << (8 * plane);
        return value;
}

/* next_string - makes the next string out of the one in @buffer; order makes each of them different */
static const char *next_string(struct cursor *cursor, char *buffer, size_t *length, size_t shared,
                               size_t rest, bool first)
{
        const uint8_t *bytes;

        if (shared > *length)
                return "a string shares more than there is with the one before it";
        if (shared + rest > PROFILE_STRING_MAX)
                return "a string is too long";
        bytes = take(cursor, rest, 1);
        if (!bytes)
                return "a section ends within its strings";
        if (!first && (rest == 0 || (shared < *length && bytes[0] <= (uint8_t)buffer[shared])))
                return "strings are not in ascending order";
        if (memchr(bytes, '\0', rest))
                return "a string holds a NUL";
        memcpy(buffer + shared, bytes, rest);
        *length = shared + rest;
        return NULL;
}

/* take_strings - the section's strings, as copies in the profile
 * @new: other sections do not have them, either */
static int take_strings(struct profile *profile, struct cursor *cursor, size_t n, bool new, const char ***ret,
                        const char **ret_why)
{
        _cleanup_free_ const char **strings = NULL;
        char buffer[PROFILE_STRING_MAX];
        const uint8_t *shared, *rest;
        size_t length = 0;

        shared = take(cursor, n, sizeof(uint16_t));
        rest = take(cursor, n, sizeof(uint16_t));
        if (!shared || !rest) {
                *ret_why = "a section has fewer strings than it says";
                return PROFILE_CORRUPT;
        }
        strings = reallocarray(NULL, n + 1, sizeof(*strings));
        if (!strings)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                *ret_why = next_string(cursor, buffer, &length, value_at(shared, n, sizeof(uint16_t), i),
                                       value_at(rest, n, sizeof(uint16_t), i), i == 0);
                if (*ret_why)
                        return PROFILE_CORRUPT;
                strings[i] = new ? strings_append(profile->strings, buffer, length)
                                 : strings_add(profile->strings, buffer, length, SIZE_MAX);
                if (!strings[i] && errno == E2BIG) {
                        *ret_why = "the strings are too long in total";
                        return PROFILE_CORRUPT;
                }
                if (!strings[i])
                        return -errno;
        }
        *ret = TAKE(strings);
        return 0;
}

static void store_field(char *entry, const struct column *column, uint64_t value)
{
        uint32_t u32 = (uint32_t)value;

        if (column->width == sizeof(value))
                memcpy(entry + column->offset, &value, sizeof(value));
        else
                memcpy(entry + column->offset, &u32, sizeof(u32));
}

static uint64_t unzigzag(uint64_t value)
{
        return value & 1 ? ~(value >> 1) : value >> 1;
}

/* store_nanoseconds - joins them with the seconds, which the column before has left in the field */
static const char *store_nanoseconds(char *entry, const struct column *column, uint64_t value)
{
        int64_t seconds, ns, rest = (int64_t)value;

        memcpy(&seconds, entry + column->offset, sizeof(seconds));
        if (seconds < 0) { /* both parts of one sign: the earliest time must not overflow half-way */
                seconds += 1;
                rest -= 1000000000;
        }
        if (value >= 1000000000 || __builtin_mul_overflow(seconds, (int64_t)1000000000, &ns) ||
            __builtin_add_overflow(ns, rest, &ns))
                return "a time is out of range";
        memcpy(entry + column->offset, &ns, sizeof(ns));
        return NULL;
}

struct strings_view {
        const char **strings;
        size_t n;
};

static const char *store_string(char *entry, const struct column *column, uint64_t value,
                                const struct strings_view *view)
{
        if (value >= view->n)
                return "a string is referred to that is not there";
        memcpy(entry + column->offset, &view->strings[value], sizeof(view->strings[value]));
        return NULL;
}

/* take_column - fills one field of all entries */
static const char *take_column(struct cursor *cursor, char *entries, size_t n, const struct layout *layout,
                               const struct column *column, const struct strings_view *view)
{
        const uint8_t *planes = take(cursor, n, column->width);
        const char *why = NULL;
        uint64_t before = 0;

        if (!planes)
                return "a section ends within its columns";
        for (size_t i = 0; i < n && !why; i++) {
                char *entry = entries + i * layout->entry_size;
                uint64_t value = column->coding == CODING_BYTES ? 0 : value_at(planes, n, column->width, i);

                switch (column->coding) {
                case CODING_PLAIN:
                        store_field(entry, column, column->known ? value & column->known : value);
                        break;
                case CODING_STEP:
                        store_field(entry, column, before += value);
                        break;
                case CODING_ZIGZAG:
                case CODING_SECONDS:
                        store_field(entry, column, before += unzigzag(value));
                        break;
                case CODING_STRING:
                        why = store_string(entry, column, value, view);
                        break;
                case CODING_NANOSECONDS:
                        why = store_nanoseconds(entry, column, value);
                        break;
                case CODING_BYTES:
                        for (size_t plane = 0; plane < column->width; plane++)
                                entry[column->offset + plane] = (char)planes[plane * n + i];
                        break;
                }
        }
        return why;
}

/* empty_strings - what the table's strings are, in whichever section, until a column says otherwise */
static void empty_strings(char *entries, size_t rows, const struct layout *table)
{
        static const char *const empty = "";

        for (size_t l = 0; l < n_layouts; l++) {
                const struct layout *layout = &layouts[l];

                for (size_t c = 0; layout->table == table->table && c < layout->n_columns; c++)
                        for (size_t i = 0; layout->columns[c].coding == CODING_STRING && i < rows; i++)
                                memcpy(entries + i * layout->entry_size + layout->columns[c].offset, &empty,
                                       sizeof(empty));
        }
}

/* make_table - blank entries, or those that are there where the section extends a table */
static int make_table(struct profile *profile, const struct layout *layout, size_t rows, char **ret,
                      const char **ret_why)
{
        char *count = (char *)profile + layout->count, *table = (char *)profile + layout->table;
        size_t have;
        int r;

        memcpy(&have, count, sizeof(have));
        if (rows > layout->rows_max || (layout->extends && rows != have)) {
                *ret_why =
                        "a section has more rows than it may have, or other ones than the table it extends";
                return PROFILE_CORRUPT;
        }
        if (!layout->extends) {
                r = table_resize(table, rows, layout->entry_size);
                if (r < 0)
                        return r;
                memcpy(count, &rows, sizeof(rows));
        }
        memcpy(ret, table, sizeof(*ret));
        if (!layout->extends) {
                memset(*ret, 0, rows * layout->entry_size);
                empty_strings(*ret, rows, layout);
        }
        return 0;
}

int body_decode(struct profile *profile, const struct layout *layout, const uint8_t *bytes, size_t n,
                const char **ret_why)
{
        struct cursor cursor = {bytes, n};
        _cleanup_free_ const char **strings = NULL;
        const uint8_t *fixed = take(&cursor, BODY_FIXED, 1);
        struct strings_view view;
        size_t rows;
        char *entries;
        int r;

        if (!fixed) {
                *ret_why = "a section is too short";
                return PROFILE_CORRUPT;
        }
        rows = get_u32(fixed);
        view.n = get_u32(fixed + 4);
        if (layout->one_string && view.n != rows) {
                *ret_why = "there is not one path for each file";
                return PROFILE_CORRUPT;
        }
        r = take_strings(profile, &cursor, view.n, layout->one_string, &strings, ret_why);
        if (r != 0)
                return r;
        view.strings = strings;
        r = make_table(profile, layout, rows, &entries, ret_why);
        if (r != 0)
                return r;
        for (size_t i = 0; layout->one_string && i < rows; i++)
                profile->files[i].path = strings[i];
        for (size_t c = 0; c < layout->n_columns; c++) {
                if (cursor.left == 0 && layout->n_needed > 0 && c >= layout->n_needed)
                        break; /* an older writer */
                *ret_why = take_column(&cursor, entries, rows, layout, &layout->columns[c], &view);
                if (*ret_why)
                        return PROFILE_CORRUPT;
        }
        return 0;
}
