/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A profile as the bytes of its file, not yet on disk. Private to profiles/.
 */
#pragma once

#include "profile.h"

struct packed {
        uint8_t *bytes;
        size_t n, room;
};

/* format_pack - the whole file of a profile that has passed profile_check()
 * @ret: zeroed by the caller, released with packed_done() whatever the result
 * Return: 0 or negative errno. */
int format_pack(const struct profile *profile, struct packed *ret);

void packed_done(struct packed *packed);
