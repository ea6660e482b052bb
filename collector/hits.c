/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hits.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "finish-pages.h"
#include "touched.h"

/* The profile's ranges by file and page. */
struct named {
        const struct profile_range **ranges;
        size_t count;
};

static int compare_ranges(const void *left, const void *right)
{
        const struct profile_range *a = *(const struct profile_range *const *)left;
        const struct profile_range *b = *(const struct profile_range *const *)right;

        if (a->file != b->file)
                return a->file < b->file ? -1 : 1;
        return a->page < b->page ? -1 : a->page > b->page;
}

static int sort_ranges(const struct profile *profile, struct named *ret)
{
        ret->count = profile->n_ranges;
        ret->ranges = malloc((ret->count + 1) * sizeof *ret->ranges);
        if (!ret->ranges)
                return -ENOMEM;
        for (size_t i = 0; i < ret->count; i++)
                ret->ranges[i] = &profile->ranges[i];
        qsort(ret->ranges, ret->count, sizeof *ret->ranges, compare_ranges);
        return 0;
}

/* One file: its named pages, ascending, and how far the touched ones, ascending too, have been compared. */
struct match {
        const struct profile_range *const *ranges;
        size_t count, next;
        uint64_t reached; /* pages below it are done */
        uint64_t touched, hits;
};

static int match_touched(void *data, uint64_t offset, uint64_t length, uint64_t time_us)
{
        struct match *match = data;
        uint64_t first = offset / PROFILE_PAGE_SIZE;
        uint64_t end = (offset + length + PROFILE_PAGE_SIZE - 1) / PROFILE_PAGE_SIZE;

        (void)time_us; /* in time or too late: the page was worth naming */
        match->touched += end - first;
        while (match->next < match->count) {
                const struct profile_range *range = match->ranges[match->next];
                uint64_t range_end = (uint64_t)range->page + range->count;
                uint64_t from = first > range->page ? first : range->page;
                uint64_t to = end < range_end ? end : range_end;

                if (from < match->reached)
                        from = match->reached;
                if (from < to) {
                        match->hits += to - from;
                        match->reached = to;
                }
                if (range_end > end)
                        break; /* its rest is for what was touched behind */
                match->next++;
        }
        return 0;
}

/* Ranges of a profile may overlap. */
static uint64_t count_named(const struct profile_range *const *ranges, size_t count)
{
        uint64_t pages = 0, reached = 0;

        for (size_t i = 0; i < count; i++) {
                uint64_t first = ranges[i]->page, end = first + ranges[i]->count;

                if (first < reached)
                        first = reached;
                if (first < end) {
                        pages += end - first;
                        reached = end;
                }
        }
        return pages;
}

static int match_file(const struct collection *collection, const struct file_key *key, int fd,
                      struct match *match, struct hits *hits)
{
        struct stat status;
        int r = fstat(fd, &status) < 0 ? -errno : 0;

        if (r == 0)
                r = pages_of_file(collection, key, fd, (uint64_t)status.st_size, 0, match_touched, match);
        if (r < 0)
                return r;
        hits->hits += match->hits;
        hits->misses += match->touched - match->hits;
        hits->waste += count_named(match->ranges, match->count) - match->hits;
        return 0;
}

/* Return: 0, 1 (the file is stale), or negative errno. */
static int match_named(const struct collection *collection, const struct profile_file *file,
                       struct match *match, bool *seen, struct hits *hits)
{
        struct resolver resolver = {.view = &collection->view, .mounts = &collection->mounts};
        const struct touched_file *touched;
        struct file_key key;
        struct stat status;
        _cleanup_close_ int fd = resolve_path(&resolver, file->path, &key);

        if (fd < 0 || fstat(fd, &status) < 0 || (uint64_t)status.st_size != file->size)
                return 1; /* what was read of another file in its place is missed */
        touched = touched_find(collection->touched, &key);
        if (touched)
                seen[touched - collection->touched->files] = true;
        return match_file(collection, &key, fd, match, hits);
}

static int match_all_named(const struct collection *collection, const struct profile *profile,
                           const struct named *named, bool *seen, struct hits *hits)
{
        size_t next = 0;

        for (size_t i = 0; i < profile->n_files; i++) {
                struct match match = {.ranges = named->ranges + next};
                int r;

                while (next < named->count && named->ranges[next]->file == i)
                        next++;
                match.count = (size_t)(named->ranges + next - match.ranges);
                r = match_named(collection, &profile->files[i], &match, seen, hits);
                if (r < 0)
                        return r;
                hits->files_stale += r > 0;
        }
        return 0;
}

static int match_others(const struct collection *collection, const bool *seen, struct hits *hits)
{
        struct resolver resolver = {.view = &collection->view, .mounts = &collection->mounts};
        const struct touched *touched = collection->touched;
        char path[PATH_MAX];

        for (uint32_t i = 0; i < touched->n_files; i++) {
                const struct file_key *key = &touched->files[i].key;
                _cleanup_close_ int fd = -1;
                struct match match = {0};
                int r;

                if (seen[i] || key->inode == 0)
                        continue;
                if (resolve_inode(&resolver, key, path) == 0)
                        fd = resolve_file(&resolver, path, key);
                if (fd < 0) {
                        hits->files_unnamed++;
                        continue;
                }
                r = match_file(collection, key, fd, &match, hits);
                if (r < 0)
                        return r;
                hits->files_missed += match.touched > 0;
        }
        return 0;
}

int hits_count(const struct collection *collection, const struct profile *profile, struct hits *ret)
{
        _cleanup_free_ bool *seen = calloc(collection->touched->n_files + 1, sizeof *seen);
        struct named named;
        int r = seen ? sort_ranges(profile, &named) : -ENOMEM;

        *ret = (struct hits){0};
        if (r < 0)
                return r;
        r = match_all_named(collection, profile, &named, seen, ret);
        if (r == 0)
                r = match_others(collection, seen, ret);
        free(named.ranges);
        return r;
}
