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

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "finish-mounts.h"
#include "mounts.h"

/* A "/proc" with a mount table that is yet to be written. */
static FILE *new_proc(char *folder)
{
        char path[128];
        FILE *table;

        assert_non_null(mkdtemp(folder));
        snprintf(path, sizeof path, "%s/self", folder);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(path, sizeof path, "%s/self/mountinfo", folder);
        table = fopen(path, "we");
        assert_non_null(table);
        return table;
}

static void remove_proc(const char *folder)
{
        char path[128];

        snprintf(path, sizeof path, "%s/self/mountinfo", folder);
        unlink(path);
        snprintf(path, sizeof path, "%s/self", folder);
        rmdir(path);
        rmdir(folder);
}

/* A mount table in which our own folder's device stands among what must be left out. */
static void test_local_only(void **state)
{
        char folder[] = "/tmp/bootahead-test-XXXXXX", path[128];
        struct mounts mounts = {0};
        struct view view = {.proc = -1, .sys = -1, .dev = -1, .run = -1, .root = -1};
        struct stat status;
        FILE *table;

        (void)state;
        table = new_proc(folder);
        snprintf(path, sizeof path, "%s/a b", folder);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(stat(path, &status), 0);
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
        rmdir(path);
        remove_proc(folder);
}

/* Subvolumes and bind mounts get entries of their own in the profile, once somebody used what is below. */
static void test_further_mounts(void **state)
{
        static const struct {
                const char *path;
                uint32_t filesystem, expected;
        } cases[] = {
                {"/file", 0, 0},      {"/homes/file", 0, 0},   {"/home", 0, 0},
                {"/home/a", 0, 2},    {"/home/deep/a", 0, 3},  {"/home/b", 0, 2},
                {"/home/file", 0, 2}, {"/var/file", 1, 1},     {"/var/home/a", 1, 1},
                {"/var/sub/a", 0, 4}, {"/var/sub/deep", 0, 4}, {"/elsewhere/a", 0, 0},
        };
        char folder[] = "/tmp/bootahead-test-XXXXXX";
        struct filesystem filesystems[] = {{.device = makedev(250, 1), .mount = (char[]){"/"}},
                                           {.device = makedev(250, 2), .mount = (char[]){"/var"}}};
        struct collection collection = {.mounts = {.filesystems = filesystems, .count = 2},
                                        .view = {.prefix = "/recorded"}};
        struct profile *profile = profile_new();
        struct mount_points points;
        FILE *table;

        (void)state;
        table = new_proc(folder);
        fprintf(table, "1 0 250:1 /@ /recorded rw - btrfs /dev/x rw\n"
                       "2 1 250:1 /@home /recorded/home rw - btrfs /dev/x rw\n"
                       "3 2 250:1 /@deep /recorded/home/deep rw - btrfs /dev/x rw\n"
                       "4 2 250:1 /f /recorded/home/file rw - btrfs /dev/x rw\n"
                       "5 1 250:2 / /recorded/var rw - ext4 /dev/y rw\n"
                       "6 5 250:1 /@sub /recorded/var/sub rw - btrfs /dev/x rw\n"
                       "7 0 250:1 /@ /elsewhere rw - btrfs /dev/x rw\n"
                       "8 1 0:20 / /recorded/home rw - proc proc rw\n");
        fclose(table);
        collection.view.proc = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (int i = 0; i < 2; i++)
                profile_add_filesystem(profile)->mount = filesystems[i].mount;
        assert_int_equal(mount_points_read(&collection, &points), 0);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                assert_int_equal(mount_points_find(&points, profile, cases[i].path, cases[i].filesystem),
                                 cases[i].expected);
        assert_int_equal(profile->n_filesystems, 5);
        assert_string_equal(profile->filesystems[2].mount, "/home");
        assert_string_equal(profile->filesystems[4].mount, "/var/sub");
        mount_points_done(&points);
        profile_free(profile);
        close(collection.view.proc);
        remove_proc(folder);
}

static void test_aliases(void **state)
{
        struct filesystem filesystems[] = {{.device = makedev(8, 1), .mount = (char[]){"/boot"}},
                                           {.device = makedev(0, 42), .mount = (char[]){"/"}}};
        struct mounts mounts = {.filesystems = filesystems, .count = 2};
        int r = 0;

        (void)state;
        assert_int_equal(mounts_find_root(&mounts), 1);
        assert_int_equal(mounts_alias(&mounts, makedev(0, 43), 1), 0);
        assert_int_equal(mounts_alias(&mounts, makedev(8, 1), 1), 0);
        assert_int_equal(mounts_find(&mounts, makedev(0, 43)), 1);
        assert_int_equal(mounts_find(&mounts, makedev(8, 1)), 0); /* it is one by itself */
        assert_int_equal(mounts_find(&mounts, makedev(0, 44)), -1);
        for (unsigned int i = 0; i < 1000 && r == 0; i++)
                r = mounts_alias(&mounts, makedev(0, 1000 + i), 1);
        assert_int_equal(r, -ENOMEM); /* as many as one likes there are not */
        free(mounts.aliases);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_local_only),
                cmocka_unit_test(test_further_mounts),
                cmocka_unit_test(test_aliases),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
