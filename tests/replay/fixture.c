/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct plan_limits fixture_no_limits = {.bytes = UINT64_MAX, .files = UINT32_MAX};

struct profile *fixture_profile(const char *lines)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_fclose_ FILE *file = NULL;
        struct profile *profile = NULL;
        const char *why = "";
        size_t line = 0;

        assert_true(asprintf(&text, "bootahead-profile 1\n%send\n", lines) > 0);
        file = fmemopen(text, strlen(text), "re");
        assert_non_null(file);
        if (profile_load(file, &profile, &line, &why) != 0)
                fail_msg("line %zu: %s", line, why);
        return profile;
}

void fixture_assert_reads(const struct profile *profile, const struct plan *plan, const char *expected)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&text, &size);

        assert_non_null(file);
        for (size_t i = 0; i < plan->n_reads; i++) {
                const struct plan_read *read = &plan->reads[i];

                assert_int_equal(read->offset % PAGE, 0);
                assert_int_equal(read->length % PAGE, 0);
                if (read->file == PROFILE_NONE)
                        fprintf(file, "@%s", profile->filesystems[read->filesystem].mount);
                else
                        fputs(profile->files[read->file].path, file);
                fprintf(file, " %" PRIu64 " %" PRIu64 "\n", read->offset / PAGE, read->length / PAGE);
        }
        fclose(file);
        assert_string_equal(text, expected);
}
