/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* uuid_may_be - whether the filesystem of an open folder can be the one with this UUID
 * Asks only the kernel, never the disk; where neither side knows, it can. */
bool uuid_may_be(int fd, const uint8_t uuid[16]);
