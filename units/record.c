/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include "cleanup.h"
#include "collector.h"
#include "figures.h"
#include "journal.h"
#include "manager.h"

DEFINE_CLEANUP(struct json_object *, json_object_put)

void record_take(struct record *record)
{
        if (!record->taken)
                figures_take(&record->entry);
        record->taken = true;
}

void record_take_at_end(struct record *record, unsigned int seconds)
{
        if (!record->taken)
                (void)manager_wait(seconds); /* a boot that does not end has no such figure */
        record_take(record);
}

static int open_state(void)
{
        int fd;

        if (mkdir(BOOTAHEAD_STATEDIR, 0755) < 0 && errno != EEXIST)
                return -errno;
        fd = open(BOOTAHEAD_STATEDIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* Recordings of commands leave reports, too, in boots that do something else. */
static struct json_object *report_of(const struct decision *decision, enum decision_mode mode,
                                     const char *path)
{
        struct json_object *report = NULL;

        if (decision->mode == mode)
                (void)journal_read_report(path, &report);
        return report;
}

static void complete(struct ledger_entry *entry, const struct decision *decision)
{
        CLEANUP(json_object_put) struct json_object *replay = NULL, *pages = NULL, *collect = NULL;

        replay = report_of(decision, DECISION_REPLAY, BOOTAHEAD_RUNDIR "/replay.json");
        pages = report_of(decision, DECISION_REPLAY, BOOTAHEAD_RUNDIR "/pages.json");
        collect = report_of(decision, DECISION_COLLECT, COLLECTOR_REPORT);
        snprintf(entry->mode, sizeof entry->mode, "%s", decision_mode_name(decision->mode));
        snprintf(entry->why, sizeof entry->why, "%.*s", (int)sizeof entry->why - 1, decision->why);
        figures_add_reports(entry, replay, pages, collect);
}

int record_write(struct record *record, const struct decision *decision)
{
        _cleanup_free_ struct ledger *ledger = NULL;
        _cleanup_close_ int state = open_state();
        int r;

        complete(&record->entry, decision);
        if (!*record->entry.boot)
                return -ENODATA;
        r = state < 0 ? state : ledger_add(state, &record->entry, &ledger);
        if (r != LEDGER_KNOWN)
                journal_booted(&record->entry);
        if (ledger && ledger->damaged > 0)
                journal_note(LOG_WARNING, "Ledger: it had damaged lines, they are left out");
        return r;
}
