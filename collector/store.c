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

static const char *path_below(const struct store *store)
{
        return store->path + (store->folder != AT_FDCWD);
}

/* Events that never reached us; what was cut or has no name any more is not among them. */
static uint64_t lost_events(const uint64_t losses[PROFILE_LOSS_COUNT])
{
        return losses[PROFILE_LOSS_SOCKET] + losses[PROFILE_LOSS_KERNEL] + losses[PROFILE_LOSS_INCOMPLETE] +
               losses[PROFILE_LOSS_FANOTIFY] + losses[PROFILE_LOSS_TRACE] + losses[PROFILE_LOSS_LIVES];
}

/* Where no channel delivered for a while, nobody knows how many events that hides. */
static bool is_blind(const struct profile_interval *intervals, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (intervals[i].kind == PROFILE_INTERVAL_BLIND)
                        return true;
        return false;
}

static bool is_whole(const struct profile *profile)
{
        uint64_t lost = 0;

        for (size_t i = 0; i < profile->n_boots; i++)
                lost += lost_events(profile->boots[i].losses);
        return lost <= LOSSES_TOLERATED && !is_blind(profile->intervals, profile->n_intervals);
}

bool store_keeps(const struct store *store, const struct recording *recording)
{
        CLEANUP(profile_free) struct profile *old = NULL;
        _cleanup_close_ int fd = -1;

        if (lost_events(recording->losses) <= LOSSES_TOLERATED &&
            !is_blind(recording->intervals, recording->n_intervals))
                return false;
        return profile_open(store->folder, path_below(store), &fd, NULL) == 0 &&
               profile_read(fd, PROFILE_PART_ALL, &old, NULL) == 0 && is_whole(old);
}

int store_write(const struct store *store, const struct profile *profile, const char **ret_why)
{
        if (store->folder != AT_FDCWD && mkdirat(store->folder, BOOTAHEAD_STATEDIR + 1, 0755) < 0 &&
            errno != EEXIST)
                return -errno;
        return profile_write(store->folder, path_below(store), profile, ret_why);
}

int store_read(const struct store *store, struct profile **ret, const char **ret_why)
{
        _cleanup_close_ int fd = -1;
        int r = profile_open(store->folder, path_below(store), &fd, ret_why);

        return r == 0 ? profile_read(fd, PROFILE_PART_REPLAY, ret, ret_why) : r;
}
