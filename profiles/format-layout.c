/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which columns each section has, in which order and coding. This is the format: a line here is changed
 * only by the rules for growth in FORMAT.md, never in place.
 */
#include "format.h"

#include <assert.h>

#define MIB ((uint64_t)1 << 20)

#define COLUMN(table, field, coding_)                                                                        \
        {                                                                                                    \
                .offset = offsetof(struct profile_##table, field),                                           \
                .width = sizeof(((struct profile_##table *)NULL)->field), .coding = CODING_##coding_         \
        }
#define STRING(table, field)                                                                                 \
        {                                                                                                    \
                .offset = offsetof(struct profile_##table, field), .width = sizeof(uint32_t),                \
                .coding = CODING_STRING                                                                      \
        }

/* a set of which later versions may have more members: they are dropped */
#define SET(table, field, known_)                                                                            \
        {                                                                                                    \
                .offset = offsetof(struct profile_##table, field), .width = sizeof(uint32_t),                \
                .coding = CODING_PLAIN, .known = (known_)                                                    \
        }

static const struct column boot_columns[] = {
        COLUMN(boot, id, BYTES),
        STRING(boot, kernel),
        STRING(boot, os),
        STRING(boot, machine),
        STRING(boot, choice),
        COLUMN(boot, sources, PLAIN),
        COLUMN(boot, wall_us, PLAIN),
        COLUMN(boot, start_us, PLAIN),
        COLUMN(boot, end_us, PLAIN),
        COLUMN(boot, losses[PROFILE_LOSS_SOCKET], PLAIN),
        COLUMN(boot, losses[PROFILE_LOSS_KERNEL], PLAIN),
        COLUMN(boot, losses[PROFILE_LOSS_INCOMPLETE], PLAIN),
        COLUMN(boot, losses[PROFILE_LOSS_FANOTIFY], PLAIN),
        COLUMN(boot, losses[PROFILE_LOSS_UNRESOLVED], PLAIN),
        COLUMN(boot, losses[PROFILE_LOSS_FILES], PLAIN),
        COLUMN(boot, losses[PROFILE_LOSS_ACCESSES], PLAIN),
        COLUMN(boot, losses[PROFILE_LOSS_PROCESSES], PLAIN),
        COLUMN(boot, losses[PROFILE_LOSS_RANGES], PLAIN),
        COLUMN(boot, losses[PROFILE_LOSS_PAGES], PLAIN),
        /* version 2 */
        SET(boot, contents, PROFILE_CONTENTS),
        COLUMN(boot, losses[PROFILE_LOSS_TRACE], PLAIN),
        COLUMN(boot, losses[PROFILE_LOSS_LIVES], PLAIN),
        COLUMN(boot, losses[PROFILE_LOSS_TOUCHED], PLAIN),
};
enum { BOOT_COLUMNS_1 = 19 };
static_assert(PROFILE_LOSS_COUNT == 13, "a column for each kind of loss");

static const struct column filesystem_columns[] = {
        COLUMN(filesystem, uuid, BYTES),
        STRING(filesystem, type),
        STRING(filesystem, mount),
        COLUMN(filesystem, device, PLAIN),
};
static_assert(sizeof(enum profile_device) == sizeof(uint32_t), "device is four bytes wide");

static const struct column file_columns[] = {
        COLUMN(file, filesystem, PLAIN),
        COLUMN(file, size, PLAIN),
};

static const struct column range_columns[] = {
        COLUMN(range, file, ZIGZAG),
        COLUMN(range, page, PLAIN),
        COLUMN(range, count, PLAIN),
        COLUMN(range, first_use_us, STEP),
};

static const struct column metadata_columns[] = {
        COLUMN(metadata, filesystem, STEP),
        COLUMN(metadata, page, ZIGZAG),
        COLUMN(metadata, count, PLAIN),
};

static const struct column walk_columns[] = {
        STRING(walk, path),
        COLUMN(walk, filesystem, PLAIN),
        COLUMN(walk, first_use_us, STEP),
        COLUMN(walk, kind, PLAIN),
};
static_assert(sizeof(enum profile_walk_kind) == sizeof(uint32_t), "a walk's kind is four bytes wide");

static const struct column detail_columns[] = {
        COLUMN(file, mtime_ns, SECONDS),
        {.offset = offsetof(struct profile_file, mtime_ns),
         .width = sizeof(uint32_t),
         .coding = CODING_NANOSECONDS},
        COLUMN(file, inode, ZIGZAG),
};

static const struct column process_columns[] = {
        COLUMN(process, boot, STEP),    COLUMN(process, pid, ZIGZAG), COLUMN(process, start_ticks, ZIGZAG),
        COLUMN(process, parent, PLAIN), STRING(process, executable),  STRING(process, unit),
};

static const struct column access_columns[] = {
        COLUMN(access, file, ZIGZAG),
        COLUMN(access, process, ZIGZAG),
        COLUMN(access, time_us, STEP),
        COLUMN(access, flags, PLAIN),
};

static const struct column interval_columns[] = {
        COLUMN(interval, boot, STEP),
        COLUMN(interval, kind, PLAIN),
        COLUMN(interval, start_us, ZIGZAG),
        COLUMN(interval, end_us, ZIGZAG),
};
static_assert(sizeof(enum profile_interval_kind) == sizeof(uint32_t),
              "an interval's kind is four bytes wide");

static const struct column life_columns[] = {
        COLUMN(process, fork_us, ZIGZAG),           COLUMN(process, exec_us, ZIGZAG),
        COLUMN(process, exit_us, ZIGZAG),           COLUMN(process, exit_status, PLAIN),
        SET(process, flags, PROFILE_PROCESS_FLAGS), STRING(process, arguments),
};

#define LAYOUT(type_, columns_, table_, entry, max, mib, ...)                                                \
        {                                                                                                    \
                .type = SECTION_##type_, .columns = columns_,                                                \
                .n_columns = sizeof(columns_) / sizeof((columns_)[0]),                                       \
                .table = offsetof(struct profile, table_), .count = offsetof(struct profile, n_##table_),    \
                .entry_size = sizeof(struct entry), .rows_max = max, .unpacked_max = (mib)*MIB, __VA_ARGS__  \
        }

const struct layout layouts[] = {
        LAYOUT(BOOTS, boot_columns, boots, profile_boot, PROFILE_BOOTS_MAX, 2, .n_needed = BOOT_COLUMNS_1),
        LAYOUT(FILESYSTEMS, filesystem_columns, filesystems, profile_filesystem, PROFILE_FILESYSTEMS_MAX, 4),
        LAYOUT(FILES, file_columns, files, profile_file, PROFILE_FILES_MAX, 96, .one_string = true),
        LAYOUT(RANGES, range_columns, ranges, profile_range, PROFILE_RANGES_MAX, 64),
        LAYOUT(METADATA, metadata_columns, metadata, profile_metadata, PROFILE_METADATA_MAX, 32),
        LAYOUT(WALKS, walk_columns, walks, profile_walk, PROFILE_WALKS_MAX, 96, .optional = true),
        LAYOUT(DETAILS, detail_columns, files, profile_file, PROFILE_FILES_MAX, 8, .extends = true),
        LAYOUT(PROCESSES, process_columns, processes, profile_process, PROFILE_PROCESSES_MAX, 128),
        LAYOUT(ACCESSES, access_columns, accesses, profile_access, PROFILE_ACCESSES_MAX, 256),
        LAYOUT(INTERVALS, interval_columns, intervals, profile_interval, PROFILE_INTERVALS_MAX, 4,
               .optional = true),
        LAYOUT(LIVES, life_columns, processes, profile_process, PROFILE_PROCESSES_MAX, 128, .extends = true,
               .optional = true),
};
const size_t n_layouts = sizeof(layouts) / sizeof(layouts[0]);

const struct layout *layout_find(uint32_t type)
{
        for (size_t i = 0; i < n_layouts; i++)
                if (layouts[i].type == type)
                        return &layouts[i];
        return NULL;
}
