/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "cleanup.h"
#include "collector.h"
#include "figures.h"
#include "file.h"
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

static void complete(struct ledger_entry *entry, const struct decision *decision,
                     struct lifecycle_facts *facts)
{
        CLEANUP(json_object_put) struct json_object *replay = NULL, *pages = NULL, *collect = NULL;

        replay = report_of(decision, DECISION_REPLAY, BOOTAHEAD_RUNDIR "/replay.json");
        pages = report_of(decision, DECISION_REPLAY, BOOTAHEAD_RUNDIR "/pages.json");
        collect = report_of(decision, DECISION_COLLECT, COLLECTOR_REPORT);
        snprintf(entry->mode, sizeof entry->mode, "%s", decision_mode_name(decision->mode));
        snprintf(entry->why, sizeof entry->why, "%.*s", (int)sizeof entry->why - 1, decision->why);
        figures_add_reports(entry, replay, pages, collect);
        if (!replay)
                return;
        snprintf(facts->profile_kernel, sizeof facts->profile_kernel, "%s",
                 journal_text(replay, "profile_kernel"));
        snprintf(facts->profile_os, sizeof facts->profile_os, "%s", journal_text(replay, "profile_os"));
        facts->profile_wall_us = (uint64_t)journal_number(replay, "profile_wall_us");
}

/* The triggers leave the boot's id: what they left in this boot is the next one's business. */
static bool packages_had_changed(int state, const char *boot)
{
        _cleanup_close_ int fd =
                openat(state, DECISION_PACKAGES, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        char text[64];
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

        if (fd < 0)
                return false;
        text[n > 0 ? n : 0] = '\0';
        text[strcspn(text, "\n")] = '\0';
        return strcmp(text, boot) != 0;
}

/* Where it can't be written, nothing is better than what was meant for this boot. */
static int write_next(int state, const struct decision_next *before, const struct decision_next *next)
{
        char text[sizeof next->why + 64];
        int r = 0;

        if (next->mode == before->mode &&
            (next->mode == DECISION_MODE_COUNT || !strcmp(next->why, before->why)))
                return 0;
        if (next->mode != DECISION_MODE_COUNT)
                r = file_replace(state, DECISION_NEXT, text, decision_format_next(next, text, sizeof text));
        if ((r < 0 || next->mode == DECISION_MODE_COUNT) && unlinkat(state, DECISION_NEXT, 0) < 0 &&
            errno != ENOENT)
                return r < 0 ? r : -errno;
        return r;
}

static void hand_on(int state, const struct lifecycle_facts *facts)
{
        struct decision_next next;
        char text[sizeof next.why + 64] = "";
        int r;

        lifecycle_decide(facts, &next);
        r = write_next(state, &facts->expected, &next);
        if (r == 0 && facts->ledger->entries[facts->ledger->n - 1].untypical &&
            unlinkat(state, DECISION_PACKAGES, 0) < 0)
                r = -errno;
        if (r < 0)
                snprintf(text, sizeof text, "What the next boot is to do: %s, not handed on", strerror(-r));
        else if (next.mode == DECISION_OFF && facts->expected.mode != DECISION_OFF)
                snprintf(text, sizeof text, "Off from the next boot on: %s", next.why);
        if (*text)
                journal_note(LOG_NOTICE, text);
}

int record_write(struct record *record, const struct decision *decision)
{
        _cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ struct ledger *ledger = NULL;
        _cleanup_close_ int state = open_state();
        struct lifecycle_facts facts = {.settings = record->settings};
        int r;

        if (!*record->entry.boot || root < 0)
                return -ENODATA;
        if (state < 0)
                return state;
        complete(&record->entry, decision, &facts);
        record->entry.untypical = packages_had_changed(state, record->entry.boot);
        r = ledger_add(state, &record->entry, &ledger);
        if (r == LEDGER_KNOWN)
                return r;
        journal_booted(&record->entry);
        if (!ledger)
                return r;
        if (ledger->damaged > 0)
                journal_note(LOG_WARNING, "Ledger: it had damaged lines, they are left out");
        decision_read_next(root, &facts.expected);
        facts.ledger = ledger;
        hand_on(state, &facts);
        return r;
}
