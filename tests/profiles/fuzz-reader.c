/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz target: a whole file. The header's checksum is put right first, for no fuzzer would guess it.
 */
#include "fixture.h"
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        _cleanup_profile_ struct profile *replay = NULL, *all = NULL;
        _cleanup_free_ uint8_t *copy = malloc(n + 1);
        _cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
        const char *why = NULL;

        if (!copy || fd < 0)
                return 0;
        memcpy(copy, bytes, n);
        if (n >= HEADER_FIXED && get_u32(copy + HEADER_SIZE) >= HEADER_FIXED &&
            get_u32(copy + HEADER_SIZE) <= n)
                header_checksum(copy, get_u32(copy + HEADER_SIZE));
        if (write(fd, copy, n) != (ssize_t)n)
                return 0;
        if (profile_read(fd, PROFILE_PART_ALL, &all, &why) > 0)
                fuzz_require(why != NULL);
        if (profile_read(fd, PROFILE_PART_REPLAY, &replay, &why) != 0)
                fuzz_require(!all); /* what is good whole is good in part */
        if (all)
                fuzz_round_trip(all);
        return 0;
}
