/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The header of a profile: magic, versions, flags and the section table. It is verified by itself, before
 * any section is read. Knows nothing of what the sections hold.
 */
#include "format.h"

#include <string.h>

/* crc32 - CRC-32 as in IEEE 802.3; a bit at a time, since a header has a few hundred bytes */
static uint32_t crc32(uint32_t crc, const uint8_t *bytes, size_t n)
{
        crc = ~crc;
        for (size_t i = 0; i < n; i++) {
                crc ^= bytes[i];
                for (int bit = 0; bit < 8; bit++)
                        crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
        }
        return ~crc;
}

static uint32_t checksum(const uint8_t *bytes, size_t n)
{
        static const uint8_t zero[4];
        uint32_t crc = crc32(0, bytes, HEADER_CHECKSUM);

        crc = crc32(crc, zero, sizeof(zero));
        return crc32(crc, bytes + HEADER_CHECKSUM + sizeof(zero), n - HEADER_CHECKSUM - sizeof(zero));
}

/* decode_section - one entry of the table, which has to begin where the one before it ends */
static int decode_section(const uint8_t *entry, uint64_t file_size, const struct section *before,
                          uint64_t begin, struct section *ret, const char **ret_why)
{
        *ret = (struct section){
                .type = get_u32(entry + ENTRY_TYPE),
                .flags = get_u32(entry + ENTRY_FLAGS),
                .offset = get_u64(entry + ENTRY_OFFSET),
                .packed = get_u64(entry + ENTRY_PACKED),
                .unpacked = get_u64(entry + ENTRY_UNPACKED),
        };
        if (ret->flags & SECTION_FLAGS_INCOMPATIBLE) {
                *ret_why = "a section needs a newer reader";
                return PROFILE_FOREIGN;
        }
        if (before && ret->type <= before->type) {
                *ret_why = "sections are not in ascending order of their types";
                return PROFILE_CORRUPT;
        }
        if (ret->offset != begin) {
                *ret_why = "a section does not begin where the one before it ends";
                return PROFILE_CORRUPT;
        }
        if (ret->packed == 0 || ret->packed > file_size - ret->offset) {
                *ret_why = "a section is empty or ends behind the end of the file";
                return PROFILE_CORRUPT;
        }
        return 0;
}

static int decode_sections(const uint8_t *bytes, uint64_t file_size, struct header *header,
                           const char **ret_why)
{
        size_t entry_size = get_u16(bytes + HEADER_ENTRY_SIZE);
        const uint8_t *table = bytes + header->size - header->n_sections * entry_size;
        uint64_t begin = header->size;

        for (size_t i = 0; i < header->n_sections; i++) {
                struct section *section = &header->sections[i];
                int r;

                r = decode_section(table + i * entry_size, file_size, i > 0 ? section - 1 : NULL, begin,
                                   section, ret_why);
                if (r != 0)
                        return r;
                begin += section->packed;
        }
        if (begin != file_size) {
                *ret_why = "the file goes on behind its last section";
                return PROFILE_CORRUPT;
        }
        return 0;
}

int header_decode(const uint8_t *bytes, size_t n, uint64_t file_size, struct header *ret,
                  const char **ret_why)
{
        size_t entry_size;

        *ret_why = NULL;
        if (n == 0)
                *ret_why = "the file is empty";
        else if (n < HEADER_FIXED || memcmp(bytes + HEADER_MAGIC, FORMAT_MAGIC, strlen(FORMAT_MAGIC)) != 0)
                *ret_why = "the file is no profile";
        if (*ret_why)
                return PROFILE_CORRUPT;

        ret->size = get_u32(bytes + HEADER_SIZE);
        if (ret->size < HEADER_FIXED || ret->size > HEADER_MAX || ret->size > n)
                *ret_why = "the header is cut short or its size is wrong";
        else if (get_u32(bytes + HEADER_CHECKSUM) != checksum(bytes, ret->size))
                *ret_why = "the header's checksum does not match";
        if (*ret_why)
                return PROFILE_CORRUPT;

        if (get_u16(bytes + HEADER_NEEDS) > FORMAT_VERSION)
                *ret_why = "the profile's format is newer than this reader";
        else if (get_u32(bytes + HEADER_INCOMPATIBLE) != 0)
                *ret_why = "the profile uses a feature that needs a newer reader";
        if (*ret_why)
                return PROFILE_FOREIGN;

        ret->n_sections = get_u16(bytes + HEADER_SECTIONS);
        entry_size = get_u16(bytes + HEADER_ENTRY_SIZE);
        if (ret->n_sections > SECTIONS_MAX || entry_size < ENTRY_FIXED ||
            ret->n_sections * entry_size > ret->size - HEADER_FIXED) {
                *ret_why = "the section table does not fit into the header";
                return PROFILE_CORRUPT;
        }
        return decode_sections(bytes, file_size, ret, ret_why);
}

void header_encode(const struct header *header, uint8_t *ret)
{
        memset(ret, 0, header->size);
        memcpy(ret + HEADER_MAGIC, FORMAT_MAGIC, strlen(FORMAT_MAGIC));
        put_bytes(ret + HEADER_SIZE, header->size, 4);
        put_bytes(ret + HEADER_VERSION, FORMAT_VERSION, 2);
        put_bytes(ret + HEADER_NEEDS, FORMAT_NEEDS, 2);
        put_bytes(ret + HEADER_SECTIONS, header->n_sections, 2);
        put_bytes(ret + HEADER_ENTRY_SIZE, ENTRY_FIXED, 2);
        for (size_t i = 0; i < header->n_sections; i++) {
                const struct section *section = &header->sections[i];
                uint8_t *entry = ret + HEADER_FIXED + i * ENTRY_FIXED;

                put_bytes(entry + ENTRY_TYPE, section->type, 4);
                put_bytes(entry + ENTRY_FLAGS, section->flags, 4);
                put_bytes(entry + ENTRY_OFFSET, section->offset, 8);
                put_bytes(entry + ENTRY_PACKED, section->packed, 8);
                put_bytes(entry + ENTRY_UNPACKED, section->unpacked, 8);
        }
        put_bytes(ret + HEADER_CHECKSUM, checksum(ret, header->size), 4);
}
