/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "finish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "boot.h"
#include "cleanup.h"
#include "finish-mounts.h"
#include "finish-pages.h"
#include "finish-walks.h"
#include "lives.h"
#include "resolve.h"
#include "touched.h"

/* As many as a boot needs, and a few times more; see memory.h. */
enum { RANGES_MAX = 1 << 18, METADATA_MAX = 1 << 16 };

/* What the profile's tables call the recording's entries. */
struct finish {
        struct collection *collection;
        struct profile *profile;
        uint32_t *file_index;    /* of a recorded file, or PROFILE_NONE */
        uint32_t *process_index; /* of a recorded process, or PROFILE_NONE */
        struct mount_points mount_points;
        uint32_t file; /* whose ranges are being added */
        uint32_t filesystem;
};

/* left_out - why something could not be added: for want of memory, or it is over a limit and counted */
static int left_out(struct finish *finish, enum profile_loss loss)
{
        if (errno != E2BIG && errno != ENAMETOOLONG)
                return -errno;
        finish->collection->recording->losses[loss]++;
        return 0;
}

static int add_filesystems(struct finish *finish)
{
        const struct mounts *mounts = &finish->collection->mounts;

        for (size_t i = 0; i < mounts->count; i++) {
                const struct filesystem *from = &mounts->filesystems[i];
                struct profile_filesystem *to = profile_add_filesystem(finish->profile);

                if (!to)
                        return -errno;
                to->type = profile_string(finish->profile, from->type);
                to->mount = profile_string(finish->profile, from->mount);
                if (!to->type || !to->mount)
                        return -errno;
                to->device = filesystem_device_kind(from, &finish->collection->view);
                filesystem_uuid(from, &finish->collection->view, to->uuid);
        }
        return mount_points_read(finish->collection, &finish->mount_points);
}

static uint32_t clamp_us(uint64_t time_us)
{
        return time_us > UINT32_MAX ? UINT32_MAX : (uint32_t)time_us;
}

static int add_range(void *data, uint64_t offset, uint64_t length, uint64_t time_us)
{
        struct finish *finish = data;
        uint64_t page = offset / PROFILE_PAGE_SIZE;
        uint64_t count = (offset + length + PROFILE_PAGE_SIZE - 1) / PROFILE_PAGE_SIZE - page;
        struct profile_range *range = NULL;

        if (page + count <= UINT32_MAX && finish->profile->n_ranges < RANGES_MAX)
                range = profile_add_range(finish->profile);
        if (!range) {
                finish->collection->recording->losses[PROFILE_LOSS_RANGES]++;
                return 0;
        }
        *range = (struct profile_range){
                .file = finish->file,
                .page = (uint32_t)page,
                .count = (uint32_t)count,
                .first_use_us = clamp_us(time_us),
        };
        return 0;
}

/* Filesystems keep seconds in 64 bits: what lies centuries away is as far as nanoseconds reach. */
static int64_t nanoseconds(const struct timespec *time)
{
        int64_t ns;

        if (__builtin_mul_overflow(time->tv_sec, (int64_t)1000000000, &ns) ||
            __builtin_add_overflow(ns, time->tv_nsec, &ns))
                return time->tv_sec < 0 ? INT64_MIN : INT64_MAX;
        return ns;
}

/* Where the file stands now: it may have been renamed since, or its name was never found.
 * Return: descriptor that names it, with its path in the profile or NULL, or negative errno. */
static int find_file(const struct finish *finish, const struct recorded_file *recorded, const char **ret_path)
{
        struct resolver resolver = {.view = &finish->collection->view, .mounts = &finish->collection->mounts};
        const char *path = recorded->path;
        char found[PATH_MAX];
        int fd = path ? resolve_file(&resolver, path, &recorded->key) : -ENOENT;

        if (fd < 0 && resolve_inode(&resolver, &recorded->key, found) == 0) {
                path = found;
                fd = resolve_file(&resolver, path, &recorded->key);
        }
        *ret_path = fd < 0 ? NULL : profile_string(finish->profile, path);
        return fd;
}

/* One file may have been recorded under one path only; a path may stand for one file only. What has no name
 * any more is left out. */
static int add_file(struct finish *finish, const struct recorded_file *recorded, uint32_t *ret_index)
{
        const char *path;
        _cleanup_close_ int fd = find_file(finish, recorded, &path);
        int filesystem = mounts_find(&finish->collection->mounts, recorded->key.device);
        struct profile_file *file;
        struct stat status;

        if (fd < 0)
                return 0;
        if (filesystem < 0 || fstat(fd, &status) < 0) {
                finish->collection->recording->losses[PROFILE_LOSS_PAGES]++;
                return 0;
        }
        file = path ? profile_add_file(finish->profile) : NULL;
        if (!file)
                return left_out(finish, PROFILE_LOSS_FILES);
        file->path = path;
        file->size = (uint64_t)status.st_size;
        file->mtime_ns = nanoseconds(&status.st_mtim);
        file->inode = status.st_ino;
        file->filesystem =
                mount_points_find(&finish->mount_points, finish->profile, path, (uint32_t)filesystem);
        *ret_index = finish->file = (uint32_t)(finish->profile->n_files - 1);
        if (pages_of_file(finish->collection, &recorded->key, fd, file->size, recorded->first_us, add_range,
                          finish) < 0)
                finish->collection->recording->losses[PROFILE_LOSS_PAGES]++;
        return 0;
}

static int add_files(struct finish *finish)
{
        struct recording *recording = finish->collection->recording;

        finish->file_index = malloc(((size_t)recording->n_files + 1) * sizeof *finish->file_index);
        if (!finish->file_index)
                return -ENOMEM;
        if (pages_may_be_resident(finish->collection))
                finish->collection->contents |= PROFILE_CONTENT_RESIDENT_PAGES;
        for (uint32_t i = 0; i < recording->n_files; i++) {
                int r;

                finish->file_index[i] = PROFILE_NONE;
                r = add_file(finish, &recording->files[i], &finish->file_index[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What was opened before the collector started is only seen when its pages are touched. */
static int add_unopened(struct finish *finish)
{
        struct collection *collection = finish->collection;
        const struct touched *touched = collection->touched;
        int r = 0;

        if (!(collection->contents & PROFILE_CONTENT_TOUCHED_PAGES) || !collection->whole)
                return 0;
        for (uint32_t i = 0; i < touched->n_files && r == 0; i++) {
                struct recorded_file file = {.key = touched->files[i].key};
                uint32_t index;

                if (file.key.inode != 0 &&
                    recording_find_file(collection->recording, &file.key) == PROFILE_NONE)
                        r = add_file(finish, &file, &index);
        }
        return r;
}

static int add_metadata_range(void *data, uint64_t offset, uint64_t length, uint64_t time_us)
{
        struct finish *finish = data;
        struct profile_metadata *metadata = NULL;

        (void)time_us; /* metadata is replayed at once */
        if (finish->profile->n_metadata < METADATA_MAX)
                metadata = profile_add_metadata(finish->profile);
        if (!metadata) {
                finish->collection->recording->losses[PROFILE_LOSS_RANGES]++;
                return 0;
        }
        *metadata = (struct profile_metadata){
                .filesystem = finish->filesystem,
                .page = offset / PROFILE_PAGE_SIZE,
                .count = (uint32_t)((length + PROFILE_PAGE_SIZE - 1) / PROFILE_PAGE_SIZE),
        };
        return 0;
}

static void add_metadata(struct finish *finish)
{
        const struct mounts *mounts = &finish->collection->mounts;

        for (size_t i = 0; i < mounts->count; i++) {
                finish->filesystem = (uint32_t)i;
                pages_of_device(finish->collection, &mounts->filesystems[i], add_metadata_range, finish);
        }
}

static const char *text_of(const char *text)
{
        return text ? text : "";
}

static int add_process(struct finish *finish, const struct recorded_process *from)
{
        struct profile_process *to = profile_add_process(finish->profile);

        if (!to)
                return -errno;
        to->pid = from->pid;
        to->start_ticks = from->start_ticks;
        to->parent = from->parent; /* numbered anew by number_parents() */
        to->executable = text_of(from->executable);
        to->unit = text_of(from->unit);
        to->arguments = text_of(from->arguments);
        to->fork_us = from->fork_us;
        to->exec_us = from->exec_us;
        to->exit_us = from->exit_us;
        to->exit_status = from->exit_status;
        to->flags = (from->ticks_computed ? PROFILE_PROCESS_TICKS_COMPUTED : 0) |
                    (from->arguments_cut ? PROFILE_PROCESS_ARGUMENTS_CUT : 0) |
                    (from->exited ? PROFILE_PROCESS_EXITED : 0);
        return 0;
}

static void number_parents(struct finish *finish)
{
        for (size_t i = 0; i < finish->profile->n_processes; i++) {
                uint32_t *parent = &finish->profile->processes[i].parent;

                *parent = *parent == PROFILE_NONE ? PROFILE_NONE : finish->process_index[*parent];
        }
}

static int add_processes(struct finish *finish)
{
        struct recording *recording = finish->collection->recording;

        finish->process_index = malloc(((size_t)recording->n_processes + 1) * sizeof *finish->process_index);
        if (!finish->process_index)
                return -ENOMEM;
        for (uint32_t i = 0; i < recording->n_processes; i++) {
                int r = 0;

                finish->process_index[i] = PROFILE_NONE;
                if (!recording->processes[i].kept)
                        continue;
                finish->process_index[i] = (uint32_t)finish->profile->n_processes;
                r = add_process(finish, &recording->processes[i]);
                if (r < 0)
                        return r;
        }
        number_parents(finish);
        return 0;
}

/* The largest table is not copied: it becomes the profile's, without what has no file there. */
static void take_accesses(struct finish *finish)
{
        struct recording *recording = finish->collection->recording;
        size_t n = 0;

        for (uint32_t i = 0; i < recording->n_accesses; i++) {
                struct profile_access *access = &recording->accesses[i];

                if (finish->file_index[access->file] == PROFILE_NONE) {
                        recording->losses[PROFILE_LOSS_UNRESOLVED]++;
                        continue;
                }
                access->file = finish->file_index[access->file];
                access->process = finish->process_index[access->process];
                recording->accesses[n++] = *access;
        }
        profile_adopt_accesses(finish->profile, TAKE(recording->accesses), n);
        recording->n_accesses = 0;
}

static int add_intervals(struct finish *finish)
{
        const struct recording *recording = finish->collection->recording;

        for (uint32_t i = 0; i < recording->n_intervals; i++) {
                struct profile_interval *to = profile_add_interval(finish->profile);

                if (!to)
                        return -errno;
                *to = recording->intervals[i];
        }
        return 0;
}

static int fill(struct finish *finish)
{
        int r = boot_describe(finish->collection, finish->profile);

        if (r == 0)
                r = add_filesystems(finish);
        if (r == 0)
                r = add_files(finish);
        if (r == 0)
                r = add_unopened(finish);
        if (r == 0)
                r = walks_finish(finish->collection, finish->profile);
        if (r == 0)
                r = add_processes(finish);
        if (r == 0)
                r = add_intervals(finish);
        if (r < 0)
                return r;
        take_accesses(finish);
        add_metadata(finish);
        boot_conclude(finish->collection, finish->profile); /* last: it takes the losses over */
        return profile_sort(finish->profile);
}

int finish_profile(struct collection *collection, struct profile **ret)
{
        struct finish finish = {.collection = collection};
        int r = -ENOMEM;

        look_at_all(collection);
        lives_settle(collection->recording,
                     collection->contents & PROFILE_CONTENT_LIVES && !*collection->view.prefix);
        finish.profile = TAKE(collection->recording->texts);
        if (finish.profile)
                r = fill(&finish);
        free(finish.file_index);
        free(finish.process_index);
        mount_points_done(&finish.mount_points);
        if (r < 0) {
                profile_free(finish.profile);
                return r;
        }
        *ret = finish.profile;
        return 0;
}
