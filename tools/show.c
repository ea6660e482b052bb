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

static void print_boot(const struct profile_boot *boot)
{
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
}

static void print_summary(const struct profile *profile, const struct tally *tally, const char *path)
{
        char count[WORD_MAX], size[WORD_MAX], uuid[WORD_MAX];

        fputs("profile      ", stdout);
        print_name(stdout, path);
        fputs("\n", stdout);
        for (size_t i = 0; i < profile->n_boots; i++)
                print_boot(&profile->boots[i]);
        printf("files        %s, %s of them read\n", word_count(profile->n_files, count),
               word_size(tally->pages * PROFILE_PAGE_SIZE, size));
        printf("metadata     %s\n", word_size(tally->metadata_pages * PROFILE_PAGE_SIZE, size));
        printf("processes    %s\n", word_count(profile->n_processes, count));
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
