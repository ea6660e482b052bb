/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes a larger profile out of a recorded one, for measurements: other names, sizes, times and
 * processes, but the same shape.
 */
#pragma once

#include "profile.h"

/* profile_scale - copies @from until there are @files files and @accesses accesses
 * The same input gives the same output.
 * Return: 0, -EINVAL where @from is empty or the limits of a profile would be passed, or negative errno. */
int profile_scale(const struct profile *from, size_t files, size_t accesses, struct profile **ret);
