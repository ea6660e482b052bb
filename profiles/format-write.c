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

enum { CUT_MIN = 512 }; /* bytes below which an own block costs more than its own statistics save */

/* Measured by bench-profile: up to level 12 the next ones take half the time again for 1 or 2 %, beyond it
 * twice the time for 1 %. By itself a level takes tens of MiB for a large section, and finds hardly more:
 * what repeats in a column is near. */
static const struct {
        ZSTD_cParameter name;
        int value;
} parameters[] = {
        {ZSTD_c_compressionLevel, 6}, {ZSTD_c_checksumFlag, 1}, {ZSTD_c_windowLog, 20},
        {ZSTD_c_chainLog, 17},        {ZSTD_c_hashLog, 17},
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
        packed->room = packed->n + n;
        return 0;
}

/* A section on its way into the file. */
struct packing {
        struct packed *packed;
        ZSTD_CCtx *context;
        bool begun;
};

/* begin - where the body's size is known, and before its first byte is compressed */
static int begin(struct packing *packing, uint64_t total)
{
        if (ZSTD_isError(ZSTD_CCtx_reset(packing->context, ZSTD_reset_session_only)) ||
            ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(packing->context, total)))
                return -EINVAL;
        packing->begun = true;
        /* a flushed block has a header of 3 bytes */
        return reserve(packing->packed, ZSTD_compressBound(total) + total / CUT_MIN * 4);
}

static int compress(struct packing *packing, struct body *body, ZSTD_EndDirective end)
{
        struct packed *packed = packing->packed;
        ZSTD_inBuffer in = {body->bytes, body->n, 0};
        ZSTD_outBuffer out;
        int r = packing->begun ? 0 : begin(packing, body->total);

        if (r < 0)
                return r;
        out = (ZSTD_outBuffer){packed->bytes, packed->room, packed->n};
        if (ZSTD_compressStream2(packing->context, &out, &in, end) != 0 || in.pos != in.size)
                return -ENOMEM; /* there is room enough: it can lack nothing else */
        packed->n = out.pos;
        body->n = 0;
        return 0;
}

/* take_column - a block ends with a column, so that each column has its own statistics */
static int take_column(struct body *body)
{
        return body->n < CUT_MIN ? 0 : compress(body->taker, body, ZSTD_e_flush);
}

/* pack_section - one frame, compressed while its body is made: a whole one may be larger than the profile */
static int pack_section(struct packed *packed, const struct profile *profile, const struct layout *layout,
                        ZSTD_CCtx *context, struct section *ret)
{
        struct packing packing = {.packed = packed, .context = context};
        CLEANUP_BODY struct body body = {.take = take_column, .taker = &packing};
        size_t offset = packed->n;
        int r;

        r = body_encode(profile, layout, &body);
        if (r == 0)
                r = compress(&packing, &body, ZSTD_e_end);
        if (r < 0)
                return r;
        *ret = (struct section){
                .type = layout->type, .offset = offset, .packed = packed->n - offset, .unpacked = body.total};
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
        for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
                if (ZSTD_isError(ZSTD_CCtx_setParameter(context, parameters[i].name, parameters[i].value)))
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
