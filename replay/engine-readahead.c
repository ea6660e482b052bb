/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real engine: descriptors of files and devices, where they lie, and the kernel's readahead. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine.h"

enum { EXTENTS = 32 }; /* that one question about a read is answered with */

union map {
        struct fiemap head;
        char room[sizeof(struct fiemap) + EXTENTS * sizeof(struct fiemap_extent)];
};

static int open_file(void *data, const struct plan_read *read, int *ret_fd)
{
        const struct engine_files *files = data;
        const struct mounted *mounted = &files->mounted[read->filesystem];
        const struct profile_file *file;
        const char *below;

        if (read->file == PROFILE_NONE) {
                *ret_fd = BATCH_DEVICE;
                return mounted->device < 0 ? -ENODEV : 0;
        }
        file = &files->profile->files[read->file];
        below = place_path_below(file->path, files->profile->filesystems[read->filesystem].mount);
        return below ? place_open_file(files->place, mounted, below, file->size, ret_fd) : PLACE_GONE;
}

/* The answer to FIEMAP comes from the metadata that opening the file has brought. What it says of the
 * position may be wrong without harm: what is read is always named by file and offset. */
static size_t ask_position(int fd, const struct piece *whole, struct piece *ret, size_t room)
{
        union map map = {
                .head = {.fm_start = whole->offset, .fm_length = whole->length, .fm_extent_count = EXTENTS}};
        uint64_t offset = whole->offset, end = offset + whole->length;
        size_t count = 0;

        if (ioctl(fd, FS_IOC_FIEMAP, &map.head) < 0)
                return 0;
        for (size_t i = 0; i < map.head.fm_mapped_extents && i < EXTENTS && count + 1 < room; i++) {
                const struct fiemap_extent *extent = &map.head.fm_extents[i];
                uint64_t extent_end = extent->fe_logical + extent->fe_length;

                if (extent->fe_flags & (FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_NOT_ALIGNED))
                        break;
                if (extent->fe_logical > offset)
                        offset = extent->fe_logical; /* a hole costs no request */
                if (extent_end <= offset || offset >= end)
                        continue;
                ret[count] = *whole;
                ret[count].offset = offset;
                ret[count].length = (extent_end < end ? extent_end : end) - offset;
                ret[count].position = extent->fe_physical + offset - extent->fe_logical;
                offset += ret[count++].length;
        }
        if (offset < end && count > 0 && count < room) { /* more extents than an answer holds */
                ret[count] = *whole;
                ret[count].offset = offset;
                ret[count].length = end - offset;
                ret[count].position = ret[count - 1].position + ret[count - 1].length;
                count++;
        }
        return count;
}

static size_t locate(void *data, int fd, const struct plan_read *read, struct piece *ret, size_t room)
{
        const struct engine_files *files = data;
        struct piece whole = {.fd = fd,
                              .filesystem = read->filesystem,
                              .has_device = files->mounted[read->filesystem].device >= 0,
                              .offset = read->offset,
                              .length = read->length};
        size_t count;

        if (room == 0)
                return 0;
        if (fd == BATCH_DEVICE) {
                whole.position = read->offset;
        } else {
                count = ask_position(fd, &whole, ret, room);
                if (count > 0)
                        return count;
        }
        *ret = whole;
        return 1;
}

static int descriptor_of(const struct engine_files *files, const struct piece *piece)
{
        return piece->fd == BATCH_DEVICE ? files->mounted[piece->filesystem].device : piece->fd;
}

/* One call each. posix_fadvise(2) returns the error's number and does not set errno. */
static bool advise(const struct engine_files *files, const struct piece *piece)
{
        uint64_t window = files->mounted[piece->filesystem].window, end = piece->offset + piece->length;

        for (uint64_t offset = piece->offset; offset < end; offset += window) {
                uint64_t length = end - offset < window ? end - offset : window;

                if (posix_fadvise(descriptor_of(files, piece), (off_t)offset, (off_t)length,
                                  POSIX_FADV_WILLNEED) != 0)
                        return false;
        }
        return true;
}

/* A piece, widened to whole pages of the machine. */
static void pages_of(const struct piece *piece, uint64_t *ret_offset, uint64_t *ret_length)
{
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), end = piece->offset + piece->length;

        *ret_offset = piece->offset / page * page;
        *ret_length = (end + page - 1) / page * page - *ret_offset;
}

/* Maps a piece at @to, in parts of what the kernel reads ahead at most: it takes each mapping as one call,
 * and drops what is longer. Two neighbours would become one mapping if they had the same protection. Return:
 * bytes of addresses used, 0: it can't be mapped. */
static uint64_t map_piece(const struct engine_files *files, const struct piece *piece, char *to,
                          unsigned int *parts)
{
        uint64_t window = files->mounted[piece->filesystem].window, offset, length;

        pages_of(piece, &offset, &length);
        for (uint64_t at = 0; at < length; at += window) {
                uint64_t part = length - at < window ? length - at : window;
                int protection = (*parts)++ % 2 ? PROT_READ : PROT_NONE;

                if (mmap(to + at, part, protection, MAP_SHARED | MAP_FIXED, descriptor_of(files, piece),
                         (off_t)(offset + at)) == MAP_FAILED)
                        return 0;
        }
        return length;
}

/* Requests of different files become one only below one plug of the block layer. madvise(2) holds one over
 * all mappings that it passes (mm/madvise.c, Linux 6.1 to 6.18), posix_fadvise(2) one for each call, and
 * io_uring gives each to a thread of its own. Nothing of the mappings is ever touched. */
static unsigned int read_ahead(void *data, const struct piece *pieces, size_t count)
{
        const struct engine_files *files = data;
        uint64_t room = 0, used = 0, offset, length;
        unsigned int refused = 0, parts = 0;
        char *base;

        for (size_t i = 0; i < count; i++) {
                pages_of(&pieces[i], &offset, &length);
                room += length;
        }
        base = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        for (size_t i = 0; i < count; i++) {
                uint64_t mapped = base == MAP_FAILED ? 0 : map_piece(files, &pieces[i], base + used, &parts);

                if (mapped == 0)
                        refused += !advise(files, &pieces[i]);
                used += mapped;
        }
        if (used > 0)
                madvise(base, used, MADV_WILLNEED);
        if (base != MAP_FAILED)
                munmap(base, room);
        return refused;
}

/* Reading a byte of the last page returns when that page is there. An end that has moved is no failure. */
static bool wait_for(void *data, const struct piece *piece)
{
        uint64_t last_page = (piece->offset + piece->length - 1) / PROFILE_PAGE_SIZE * PROFILE_PAGE_SIZE;
        char byte;

        return pread(descriptor_of(data, piece), &byte, 1, (off_t)last_page) >= 0;
}

static uint64_t room(void *data)
{
        const struct engine_files *files = data;

        return place_memory(files->place, files->memory_percent);
}

static void close_file(void *data, int fd)
{
        (void)data;
        if (fd != BATCH_DEVICE)
                close(fd);
}

const struct engine_class engine_readahead = {
        .open = open_file,
        .locate = locate,
        .read_ahead = read_ahead,
        .wait = wait_for,
        .room = room,
        .close = close_file,
};
