/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "finish-pages.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "residency.h"
#include "touched.h"

/* The spans of a file as far as they count, ascending. */
struct pieces {
        const struct touched_file *file;
        uint32_t next; /* span that the resident ranges have reached */
        struct touched_span *spans;
        size_t count;
        uint64_t page;
};

static int add_piece(struct pieces *pieces, const struct touched_span *span)
{
        struct touched_span *last = pieces->count ? &pieces->spans[pieces->count - 1] : NULL;

        if (last && last->last + 1 == span->first && touched_together(last, span)) {
                last->last = span->last;
                if (span->time_us < last->time_us)
                        last->time_us = span->time_us;
                return 0;
        }
        if ((pieces->count & (pieces->count - 1)) == 0) {
                last = reallocarray(pieces->spans, pieces->count ? pieces->count * 2 : 1, sizeof *last);
                if (!last)
                        return -ENOMEM;
                pieces->spans = last;
        }
        pieces->spans[pieces->count++] = *span;
        return 0;
}

/* Takes over the spans that were asked for, up to the first that is of interest to a resident range. */
static int take_asked(struct pieces *pieces, uint64_t before)
{
        int r = 0;

        while (r == 0 && pieces->next < pieces->file->n_spans) {
                const struct touched_span *span = &pieces->file->spans[pieces->next];

                if (span->around ? span->last >= before : span->first >= before)
                        break;
                if (!span->around)
                        r = add_piece(pieces, span);
                pieces->next++;
        }
        return r;
}

/* Fault-around names all pages between two limits, and maps those of them that are resident. */
static int take_resident(void *data, uint64_t offset, uint64_t length)
{
        struct pieces *pieces = data;
        uint64_t first = offset / pieces->page, end = (offset + length + pieces->page - 1) / pieces->page;
        int r = take_asked(pieces, first);

        while (r == 0 && pieces->next < pieces->file->n_spans) {
                struct touched_span part = pieces->file->spans[pieces->next];

                if (part.first >= end)
                        break;
                if (part.around && part.first < first)
                        part.first = (uint32_t)first;
                if (part.around && part.last >= end)
                        part.last = (uint32_t)(end - 1);
                r = add_piece(pieces, &part);
                if (part.last != pieces->file->spans[pieces->next].last)
                        break; /* the rest may belong to the next resident range */
                pieces->next++;
        }
        return r;
}

static int visit_pieces(const struct pieces *pieces, uint64_t size, pages_visit visit, void *data)
{
        int r = 0;

        for (size_t i = 0; i < pieces->count && r == 0; i++) {
                uint64_t start = pieces->spans[i].first * pieces->page;
                uint64_t end = ((uint64_t)pieces->spans[i].last + 1) * pieces->page;

                if (start >= size)
                        break;
                r = visit(data, start, (end < size ? end : size) - start, pieces->spans[i].time_us);
        }
        return r;
}

static int resident_pages(const struct view *view, int fd, uint64_t start, uint64_t end,
                          residency_visit visit, void *data)
{
        _cleanup_close_ int opened = start < end ? resolve_open(view, fd) : -1;

        if (start >= end)
                return 0;
        return opened < 0 ? opened : residency_file(opened, start, end, visit, data);
}

/* Residency matters only from the first to the last span that was mapped along. */
static int take_around(struct pieces *pieces, const struct view *view, int fd, uint64_t size)
{
        uint64_t start = size, end = 0;

        for (uint32_t i = 0; i < pieces->file->n_spans; i++) {
                const struct touched_span *span = &pieces->file->spans[i];

                if (!span->around)
                        continue;
                if (end == 0)
                        start = span->first * pieces->page;
                end = ((uint64_t)span->last + 1) * pieces->page;
        }
        return resident_pages(view, fd, start, end < size ? end : size, take_resident, pieces);
}

static int touched_pages(const struct view *view, const struct touched_file *file, int fd, uint64_t size,
                         pages_visit visit, void *data)
{
        struct pieces pieces = {.file = file, .page = (uint64_t)sysconf(_SC_PAGESIZE)};
        int r = take_around(&pieces, view, fd, size);

        if (r == 0)
                r = take_asked(&pieces, UINT64_MAX);
        if (r == 0)
                r = visit_pieces(&pieces, size, visit, data);
        free(pieces.spans);
        return r;
}

struct resident {
        pages_visit visit;
        void *data;
        uint64_t time_us;
};

static int pass_resident(void *data, uint64_t offset, uint64_t length)
{
        const struct resident *resident = data;

        return resident->visit(resident->data, offset, length, resident->time_us);
}

bool pages_may_be_resident(const struct collection *collection)
{
        bool any = !(collection->contents & PROFILE_CONTENT_TOUCHED_PAGES);

        for (size_t i = 0; i < collection->mounts.count; i++)
                any = any || collection->mounts.filesystems[i].untold;
        return any;
}

int pages_of_file(const struct collection *collection, const struct file_key *key, int fd, uint64_t size,
                  uint64_t opened_us, pages_visit visit, void *data)
{
        struct resident resident = {.visit = visit, .data = data, .time_us = opened_us};
        int filesystem = mounts_find(&collection->mounts, key->device);
        const struct filesystem *place = filesystem < 0 ? NULL : &collection->mounts.filesystems[filesystem];
        const struct touched_file *file;

        if (!(collection->contents & PROFILE_CONTENT_TOUCHED_PAGES) || (place && place->untold))
                return resident_pages(&collection->view, fd, 0, size, pass_resident, &resident);
        file = touched_find(collection->touched,
                            &(struct file_key){place ? place->device : key->device, key->inode});
        return file ? touched_pages(&collection->view, file, fd, size, visit, data) : 0;
}

int pages_of_device(struct collection *collection, const struct filesystem *filesystem, pages_visit visit,
                    void *data)
{
        struct resident resident = {.visit = visit, .data = data};
        const struct touched_file *requested;
        _cleanup_close_ int fd = -1;
        int r;

        if (!filesystem->linked_inodes)
                return 0;
        fd = filesystem_open_device(filesystem, &collection->view);
        if (fd < 0)
                return fd;
        r = residency_device(fd, pass_resident, &resident);
        if (r == 0)
                collection->contents |= PROFILE_CONTENT_RESIDENT_METADATA;
        if (r != -EOPNOTSUPP || !(collection->contents & PROFILE_CONTENT_REQUESTED_METADATA))
                return r;
        requested = touched_find(collection->touched, &(struct file_key){.device = filesystem->device});
        return requested ? touched_pages(&collection->view, requested, fd, UINT64_MAX, visit, data) : 0;
}
