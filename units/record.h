/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of a boot, put on record: its figures are taken when it has finished, and written, with what its
 * programs have left, to the ledger and to the journal when they are done. Then the next boot is told what to
 * do. Once per boot.
 */
#pragma once

#include "decision.h"
#include "ledger.h"
#include "lifecycle.h"

struct record {
        struct ledger_entry entry;
        bool taken;
        struct lifecycle_settings settings;
};

/* record_take - the boot has finished now */
void record_take(struct record *record);

/* record_take_at_end - waits until the boot has finished, for @seconds at most */
void record_take_at_end(struct record *record, unsigned int seconds);

/* record_write - Return: 0, LEDGER_KNOWN, or negative errno */
int record_write(struct record *record, const struct decision *decision);
