/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the next boot does, as far as it is to be decided now: a function of the settings, the ledger and the
 * profile. It is decided at the end of a boot, when there is time to read a ledger, and handed to the next
 * boot's first stage, which has none, in a file of two lines (decision.h).
 */
#pragma once

#include "decision.h"
#include "ledger.h"

#define LIFECYCLE_DISABLED "switched off in bootahead.conf"

enum {
        LIFECYCLE_TRIED =
                5, /* boots that a profile serves before what was measured with it speaks against it */
};

struct lifecycle_settings {
        bool enabled;
        unsigned int control_every;  /* boots, 0: never */
        unsigned int age_days;       /* 0: any */
        unsigned int gone_percent;   /* of a profile's files */
        unsigned int missed_percent; /* of what a boot asks for */
};

struct lifecycle_facts {
        struct lifecycle_settings settings;
        const struct ledger *ledger;   /* this boot is the last in it */
        struct decision_next expected; /* what was handed to this boot */
        /* the profile that this boot has read ahead; "" where it has not */
        char profile_kernel[80], profile_os[160];
        uint64_t profile_wall_us;
};

/* lifecycle_decide - @ret: its mode is DECISION_MODE_COUNT where there is nothing to be handed on */
void lifecycle_decide(const struct lifecycle_facts *facts, struct decision_next *ret);
