/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Builds files for the tests without the library's writer, which would not write broken ones. The
 * checksum is computed here a second time, in another way, so that a wrong one in the library is found.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <zstd.h>

char *sample_text(size_t *ret_n)
{
        _cleanup_fclose_ FILE *file = fopen(SOURCE_DIR "/sample.txt", "re");
        char *text = NULL;
        size_t room = 0;
        ssize_t n;

        assert_non_null(file);
        n = getdelim(&text, &room, EOF, file);
        assert_true(n > 0);
        *ret_n = (size_t)n;
        return text;
}

struct profile *sample_profile(void)
{
        struct profile *profile = NULL;
        _cleanup_free_ char *text = NULL;
        const char *why = "";
        size_t n, line = 0;

        text = sample_text(&n);
        if (load_text(text, n, &profile, &line, &why) != 0)
                fail_msg("sample.txt:%zu: %s", line, why);
        return profile;
}

char *text_of(const struct profile *profile)
{
        char *text = NULL;
        size_t n;
        FILE *out = open_memstream(&text, &n);

        assert_non_null(out);
        assert_int_equal(profile_dump(profile, out), 0);
        fclose(out);
        return text;
}

int load_text(const char *text, size_t n, struct profile **ret, size_t *ret_line, const char **ret_why)
{
        _cleanup_fclose_ FILE *in = fmemopen((void *)(uintptr_t)text, n, "r");

        assert_non_null(in);
        return profile_load(in, ret, ret_line, ret_why);
}

int bytes_fd(const void *bytes, size_t n)
{
        int fd = memfd_create("profile", MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, bytes, n), n);
        return fd;
}

int read_bytes(const void *bytes, size_t n, enum profile_part part, struct profile **ret,
               const char **ret_why)
{
        _cleanup_close_ int fd = bytes_fd(bytes, n);

        return profile_read(fd, part, ret, ret_why);
}

struct craft *craft_new(void)
{
        _cleanup_profile_ struct profile *profile = sample_profile();
        struct craft *craft = calloc(1, sizeof(*craft));

        assert_non_null(craft);
        for (size_t i = 0; i < n_layouts; i++) {
                craft->sections[i].type = layouts[i].type;
                assert_int_equal(body_encode(profile, &layouts[i], &craft->sections[i].body), 0);
        }
        craft->n = n_layouts;
        craft->entry_size = ENTRY_FIXED;
        return craft;
}

void craft_free(struct craft *craft)
{
        for (size_t i = 0; i < craft->n; i++) {
                body_done(&craft->sections[i].body);
                free(craft->sections[i].frame);
        }
        free(craft);
}

struct craft_section *craft_section(struct craft *craft, uint32_t type)
{
        for (size_t i = 0; i < craft->n; i++)
                if (craft->sections[i].type == type)
                        return &craft->sections[i];
        fail_msg("no section of type %u", type);
        return NULL;
}

struct craft_section *craft_insert(struct craft *craft, size_t at, uint32_t type)
{
        assert_true(craft->n < SECTIONS_MAX && at <= craft->n);
        memmove(&craft->sections[at + 1], &craft->sections[at], (craft->n - at) * sizeof(craft->sections[0]));
        craft->sections[at] = (struct craft_section){.type = type};
        craft->n++;
        return &craft->sections[at];
}

void craft_body(struct craft_section *section, const void *bytes, size_t n)
{
        body_done(&section->body);
        section->body = (struct body){.bytes = malloc(n + 1), .n = n};
        assert_non_null(section->body.bytes);
        memcpy(section->body.bytes, bytes, n);
}

static void compress_section(struct craft_section *section)
{
        size_t room = ZSTD_compressBound(section->body.n);
        ZSTD_CCtx *context = ZSTD_createCCtx();

        if (section->frame) {
                ZSTD_freeCCtx(context);
                return;
        }
        section->frame = malloc(room);
        assert_non_null(section->frame);
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, !section->no_checksum);
        section->frame_n =
                ZSTD_compress2(context, section->frame, room, section->body.bytes, section->body.n);
        assert_false(ZSTD_isError(section->frame_n));
        ZSTD_freeCCtx(context);
}

/* crc_table - the CRC of one byte, by polynomial division as a table entry */
static uint32_t crc_entry(uint32_t byte)
{
        for (int bit = 0; bit < 8; bit++)
                byte = byte >> 1 ^ (0xEDB88320u & -(byte & 1));
        return byte;
}

void header_checksum(uint8_t *header, size_t n)
{
        uint32_t crc = UINT32_MAX;

        put_bytes(header + HEADER_CHECKSUM, 0, 4);
        for (size_t i = 0; i < n; i++)
                crc = crc_entry((crc ^ header[i]) & 0xff) ^ crc >> 8;
        put_bytes(header + HEADER_CHECKSUM, ~crc, 4);
}

static void build_header(struct craft *craft, uint8_t *header, size_t size)
{
        size_t table = size - craft->n * craft->entry_size;
        uint64_t offset = size;

        memset(header, 0x5a, size); /* what version 1 does not know may hold anything */
        memcpy(header, FORMAT_MAGIC, 8);
        put_bytes(header + HEADER_SIZE, size, 4);
        put_bytes(header + HEADER_VERSION, FORMAT_VERSION, 2);
        put_bytes(header + HEADER_NEEDS, FORMAT_NEEDS, 2);
        put_bytes(header + HEADER_COMPATIBLE, 0, 4);
        put_bytes(header + HEADER_INCOMPATIBLE, 0, 4);
        put_bytes(header + HEADER_SECTIONS, craft->n, 2);
        put_bytes(header + HEADER_ENTRY_SIZE, craft->entry_size, 2);
        for (size_t i = 0; i < craft->n; i++) {
                const struct craft_section *section = &craft->sections[i];
                uint8_t *entry = header + table + i * craft->entry_size;

                put_bytes(entry + ENTRY_TYPE, section->type, 4);
                put_bytes(entry + ENTRY_FLAGS, section->flags, 4);
                put_bytes(entry + ENTRY_OFFSET, offset + (uint64_t)section->offset_more, 8);
                put_bytes(entry + ENTRY_PACKED, section->frame_n + (uint64_t)section->packed_more, 8);
                put_bytes(entry + ENTRY_UNPACKED, section->body.n + (uint64_t)section->unpacked_more, 8);
                offset += section->frame_n;
        }
        if (craft->patch)
                craft->patch(header);
        header_checksum(header, size);
        if (craft->spoil)
                craft->spoil(header);
}

uint8_t *craft_build(struct craft *craft, size_t *ret_n)
{
        size_t size = HEADER_FIXED + craft->header_extra + craft->n * craft->entry_size;
        size_t n = size;
        uint8_t *bytes;

        for (size_t i = 0; i < craft->n; i++) {
                compress_section(&craft->sections[i]);
                n += craft->sections[i].frame_n;
        }
        bytes = malloc(n);
        assert_non_null(bytes);
        build_header(craft, bytes, size);
        *ret_n = n;
        n = size;
        for (size_t i = 0; i < craft->n; i++) {
                memcpy(bytes + n, craft->sections[i].frame, craft->sections[i].frame_n);
                n += craft->sections[i].frame_n;
        }
        return bytes;
}

int craft_read(struct craft *craft, enum profile_part part, struct profile **ret, const char **ret_why)
{
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t n;

        bytes = craft_build(craft, &n);
        return read_bytes(bytes, n, part, ret, ret_why);
}
