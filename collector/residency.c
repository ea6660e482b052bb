/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "residency.h"

#include <errno.h>
#include <linux/fs.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_cachestat
#define SYS_cachestat 451 /* the same on every architecture but alpha (561) */
#endif

/* Linux 6.5, include/uapi/linux/mman.h */
struct cache_range {
        uint64_t offset, length;
};
struct cache_counts {
        uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

/* Neighbouring ranges are joined before they are visited. */
struct run {
        uint64_t start, end;
        residency_visit visit;
        void *data;
};

static int run_end(struct run *run)
{
        int r = run->end > run->start ? run->visit(run->data, run->start, run->end - run->start) : 0;

        run->start = run->end = 0;
        return r;
}

static int run_add(struct run *run, uint64_t start, uint64_t end)
{
        int r = 0;

        if (run->end == start && run->end > run->start) {
                run->end = end;
                return 0;
        }
        r = run_end(run);
        run->start = start;
        run->end = end;
        return r;
}

static int cached_pages(int fd, uint64_t offset, uint64_t length, uint64_t *ret)
{
        struct cache_range range = {offset, length};
        struct cache_counts counts;

        if (syscall(SYS_cachestat, fd, &range, &counts, 0) < 0)
                return errno == ENOSYS ? -EOPNOTSUPP : -errno;
        *ret = counts.cached;
        return 0;
}

/* Where cachestat(2) counts all, no map is needed. Where it does not, mincore(2) knows better: an overlay's
 * files keep their pages at another inode. */
static bool is_whole(int fd, uint64_t offset, size_t length, size_t page)
{
        uint64_t cached = 0;

        return cached_pages(fd, offset, length, &cached) == 0 && cached * page >= length;
}

static int window(int fd, uint64_t offset, size_t length, size_t page, struct run *run)
{
        enum { PAGES = 16384 };
        static unsigned char resident[PAGES];
        void *map;
        int r = 0;

        if (is_whole(fd, offset, length, page))
                return run_add(run, offset, offset + (length + page - 1) / page * page);
        map = mmap(NULL, length, PROT_NONE, MAP_SHARED, fd, (off_t)offset);
        if (map == MAP_FAILED)
                return -errno;
        if (mincore(map, length, resident) < 0)
                r = -errno;
        for (size_t i = 0; r == 0 && i * page < length; i++)
                if (resident[i] & 1)
                        r = run_add(run, offset + i * page, offset + (i + 1) * page);
        munmap(map, length);
        return r;
}

/* is_sparse - holes may be larger than any disk, and have nothing to read */
static bool is_sparse(int fd)
{
        struct stat status;

        return fstat(fd, &status) == 0 && status.st_blocks * 512 < status.st_size;
}

/* next_data - where a sparse file's next window begins */
static uint64_t next_data(int fd, uint64_t offset, uint64_t size, size_t page)
{
        off_t found = offset < size ? lseek(fd, (off_t)offset, SEEK_DATA) : (off_t)size;

        if (found < 0)
                return errno == ENXIO ? size : offset;
        return (uint64_t)found / page * page;
}

int residency_file(int fd, uint64_t start, uint64_t end, residency_visit visit, void *data)
{
        enum { WINDOW_PAGES = 16384 };
        size_t page = (size_t)sysconf(_SC_PAGESIZE), most = WINDOW_PAGES * page;
        bool sparse = end > most && is_sparse(fd); /* asking for holes may read from the disk */
        struct run run = {.visit = visit, .data = data};

        for (uint64_t offset = start;; offset += most) {
                uint64_t left;
                int r;

                if (sparse)
                        offset = next_data(fd, offset, end, page);
                if (offset >= end)
                        return run_end(&run);
                left = end - offset;
                r = window(fd, offset, left < most ? (size_t)left : most, page, &run);
                if (r < 0)
                        return r;
        }
}

/* A range is whole, empty, or halved; the depth is the device's size in pages, as a power of two. What is not
 * in one half is in the other: each is asked about only once. */
static int bisect(int fd, uint64_t offset, uint64_t length, uint64_t cached, uint64_t page, struct run *run)
{
        uint64_t half, left = 0;
        int r;

        if (cached == 0)
                return 0;
        if (cached * page >= length)
                return run_add(run, offset, offset + length);
        half = (length / page + 1) / 2 * page;
        r = cached_pages(fd, offset, half, &left);
        if (r < 0)
                return r;
        if (left > cached)
                left = cached; /* some came meanwhile */
        r = bisect(fd, offset, half, left, page, run);
        return r < 0 ? r : bisect(fd, offset + half, length - half, cached - left, page, run);
}

int residency_device(int fd, residency_visit visit, void *data)
{
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), size, cached = 0;
        struct run run = {.visit = visit, .data = data};
        int r;

        if (ioctl(fd, BLKGETSIZE64, &size) < 0)
                return -errno;
        if (size < page)
                return 0;
        size -= size % page;
        r = cached_pages(fd, 0, size, &cached);
        if (r == 0)
                r = bisect(fd, 0, size, cached, page, &run);
        return r < 0 ? r : run_end(&run);
}

bool residency_knows_devices(void)
{
        uint64_t count;

        return cached_pages(-1, 0, 0, &count) != -EOPNOTSUPP;
}
