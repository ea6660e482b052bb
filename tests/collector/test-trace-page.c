/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's trace as it was recorded (Linux 6.18, x86-64): three reads of a page, a wait, a read of six
 * pages. And what no kernel would write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace-page.h"

enum { RECORDS = 4, INODE = 1064962, DEVICE = 254 << 20, EVENT = 599 };

static char format[2048], header[1024], page[4096];
static size_t page_length;

static size_t read_recorded(const char *name, char *buffer, size_t size)
{
        char path[512];
        FILE *file;
        size_t length;

        snprintf(path, sizeof path, RECORDED "/%s", name);
        file = fopen(path, "re");
        assert_non_null(file);
        length = fread(buffer, 1, size, file);
        fclose(file);
        return length;
}

static int read_all(void **state)
{
        (void)state;
        read_recorded("mm_filemap_get_pages.format", format, sizeof format - 1);
        read_recorded("header_page", header, sizeof header - 1);
        page_length = read_recorded("page", page, sizeof page);
        return 0;
}

struct seen {
        uint64_t times[RECORDS];
        size_t count;
        char records[RECORDS][64];
};

static void see(void *data, uint64_t time, const void *record, size_t length)
{
        struct seen *seen = data;

        assert_in_range(seen->count, 0, RECORDS - 1);
        assert_in_range(length, 1, sizeof seen->records[0]);
        seen->times[seen->count] = time;
        memcpy(seen->records[seen->count++], record, length);
}

static uint64_t number(const struct seen *seen, size_t record, const char *name)
{
        struct trace_field field;
        uint64_t value;

        assert_int_equal(trace_format_field(format, name, &field), 0);
        assert_true(trace_field_read(&field, seen->records[record], sizeof seen->records[record], &value));
        return value;
}

static void test_recorded(void **state)
{
        static const uint64_t first[] = {7, 1, 200, 300}, last[] = {7, 1, 200, 305};
        struct trace_page_layout layout;
        struct seen seen = {0};
        uint32_t id;

        (void)state;
        if (__BYTE_ORDER != __LITTLE_ENDIAN)
                skip(); /* the machine that recorded it was */
        assert_int_equal(trace_page_layout(header, &layout), 0);
        assert_int_equal(trace_page_size(&layout), 4096);
        assert_int_equal(trace_page_read(&layout, page, page_length, see, &seen), 0);
        assert_int_equal(seen.count, RECORDS);
        assert_int_equal(trace_format_id(format, &id), 0);
        assert_int_equal(id, EVENT);
        for (size_t i = 0; i < RECORDS; i++) {
                assert_int_equal(number(&seen, i, "common_type") & 0xffff, id & 0xffff);
                assert_int_equal(number(&seen, i, "i_ino"), INODE);
                assert_int_equal(number(&seen, i, "s_dev"), DEVICE);
                assert_int_equal(number(&seen, i, "index"), first[i]);
                assert_int_equal(number(&seen, i, "last_index"), last[i]);
        }
        /* between the two readings of the clock that the recording program took; 0.3 s lie before the last */
        assert_in_range(seen.times[0], 1496553267594, 1496556723795);
        assert_in_range(seen.times[3] - seen.times[2], 300000000, 303000000);
        assert_in_range(seen.times[3], 1496853267594, 1496856723795);
}

static void test_format(void **state)
{
        struct trace_field field;
        uint32_t id;

        (void)state;
        assert_int_equal(trace_format_field(format, "ino", &field), -ENOENT); /* only part of a name */
        assert_int_equal(trace_format_field("field:char comm[16];\toffset:8;\tsize:16;\n", "comm", &field),
                         0);
        assert_int_equal(field.offset, 8);
        assert_int_equal(field.size, 16);
        assert_int_equal(
                trace_format_field("field:__data_loc char[] name;\toffset:28;\tsize:4;\n", "name", &field),
                0);
        assert_int_equal(field.offset, 28);
        assert_int_equal(trace_format_field("field:int x;\toffset:8;\tsize:", "x", &field), -EBADMSG);
        assert_int_equal(trace_format_field("field:int x;\toffset:4294967295;\tsize:4;", "x", &field),
                         -EBADMSG);
        assert_int_equal(trace_format_field("field:int x", "x", &field), -EBADMSG);
        assert_int_equal(trace_format_id("name: x\nformat:\n", &id), -EBADMSG);
}

static void test_field(void **state)
{
        static const uint64_t value = 0x1122334455667788u;
        uint64_t read;

        (void)state;
        assert_true(trace_field_read(&(struct trace_field){.offset = 0, .size = 8}, &value, 8, &read));
        assert_int_equal(read, value);
        assert_false(trace_field_read(&(struct trace_field){.offset = 1, .size = 8}, &value, 8, &read));
        assert_false(trace_field_read(&(struct trace_field){.offset = 9, .size = 1}, &value, 8, &read));
        assert_false(trace_field_read(&(struct trace_field){.offset = 0, .size = 3}, &value, 8, &read));
}

static void count(void *data, uint64_t time, const void *record, size_t length)
{
        const unsigned char *bytes = record;
        unsigned int sum = 0;

        (void)time;
        for (size_t i = 0; i < length; i++)
                sum += bytes[i]; /* the sanitizer sees what lies outside */
        *(unsigned int *)data += sum;
}

/* In a buffer of just its size: what is read beyond is seen by the sanitizer. */
static int read_copy(const struct trace_page_layout *layout, size_t length)
{
        char *copy = malloc(length + !length);
        unsigned int sum = 0;
        int r;

        assert_non_null(copy);
        memcpy(copy, page, length);
        r = trace_page_read(layout, copy, length, count, &sum);
        free(copy);
        return r;
}

static void test_cut(void **state)
{
        struct trace_page_layout layout;

        (void)state;
        if (__BYTE_ORDER != __LITTLE_ENDIAN)
                skip(); /* the machine that recorded it was */
        assert_int_equal(trace_page_layout(header, &layout), 0);
        for (size_t length = 0; length < page_length; length++)
                assert_int_equal(read_copy(&layout, length), -EBADMSG);
        assert_int_equal(read_copy(&layout, page_length), 0);
}

static void test_damaged(void **state)
{
        struct trace_page_layout layout;

        (void)state;
        assert_int_equal(trace_page_layout(header, &layout), 0);
        for (size_t bit = 0; bit < 8 * page_length; bit++) {
                page[bit / 8] ^= (char)(1 << bit % 8);
                assert_in_range(read_copy(&layout, page_length) + EBADMSG, 0, EBADMSG);
                page[bit / 8] ^= (char)(1 << bit % 8);
        }
}

static void test_layout(void **state)
{
        struct trace_page_layout layout;

        (void)state;
        assert_int_equal(trace_page_layout("", &layout), -EBADMSG);
        assert_int_equal(trace_page_layout("field: u64 timestamp;\toffset:0;\tsize:4;\n"
                                           "field: local_t commit;\toffset:8;\tsize:8;\n"
                                           "field: char data;\toffset:16;\tsize:4080;\n",
                                           &layout),
                         -EBADMSG);
        assert_int_equal(trace_page_layout("field: u64 timestamp;\toffset:0;\tsize:8;\n"
                                           "field: local_t commit;\toffset:8;\tsize:8;\n"
                                           "field: char data;\toffset:16;\tsize:1048576;\n",
                                           &layout),
                         -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_recorded), cmocka_unit_test(test_format),
                cmocka_unit_test(test_field),    cmocka_unit_test(test_cut),
                cmocka_unit_test(test_damaged),  cmocka_unit_test(test_layout),
        };

        return cmocka_run_group_tests(tests, read_all, NULL);
}
