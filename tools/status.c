/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * status: what bootahead does in this boot and what it knows, in sentences or as JSON. Gathers the files
 * that the other programs leave in BOOTAHEAD_RUNDIR into one object; the sentences are made of that.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "input.h"
#include "proof.h"
#include "words.h"

static void run_path(const struct request *request, const char *name, char ret[static INPUT_PATH_MAX])
{
        snprintf(ret, INPUT_PATH_MAX, "%s" BOOTAHEAD_RUNDIR "/%s", request->root, name);
}

static struct json_object *read_decision(const struct request *request)
{
        char path[INPUT_PATH_MAX];

        run_path(request, "decision", path);
        return input_lines(AT_FDCWD, path);
}

static struct json_object *read_report(const struct request *request, const char *name)
{
        char path[INPUT_PATH_MAX];
        struct json_object *object;

        run_path(request, name, path);
        if (access(path, R_OK) < 0)
                return NULL;
        object = json_object_from_file(path);
        if (object && json_object_is_type(object, json_type_object))
                return object;
        json_object_put(object);
        complain("report", path, "damaged, left out");
        return NULL;
}

static void add_boot(struct json_object *object, const struct profile_boot *boot)
{
        json_number(object, "wall_us", boot->wall_us);
        json_text(object, "kernel", boot->kernel);
        json_text(object, "os", boot->os);
}

static uint64_t duration(const struct profile *profile, enum profile_interval_kind kind)
{
        uint64_t sum = 0;

        for (size_t i = 0; i < profile->n_intervals; i++) {
                const struct profile_interval *interval = &profile->intervals[i];

                if (interval->kind == kind &&
                    __builtin_add_overflow(sum, interval->end_us - interval->start_us, &sum))
                        sum = UINT64_MAX;
        }
        return sum;
}

static void add_counts(struct json_object *object, const struct profile *profile)
{
        uint64_t pages = 0, losses = 0;

        for (size_t i = 0; i < profile->n_ranges; i++)
                pages += profile->ranges[i].count;
        for (size_t i = 0; i < profile->n_boots; i++)
                for (int loss = 0; loss < PROFILE_LOSS_COUNT; loss++)
                        if (__builtin_add_overflow(losses, profile->boots[i].losses[loss], &losses))
                                losses = UINT64_MAX;
        json_number(object, "files", profile->n_files);
        json_number(object, "bytes", pages * PROFILE_PAGE_SIZE);
        json_number(object, "losses", losses);
        json_number(object, "shed_us", duration(profile, PROFILE_INTERVAL_SHED));
        json_number(object, "blind_us", duration(profile, PROFILE_INTERVAL_BLIND));
}

static struct json_object *read_state(const struct request *request)
{
        CLEANUP(profile_free) struct profile *profile = NULL;
        struct json_object *object = json_object_new_object();
        char path[INPUT_PATH_MAX];
        const char *why = "";
        int r;

        input_path(request, path);
        json_text(object, "path", path);
        r = input_read(path, &profile, &why);
        json_text(object, "result", r == 0 ? "good" : r == -ENOENT ? "none" : "refused");
        json_text(object, "why", r ? why : "");
        if (r)
                return object;
        if (profile->n_boots > 0)
                add_boot(object, &profile->boots[0]);
        add_counts(object, profile);
        return object;
}

static struct json_object *gather(const struct request *request)
{
        static const char *const reports[][2] = {
                {"replay", "replay.json"}, {"collect", "collect.json"}, {"pages", "pages.json"}};
        struct json_object *status = json_object_new_object(), *part = read_decision(request);

        json_number(status, "version", 1);
        if (part)
                json_object_object_add(status, "decision", part);
        for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
                part = read_report(request, reports[i][1]);
                if (part)
                        json_object_object_add(status, reports[i][0], part);
        }
        json_object_object_add(status, "profile", read_state(request));
        proof_gather(request, status);
        return status;
}

/* ---- Sentences --------------------------------------------------------------------------- */

static const char *text_of(struct json_object *object, const char *key)
{
        struct json_object *member = json_object_object_get(object, key);

        return json_object_is_type(member, json_type_string) ? json_object_get_string(member) : "";
}

static uint64_t number_of(struct json_object *object, const char *key)
{
        return json_object_get_uint64(json_object_object_get(object, key));
}

static void print_decision(struct json_object *decision)
{
        static const char *const sentences[][2] = {
                {"replay", "This boot reads ahead"},
                {"collect", "This boot is collected"},
                {"control", "This boot runs without bootahead, to compare"},
                {"off", "bootahead is off in this boot"},
        };

        if (!decision) {
                puts("bootahead has not been started in this boot.");
                return;
        }
        for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
                if (!strcmp(text_of(decision, "mode"), sentences[i][0]))
                        fputs(sentences[i][1], stdout);
        if (*text_of(decision, "why")) {
                fputs(": ", stdout);
                print_name(stdout, text_of(decision, "why"));
        }
        puts(".");
}

static void print_why(const char *what, struct json_object *report)
{
        fputs(what, stdout);
        print_name(stdout, text_of(report, "why"));
        puts(".");
}

static void print_replay(struct json_object *replay)
{
        char files[WORD_MAX], size[WORD_MAX], time[WORD_MAX];
        uint64_t start, end, stale, cut;

        if (!replay)
                return;
        if (strcmp(text_of(replay, "result"), "done")) {
                print_why("The profile was refused: ", replay);
                return;
        }
        start = number_of(replay, "start_us");
        end = number_of(replay, "end_us");
        stale = number_of(replay, "files_gone") + number_of(replay, "files_changed");
        cut = number_of(replay, "cut_bytes");
        printf("It read ahead %s files and %s in %s", word_count(number_of(replay, "files"), files),
               word_size(number_of(replay, "bytes") + number_of(replay, "metadata_bytes"), size),
               word_seconds(end > start ? end - start : 0, time));
        printf("; %s files were gone or changed", stale ? word_count(stale, files) : "no");
        if (cut)
                printf(", %s left out for the limits", word_size(cut, size));
        puts(".");
}

static void print_pages(struct json_object *pages)
{
        char hit[WORD_MAX], missed[WORD_MAX], wasted[WORD_MAX];

        if (!pages)
                return;
        if (strcmp(text_of(pages, "result"), "done")) {
                print_why("What that was worth is not known: ", pages);
                return;
        }
        printf("The boot asked for %s of the profile and for %s besides; %s of the profile it did not ask "
               "for.\n",
               word_size(number_of(pages, "hit_bytes"), hit),
               word_size(number_of(pages, "missed_bytes"), missed),
               word_size(number_of(pages, "wasted_bytes"), wasted));
}

/* A recording of a command leaves its report too, in a boot that does something else. */
static void print_collect(struct json_object *collect, bool by_boot)
{
        char files[WORD_MAX], accesses[WORD_MAX], time[WORD_MAX];

        if (!collect)
                return;
        if (strcmp(text_of(collect, "result"), "done")) {
                print_why(by_boot ? "Collecting failed: " : "The last recording failed: ", collect);
                return;
        }
        printf("%s %s files and %s accesses in %s by ", by_boot ? "It collected" : "The last recording holds",
               word_count(number_of(collect, "files"), files),
               word_count(number_of(collect, "accesses"), accesses),
               word_seconds(number_of(collect, "duration_us"), time));
        print_name(stdout, text_of(collect, "source"));
        puts(".");
}

/* @told: what the next boot does is told elsewhere */
static void print_state(struct json_object *state, bool collecting, bool told)
{
        char files[WORD_MAX], size[WORD_MAX], word[WORD_MAX];
        uint64_t losses = number_of(state, "losses");

        if (!strcmp(text_of(state, "result"), "none")) {
                puts(collecting ? "There is no profile yet: collecting has not ended."
                     : told     ? "There is no profile yet."
                                : "There is no profile yet: the next boot is collected.");
                return;
        }
        fputs("The profile '", stdout);
        print_name(stdout, text_of(state, "path"));
        if (strcmp(text_of(state, "result"), "good")) {
                print_why("' can't be used: ", state);
                return;
        }
        printf("' is of %s: %s files, %s, ", word_time(number_of(state, "wall_us"), word),
               word_count(number_of(state, "files"), files), word_size(number_of(state, "bytes"), size));
        printf("%s lost.\n", losses ? word_count(losses, word) : "nothing");
        if (number_of(state, "shed_us"))
                printf("For %s of that boot it took in less, to spare the machine.\n",
                       word_seconds(number_of(state, "shed_us"), word));
        if (number_of(state, "blind_us"))
                printf("For %s of that boot nothing was seen.\n",
                       word_seconds(number_of(state, "blind_us"), word));
}

int verb_status(const struct request *request)
{
        struct json_object *status = gather(request), *decision = json_object_object_get(status, "decision"),
                           *collect = json_object_object_get(status, "collect"),
                           *next = json_object_object_get(status, "next");
        bool by_boot = !strcmp(text_of(decision, "mode"), "collect");

        if (request->options & OPTION_JSON) {
                json_print(status);
                return EXIT_DONE;
        }
        print_decision(decision);
        print_replay(json_object_object_get(status, "replay"));
        print_pages(json_object_object_get(status, "pages"));
        print_collect(collect, by_boot);
        print_state(json_object_object_get(status, "profile"), by_boot && !collect, next != NULL);
        proof_print_next(next);
        proof_print(json_object_object_get(status, "gain"));
        json_object_put(status);
        return EXIT_DONE;
}
