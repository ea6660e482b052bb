/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a profile: the header first, then in one read the sections that are asked for, each verified
 * whole before anything of it is used. Replay's part is read while a boot waits.
 */
#include "cleanup.h"
#include "format.h"
#include "tables.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

/* One request brings a usual profile's replay part: the header alone would cost the disk a round trip more.
 */
#define READ_AHEAD (128 * 1024)

static void dctx_free(ZSTD_DCtx *context)
{
        ZSTD_freeDCtx(context);
}
DEFINE_CLEANUP(ZSTD_DCtx *, dctx_free)

/* read_exactly - as many bytes as asked for, or an answer that the file has become shorter */
static int read_exactly(int fd, uint8_t *bytes, size_t n, uint64_t offset, const char **ret_why)
{
        while (n > 0) {
                ssize_t got = pread(fd, bytes, n, (off_t)offset);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return -errno;
                if (got == 0) {
                        *ret_why = "the file became shorter while it was read";
                        return PROFILE_CORRUPT;
                }
                bytes += got;
                n -= (size_t)got;
                offset += (uint64_t)got;
        }
        return 0;
}

static int file_size(int fd, uint64_t *ret, const char **ret_why)
{
        struct stat status;

        if (fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode)) {
                *ret_why = "not a regular file";
                return PROFILE_CORRUPT;
        }
        if (status.st_size > PROFILE_FILE_SIZE_MAX) {
                *ret_why = "the file is larger than a profile may be";
                return PROFILE_CORRUPT;
        }
        *ret = (uint64_t)status.st_size;
        return 0;
}

/* is_plain_frame - exactly one zstd frame that has a checksum and says its size (RFC 8878, 3.1.1.1) */
static bool is_plain_frame(const uint8_t *bytes, const struct section *section)
{
        enum { DESCRIPTOR = 4, HAS_CHECKSUM = 1 << 2 };

        return section->packed > DESCRIPTOR && get_u32(bytes) == ZSTD_MAGICNUMBER &&
               bytes[DESCRIPTOR] & HAS_CHECKSUM &&
               ZSTD_getFrameContentSize(bytes, section->packed) == section->unpacked &&
               ZSTD_findFrameCompressedSize(bytes, section->packed) == section->packed;
}

/* read_section - unpacks and decodes one section that this version knows */
static int read_section(struct profile *profile, const struct section *section, const struct layout *layout,
                        const uint8_t *bytes, ZSTD_DCtx *context, const char **ret_why)
{
        _cleanup_free_ uint8_t *body = NULL;
        size_t n;

        if (section->unpacked > layout->unpacked_max) {
                *ret_why = "a section is larger than it may be";
                return PROFILE_CORRUPT;
        }
        if (!is_plain_frame(bytes, section)) {
                *ret_why = "a section is damaged or no checksummed frame of the size it says";
                return PROFILE_CORRUPT;
        }
        body = malloc(section->unpacked + 1);
        if (!body)
                return -ENOMEM;
        n = ZSTD_decompressDCtx(context, body, section->unpacked, bytes, section->packed);
        if (ZSTD_isError(n) || n != section->unpacked) {
                *ret_why = "a section is damaged or its checksum does not match";
                return PROFILE_CORRUPT;
        }
        return body_decode(profile, layout, body, n, ret_why);
}

/* wanted - how many sections of the table the part takes; those that replay needs come first */
static size_t wanted(const struct header *header, enum profile_part part)
{
        size_t n = 0;

        while (n < header->n_sections &&
               (part == PROFILE_PART_ALL || header->sections[n].type < SECTION_REPLAY_END))
                n++;
        return n;
}

/* has_all - whether no section is missing that the part can't do without */
static bool has_all(const struct header *header, size_t n, enum profile_part part)
{
        size_t found = 0, needed = 0;

        for (size_t i = 0; i < n; i++) {
                const struct layout *layout = layout_find(header->sections[i].type);

                found += layout && !layout->optional;
        }
        for (size_t i = 0; i < n_layouts; i++)
                needed += !layouts[i].optional &&
                          (part == PROFILE_PART_ALL || layouts[i].type < SECTION_REPLAY_END);
        return found == needed;
}

static int read_sections(int fd, const struct header *header, enum profile_part part, struct profile *profile,
                         const char **ret_why)
{
        CLEANUP(dctx_free) ZSTD_DCtx *context = ZSTD_createDCtx();
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t n = wanted(header, part);
        uint64_t end;
        int r;

        if (!has_all(header, n, part)) {
                *ret_why = "a section is missing";
                return PROFILE_CORRUPT;
        }
        end = header->sections[n - 1].offset + header->sections[n - 1].packed;
        bytes = malloc(end - header->size);
        if (!bytes || !context)
                return -ENOMEM;
        r = read_exactly(fd, bytes, end - header->size, header->size, ret_why);
        if (r != 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                const struct section *section = &header->sections[i];
                const struct layout *layout = layout_find(section->type);

                if (!layout)
                        continue;
                r = read_section(profile, section, layout, bytes + (section->offset - header->size), context,
                                 ret_why);
                if (r != 0)
                        return r;
        }
        return profile_check(profile, ret_why);
}

int profile_read(int fd, enum profile_part part, struct profile **ret, const char **ret_why)
{
        CLEANUP(profile_free) struct profile *profile = profile_new();
        const char *ignored, **why = ret_why ? ret_why : &ignored;
        uint8_t bytes[HEADER_MAX];
        struct header header;
        uint64_t size = 0;
        size_t n;
        int r;

        if (!profile)
                return -ENOMEM;
        r = file_size(fd, &size, why);
        if (r != 0)
                return r;
        if (part == PROFILE_PART_REPLAY) /* a hint: where it is refused, reads just take longer */
                (void)posix_fadvise(fd, 0, READ_AHEAD, POSIX_FADV_WILLNEED);
        n = size < sizeof(bytes) ? size : sizeof(bytes);
        r = read_exactly(fd, bytes, n, 0, why);
        if (r != 0)
                return r;
        r = header_decode(bytes, n, size, &header, why);
        if (r != 0)
                return r;
        r = read_sections(fd, &header, part, profile, why);
        if (r != 0)
                return r;
        *ret = TAKE(profile);
        return 0;
}
