/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packing a profile: every section's body into a zstd frame of its own, the header in front. The result
 * is the same for the same profile and libzstd. Writes nothing: file.c does.
 */
#include "format-write.h"

#include "cleanup.h"
#include "format.h"

#include <errno.h>
#include <string.h>
#include <zstd.h>

enum {
        LEVEL = 12,    /* measured by bench-profile: the next ones take twice the time for 1 % */
        CUT_MIN = 512, /* bytes below which an own block costs more than its own statistics save */
};

static void cctx_free(ZSTD_CCtx *context)
{
        ZSTD_freeCCtx(context);
}
DEFINE_CLEANUP(ZSTD_CCtx *, cctx_free)

#define CLEANUP_BODY __attribute__((cleanup(body_done)))

/* reserve - room for @n more bytes at the end of the packed profile */
static int reserve(struct packed *packed, size_t n)
{
        uint8_t *bytes = realloc(packed->bytes, packed->n + n);

        if (!bytes)
                return -ENOMEM;
        packed->bytes = bytes;
        return 0;
}

/* compress_body - one frame; a block ends with a column, so that each column has its own statistics */
static int compress_body(ZSTD_CCtx *context, const struct body *body, uint8_t *to, size_t room, size_t *ret)
{
        ZSTD_outBuffer out = {to, room, 0};
        ZSTD_inBuffer in = {body->bytes, 0, 0};

        if (ZSTD_isError(ZSTD_CCtx_reset(context, ZSTD_reset_session_only)) ||
            ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(context, body->n)))
                return -EINVAL;
        for (size_t i = 0; i < body->n_cuts; i++) {
                if (body->cuts[i] - in.pos < CUT_MIN)
                        continue;
                in.size = body->cuts[i];
                if (ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush) != 0 || in.pos != in.size)
                        return -ENOMEM; /* there is room enough: it can lack nothing else */
        }
        in.size = body->n;
        if (ZSTD_compressStream2(context, &out, &in, ZSTD_e_end) != 0)
                return -ENOMEM;
        *ret = out.pos;
        return 0;
}

static int pack_section(struct packed *packed, const struct profile *profile, const struct layout *layout,
                        ZSTD_CCtx *context, struct section *ret)
{
        CLEANUP_BODY struct body body = {};
        size_t room, n;
        int r;

        r = body_encode(profile, layout, &body);
        if (r < 0)
                return r;
        room = ZSTD_compressBound(body.n) + CUTS_MAX * 4; /* a flushed block has a header of 3 bytes */
        r = reserve(packed, room);
        if (r < 0)
                return r;
        r = compress_body(context, &body, packed->bytes + packed->n, room, &n);
        if (r < 0)
                return r;
        *ret = (struct section){.type = layout->type, .offset = packed->n, .packed = n, .unpacked = body.n};
        packed->n += n;
        return 0;
}

int format_pack(const struct profile *profile, struct packed *ret)
{
        CLEANUP(cctx_free) ZSTD_CCtx *context = ZSTD_createCCtx();
        struct header header = {};
        size_t n = 0;
        int r;

        for (size_t i = 0; i < n_layouts; i++)
                header.n_sections += !body_is_left_out(profile, &layouts[i]);
        header.size = (uint32_t)(HEADER_FIXED + header.n_sections * ENTRY_FIXED);
        if (!context || reserve(ret, header.size) < 0)
                return -ENOMEM;
        if (ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL)) ||
            ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)))
                return -EINVAL;
        ret->n = header.size;
        for (size_t i = 0; i < n_layouts; i++) {
                if (body_is_left_out(profile, &layouts[i]))
                        continue;
                r = pack_section(ret, profile, &layouts[i], context, &header.sections[n++]);
                if (r < 0)
                        return r;
        }
        if (ret->n > PROFILE_FILE_SIZE_MAX)
                return -EFBIG;
        header_encode(&header, ret->bytes);
        return 0;
}

void packed_done(struct packed *packed)
{
        free(packed->bytes);
}
