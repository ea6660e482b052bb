/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

DEFINE_CLEANUP(struct profile *, profile_free)

/* Fewer lost events than this do not change what a boot reads. */
enum { LOSSES_TOLERATED = 100 };

int store_init(struct store *store, const struct view *view, const char *output)
{
        size_t length;

        store->folder = AT_FDCWD;
        if (!output) {
                store->folder = view->root;
                snprintf(store->path, sizeof store->path, "%s", BOOTAHEAD_STATEDIR "/profile");
                return 0;
        }
        if (*output == '/')
                store->path[0] = '\0';
        else if (!getcwd(store->path, sizeof store->path - 1))
                return -errno;
        else
                strcat(store->path, "/");
        length = strlen(store->path);
        if (length + strlen(output) >= sizeof store->path)
                return -ENAMETOOLONG;
        strcpy(store->path + length, output);
        return 0;
}

/* Events that never reached us; what was cut or has no name any more is not among them. */
static uint64_t lost_events(const struct profile *profile)
{
        uint64_t losses = 0;

        for (size_t i = 0; i < profile->n_boots; i++)
                losses += profile->boots[i].losses[PROFILE_LOSS_SOCKET] +
                          profile->boots[i].losses[PROFILE_LOSS_KERNEL] +
                          profile->boots[i].losses[PROFILE_LOSS_INCOMPLETE] +
                          profile->boots[i].losses[PROFILE_LOSS_FANOTIFY] +
                          profile->boots[i].losses[PROFILE_LOSS_TRACE] +
                          profile->boots[i].losses[PROFILE_LOSS_LIVES];
        return losses;
}

/* Where no channel delivered for a while, nobody knows how many events that hides. */
static bool is_blind(const struct profile *profile)
{
        for (size_t i = 0; i < profile->n_intervals; i++)
                if (profile->intervals[i].kind == PROFILE_INTERVAL_BLIND)
                        return true;
        return false;
}

static bool is_whole(const struct profile *profile)
{
        return lost_events(profile) <= LOSSES_TOLERATED && !is_blind(profile);
}

static bool is_worse(const struct store *store, const char *path, const struct profile *profile)
{
        CLEANUP(profile_free) struct profile *old = NULL;
        _cleanup_close_ int fd = -1;

        if (is_whole(profile))
                return false;
        return profile_open(store->folder, path, &fd, NULL) == 0 &&
               profile_read(fd, PROFILE_PART_ALL, &old, NULL) == 0 && is_whole(old);
}

int store_write(const struct store *store, const struct profile *profile, const char **ret_why)
{
        bool below_root = store->folder != AT_FDCWD;
        const char *path = store->path + below_root;

        if (below_root && mkdirat(store->folder, BOOTAHEAD_STATEDIR + 1, 0755) < 0 && errno != EEXIST)
                return -errno;
        if (is_worse(store, path, profile)) {
                *ret_why = "too many events were lost, the old profile stays";
                return STORE_KEPT;
        }
        return profile_write(store->folder, path, profile, ret_why);
}

int store_read(const struct store *store, struct profile **ret, const char **ret_why)
{
        _cleanup_close_ int fd = -1;
        int r = profile_open(store->folder, store->path + (store->folder != AT_FDCWD), &fd, ret_why);

        return r == 0 ? profile_read(fd, PROFILE_PART_REPLAY, ret, ret_why) : r;
}
