/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a boot was and took, asked from systemd, the kernel, and the reports that replay and collector have
 * left. Whatever can't be had is left out.
 */
#pragma once

#include "journal.h"
#include "ledger.h"

/* figures_take - at the boot's end: which boot, on what, its times, and what was read until now */
void figures_take(struct ledger_entry *entry);

/* figures_add_reports - what the boot's reports tell; NULL where there is none */
void figures_add_reports(struct ledger_entry *entry, struct json_object *replay, struct json_object *pages,
                         struct json_object *collect);
