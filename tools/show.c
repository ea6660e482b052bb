/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* show: the summary, and which of the tables are asked for. */
#include "show.h"

#include <string.h>

#include "input.h"
#include "words.h"

static void print_known(const char *name)
{
        print_name(stdout, *name ? name : "unknown");
}

static void print_contents(uint32_t contents)
{
        const char *separator = "holds        ";

        for (uint32_t bit = 1; bit & PROFILE_CONTENTS; bit <<= 1) {
                if (!(contents & bit))
                        continue;
                fputs(separator, stdout);
                for (const char *c = profile_content_name(bit); *c; c++)
                        putchar(*c == '-' ? ' ' : *c);
                separator = ", ";
        }
        if (contents)
                fputs("\n", stdout);
}

/* Of many intervals the first ones say what was the matter; JSON has them all. */
static void print_intervals(const struct profile *profile, uint32_t boot)
{
        enum { SHOWN = 8 };
        char start[WORD_MAX], end[WORD_MAX];
        size_t n = 0;

        for (size_t i = 0; i < profile->n_intervals; i++) {
                const struct profile_interval *interval = &profile->intervals[i];

                if (interval->boot != boot || n++ >= SHOWN)
                        continue;
                printf("%-13sfrom %s to %s\n", profile_interval_name(interval->kind),
                       word_seconds(interval->start_us, start), word_seconds(interval->end_us, end));
        }
        if (n > SHOWN)
                printf("             and %s more\n", word_count(n - SHOWN, start));
}

static void print_boot(const struct profile *profile, uint32_t i)
{
        const struct profile_boot *boot = &profile->boots[i];
        const char *separator = "";
        char word[WORD_MAX];

        printf("boot         %s, ", word_time(boot->wall_us, word));
        print_known(boot->os);
        fputs(", kernel ", stdout);
        print_known(boot->kernel);
        fputs(", ", stdout);
        print_known(boot->machine);
        printf("\ncollected    %s by ",
               word_seconds(boot->end_us > boot->start_us ? boot->end_us - boot->start_us : 0, word));
        for (uint32_t bit = 1; bit; bit <<= 1) {
                if (!(boot->sources & bit) || !source_name(bit))
                        continue;
                printf("%s%s", separator, source_name(bit));
                separator = " and ";
        }
        if (*boot->choice) {
                fputs(" (", stdout);
                print_name(stdout, boot->choice);
                fputs(")", stdout);
        }
        fputs("\n", stdout);
        for (int loss = 0; loss < PROFILE_LOSS_COUNT; loss++)
                if (boot->losses[loss])
                        printf("lost         %s %s\n", word_count(boot->losses[loss], word),
                               profile_loss_name((enum profile_loss)loss));
        print_contents(boot->contents);
        print_intervals(profile, i);
}

static void print_walks(const struct profile *profile, const struct tally *tally)
{
        char word[WORD_MAX];

        if (profile->n_walks == 0)
                return;
        printf("walks        %s: ", word_count(profile->n_walks, word));
        printf("%s listed, ", word_count(tally->walks[PROFILE_WALK_LISTED], word));
        printf("%s looked up, ", word_count(tally->walks[PROFILE_WALK_LOOKED_UP], word));
        printf("%s absent\n", word_count(tally->walks[PROFILE_WALK_ABSENT], word));
}

static void print_lives(const struct profile *profile, const struct tally *tally)
{
        char word[WORD_MAX];

        printf("processes    %s", word_count(profile->n_processes, word));
        if (tally->began || tally->executed || tally->ended) {
                printf(": %s were seen to begin, ", word_count(tally->began, word));
                printf("%s to execute, ", word_count(tally->executed, word));
                printf("%s to end, ", word_count(tally->ended, word));
                printf("%s of them by a failure", word_count(tally->failed, word));
        }
        fputs("\n", stdout);
}

static void print_summary(const struct profile *profile, const struct tally *tally, const char *path)
{
        char count[WORD_MAX], size[WORD_MAX], uuid[WORD_MAX];

        fputs("profile      ", stdout);
        print_name(stdout, path);
        fputs("\n", stdout);
        for (size_t i = 0; i < profile->n_boots; i++)
                print_boot(profile, (uint32_t)i);
        printf("files        %s, %s of them read\n", word_count(profile->n_files, count),
               word_size(tally->pages * PROFILE_PAGE_SIZE, size));
        printf("metadata     %s\n", word_size(tally->metadata_pages * PROFILE_PAGE_SIZE, size));
        print_walks(profile, tally);
        print_lives(profile, tally);
        printf("accesses     %s\n", word_count(profile->n_accesses, count));
        for (size_t i = 0; i < profile->n_filesystems; i++) {
                const struct profile_filesystem *filesystem = &profile->filesystems[i];
                static const uint8_t none[16];

                fputs("filesystem   ", stdout);
                print_name(stdout, filesystem->mount);
                fputs(" ", stdout);
                print_name(stdout, filesystem->type);
                printf(" %s, device %s, files: %s\n",
                       memcmp(filesystem->uuid, none, sizeof none) ? word_uuid(filesystem->uuid, uuid)
                                                                   : "without UUID",
                       profile_device_name(filesystem->device), word_count(tally->files[i], count));
        }
        if (tally->losses == 0)
                puts("lost         nothing");
}

static void show_text(const struct profile *profile, const struct tally *tally, unsigned options,
                      const char *path)
{
        if (!(options & (OPTION_FILES | OPTION_PROCESSES | OPTION_ACCESSES)))
                print_summary(profile, tally, path);
        if (options & OPTION_FILES)
                print_files(profile, tally);
        if (options & OPTION_PROCESSES)
                print_processes(profile, tally);
        if (options & OPTION_ACCESSES)
                print_accesses(profile);
}

static void show_json(const struct profile *profile, const struct tally *tally, unsigned options,
                      const char *path)
{
        struct json_object *object = json_summary(profile, tally);

        json_text(object, "profile", path);
        if (options & OPTION_FILES)
                json_object_object_add(object, "files", json_files(profile, tally));
        if (options & OPTION_PROCESSES)
                json_object_object_add(object, "processes", json_processes(profile, tally));
        if (options & OPTION_ACCESSES)
                json_object_object_add(object, "accesses", json_accesses(profile));
        json_print(object);
}

int verb_show(const struct request *request)
{
        CLEANUP(profile_free) struct profile *profile = NULL;
        char buffer[INPUT_PATH_MAX];
        const char *path = input_path(request, buffer);
        struct tally tally;
        int r = input_profile(request, &profile);

        if (r != EXIT_DONE)
                return r;
        r = tally_init(profile, &tally);
        if (r == 0 && request->options & OPTION_JSON)
                show_json(profile, &tally, request->options, path);
        else if (r == 0)
                show_text(profile, &tally, request->options, path);
        tally_done(&tally);
        return r < 0 ? complain("profile", path, strerror(-r)) : EXIT_DONE;
}
