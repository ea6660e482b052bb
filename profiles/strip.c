/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What of a profile travels to other machines. An entry stays only where it is known to be what packages
 * bring; whatever is personal, of one device or of one boot goes.
 */
#include "tables.h"

#include <errno.h>
#include <string.h>

/* is_packaged - below the folders that only packages fill; /etc and /var have names of people and hosts */
static bool is_packaged(const char *path)
{
        static const char *const folders[] = {"/usr/",   "/bin/",   "/sbin/",  "/lib/",
                                              "/lib32/", "/lib64/", "/libx32/"};
        static const char local[] = "/usr/local";

        if (strncmp(path, local, strlen(local)) == 0 &&
            (path[strlen(local)] == '/' || path[strlen(local)] == '\0'))
                return false;
        for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
                if (strncmp(path, folders[i], strlen(folders[i])) == 0)
                        return true;
        return false;
}

static void strip_boots(struct profile *profile)
{
        for (size_t i = 0; i < profile->n_boots; i++) {
                struct profile_boot *boot = &profile->boots[i];

                memset(boot->id, 0, sizeof(boot->id));
                boot->wall_us = 0;
                boot->choice = "";
                boot->contents &= ~(uint32_t)(PROFILE_CONTENT_RESIDENT_METADATA |
                                              PROFILE_CONTENT_REQUESTED_METADATA | PROFILE_CONTENT_LIVES);
        }
}

/* strip_files - @moved: for each file its new index, or PROFILE_NONE */
static void strip_files(struct profile *profile, uint32_t *moved)
{
        size_t n = 0;

        for (size_t i = 0; i < profile->n_files; i++) {
                moved[i] = PROFILE_NONE;
                if (!is_packaged(profile->files[i].path))
                        continue;
                moved[i] = (uint32_t)n;
                profile->files[n] = profile->files[i];
                profile->files[n].mtime_ns = 0;
                profile->files[n++].inode = 0;
        }
        profile->n_files = n;
        n = 0;
        for (size_t i = 0; i < profile->n_ranges; i++) {
                uint32_t file = moved[profile->ranges[i].file];

                if (file == PROFILE_NONE)
                        continue;
                profile->ranges[n] = profile->ranges[i];
                profile->ranges[n++].file = file;
        }
        profile->n_ranges = n;
        n = 0;
        for (size_t i = 0; i < profile->n_walks; i++)
                if (is_packaged(profile->walks[i].path))
                        profile->walks[n++] = profile->walks[i];
        profile->n_walks = n;
}

/* strip_filesystems - mount points are names too: those that nothing refers to any more go */
static void strip_filesystems(struct profile *profile)
{
        bool used[PROFILE_FILESYSTEMS_MAX] = {};
        uint32_t moved[PROFILE_FILESYSTEMS_MAX];
        uint32_t n = 0;

        for (size_t i = 0; i < profile->n_files; i++)
                used[profile->files[i].filesystem] = true;
        for (size_t i = 0; i < profile->n_walks; i++)
                used[profile->walks[i].filesystem] = true;
        for (size_t i = 0; i < profile->n_filesystems; i++) {
                if (!used[i])
                        continue;
                moved[i] = n;
                profile->filesystems[n] = profile->filesystems[i];
                memset(profile->filesystems[n].uuid, 0, sizeof(profile->filesystems[n].uuid));
                profile->filesystems[n++].device = PROFILE_DEVICE_UNKNOWN;
        }
        profile->n_filesystems = n;
        for (size_t i = 0; i < profile->n_files; i++)
                profile->files[i].filesystem = moved[profile->files[i].filesystem];
        for (size_t i = 0; i < profile->n_walks; i++)
                profile->walks[i].filesystem = moved[profile->walks[i].filesystem];
}

int profile_strip(struct profile *profile)
{
        _cleanup_free_ uint32_t *moved = NULL;
        int r;

        r = profile_check(profile, NULL);
        if (r != 0)
                return r;
        moved = reallocarray(NULL, profile->n_files + 1, sizeof(*moved));
        if (!moved)
                return -ENOMEM;
        strip_boots(profile);
        strip_files(profile, moved);
        profile->n_metadata = profile->n_processes = profile->n_accesses = 0;
        strip_filesystems(profile);
        return 0;
}
