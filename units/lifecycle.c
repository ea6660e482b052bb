/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lifecycle.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gain.h"

#define DAY_US UINT64_C(86400000000)

static const struct ledger_entry *this_boot(const struct lifecycle_facts *facts)
{
        return &facts->ledger->entries[facts->ledger->n - 1];
}

static bool did(const struct ledger_entry *entry, enum decision_mode mode)
{
        return !strcmp(entry->mode, decision_mode_name(mode));
}

__attribute__((format(printf, 3, 4))) static bool hand_on(struct decision_next *next, enum decision_mode mode,
                                                          const char *format, ...)
{
        va_list arguments;

        next->mode = mode;
        va_start(arguments, format);
        vsnprintf(next->why, sizeof next->why, format, arguments);
        va_end(arguments);
        for (char *end = next->why; (end = strchr(end, '\n'));)
                *end = ' '; /* it is a line of a file */
        return true;
}

/* Each of the following is one reason. Return: whether it is one, and the rest need not be asked. */

static bool is_disabled(const struct lifecycle_facts *facts, struct decision_next *next)
{
        return !facts->settings.enabled && hand_on(next, DECISION_OFF, LIFECYCLE_DISABLED);
}

/* What has changed on a machine where nothing was gained; NULL: nothing. */
static const char *changed(const struct lifecycle_facts *facts)
{
        const struct ledger_entry *now = this_boot(facts), *before = now - 1;

        if (now->untypical)
                return "the packages";
        if (facts->ledger->n < 2)
                return NULL;
        return strcmp(now->disk, before->disk)       ? "the disk"
               : strcmp(now->kernel, before->kernel) ? "the kernel"
                                                     : NULL;
}

static bool stays_off(const struct lifecycle_facts *facts, struct decision_next *next)
{
        const struct ledger_entry *now = this_boot(facts);
        const char *what = changed(facts);

        if (!did(now, DECISION_OFF) || !strcmp(now->why, LIFECYCLE_DISABLED))
                return false;
        return what ? hand_on(next, DECISION_COLLECT, "%s changed, reading ahead is tried again", what)
                    : hand_on(next, DECISION_OFF, "%s", now->why);
}

/* This boot was to collect, and was told to do something else. */
static bool is_pending(const struct lifecycle_facts *facts, struct decision_next *next)
{
        return facts->expected.mode == DECISION_COLLECT && !did(this_boot(facts), DECISION_COLLECT) &&
               hand_on(next, DECISION_COLLECT, "%s", facts->expected.why);
}

/* Who changes packages every day has a profile of such a boot, too: collecting is not put off for ever. */
static bool has_other_packages(const struct lifecycle_facts *facts, struct decision_next *next)
{
        const struct ledger_entry *now = this_boot(facts);

        return now->untypical && !did(now, DECISION_COLLECT) &&
               hand_on(next, DECISION_COLLECT, "the packages have changed");
}

static bool has_other_system(const struct lifecycle_facts *facts, struct decision_next *next)
{
        const struct ledger_entry *now = this_boot(facts);

        if (*facts->profile_kernel && strcmp(facts->profile_kernel, now->kernel) != 0)
                return hand_on(next, DECISION_COLLECT, "the profile is of kernel %s", facts->profile_kernel);
        return *facts->profile_os && strcmp(facts->profile_os, now->os) != 0 &&
               hand_on(next, DECISION_COLLECT, "the profile is of %s", facts->profile_os);
}

static size_t boots_with_its_profile(const struct lifecycle_facts *facts)
{
        size_t boots = 0;

        for (size_t i = 0; i < facts->ledger->n; i++)
                boots += !strcmp(facts->ledger->entries[i].profile, this_boot(facts)->profile);
        return boots;
}

static uint64_t percent(const struct ledger_entry *entry, enum ledger_figure part, enum ledger_figure rest)
{
        double of = (double)entry->figures[part] + (double)entry->figures[rest];

        if (!ledger_knows(entry, part) || !ledger_knows(entry, rest) || of == 0)
                return 0;
        return (uint64_t)((double)entry->figures[part] * 100 / of);
}

/* A clock that was wrong when the profile was made, or is now, makes it no older than its boots. */
static uint64_t age_days(const struct lifecycle_facts *facts)
{
        uint64_t now = this_boot(facts)->wall_us;

        return now > facts->profile_wall_us ? (now - facts->profile_wall_us) / DAY_US : 0;
}

static bool is_stale(const struct lifecycle_facts *facts, struct decision_next *next)
{
        const struct lifecycle_settings *settings = &facts->settings;
        const struct ledger_entry *now = this_boot(facts);
        uint64_t gone = percent(now, LEDGER_STALE_FILES, LEDGER_FILES);
        uint64_t missed = percent(now, LEDGER_MISSED_BYTES, LEDGER_HIT_BYTES);

        if (!*now->profile || boots_with_its_profile(facts) < LIFECYCLE_TRIED)
                return false;
        if (gone >= settings->gone_percent)
                return hand_on(next, DECISION_COLLECT, "%" PRIu64 " %% of the profile's files have changed",
                               gone);
        if (missed >= settings->missed_percent)
                return hand_on(next, DECISION_COLLECT,
                               "the profile misses %" PRIu64 " %% of what a boot asks for", missed);
        return settings->age_days && age_days(facts) >= settings->age_days &&
               hand_on(next, DECISION_COLLECT, "the profile is %" PRIu64 " days old", age_days(facts));
}

static bool gains_nothing(const struct lifecycle_facts *facts, struct decision_next *next)
{
        struct gain gain;

        gain_compute(facts->ledger, gain_first_of_trial(facts->ledger), &gain);
        return gain_is_none(&gain) &&
               hand_on(next, DECISION_OFF,
                       "reading ahead gained nothing in %zu boots; 'bootahead enable' tries again",
                       gain.replayed + gain.plain);
}

static bool is_control_due(const struct lifecycle_facts *facts, struct decision_next *next)
{
        const struct ledger *ledger = facts->ledger;
        size_t since = 0;

        while (since < ledger->n && !did(&ledger->entries[ledger->n - 1 - since], DECISION_CONTROL))
                since++;
        return facts->settings.control_every && since + 1 >= facts->settings.control_every &&
               hand_on(next, DECISION_CONTROL, "one boot in %u", facts->settings.control_every);
}

void lifecycle_decide(const struct lifecycle_facts *facts, struct decision_next *ret)
{
        static bool (*const reasons[])(const struct lifecycle_facts *, struct decision_next *) = {
                is_disabled,      stays_off, is_pending,    has_other_packages,
                has_other_system, is_stale,  gains_nothing, is_control_due};

        for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
                if (reasons[i](facts, ret))
                        return;
        *ret = (struct decision_next){.mode = DECISION_MODE_COUNT};
}
