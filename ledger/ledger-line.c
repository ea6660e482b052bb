/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An entry of the ledger as a line of JSON, and back. */
#include "ledger.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "json-text.h"

DEFINE_CLEANUP(struct json_object *, json_object_put)
DEFINE_CLEANUP(struct json_tokener *, json_tokener_free)

enum { DEPTH_MAX = 4 };

static const char *const figure_names[LEDGER_FIGURE_COUNT] = {
        [LEDGER_KERNEL_US] = "kernel_us",
        [LEDGER_INITRAMFS_US] = "initramfs_us",
        [LEDGER_SYSINIT_US] = "sysinit_us",
        [LEDGER_BASIC_US] = "basic_us",
        [LEDGER_DEFAULT_US] = "default_us",
        [LEDGER_FINISH_US] = "finish_us",
        [LEDGER_READ_REQUESTS] = "read_requests",
        [LEDGER_READ_BYTES] = "read_bytes",
        [LEDGER_STALL_US] = "stall_us",
        [LEDGER_FILES] = "files",
        [LEDGER_STALE_FILES] = "stale_files",
        [LEDGER_HIT_BYTES] = "hit_bytes",
        [LEDGER_MISSED_BYTES] = "missed_bytes",
        [LEDGER_WASTED_BYTES] = "wasted_bytes",
        [LEDGER_LOSSES] = "losses",
};

/* Texts may be empty, then they are not written; but for the first two. */
static const struct text_member {
        const char *name;
        size_t offset, size;
        bool needed;
} texts[] = {
#define TEXT(member, needed)                                                                                 \
        {                                                                                                    \
#member, offsetof(struct ledger_entry, member), sizeof((struct ledger_entry *)0)->member,    \
                        needed                                                                               \
        }
        TEXT(boot, true), TEXT(mode, true),  TEXT(why, false),     TEXT(kernel, false),
        TEXT(os, false),  TEXT(disk, false), TEXT(profile, false),
#undef TEXT
};

enum { N_TEXTS = sizeof texts / sizeof *texts };

void ledger_know(struct ledger_entry *entry, enum ledger_figure figure, uint64_t value)
{
        entry->figures[figure] = value;
        entry->known |= 1u << figure;
}

bool ledger_knows(const struct ledger_entry *entry, enum ledger_figure figure)
{
        return entry->known & 1u << figure;
}

/* JSON is Unicode: of what a message quotes from a path, or was cut in the middle of a character, bytes that
 * are none become a question mark. */
static struct json_object *text_to_json(const char *text)
{
        char clean[sizeof((struct ledger_entry *)0)->why];
        size_t filled = 0;

        while (*text && filled < sizeof clean) {
                size_t length = json_character_length(text);

                if (filled + (length ? length : 1) >= sizeof clean)
                        break;
                if (length)
                        memcpy(clean + filled, text, length);
                else
                        clean[filled] = '?';
                length = length ? length : 1;
                filled += length;
                text += length;
        }
        return json_object_new_string_len(clean, (int)filled);
}

struct json_object *ledger_to_json(const struct ledger_entry *entry)
{
        struct json_object *object = json_object_new_object();

        if (!object)
                return NULL;
        json_object_object_add(object, "version", json_object_new_int(LEDGER_VERSION));
        json_object_object_add(object, "wall_us", json_object_new_uint64(entry->wall_us));
        for (size_t i = 0; i < N_TEXTS; i++) {
                const char *text = (const char *)entry + texts[i].offset;

                if (*text)
                        json_object_object_add(object, texts[i].name, text_to_json(text));
        }
        if (entry->untypical)
                json_object_object_add(object, "untypical", json_object_new_boolean(true));
        for (int figure = 0; figure < LEDGER_FIGURE_COUNT; figure++)
                if (ledger_knows(entry, figure))
                        json_object_object_add(object, figure_names[figure],
                                               json_object_new_uint64(entry->figures[figure]));
        return object;
}

/* Return: whether it is absent (where that is allowed), or a text that fits. */
static bool take_text(struct json_object *object, const struct text_member *member,
                      struct ledger_entry *entry)
{
        char *text = (char *)entry + member->offset;
        struct json_object *value;

        if (!json_object_object_get_ex(object, member->name, &value))
                return !member->needed;
        if (!json_object_is_type(value, json_type_string) ||
            (size_t)json_object_get_string_len(value) >= member->size)
                return false;
        snprintf(text, member->size, "%s", json_object_get_string(value));
        return *text || !member->needed;
}

static bool take_number(struct json_object *object, const char *name, uint64_t *ret, bool *ret_there)
{
        struct json_object *value;

        *ret_there = json_object_object_get_ex(object, name, &value);
        if (!*ret_there)
                return true;
        if (!json_object_is_type(value, json_type_int) || *json_object_get_string(value) == '-')
                return false;
        *ret = json_object_get_uint64(value);
        return true;
}

static bool take_entry(struct json_object *object, struct ledger_entry *entry)
{
        uint64_t version = 0;
        struct json_object *value;
        bool there;

        if (!take_number(object, "version", &version, &there) || version != LEDGER_VERSION ||
            !take_number(object, "wall_us", &entry->wall_us, &there))
                return false;
        for (size_t i = 0; i < N_TEXTS; i++)
                if (!take_text(object, &texts[i], entry))
                        return false;
        if (json_object_object_get_ex(object, "untypical", &value))
                entry->untypical = json_object_get_boolean(value);
        for (int figure = 0; figure < LEDGER_FIGURE_COUNT; figure++) {
                if (!take_number(object, figure_names[figure], &entry->figures[figure], &there))
                        return false;
                if (there)
                        entry->known |= 1u << figure;
        }
        return true;
}

bool ledger_parse_line(const char *line, size_t length, struct ledger_entry *ret)
{
        CLEANUP(json_tokener_free) struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
        CLEANUP(json_object_put) struct json_object *object = NULL;

        if (!tokener || memchr(line, '\0', length))
                return false;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        object = json_tokener_parse_ex(tokener, line, (int)length);
        *ret = (struct ledger_entry){0};
        return object && json_tokener_get_parse_end(tokener) == length &&
               json_object_is_type(object, json_type_object) && take_entry(object, ret);
}
