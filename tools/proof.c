/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proof.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gain.h"
#include "input.h"
#include "words.h"

enum { MOST_ODDS = 1000000 };

static void add_gain(struct json_object *status, const struct ledger *ledger)
{
        struct json_object *object = json_object_new_object();
        struct gain gain;

        gain_compute(ledger, 0, &gain);
        json_number(object, "replayed_boots", gain.replayed);
        json_number(object, "plain_boots", gain.plain);
        json_number(object, "plain_boots_collecting", gain.collecting);
        if (gain.replayed > 0 && gain.plain > 0) {
                json_number(object, "replayed_us", gain.replayed_us);
                json_number(object, "plain_us", gain.plain_us);
                json_object_object_add(object, "chance", json_object_new_double(gain.chance));
        }
        json_object_object_add(status, "gain", object);
}

static void add_ledger(struct json_object *status, const struct ledger *ledger)
{
        struct json_object *entries = json_object_new_array();

        for (size_t i = 0; i < ledger->n; i++)
                json_object_array_add(entries, ledger_to_json(&ledger->entries[i]));
        json_object_object_add(status, "ledger", entries);
        if (ledger->damaged > 0)
                json_number(status, "ledger_damaged", ledger->damaged);
}

void proof_gather(const struct request *request, struct json_object *status)
{
        char path[INPUT_PATH_MAX];
        _cleanup_free_ struct ledger *ledger = NULL;
        _cleanup_close_ int state = -1;
        struct json_object *next;
        int r;

        snprintf(path, sizeof path, "%s" BOOTAHEAD_STATEDIR, request->root);
        state = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (state < 0)
                return;
        next = input_lines(state, "next");
        if (next)
                json_object_object_add(status, "next", next);
        r = ledger_read(state, &ledger);
        snprintf(path, sizeof path, "%s" BOOTAHEAD_STATEDIR "/" LEDGER_NAME, request->root);
        if (r < 0)
                complain("ledger", path, strerror(-r));
        if (r < 0 || (ledger->n == 0 && ledger->damaged == 0))
                return;
        if (ledger->damaged > 0)
                complain("ledger", path, "has damaged lines, left out");
        add_ledger(status, ledger);
        add_gain(status, ledger);
}

/* "once in 455 times" is easier to judge than a probability of 0.0022. */
static void print_chance(double chance, uint64_t boots)
{
        char odds[WORD_MAX], count[WORD_MAX];
        double times = chance > 0 ? round(1 / chance) : MOST_ODDS;

        word_count(boots, count);
        if (chance > GAIN_LIKELY) {
                printf("That may be chance: it is too small, or %s boots are too few.\n", count);
                return;
        }
        printf("That is %s: by chance alone they would be so far apart once in %s%s times.\n",
               chance > GAIN_SURE ? "likely" : "sure", times >= MOST_ODDS ? "more than " : "",
               word_count(times >= MOST_ODDS ? MOST_ODDS : (uint64_t)times, odds));
}

void proof_print(struct json_object *gain)
{
        struct json_object *of_replayed, *of_plain, *chance;
        uint64_t boots, replayed, plain;
        bool faster;

        if (!gain)
                return;
        if (!json_object_object_get_ex(gain, "replayed_us", &of_replayed) ||
            !json_object_object_get_ex(gain, "plain_us", &of_plain) ||
            !json_object_object_get_ex(gain, "chance", &chance)) {
                puts("What it gains is not known yet: there are no boots to compare.");
                return;
        }
        boots = json_object_get_uint64(json_object_object_get(gain, "replayed_boots")) +
                json_object_get_uint64(json_object_object_get(gain, "plain_boots"));
        replayed = json_object_get_uint64(of_replayed);
        plain = json_object_get_uint64(of_plain);
        faster = replayed <= plain;
        printf("This machine boots %.1f s %s (%.1f → %.1f s, %llu boots).\n",
               (double)(faster ? plain - replayed : replayed - plain) / 1e6, faster ? "faster" : "slower",
               (double)plain / 1e6, (double)replayed / 1e6, (unsigned long long)boots);
        if (faster)
                print_chance(json_object_get_double(chance), boots);
}

void proof_print_next(struct json_object *next)
{
        static const char *const sentences[][2] = {
                {"collect", "The next boot is collected: "},
                {"control", "The next boot runs without bootahead, to compare: "},
                {"off", "bootahead is off from the next boot on: "},
        };
        struct json_object *mode = json_object_object_get(next, "mode"),
                           *why = json_object_object_get(next, "why");

        for (size_t i = 0; mode && why && i < sizeof sentences / sizeof *sentences; i++) {
                if (strcmp(json_object_get_string(mode), sentences[i][0]) != 0)
                        continue;
                fputs(sentences[i][1], stdout);
                print_name(stdout, json_object_get_string(why));
                puts(".");
        }
}
