/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a ledger proves: whether boots that are read ahead are faster than others, by how much, and how sure
 * that is. A function of its input.
 */
#pragma once

#include "ledger.h"

enum {
        GAIN_LEAST_PLAIN =
                3, /* control boots, from which on collecting boots, which are slower, don't count */
        GAIN_ENOUGH_REPLAYED = 10, /* boots that are enough to say that there is no gain */
        GAIN_ENOUGH_PLAIN = 3,
};

#define GAIN_SURE 0.01        /* chance up to which a gain is sure */
#define GAIN_LIKELY 0.1       /* up to which it is likely */
#define GAIN_LEAST_SHARE 0.02 /* of the time of a plain boot, that is called a gain without being sure */

struct gain {
        size_t replayed, plain;         /* boots that were compared; without one of each the rest is 0 */
        size_t collecting;              /* of the plain ones: boots that were collected */
        uint64_t replayed_us, plain_us; /* medians of LEDGER_FINISH_US */
        double chance; /* that boots between which there is no difference are apart by as much, or more:
                        * Mann-Whitney's U test, one-sided, exact */
};

/* gain_compute - compares the boots from @first on that were typical, finished, and on the newest one's disk
 */
void gain_compute(const struct ledger *ledger, size_t first, struct gain *ret);

/* gain_first_of_trial - from which boot on the question is open: behind the last that was switched off */
size_t gain_first_of_trial(const struct ledger *ledger);

/* gain_is_none - whether there were enough boots, and they show nothing */
bool gain_is_none(const struct gain *gain);

/* gain_chance - the chance above
 * @ahead: of all pairs of a replayed and a plain boot, those in which the first was faster
 * Return: 0 to 1. */
double gain_chance(size_t replayed, size_t plain, size_t ahead);
