/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gain.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

struct times {
        uint64_t us[LEDGER_BOOTS];
        size_t n;
};

static bool is(const struct ledger_entry *entry, const char *mode)
{
        return !strcmp(entry->mode, mode);
}

static void keep(struct times *times, const struct ledger_entry *entry)
{
        times->us[times->n++] = entry->figures[LEDGER_FINISH_US];
}

static int compare_times(const void *left, const void *right)
{
        uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

        return a < b ? -1 : a > b;
}

static uint64_t median(struct times *times)
{
        size_t half = times->n / 2;

        qsort(times->us, times->n, sizeof *times->us, compare_times);
        return times->n % 2 ? times->us[half] : times->us[half - 1] / 2 + times->us[half] / 2;
}

/* Equal times speak for neither. */
static size_t count_ahead(const struct times *replayed, const struct times *plain)
{
        size_t ahead = 0, equal = 0;

        for (size_t i = 0; i < replayed->n; i++) {
                for (size_t j = 0; j < plain->n; j++) {
                        ahead += replayed->us[i] < plain->us[j];
                        equal += replayed->us[i] == plain->us[j];
                }
        }
        return ahead + equal / 2;
}

/* One row for each number of plain boots: how likely each number of pairs is in which a replayed one is
 * faster. Adds a replayed boot: the slowest of all is a plain one, and slower than all replayed ones, or it
 * is a replayed one, and faster than none. */
static void grow(double *rows, size_t row, size_t replayed, size_t plain)
{
        for (size_t p = 0; p <= plain; p++) {
                double *now = rows + p * row, *fewer = p > 0 ? now - row : NULL;
                double all = (double)(replayed + p);

                for (size_t u = 0; u < row; u++) {
                        double of_plain = fewer && u >= replayed ? fewer[u - replayed] * (double)p / all : 0;

                        now[u] = now[u] * (double)replayed / all + of_plain;
                }
        }
}

double gain_chance(size_t replayed, size_t plain, size_t ahead)
{
        size_t row = replayed * plain + 1;
        _cleanup_free_ double *rows = calloc((plain + 1) * row, sizeof *rows);
        double chance = 0;

        if (!rows || ahead >= row)
                return 1;
        for (size_t p = 0; p <= plain; p++)
                rows[p * row] = 1; /* without replayed boots there is no pair */
        for (size_t r = 1; r <= replayed; r++)
                grow(rows, row, r, plain);
        for (size_t u = ahead; u < row; u++)
                chance += rows[plain * row + u];
        return chance < 1 ? chance : 1;
}

static bool counts(const struct ledger *ledger, size_t i)
{
        const struct ledger_entry *entry = &ledger->entries[i], *newest = &ledger->entries[ledger->n - 1];

        return !entry->untypical && ledger_knows(entry, LEDGER_FINISH_US) &&
               !strcmp(entry->disk, newest->disk);
}

void gain_compute(const struct ledger *ledger, size_t first, struct gain *ret)
{
        struct times replayed = {0}, plain = {0}, collecting = {0};

        for (size_t i = first; i < ledger->n; i++) {
                const struct ledger_entry *entry = &ledger->entries[i];

                if (!counts(ledger, i))
                        continue;
                if (is(entry, "replay"))
                        keep(&replayed, entry);
                else if (is(entry, "control") || is(entry, "off"))
                        keep(&plain, entry);
                else if (is(entry, "collect"))
                        keep(&collecting, entry);
        }
        *ret = (struct gain){.replayed = replayed.n, .plain = plain.n};
        if (plain.n < GAIN_LEAST_PLAIN) {
                memcpy(plain.us + plain.n, collecting.us, collecting.n * sizeof *plain.us);
                ret->collecting = collecting.n;
                ret->plain = plain.n += collecting.n;
        }
        if (replayed.n == 0 || plain.n == 0)
                return;
        ret->replayed_us = median(&replayed);
        ret->plain_us = median(&plain);
        ret->chance = gain_chance(replayed.n, plain.n, count_ahead(&replayed, &plain));
}

size_t gain_first_of_trial(const struct ledger *ledger)
{
        size_t first = ledger->n;

        while (first > 0 && !is(&ledger->entries[first - 1], "off"))
                first--;
        return first;
}

bool gain_is_none(const struct gain *gain)
{
        double least = (double)gain->plain_us * (1 - GAIN_LEAST_SHARE);

        return gain->replayed >= GAIN_ENOUGH_REPLAYED && gain->plain >= GAIN_ENOUGH_PLAIN &&
               gain->chance > GAIN_SURE && (double)gain->replayed_us > least;
}
