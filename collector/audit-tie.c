/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit-tie.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

#define FOLDER "rules"
#define NAME "bootahead"

_Static_assert(sizeof AUDIT_TIE_PATH == sizeof BOOTAHEAD_RUNDIR "/" FOLDER "/" NAME,
               "one path, in two forms");

/* Some kernels want the file to be there when a rule names it.
 * Return: a descriptor of the folder, owned by the caller, or negative errno. */
static int make_folder(const struct view *view)
{
        _cleanup_close_ int folder = -1, file = -1;

        if (mkdirat(view->run, FOLDER, 0700) < 0 && errno != EEXIST)
                return -errno;
        folder = openat(view->run, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (folder < 0)
                return -errno;
        file = openat(folder, NAME, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        return file < 0 ? -errno : take_fd(&folder);
}

int audit_tie_init(struct audit_tie *tie, const struct view *view)
{
        tie->folder = make_folder(view);
        return tie->folder < 0 ? tie->folder : 0;
}

void audit_tie_hide(const struct view *view)
{
        _cleanup_close_ int folder = -1;

        audit_ties_remove(view);
        folder = make_folder(view);
}

void audit_tie_cut(struct audit_tie *tie)
{
        close_cleanup(&tie->folder);
        tie->folder = -1;
}

void audit_ties_remove(const struct view *view)
{
        unlinkat(view->run, FOLDER "/" NAME, 0);
        unlinkat(view->run, FOLDER, AT_REMOVEDIR);
}
