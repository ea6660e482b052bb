/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unit tests of what travels: the sample without all that is of one machine, one person, one boot.
 */
#include "fixture.h"

#include <string.h>

static const char stripped[] =
        "bootahead-profile 2\n"
        "boot 0 id=00000000-0000-0000-0000-000000000000 sources=audit+fanotify-gap wall=0 start=812345 "
        "end=14812999 kernel=\"6.12.9-cloud-amd64\" os=\"debian 12\" machine=\"qemu\" choice=\"\" "
        "contents=touched-pages+walks\n"
        "boot 1 id=00000000-0000-0000-0000-000000000000 sources=fanotify+replayed wall=0 start=0 end=0 "
        "kernel=\"\" os=\"\" machine=\"\" choice=\"\" contents=resident-pages\n"
        "filesystem 0 uuid=00000000-0000-0000-0000-000000000000 device=unknown type=\"ext4\" mount=\"/\"\n"
        "filesystem 1 uuid=00000000-0000-0000-0000-000000000000 device=unknown type=\"xfs\" "
        "mount=\"/srv/with \\\"quotes\\\" and \\\\\"\n"
        "file \"/usr/bin/dbus-daemon\" filesystem=0 size=248008 mtime=0 inode=0\n"
        "file \"/usr/lib/systemd/systemd\" filesystem=0 size=100672 mtime=0 inode=0\n"
        "file \"/usr/lib/systemd/systemd-journald\" filesystem=0 size=170904 mtime=0 inode=0\n"
        "file \"/usr/lib/systemd/systemd-udevd\" filesystem=0 size=2120 mtime=0 inode=0\n"
        "file \"/usr/lib/x86_64-linux-gnu/libc.so.6\" filesystem=0 size=1922136 mtime=0 inode=0\n"
        "file \"/usr/lib/x86_64-linux-gnu/libc.so.6a\" filesystem=0 size=4097 mtime=0 inode=0\n"
        "range \"/usr/lib/systemd/systemd\" page=0 count=25 use=0\n"
        "range \"/usr/lib/x86_64-linux-gnu/libc.so.6\" page=0 count=40 use=1012\n"
        "range \"/usr/lib/x86_64-linux-gnu/libc.so.6\" page=96 count=13 use=1012\n"
        "range \"/usr/lib/x86_64-linux-gnu/libc.so.6a\" page=4294967294 count=1 use=70000\n"
        "range \"/usr/bin/dbus-daemon\" page=3 count=1 use=4294967295\n"
        "walk \"/usr/lib/systemd\" filesystem=1 use=4294967295 kind=looked-up\n"
        "interval boot=0 kind=shed start=1000000 end=6000000\n"
        "interval boot=0 kind=blind start=1000000 end=18446744073709551615\n"
        "interval boot=1 kind=blind start=0 end=0\n"
        "end\n";

static void test_sample(void **state)
{
        _cleanup_profile_ struct profile *profile = sample_profile();
        _cleanup_free_ char *once = NULL, *twice = NULL;

        (void)state;
        memset(profile->boots[0].losses, 0,
               sizeof(profile->boots[0].losses)); /* they stay: not of interest */
        assert_int_equal(profile_strip(profile), 0);
        once = text_of(profile);
        assert_string_equal(once, stripped);
        assert_int_equal(profile_strip(profile), 0);
        twice = text_of(profile);
        assert_string_equal(twice, once);
}

static void test_names(void **state)
{
        static const struct {
                const char *path;
                bool stays;
        } names[] = {
                {"/usr/share/a", true},    {"/usr/local/a", false}, {"/usr/local", false},
                {"/usr/localized", true},  {"/lib64/ld.so", true},  {"/lib/a", true},
                {"/library/a", false},     {"/usr", false},         {"/home/usr/a", false},
                {"/etc/passwd", false},    {"/sbin/init", true},    {"/root/bin/a", false},
                {"/var/lib/usr/a", false}, {"/bin", false},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                _cleanup_profile_ struct profile *profile = profile_new();

                profile_add_filesystem(profile)->mount = "/";
                profile->filesystems[0].type = "ext4";
                profile_add_file(profile)->path = names[i].path;
                profile_add_walk(profile)->path = names[i].path;
                assert_int_equal(profile_strip(profile), 0);
                if (profile->n_files != names[i].stays || profile->n_walks != names[i].stays ||
                    profile->n_filesystems != names[i].stays)
                        fail_msg("'%s'", names[i].path);
        }
}

static void test_refuses(void **state)
{
        _cleanup_profile_ struct profile *profile = sample_profile();

        (void)state;
        profile->ranges[0].file = PROFILE_NONE;
        assert_int_equal(profile_strip(profile), PROFILE_CORRUPT);
        assert_int_equal(profile->n_processes, 5);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sample),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_refuses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
