/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the fuzz targets demand of whatever they get.
 */
#pragma once

#include "profile.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define fuzz_require(condition)                                                                              \
        do {                                                                                                 \
                if (!(condition))                                                                            \
                        abort();                                                                             \
        } while (0)

/* fuzz_round_trip - an accepted profile comes through file and text unchanged */
void fuzz_round_trip(const struct profile *profile);
