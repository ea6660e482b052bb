/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch-folders.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDERS = 1024 };

struct folder {
        uint64_t fsid;
        int type;
        unsigned int length;
        unsigned char bytes[MAX_HANDLE_SZ];
        char *path; /* NULL: empty */
};

struct watched_folders {
        struct folder folders[FOLDERS];
};

/* FNV-1a */
static size_t place_of(uint64_t fsid, const struct file_handle *handle)
{
        uint64_t hash = 0xcbf29ce484222325 ^ fsid;

        for (unsigned int i = 0; i < handle->handle_bytes; i++)
                hash = (hash ^ handle->f_handle[i]) * 0x100000001b3;
        return (size_t)((hash ^ hash >> 32) % FOLDERS);
}

static bool is_same(const struct folder *folder, uint64_t fsid, const struct file_handle *handle)
{
        return folder->path && folder->fsid == fsid && folder->type == handle->handle_type &&
               folder->length == handle->handle_bytes &&
               !memcmp(folder->bytes, handle->f_handle, handle->handle_bytes);
}

struct watched_folders *watched_folders_new(void)
{
        return calloc(1, sizeof(struct watched_folders));
}

void watched_folders_free(struct watched_folders *folders)
{
        if (!folders)
                return;
        for (size_t i = 0; i < FOLDERS; i++)
                free(folders->folders[i].path);
        free(folders);
}

void watched_folders_learn(struct watched_folders *folders, uint64_t fsid, const struct file_handle *handle,
                           const char *path)
{
        struct folder *folder = &folders->folders[place_of(fsid, handle)];

        if (handle->handle_bytes > MAX_HANDLE_SZ ||
            (is_same(folder, fsid, handle) && !strcmp(folder->path, path)))
                return;
        free(folder->path);
        *folder = (struct folder){.fsid = fsid,
                                  .type = handle->handle_type,
                                  .length = handle->handle_bytes,
                                  .path = strdup(path)};
        memcpy(folder->bytes, handle->f_handle, handle->handle_bytes);
}

const char *watched_folders_recall(const struct watched_folders *folders, uint64_t fsid,
                                   const struct file_handle *handle)
{
        const struct folder *folder = &folders->folders[place_of(fsid, handle)];

        return is_same(folder, fsid, handle) ? folder->path : NULL;
}
