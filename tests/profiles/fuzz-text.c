/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz target: the text twin.
 */
#include "fixture.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        _cleanup_profile_ struct profile *profile = NULL;
        _cleanup_fclose_ FILE *in = n > 0 ? fmemopen((void *)(uintptr_t)bytes, n, "r") : NULL;
        const char *why = NULL;
        size_t line = 0;

        if (!in)
                return 0;
        if (profile_load(in, &profile, &line, &why) > 0)
                fuzz_require(why != NULL && line > 0);
        if (profile)
                fuzz_round_trip(profile);
        return 0;
}
