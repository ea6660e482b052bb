/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit-record.h"

#include <ctype.h>
#include <string.h>

struct span {
        const char *start, *end;
};

static bool parse_number(struct span span, unsigned int base, uint64_t *ret)
{
        uint64_t value = 0;

        if (span.start == span.end)
                return false;
        for (const char *at = span.start; at < span.end; at++) {
                unsigned int digit = isdigit((unsigned char)*at) ? (unsigned int)(*at - '0')
                                     : *at >= 'a' && *at <= 'f'  ? (unsigned int)(*at - 'a' + 10)
                                                                 : 16;

                if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
                    __builtin_add_overflow(value, digit, &value))
                        return false;
        }
        *ret = value;
        return true;
}

static uint64_t number(struct span span, unsigned int base)
{
        uint64_t value = 0;

        return parse_number(span, base, &value) ? value : 0;
}

static uint32_t number32(struct span span, unsigned int base)
{
        uint64_t value = number(span, base);

        return value > UINT32_MAX ? 0 : (uint32_t)value;
}

/* "audit(1700000000.123:456):" */
static const char *parse_head(const char *text, const char *end, struct audit_record *ret)
{
        static const char word[] = "audit(";
        const char *dot, *colon, *close;
        uint64_t seconds, milliseconds;

        if ((size_t)(end - text) < sizeof word || memcmp(text, word, sizeof word - 1))
                return NULL;
        text += sizeof word - 1;
        dot = memchr(text, '.', (size_t)(end - text));
        colon = dot ? memchr(dot, ':', (size_t)(end - dot)) : NULL;
        close = colon ? memchr(colon, ')', (size_t)(end - colon)) : NULL;
        if (!close || end - close < 2 || close[1] != ':')
                return NULL;
        if (!parse_number((struct span){text, dot}, 10, &seconds) ||
            !parse_number((struct span){dot + 1, colon}, 10, &milliseconds) || milliseconds > 999 ||
            !parse_number((struct span){colon + 1, close}, 10, &ret->serial) ||
            __builtin_mul_overflow(seconds, 1000u, &ret->time_ms) ||
            __builtin_add_overflow(ret->time_ms, milliseconds, &ret->time_ms))
                return NULL;
        return close + 2;
}

/* Names that a program chose are quoted when harmless, else hexadecimal, never escaped
 * (audit_log_untrustedstring()). */
static struct audit_text text_of(struct span span)
{
        struct audit_text text = {.start = span.start, .length = (size_t)(span.end - span.start)};

        if (text.length >= 2 && *span.start == '"' && span.end[-1] == '"') {
                text.start++;
                text.length -= 2;
                return text;
        }
        if (!text.length || *span.start == '(')
                return (struct audit_text){0};
        text.hexadecimal = true;
        return text;
}

static enum audit_name_type name_type_of(struct span span)
{
        static const char *const words[] = {
                [AUDIT_NAME_NORMAL] = "NORMAL",
                [AUDIT_NAME_PARENT] = "PARENT",
                [AUDIT_NAME_CREATE] = "CREATE",
                [AUDIT_NAME_DELETE] = "DELETE",
        };

        for (int type = AUDIT_NAME_NORMAL; type <= AUDIT_NAME_DELETE; type++)
                if (strlen(words[type]) == (size_t)(span.end - span.start) &&
                    !memcmp(words[type], span.start, strlen(words[type])))
                        return (enum audit_name_type)type;
        return AUDIT_NAME_UNKNOWN;
}

static void set_device(struct audit_record *record, struct span value)
{
        const char *colon = memchr(value.start, ':', (size_t)(value.end - value.start));

        if (!colon)
                return;
        record->device_major = number32((struct span){value.start, colon}, 16);
        record->device_minor = number32((struct span){colon + 1, value.end}, 16);
}

enum field {
        FIELD_ARCH,
        FIELD_SYSCALL,
        FIELD_PID,
        FIELD_PPID,
        FIELD_SUCCESS,
        FIELD_A0,
        FIELD_A1,
        FIELD_A2,
        FIELD_A3,
        FIELD_EXE,
        FIELD_KEY,
        FIELD_CWD,
        FIELD_OFLAG,
        FIELD_NAME,
        FIELD_NAMETYPE,
        FIELD_INODE,
        FIELD_DEV,
        FIELD_MODE,
        FIELD_ITEMS,
        FIELD_COUNT
};

static const char *const field_names[FIELD_COUNT] = {
        [FIELD_ARCH] = "arch",   [FIELD_SYSCALL] = "syscall", [FIELD_PID] = "pid",
        [FIELD_PPID] = "ppid",   [FIELD_SUCCESS] = "success", [FIELD_A0] = "a0",
        [FIELD_A1] = "a1",       [FIELD_A2] = "a2",           [FIELD_A3] = "a3",
        [FIELD_EXE] = "exe",     [FIELD_KEY] = "key",         [FIELD_CWD] = "cwd",
        [FIELD_OFLAG] = "oflag", [FIELD_NAME] = "name",       [FIELD_NAMETYPE] = "nametype",
        [FIELD_INODE] = "inode", [FIELD_DEV] = "dev",         [FIELD_MODE] = "mode",
        [FIELD_ITEMS] = "items",
};

static void set_field(struct audit_record *record, enum field field, struct span value)
{
        switch (field) {
        case FIELD_ARCH:
                record->arch = number32(value, 16);
                break;
        case FIELD_SYSCALL:
                record->syscall = number32(value, 10);
                break;
        case FIELD_PID:
                record->pid = number32(value, 10);
                break;
        case FIELD_PPID:
                record->ppid = number32(value, 10);
                break;
        case FIELD_SUCCESS:
                record->success = value.end - value.start == 3 && !memcmp(value.start, "yes", 3);
                break;
        case FIELD_A0:
        case FIELD_A1:
        case FIELD_A2:
        case FIELD_A3:
                record->arguments[field - FIELD_A0] = number(value, 16);
                break;
        case FIELD_EXE:
                record->executable = text_of(value);
                break;
        case FIELD_KEY:
                record->key = text_of(value);
                break;
        case FIELD_CWD:
                record->cwd = text_of(value);
                break;
        case FIELD_OFLAG:
                record->oflag = number(value, 8);
                break;
        case FIELD_NAME:
                record->name = text_of(value);
                break;
        case FIELD_NAMETYPE:
                record->name_type = name_type_of(value);
                break;
        case FIELD_INODE:
                record->has_inode = parse_number(value, 10, &record->inode);
                break;
        case FIELD_DEV:
                set_device(record, value);
                break;
        case FIELD_MODE:
                record->mode = number32(value, 8);
                break;
        case FIELD_ITEMS:
                record->items = number32(value, 10);
                break;
        case FIELD_COUNT:
                break;
        }
}

static enum field find_field(struct span name)
{
        size_t length = (size_t)(name.end - name.start);

        for (int field = 0; field < FIELD_COUNT; field++)
                if (strlen(field_names[field]) == length && !memcmp(field_names[field], name.start, length))
                        return (enum field)field;
        return FIELD_COUNT;
}

/* A quoted value ends at its quote: it holds no quote itself, but it may hold spaces. */
static const char *end_of_value(const char *at, const char *end)
{
        const char *stop;

        if (at < end && *at == '"') {
                stop = memchr(at + 1, '"', (size_t)(end - at - 1));
                return stop ? stop + 1 : end;
        }
        stop = memchr(at, ' ', (size_t)(end - at));
        return stop ? stop : end;
}

bool audit_record_parse(uint16_t type, const char *text, size_t length, struct audit_record *ret)
{
        const char *end = text + length, *at;

        *ret = (struct audit_record){.type = type};
        while (end > text && (end[-1] == '\0' || end[-1] == '\n'))
                end--;
        at = parse_head(text, end, ret);
        if (!at)
                return false;
        while (at < end) {
                const char *equals, *space, *stop;

                if (*at == ' ' || *at == '\x1d') { /* behind a group separator stand interpreted fields */
                        at++;
                        continue;
                }
                equals = memchr(at, '=', (size_t)(end - at));
                space = memchr(at, ' ', (size_t)(end - at));
                if (!equals)
                        break;
                if (space && space < equals) { /* a bare word */
                        at = space;
                        continue;
                }
                stop = end_of_value(equals + 1, end);
                set_field(ret, find_field((struct span){at, equals}), (struct span){equals + 1, stop});
                at = stop;
        }
        return true;
}

/* "a0", or one part of several, "a0[1]": where it stands tells which word it is. */
static bool is_word(struct span name, bool *ret_follows)
{
        const char *at = name.start + 1;

        if (name.start == name.end || *name.start != 'a')
                return false;
        while (at < name.end && isdigit((unsigned char)*at))
                at++;
        *ret_follows = name.end - at > 1 && *at == '[' && at[1] != '0';
        return at > name.start + 1 && (at == name.end || *at == '[');
}

static void append_word(struct audit_text word, bool follows, char *buffer, size_t size)
{
        size_t used = strlen(buffer), step = word.hexadecimal ? 2 : 1;
        size_t room = size - used - 1;

        if (used && !follows && room) {
                buffer[used++] = ' ';
                buffer[used] = '\0';
                room--;
        }
        if (word.length / step > room)
                word.length = room * step;
        if (!audit_text_decode(&word, buffer + used, room + 1))
                buffer[used] = '\0';
}

void audit_record_words(const char *text, size_t length, char *buffer, size_t size)
{
        const char *end = text + length, *at = memchr(text, ')', length);

        while (at && at < end) {
                const char *equals, *stop;
                bool follows = false;

                at = memchr(at, ' ', (size_t)(end - at));
                equals = at ? memchr(at, '=', (size_t)(end - at)) : NULL;
                if (!equals)
                        return;
                stop = end_of_value(equals + 1, end);
                if (is_word((struct span){at + 1, equals}, &follows))
                        append_word(text_of((struct span){equals + 1, stop}), follows, buffer, size);
                at = stop;
        }
}

bool audit_text_is(const struct audit_text *text, const char *value)
{
        return text->start && !text->hexadecimal && text->length == strlen(value) &&
               !memcmp(text->start, value, text->length);
}

static int hexadecimal_digit(char digit)
{
        if (digit >= '0' && digit <= '9')
                return digit - '0';
        if (digit >= 'A' && digit <= 'F')
                return digit - 'A' + 10;
        return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool audit_text_decode(const struct audit_text *text, char *buffer, size_t size)
{
        size_t length = text->hexadecimal ? text->length / 2 : text->length;

        if (!text->start || length >= size || (text->hexadecimal && text->length % 2))
                return false;
        if (!text->hexadecimal) {
                memcpy(buffer, text->start, length);
        } else {
                for (size_t i = 0; i < length; i++) {
                        int high = hexadecimal_digit(text->start[2 * i]);
                        int low = hexadecimal_digit(text->start[2 * i + 1]);

                        if (high < 0 || low < 0)
                                return false;
                        buffer[i] = (char)(high << 4 | low);
                }
        }
        buffer[length] = '\0';
        return memchr(buffer, '\0', length) == NULL;
}
