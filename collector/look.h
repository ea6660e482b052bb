/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looks at recorded processes in /proc while they are there: exact start time, executable, unit, arguments.
 * A look costs some 20 µs, so there is a budget: a storm of new processes must not make us one.
 */
#pragma once

#include <stdint.h>

struct collection;

struct look_budget {
        uint32_t left;
        uint64_t filled_us;
};

/* look_at - once for each execution; nothing is done where that was done, where it can only fail, or where
 * the budget is used up */
void look_at(struct collection *collection, uint32_t process);

/* look_at_all - at the end, without regard to the budget: those that still live and were not looked at, or
 * were in no unit yet */
void look_at_all(struct collection *collection);
