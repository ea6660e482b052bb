/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "batch.h"

#include <stdlib.h>

#include "profile.h"

static int compare_numbers(uint64_t a, uint64_t b)
{
        return a < b ? -1 : a > b;
}

static int compare_positions(const void *left, const void *right)
{
        const struct piece *a = left, *b = right;
        int r = compare_numbers(a->filesystem, b->filesystem);

        if (r == 0)
                r = compare_numbers(a->position, b->position);
        return r ? r : compare_numbers(a->need, b->need);
}

static int compare_needs(const void *left, const void *right)
{
        int r = compare_numbers(((const struct piece *)left)->need, ((const struct piece *)right)->need);

        return r ? r : compare_positions(left, right);
}

static int compare_bins(const void *left, const void *right)
{
        int r = compare_numbers(((const struct piece *)left)->bin, ((const struct piece *)right)->bin);

        return r ? r : compare_positions(left, right);
}

static uint64_t end_of(const struct piece *piece)
{
        uint64_t end = piece->position + piece->length;

        return (end + PROFILE_PAGE_SIZE - 1) / PROFILE_PAGE_SIZE * PROFILE_PAGE_SIZE;
}

/* Pages between two pieces of which one request could give both; more than any gap: none could. */
static uint64_t gap_between(const struct piece *piece, const struct piece *next)
{
        uint64_t end = end_of(piece);

        if (piece->filesystem != next->filesystem || piece->position == 0 || next->position < piece->position)
                return UINT64_MAX;
        return next->position <= end ? 0 : (next->position - end + PROFILE_PAGE_SIZE - 1) / PROFILE_PAGE_SIZE;
}

/* A page of junk saves the more requests the narrower the gap. Return: the widest that the share of junk
 * allows, if all that are no wider are filled. */
static uint64_t widest_gap(const struct piece *pieces, size_t count)
{
        uint64_t pages[BATCH_GAP_PAGES + 1] = {0}, junk = 0, gap;

        for (size_t i = 0; i < count; i++) {
                junk += pieces[i].length * BATCH_JUNK_PERCENT / 100;
                gap = i > 0 && pieces[i].has_device ? gap_between(&pieces[i - 1], &pieces[i]) : 0;
                if (gap <= BATCH_GAP_PAGES)
                        pages[gap] += gap;
        }
        junk /= PROFILE_PAGE_SIZE;
        for (gap = 0; gap < BATCH_GAP_PAGES && pages[gap + 1] <= junk; gap++)
                junk -= pages[gap + 1];
        return gap;
}

/* Of sorted pieces those that begin at @pieces. Return: how many, all of the least need of them now. */
static size_t make_run(struct piece *pieces, size_t count, uint64_t widest)
{
        uint64_t bytes = pieces[0].length;
        uint32_t need = pieces[0].need;
        size_t n;

        for (n = 1; n < count && bytes < BATCH_RUN_BYTES && gap_between(&pieces[n - 1], &pieces[n]) <= widest;
             n++) {
                bytes += pieces[n].length;
                need = pieces[n].need < need ? pieces[n].need : need;
        }
        for (size_t i = 0; i < n; i++)
                pieces[i].need = need;
        return n;
}

/* Between the pieces of a run, where there is room for one piece more. */
static size_t fill_gaps(struct piece *pieces, size_t sorted, size_t room, uint64_t widest)
{
        size_t count = sorted;

        for (size_t i = 1; i < sorted && count < room; i++) {
                const struct piece *last = &pieces[i - 1], *next = &pieces[i];
                uint64_t end = end_of(last), gap = gap_between(last, next);

                if (!next->has_device || last->need != next->need || gap == 0 || gap > widest)
                        continue;
                pieces[count++] = (struct piece){
                        .fd = BATCH_DEVICE,
                        .filesystem = next->filesystem,
                        .need = next->need,
                        .has_device = true,
                        .offset = end,
                        .length = next->position - end,
                        .position = end,
                };
        }
        return count;
}

size_t batch_arrange(struct piece *pieces, size_t count, size_t room, uint64_t bin_bytes)
{
        uint64_t bytes = 0, widest;
        uint32_t bin = 0;

        qsort(pieces, count, sizeof *pieces, compare_positions);
        widest = widest_gap(pieces, count);
        for (size_t i = 0; i < count;)
                i += make_run(&pieces[i], count - i, widest);
        count = fill_gaps(pieces, count, room, widest);
        qsort(pieces, count, sizeof *pieces, compare_needs);
        for (size_t i = 0; i < count; i++) {
                if (bytes >= bin_bytes && pieces[i].need != pieces[i - 1].need) {
                        bin++;
                        bytes = 0;
                }
                pieces[i].bin = bin;
                bytes += pieces[i].length;
        }
        qsort(pieces, count, sizeof *pieces, compare_bins);
        return count;
}
