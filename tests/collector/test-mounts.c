/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of a mount table is local storage below the recorded root, on a table of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "mounts.h"

/* A "/proc" with a mount table in which our own folder's device stands among what must be left out. */
static void test_local_only(void **state)
{
        char folder[] = "/tmp/bootahead-test-XXXXXX", path[128];
        struct mounts mounts = {0};
        struct view view = {.proc = -1, .sys = -1, .dev = -1, .run = -1, .root = -1};
        struct stat status;
        FILE *table;

        (void)state;
        assert_non_null(mkdtemp(folder));
        snprintf(path, sizeof path, "%s/self", folder);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(path, sizeof path, "%s/a b", folder);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(stat(path, &status), 0);
        snprintf(path, sizeof path, "%s/self/mountinfo", folder);
        table = fopen(path, "we");
        assert_non_null(table);
        fprintf(table, "1 0 0:5 / /proc rw - proc proc rw\n");
        fprintf(table, "2 0 7:7 / %s/a\\040b rw - fuse.sshfs x rw\n", folder);
        fprintf(table, "3 0 0:9 / /nfs rw - nfs4 server:/ rw\n");
        fprintf(table, "garbage\n");
        fprintf(table, "4 0 %u:%u / %s/a\\040b rw shared:1 - ext4 /dev/x rw\n", major(status.st_dev),
                minor(status.st_dev), folder);
        fprintf(table, "5 0 250:250 / /elsewhere rw - ext4 /dev/y rw\n");
        fclose(table);

        view.proc = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        view.root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        snprintf(view.prefix, sizeof view.prefix, "%s", folder);
        if (major(status.st_dev) == 0) /* /tmp is no block device here: then nothing is local */
                assert_int_equal(mounts_update(&mounts, &view), 0);
        else {
                assert_int_equal(mounts_update(&mounts, &view), 1);
                assert_string_equal(mounts.filesystems[0].mount, "/a b");
                assert_string_equal(mounts.filesystems[0].type, "ext4");
                assert_int_equal(mounts_find(&mounts, status.st_dev), 0);
                assert_int_equal(mounts_update(&mounts, &view), 0); /* nothing new */
        }
        mounts_done(&mounts);
        view_close(&view);
        unlink(path);
        snprintf(path, sizeof path, "%s/self", folder);
        rmdir(path);
        snprintf(path, sizeof path, "%s/a b", folder);
        rmdir(path);
        rmdir(folder);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_local_only)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
