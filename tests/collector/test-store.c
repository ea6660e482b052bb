/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A profile with losses never replaces one without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "store.h"

DEFINE_CLEANUP(struct profile *, profile_free)

enum { KEPT = 100 };

/* What is lost stands in the recording, and in the profile that is made of it. */
static int put(const struct store *store, struct profile *profile, struct recording *recording)
{
        const char *why;

        memcpy(profile->boots[0].losses, recording->losses, sizeof recording->losses);
        for (uint32_t i = 0; i < recording->n_intervals; i++)
                *profile_add_interval(profile) = recording->intervals[i];
        return store_keeps(store, recording) ? KEPT : store_write(store, profile, &why);
}

static struct profile *make_profile(void)
{
        struct profile *profile = profile_new();
        struct profile_boot *boot = profile_add_boot(profile);

        boot->kernel = boot->os = boot->machine = boot->choice = profile_string(profile, "x");
        return profile;
}

static int write_with_interval(const struct store *store, enum profile_interval_kind kind)
{
        CLEANUP(profile_free) struct profile *profile = make_profile();
        struct recording recording = {0};

        recording_interval(&recording, kind, 1, 2);
        return put(store, profile, &recording);
}

static int write_with_losses(const struct store *store, enum profile_loss kind, uint64_t losses)
{
        CLEANUP(profile_free) struct profile *profile = make_profile();
        struct recording recording = {.losses = {[PROFILE_LOSS_UNRESOLVED] = 100000}}; /* no lost events */

        recording.losses[kind] = losses;
        return put(store, profile, &recording);
}

static void test_losses(void **state)
{
        static const enum profile_loss events[] = {PROFILE_LOSS_SOCKET,     PROFILE_LOSS_KERNEL,
                                                   PROFILE_LOSS_INCOMPLETE, PROFILE_LOSS_FANOTIFY,
                                                   PROFILE_LOSS_TRACE,      PROFILE_LOSS_LIVES};
        char folder[] = "/tmp/bootahead-test-XXXXXX", path[64];
        struct view view = {.root = -1};
        struct store store;

        (void)state;
        assert_non_null(mkdtemp(folder));
        snprintf(path, sizeof path, "%s/profile", folder);
        assert_int_equal(store_init(&store, &view, path), 0);
        assert_int_equal(write_with_losses(&store, PROFILE_LOSS_KERNEL, 5000), 0); /* better than none */
        assert_int_equal(write_with_losses(&store, PROFILE_LOSS_KERNEL, 9000), 0); /* no worse in kind */
        assert_int_equal(write_with_losses(&store, PROFILE_LOSS_KERNEL, 3), 0);    /* good */
        assert_int_equal(write_with_losses(&store, PROFILE_LOSS_KERNEL, 5000), KEPT);
        assert_int_equal(write_with_losses(&store, PROFILE_LOSS_KERNEL, 0), 0);
        for (size_t i = 0; i < sizeof events / sizeof *events; i++)
                assert_int_equal(write_with_losses(&store, events[i], 101), KEPT);
        assert_int_equal(write_with_losses(&store, PROFILE_LOSS_ACCESSES, 5000), 0); /* cut, not lost */
        assert_int_equal(write_with_interval(&store, PROFILE_INTERVAL_SHED),
                         0); /* asked for less, files whole */
        assert_int_equal(write_with_interval(&store, PROFILE_INTERVAL_BLIND), KEPT);
        unlink(path);
        assert_int_equal(write_with_interval(&store, PROFILE_INTERVAL_BLIND), 0);
        assert_int_equal(write_with_interval(&store, PROFILE_INTERVAL_BLIND), 0);
        unlink(path);
        rmdir(folder);
}

static void test_paths(void **state)
{
        char longest[PATH_MAX + 1];
        struct view view = {.root = 7};
        struct store store;

        (void)state;
        assert_int_equal(store_init(&store, &view, NULL), 0);
        assert_int_equal(store.folder, 7);
        assert_string_equal(store.path, BOOTAHEAD_STATEDIR "/profile");
        assert_int_equal(chdir("/tmp"), 0);
        assert_int_equal(store_init(&store, &view, "a/b"), 0);
        assert_int_equal(store.folder, AT_FDCWD);
        assert_string_equal(store.path, "/tmp/a/b");
        for (size_t i = 0; i < sizeof longest; i++)
                longest[i] = i + 1 < sizeof longest ? 'x' : '\0';
        assert_int_equal(store_init(&store, &view, longest), -ENAMETOOLONG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_losses), cmocka_unit_test(test_paths)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
