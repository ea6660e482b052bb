/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unit tests of a profile's file among others: whom it is trusted from, and that writing leaves the old
 * or the new one and nothing else.
 */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

struct folder {
        char path[64];
        int fd;
};

static int make_folder(void **state)
{
        struct folder *folder = calloc(1, sizeof(*folder));

        assert_non_null(folder);
        strcpy(folder->path, "/tmp/test-profile-XXXXXX");
        assert_non_null(mkdtemp(folder->path));
        folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(folder->fd >= 0);
        *state = folder;
        return 0;
}

/* next_entry - skips "." and ".." */
static const char *next_entry(DIR *dir)
{
        struct dirent *entry;

        while ((entry = readdir(dir)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        return entry->d_name;
        return NULL;
}

static int remove_folder(void **state)
{
        struct folder *folder = *state;
        _cleanup_closedir_ DIR *dir = opendir(folder->path);
        const char *name;

        while (dir && (name = next_entry(dir)))
                if (unlinkat(folder->fd, name, 0) < 0)
                        unlinkat(folder->fd, name, AT_REMOVEDIR);
        close(folder->fd);
        rmdir(folder->path);
        free(folder);
        return 0;
}

static size_t count_entries(const struct folder *folder)
{
        _cleanup_closedir_ DIR *dir = opendir(folder->path);
        size_t n = 0;

        while (next_entry(dir))
                n++;
        return n;
}

static void make_file(int folder, const char *name, const char *content, mode_t mode)
{
        _cleanup_close_ int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, content, strlen(content)), strlen(content));
        assert_int_equal(fchmod(fd, mode), 0);
}

static void assert_open(int folder, const char *name, int expected, const char *reason)
{
        _cleanup_close_ int fd = -1;
        const char *why = "";

        assert_int_equal(profile_open(folder, name, &fd, &why), expected);
        assert_int_equal(fd >= 0, expected == 0);
        if (reason && !strstr(why, reason))
                fail_msg("'%s' is no '%s'", why, reason);
        if (fd >= 0)
                assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

static void test_open(void **state)
{
        const struct folder *folder = *state;

        make_file(folder->fd, "good", "x", 0644);
        make_file(folder->fd, "group", "x", 0664);
        make_file(folder->fd, "world", "x", 0646);
        assert_int_equal(symlinkat("good", folder->fd, "link"), 0);
        assert_int_equal(mkfifoat(folder->fd, "fifo", 0600), 0);
        assert_int_equal(mkdirat(folder->fd, "folder", 0700), 0);

        assert_open(folder->fd, "good", 0, NULL);
        assert_open(folder->fd, "group", PROFILE_UNTRUSTED, "may write");
        assert_open(folder->fd, "world", PROFILE_UNTRUSTED, "may write");
        assert_open(folder->fd, "link", -ELOOP, NULL);
        assert_open(folder->fd, "fifo", PROFILE_UNTRUSTED, "regular");
        assert_open(folder->fd, "folder", PROFILE_UNTRUSTED, "regular");
        assert_open(folder->fd, "none", -ENOENT, NULL);
}

static void test_open_owner(void **state)
{
        const struct folder *folder = *state;

        if (geteuid() != 0)
                skip();
        make_file(folder->fd, "foreign", "x", 0644);
        assert_int_equal(fchownat(folder->fd, "foreign", 65534, 65534, 0), 0);
        assert_open(folder->fd, "foreign", PROFILE_UNTRUSTED, "another user");
        assert_int_equal(seteuid(65534), 0);
        assert_open(AT_FDCWD, "/etc/passwd", 0, NULL); /* root's are trusted by everybody */
        assert_int_equal(seteuid(0), 0);
}

static void assert_readable(int folder, const char *name)
{
        _cleanup_profile_ struct profile *expected = sample_profile(), *got = NULL;
        _cleanup_free_ char *a = NULL, *b = NULL;
        _cleanup_close_ int fd = -1;

        assert_int_equal(profile_open(folder, name, &fd, NULL), 0);
        assert_int_equal(profile_read(fd, PROFILE_PART_ALL, &got, NULL), 0);
        a = text_of(expected);
        b = text_of(got);
        assert_string_equal(a, b);
}

static void test_write(void **state)
{
        _cleanup_profile_ struct profile *profile = sample_profile();
        const struct folder *folder = *state;
        mode_t mask = umask(077);
        struct stat status;
        char path[128];

        assert_int_equal(profile_write(folder->fd, "profile", profile, NULL), 0);
        assert_int_equal(fstatat(folder->fd, "profile", &status, 0), 0);
        assert_int_equal(status.st_mode, S_IFREG | 0644);
        assert_readable(folder->fd, "profile");

        make_file(folder->fd, "profile", "old", 0600);
        snprintf(path, sizeof(path), "%s/profile", folder->path);
        assert_int_equal(profile_write(AT_FDCWD, path, profile, NULL), 0);
        assert_readable(folder->fd, "profile");

        make_file(folder->fd, "elsewhere", "old", 0600);
        assert_int_equal(symlinkat("elsewhere", folder->fd, "link"), 0);
        assert_int_equal(profile_write(folder->fd, "link", profile, NULL), 0);
        assert_int_equal(fstatat(folder->fd, "elsewhere", &status, AT_SYMLINK_NOFOLLOW), 0);
        assert_int_equal(status.st_size, 3); /* the link was replaced, not followed */
        assert_readable(folder->fd, "link");
        assert_int_equal(count_entries(folder), 3);
        umask(mask);
}

static void test_write_fails(void **state)
{
        _cleanup_profile_ struct profile *profile = sample_profile();
        struct rlimit limit, small;
        const struct folder *folder = *state;
        const char *why = NULL;
        struct stat status;

        make_file(folder->fd, "profile", "old", 0644);
        assert_int_equal(mkdirat(folder->fd, "folder", 0700), 0);
        assert_int_equal(profile_write(folder->fd, "none/profile", profile, NULL), -ENOENT);
        assert_int_equal(profile_write(folder->fd, "profile/profile", profile, NULL), -ENOTDIR);
        assert_int_equal(profile_write(folder->fd, "folder/", profile, NULL), -EISDIR);
        assert_int_equal(profile_write(folder->fd, "folder", profile, NULL), -EISDIR);
        assert_int_equal(mkfifoat(folder->fd, "fifo", 0600), 0);
        assert_int_equal(profile_write(folder->fd, "fifo", profile, &why), PROFILE_UNTRUSTED);
        assert_string_equal(why, "not a regular file");
        assert_int_equal(fstatat(folder->fd, "fifo", &status, 0), 0);
        assert_true(S_ISFIFO(status.st_mode));
        assert_int_equal(unlinkat(folder->fd, "fifo", 0), 0);

        assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
        small = (struct rlimit){.rlim_cur = 500, .rlim_max = limit.rlim_max};
        signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        assert_int_equal(profile_write(folder->fd, "profile", profile, NULL), -EFBIG);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);

        profile->ranges[0].count = 0;
        assert_int_equal(profile_write(folder->fd, "profile", profile, &why), PROFILE_CORRUPT);
        assert_string_equal(why, "a range is empty");
        assert_int_equal(fstatat(folder->fd, "profile", &status, 0), 0);
        assert_int_equal(status.st_size, 3);
        assert_int_equal(count_entries(folder), 2);
}

static void test_read_other_files(void **state)
{
        const struct folder *folder = *state;
        struct profile *profile = NULL;
        _cleanup_close_ int huge = -1;
        const char *why = NULL;
        int pipes[2];

        assert_int_equal(profile_read(folder->fd, PROFILE_PART_ALL, &profile, &why), PROFILE_CORRUPT);
        assert_string_equal(why, "not a regular file");
        assert_int_equal(pipe(pipes), 0);
        assert_int_equal(profile_read(pipes[0], PROFILE_PART_REPLAY, &profile, &why), PROFILE_CORRUPT);
        close(pipes[0]);
        close(pipes[1]);
        make_file(folder->fd, "huge", FORMAT_MAGIC, 0644);
        huge = openat(folder->fd, "huge", O_RDWR | O_CLOEXEC);
        assert_int_equal(ftruncate(huge, PROFILE_FILE_SIZE_MAX + 1), 0);
        assert_int_equal(profile_read(huge, PROFILE_PART_REPLAY, &profile, &why), PROFILE_CORRUPT);
        assert_string_equal(why, "the file is larger than a profile may be");
        assert_int_equal(profile_read(-1, PROFILE_PART_ALL, &profile, &why), -EBADF);
        assert_null(profile);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_open, make_folder, remove_folder),
                cmocka_unit_test_setup_teardown(test_open_owner, make_folder, remove_folder),
                cmocka_unit_test_setup_teardown(test_write, make_folder, remove_folder),
                cmocka_unit_test_setup_teardown(test_write_fails, make_folder, remove_folder),
                cmocka_unit_test_setup_teardown(test_read_other_files, make_folder, remove_folder),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
