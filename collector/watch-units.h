/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a control group's number, which an event carries, to its unit: that holds when the process is gone.
 * Only in the unified hierarchy are groups numbered; where systemd uses another, nothing is found.
 */
#pragma once

#include <stdint.h>

#include "view.h"

struct watched_units;

/* watched_units_open - @view: stays the caller's. Return: 0 or negative errno. */
int watched_units_open(const struct view *view, struct watched_units **ret);
void watched_units_close(struct watched_units *units);

/* watched_units_find - Return: the unit, valid until the next call, or NULL: in none, or no longer there. */
const char *watched_units_find(struct watched_units *units, uint64_t group);
