/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trace-page.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

/* The head of a record: 5 bits of type or length, 27 bits of time since the one before, allocated by the
 * compiler from the lowest bit on little-endian machines and from the highest on others. */
enum {
        LENGTH_FOLLOWS = 0, /* 1 to 28: length in words */
        LENGTH_MAX = 28,
        PADDING = 29,
        TIME_EXTEND = 30, /* a word follows with the higher bits of the time that passed */
        TIME_STAMP = 31,  /* a word follows with the higher bits of the time itself */
        TIME_BITS = 27,
        WORD = sizeof(uint32_t),
};

#define COMMIT_LENGTH ((1u << 27) - 1)          /* above are the marks of what was lost before this page */
#define STAMP_HIGH (~((UINT64_C(1) << 59) - 1)) /* a time stamp has no room for these */

struct head {
        uint32_t type, passed;
};

static uint32_t word_at(const char *at)
{
        uint32_t word;

        memcpy(&word, at, sizeof word);
        return word;
}

static struct head head_at(const char *at)
{
        uint32_t word = word_at(at);

        if (__BYTE_ORDER == __LITTLE_ENDIAN)
                return (struct head){.type = word & 31, .passed = word >> 5};
        return (struct head){.type = word >> TIME_BITS, .passed = word & ((1u << TIME_BITS) - 1)};
}

int trace_page_layout(const char *text, struct trace_page_layout *ret)
{
        if (trace_format_field(text, "timestamp", &ret->time) < 0 ||
            trace_format_field(text, "commit", &ret->commit) < 0 ||
            trace_format_field(text, "data", &ret->data) < 0)
                return -EBADMSG;
        if (ret->time.size != sizeof(uint64_t) || trace_page_size(ret) > TRACE_PAGE_MAX ||
            ret->data.size < 2 * WORD)
                return -EBADMSG;
        return 0;
}

size_t trace_page_size(const struct trace_page_layout *layout)
{
        return (size_t)layout->data.offset + layout->data.size;
}

/* One record; @at has at least a word before @end. Return: the record's end, or NULL. */
static const char *take(const char *at, const char *end, uint64_t *time, trace_visit visit, void *data)
{
        struct head head = head_at(at);
        size_t left = (size_t)(end - at) - WORD, length = head.type * WORD;
        uint32_t next = left >= WORD ? word_at(at + WORD) : 0;

        at += WORD;
        if (head.type == PADDING && head.passed == 0)
                return end; /* nothing follows */
        if (head.type == LENGTH_FOLLOWS || head.type > LENGTH_MAX) {
                if (left < WORD)
                        return NULL;
                length = head.type == TIME_EXTEND || head.type == TIME_STAMP ? WORD : next;
        }
        if (length > left || length < WORD || length % WORD)
                return NULL;
        if (head.type == TIME_STAMP)
                *time = (((uint64_t)next << TIME_BITS) + head.passed) | (*time & STAMP_HIGH);
        else
                *time += head.passed;
        if (head.type == TIME_EXTEND)
                *time += (uint64_t)next << TIME_BITS;
        if (head.type == LENGTH_FOLLOWS)
                visit(data, *time, at + WORD, length - WORD);
        else if (head.type <= LENGTH_MAX)
                visit(data, *time, at, length);
        return at + length;
}

int trace_page_read(const struct trace_page_layout *layout, const void *page, size_t size, trace_visit visit,
                    void *data)
{
        const char *at, *end;
        uint64_t time, commit;

        if (!trace_field_read(&layout->time, page, size, &time) ||
            !trace_field_read(&layout->commit, page, size, &commit))
                return -EBADMSG;
        commit &= COMMIT_LENGTH;
        if (layout->data.offset > size || commit > size - layout->data.offset)
                return -EBADMSG;
        at = (const char *)page + layout->data.offset;
        end = at + commit;
        while (at && (size_t)(end - at) >= WORD)
                at = take(at, end, &time, visit, data);
        return at ? 0 : -EBADMSG;
}
