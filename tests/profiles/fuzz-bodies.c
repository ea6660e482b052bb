/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz target: section bodies, without the compression and the checksums around them. The input is a
 * sequence of sections: a byte for which of them, two bytes of length, and the body.
 */
#include "fixture.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        _cleanup_profile_ struct profile *profile = profile_new();
        const char *why = NULL;

        if (!profile)
                return 0;
        while (n >= 3) {
                const struct layout *layout = &layouts[bytes[0] % n_layouts];
                size_t length = get_u16(bytes + 1);
                int r;

                bytes += 3;
                n -= 3;
                if (length > n)
                        length = n;
                r = body_decode(profile, layout, bytes, length, &why);
                if (r > 0)
                        fuzz_require(why != NULL);
                if (r != 0)
                        return 0;
                bytes += length;
                n -= length;
        }
        if (profile_check(profile, &why) == 0)
                fuzz_round_trip(profile);
        else
                fuzz_require(why != NULL);
        return 0;
}
