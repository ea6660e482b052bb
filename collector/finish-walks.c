/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "finish-walks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"

/* A lookup's folder may be found only by a later lookup; deeper than this nobody is lost. */
enum { PASSES = 8, SLOTS = 1 << 17, FOLDERS_MAX = SLOTS / 2 };

/* The folders that have a path by now. */
struct folder {
        struct file_key key;
        const char *path; /* the profile's copy; "" for the root */
};

struct search {
        struct collection *collection;
        struct profile *profile;
        struct folder *folders;
        size_t n_folders;
        uint32_t *slots; /* index + 1 */
        struct profile_walk *walks;
        size_t n_walks;
};

static uint32_t *find_slot(const struct search *search, const struct file_key *key)
{
        uint64_t hash = (key->inode ^ (uint64_t)key->device << 40) * 0x9e3779b97f4a7c15u;

        for (uint32_t at = (uint32_t)(hash >> 32) % SLOTS;; at = (at + 1) % SLOTS) {
                const struct file_key *there =
                        search->slots[at] ? &search->folders[search->slots[at] - 1].key : key;

                if (there->inode == key->inode && there->device == key->device)
                        return &search->slots[at];
        }
}

/* Return: 0 or negative errno. */
static int add_folder(struct search *search, const struct file_key *key, const char *path)
{
        uint32_t *slot = find_slot(search, key);
        const char *copy;

        if (*slot || search->n_folders >= FOLDERS_MAX)
                return 0;
        copy = profile_string(search->profile, strcmp(path, "/") ? path : "");
        if (!copy)
                return errno == ENOMEM ? -ENOMEM : 0;
        search->folders[search->n_folders] = (struct folder){.key = *key, .path = copy};
        *slot = (uint32_t)++search->n_folders;
        return 0;
}

/* look - what stands at a path that was resolved by name alone, without symlinks before its end
 * Return: 0, -ENOENT (nothing, or another filesystem), or another negative errno. */
static int look(const struct search *search, const char *path, dev_t device, struct stat *ret)
{
        const char *below = path[1] ? path + 1 : ".";

        if (fstatat(search->collection->view.root, below, ret, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return ret->st_dev == device ? 0 : -EXDEV;
}

/* All folders above a recorded file, as far as they lie on its filesystem. */
static int add_folders_of(struct search *search, const struct recorded_file *file)
{
        char path[PATH_MAX];
        struct stat status;
        char *slash;
        int r = 0;

        if (!file->path || strlen(file->path) >= sizeof path)
                return 0;
        strcpy(path, file->path);
        while (r == 0 && (slash = strrchr(path, '/')) && slash > path) {
                *slash = '\0';
                if (look(search, path, file->key.device, &status) < 0 ||
                    *find_slot(search, &(struct file_key){file->key.device, status.st_ino}))
                        break; /* those above are known, too, or are elsewhere */
                r = add_folder(search, &(struct file_key){file->key.device, status.st_ino}, path);
        }
        return r;
}

static int add_known_folders(struct search *search)
{
        const struct mounts *mounts = &search->collection->mounts;
        const struct recording *recording = search->collection->recording;
        int r = 0;

        for (size_t i = 0; i < mounts->count && r == 0; i++) {
                const struct filesystem *filesystem = &mounts->filesystems[i];
                struct stat status;

                if (look(search, filesystem->mount, filesystem->device, &status) == 0)
                        r = add_folder(search, &(struct file_key){filesystem->device, status.st_ino},
                                       filesystem->mount);
        }
        for (uint32_t i = 0; i < recording->n_files && r == 0; i++)
                r = add_folders_of(search, &recording->files[i]);
        return r;
}

static int add_walk(struct search *search, const struct walk_seen *seen, const char *path,
                    enum profile_walk_kind kind)
{
        const char *copy = profile_string(search->profile, *path ? path : "/");

        if (!copy)
                return errno == ENOMEM ? -ENOMEM : 0;
        search->walks[search->n_walks++] = (struct profile_walk){
                .path = copy,
                .filesystem = (uint32_t)mounts_find(&search->collection->mounts, seen->folder.device),
                .first_use_us = seen->time_us,
                .kind = kind,
        };
        return 0;
}

/* Return: 1 (done with it), 0 (its folder has no path yet), or negative errno. */
static int resolve(struct search *search, const struct walk_seen *seen)
{
        uint32_t slot = *find_slot(search, &seen->folder);
        enum profile_walk_kind kind;
        char path[2 * PATH_MAX];
        struct stat status;
        int r;

        if (!slot)
                return 0;
        if (seen->name == WALK_LISTED) {
                r = add_walk(search, seen, search->folders[slot - 1].path, PROFILE_WALK_LISTED);
                return r < 0 ? r : 1;
        }
        if (snprintf(path, sizeof path, "%s/%s", search->folders[slot - 1].path,
                     search->collection->walks.names + seen->name) >= PATH_MAX)
                return 1;
        r = look(search, path, seen->folder.device, &status);
        if (r < 0 && r != -ENOENT)
                return 1;
        kind = r < 0 ? PROFILE_WALK_ABSENT : PROFILE_WALK_LOOKED_UP;
        r = kind == PROFILE_WALK_LOOKED_UP && S_ISDIR(status.st_mode)
                    ? add_folder(search, &(struct file_key){seen->folder.device, status.st_ino}, path)
                    : 0;
        if (r == 0)
                r = add_walk(search, seen, path, kind);
        return r < 0 ? r : 1;
}

/* Return: 0 or negative errno. What has found no path after all passes is left out. */
static int resolve_all(struct search *search)
{
        const struct walks *walks = &search->collection->walks;
        _cleanup_free_ bool *done = calloc(walks->n_seen, sizeof *done);
        bool progress = true;

        if (!done)
                return -ENOMEM;
        for (int pass = 0; pass < PASSES && progress; pass++) {
                progress = false;
                for (uint32_t i = 0; i < walks->n_seen; i++) {
                        int r = done[i] ? 0 : resolve(search, &walks->seen[i]);

                        if (r < 0)
                                return r;
                        done[i] = done[i] || r > 0;
                        progress = progress || r > 0;
                }
        }
        return 0;
}

/* Equal strings of a profile are one copy. */
static int compare_walks(const void *left, const void *right)
{
        const struct profile_walk *a = left, *b = right;

        if (a->path != b->path)
                return (uintptr_t)a->path < (uintptr_t)b->path ? -1 : 1;
        if (a->kind != b->kind)
                return a->kind < b->kind ? -1 : 1;
        return a->first_use_us < b->first_use_us ? -1 : a->first_use_us > b->first_use_us;
}

static int compare_paths(const void *left, const void *right)
{
        uintptr_t a = *(const uintptr_t *)left, b = *(const uintptr_t *)right;

        return a < b ? -1 : a > b;
}

static int sorted_file_paths(const struct profile *profile, uintptr_t **ret)
{
        *ret = malloc((profile->n_files + 1) * sizeof **ret);
        if (!*ret)
                return -ENOMEM;
        for (size_t i = 0; i < profile->n_files; i++)
                (*ret)[i] = (uintptr_t)profile->files[i].path;
        qsort(*ret, profile->n_files, sizeof **ret, compare_paths);
        return 0;
}

static int take_over(struct search *search)
{
        _cleanup_free_ uintptr_t *files = NULL;
        int r = sorted_file_paths(search->profile, &files);

        if (r < 0)
                return r;
        qsort(search->walks, search->n_walks, sizeof *search->walks, compare_walks);
        for (size_t i = 0; i < search->n_walks; i++) {
                const struct profile_walk *from = &search->walks[i];
                uintptr_t path = (uintptr_t)from->path;
                struct profile_walk *to;

                if (i > 0 && from->path == from[-1].path && from->kind == from[-1].kind)
                        continue;
                if (bsearch(&path, files, search->profile->n_files, sizeof path, compare_paths))
                        continue;
                to = profile_add_walk(search->profile);
                if (!to)
                        return errno == E2BIG ? 0 : -errno;
                *to = *from;
        }
        return 0;
}

int walks_finish(struct collection *collection, struct profile *profile)
{
        struct search search = {.collection = collection, .profile = profile};
        int r = -ENOMEM;

        if (collection->walks.n_seen == 0)
                return 0;
        search.folders = reallocarray(NULL, FOLDERS_MAX, sizeof *search.folders);
        search.slots = calloc(SLOTS, sizeof *search.slots);
        search.walks = reallocarray(NULL, collection->walks.n_seen, sizeof *search.walks);
        if (search.folders && search.slots && search.walks)
                r = add_known_folders(&search);
        if (r == 0)
                r = resolve_all(&search);
        if (r == 0)
                r = take_over(&search);
        free(search.folders);
        free(search.slots);
        free(search.walks);
        return r;
}
