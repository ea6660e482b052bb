/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bootahead's lines in the journal: one for what was done for a boot and one for what the boot took, with
 * every figure as a field of its own. Figures come from the reports that collector and replay leave in
 * BOOTAHEAD_RUNDIR, as JSON, and from the ledger.
 */
#pragma once

#include <json-c/json.h>

#include "ledger.h"

/* journal_read_report - @ret: to be released with json_object_put(). Return: 0, -ENOENT, or negative errno.
 */
int journal_read_report(const char *path, struct json_object **ret);

/* journal_text, journal_number - a field of a report; "" or 0 where it has none */
const char *journal_text(struct json_object *report, const char *key);
int64_t journal_number(struct json_object *report, const char *key);

/* journal_sum - of the numbers of a table in a report; 0 where it has none */
int64_t journal_sum(struct json_object *report, const char *key);

/* journal_collected, journal_replayed - one line about what was done
 * @pages: which of the pages were asked for, or NULL
 * @why:   what the decision says */
int journal_collected(struct json_object *report, const char *why);
int journal_replayed(struct json_object *report, struct json_object *pages, const char *why);

/* journal_booted - one line about the boot as the ledger has it */
int journal_booted(const struct ledger_entry *entry);

/* journal_note - one line about what was not done; @priority as in syslog(3) */
int journal_note(int priority, const char *text) __attribute__((nonnull));
