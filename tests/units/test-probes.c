/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which of the kernel's messages about devices tell of a disk that is worth keeping open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "probes.h"

#define DISK "/devices/pci0000:00/0000:00:03.0/virtio1/block/vda"
#define MESSAGE(action, path, subsystem, name)                                                               \
        action "@" path "\0ACTION=" action "\0DEVPATH=" path "\0SUBSYSTEM=" subsystem "\0MAJOR=254\0MINOR=0" \
               "\0DEVNAME=" name "\0DEVTYPE=disk\0SEQNUM=900"
#define PARSE(message) probes_parse(message, sizeof(message), name)

static char name[PROBES_NAME_SIZE];

static void test_disks(void **state)
{
        (void)state;
        assert_true(PARSE(MESSAGE("add", DISK, "block", "vda")));
        assert_string_equal(name, "vda");
        assert_true(PARSE(MESSAGE("add", DISK "/vda1", "block", "vda1")));
        assert_string_equal(name, "vda1");
}

static void test_others(void **state)
{
        (void)state;
        assert_false(PARSE(MESSAGE("change", DISK, "block", "vda")));
        assert_false(PARSE(MESSAGE("remove", DISK, "block", "vda")));
        assert_false(PARSE(MESSAGE("add", "/devices/virtual/block/dm-0", "block", "dm-0")));
        assert_false(PARSE(MESSAGE("add", "/devices/virtual/block/md0", "block", "md0")));
        assert_false(PARSE(MESSAGE("add", "/devices/pci0000:00/0000:00:02.0/drm/card0", "drm", "dri/card0")));
        assert_false(
                PARSE("add@/devices/system/cpu\0ACTION=add\0DEVPATH=/devices/system/cpu\0SUBSYSTEM=block"));
}

/* What was cut off, or is no message at all. */
static void test_broken(void **state)
{
        static const char whole[] = MESSAGE("add", DISK, "block", "vda");
        char too_long[] = MESSAGE("add", DISK, "block",
                                  "0123456789012345678901234567890123456789012345678901234567890123");

        (void)state;
        assert_false(probes_parse(whole, 0, name));
        assert_false(probes_parse(whole, sizeof whole - 1, name));
        assert_false(PARSE(too_long));
        assert_false(PARSE("libudev"));
        assert_false(PARSE(""));
        for (size_t size = 0; size < strlen(whole); size++)
                assert_false(probes_parse(whole, size, name));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_disks),
                cmocka_unit_test(test_others),
                cmocka_unit_test(test_broken),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
