/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Profiles for the tests of replay, written down in the text form, so that a test shows what it is about. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "plan.h"
#include "profile.h"

DEFINE_CLEANUP(struct profile *, profile_free)

#define _cleanup_profile_ CLEANUP(profile_free)
#define _cleanup_plan_ __attribute__((cleanup(plan_done)))

enum { PAGE = PROFILE_PAGE_SIZE };

/* The lines of filesystems / (0) and /var (1), for a start. */
#define FILESYSTEMS                                                                                          \
        "filesystem 0 uuid=00000000-0000-0000-0000-000000000000 device=solid type=\"ext4\" mount=\"/\"\n"    \
        "filesystem 1 uuid=00000000-0000-0000-0000-000000000000 device=solid type=\"ext4\" mount=\"/var\"\n"
#define FILE_LINE(path, filesystem, size)                                                                    \
        "file \"" path "\" filesystem=" #filesystem " size=" #size " mtime=0 inode=1\n"
#define RANGE_LINE(path, page, count, use) "range \"" path "\" page=" #page " count=" #count " use=" #use "\n"
#define METADATA_LINE(filesystem, page, count)                                                               \
        "metadata filesystem=" #filesystem " page=" #page " count=" #count "\n"

/* fixture_profile - the profile with these lines; a line that is wrong fails the test */
struct profile *fixture_profile(const char *lines);

/* room for everything, and no joining */
extern const struct plan_limits fixture_no_limits;

/* fixture_assert_reads - the plan has exactly these reads, each "PATH OFFSET LENGTH", a line each; offsets
 * and lengths in pages, "@MOUNT" is the filesystem's device */
void fixture_assert_reads(const struct profile *profile, const struct plan *plan, const char *expected);
