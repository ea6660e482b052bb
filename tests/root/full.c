/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A recording of which every table is over its limit, made into a profile in a folder. Prints:
 *
 *   recorded N   bytes of memory that this process had at its most, with the recording full
 *   finished N   the same when the profile has been written
 *   lost KIND N  of each kind of table, how many had no room
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collection.h"
#include "finish.h"
#include "lives.h"
#include "profile.h"
#include "touched.h"

enum {
        FOLDERS = 256,
        MORE = 1000, /* than there is room for */
        FILE_SIZE = 1 << 20,
        SPANS = 4, /* of each file */
};

static void must(long result, const char *what)
{
        if (result >= 0)
                return;
        fprintf(stderr, "full: %s: %s\n", what, strerror(errno));
        exit(1);
}

static unsigned long memory(void)
{
        FILE *file = fopen("/proc/self/status", "r");
        unsigned long kib = 0;
        char line[256];

        must(file ? 0 : -1, "/proc/self/status");
        while (fgets(line, sizeof line, file) && sscanf(line, "VmHWM: %lu", &kib) != 1)
                continue;
        fclose(file);
        return kib * 1024;
}

static void open_view(struct collection *collection, const char *folder)
{
        struct view *view = &collection->view;
        struct mounts *mounts = &collection->mounts;
        struct stat status;

        *view = (struct view){.sys = -1, .dev = -1, .run = -1};
        view->root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        view->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        must(view->root, folder);
        must(view->proc, "/proc");
        must(fstat(view->root, &status), folder);
        mounts->filesystems = calloc(1, sizeof *mounts->filesystems);
        mounts->filesystems[0] =
                (struct filesystem){.device = status.st_dev, .mount = strdup("/"), .type = strdup("test")};
        mounts->count = 1;
}

static void touch(struct collection *collection, const struct file_key *key)
{
        for (uint32_t span = 0; span < SPANS; span++)
                touched_add(collection->touched, key,
                            &(struct touched_span){.first = 2 * span, .last = 2 * span, .time_us = span});
}

/* One that is there, for only such a file gets into the profile. */
static void add_file(struct collection *collection, uint32_t number)
{
        char path[256];
        struct stat status;
        int fd;

        if (number < FOLDERS) {
                snprintf(path, sizeof path, "%u", number);
                must(mkdirat(collection->view.root, path, 0700), path);
        }
        snprintf(path, sizeof path, "/%u/%040u", number % FOLDERS, number);
        fd = openat(collection->view.root, path + 1, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        must(fd, path);
        must(ftruncate(fd, FILE_SIZE), path);
        must(fstat(fd, &status), path);
        close(fd);
        collection_access(collection, &(struct access_seen){
                                              .key = {status.st_dev, status.st_ino},
                                              .flags = PROFILE_ACCESS_OPEN,
                                              .pid = 1,
                                              .path = path,
                                      });
        touch(collection, &(struct file_key){status.st_dev, status.st_ino});
}

static void add_process(struct collection *collection, struct lives *lives, uint32_t number)
{
        struct recording *recording = collection->recording;
        uint32_t index = lives_fork(lives, number + 2, number ? number + 1 : 1, number, number);
        char text[PROFILE_ARGUMENTS_MAX + 1];

        if (index == PROFILE_NONE)
                return;
        lives_exec(lives, number + 2, number);
        snprintf(text, sizeof text, "/%080u", number);
        recording_set_text(recording, &recording->processes[index].executable, text);
        snprintf(text, sizeof text, "%u.service", number);
        recording_set_text(recording, &recording->processes[index].unit, text);
        snprintf(text, sizeof text, "%0256u", number);
        recording_set_arguments(recording, index, text);
        lives_exit(lives, number + 2, 0, false, number + 1);
}

static void add_walk(struct collection *collection, uint32_t number)
{
        char name[64];
        struct stat status;
        int length = snprintf(name, sizeof name, "%050u", number);

        must(fstat(collection->view.root, &status), ".");
        walks_add(&collection->walks, &(struct file_key){status.st_dev, status.st_ino}, name, (size_t)length,
                  1);
}

static void fill(struct collection *collection)
{
        const struct recording_limits *limits = &collection->recording->limits;
        struct lives lives = {.recording = collection->recording, .all = true};

        lives_found(&lives, 1, 0, 1);
        for (uint32_t i = 0; i < limits->files + MORE; i++)
                add_file(collection, i);
        for (uint32_t i = 0; i < limits->processes + MORE; i++)
                add_process(collection, &lives, i);
        for (uint32_t i = 0; i < WALKS_MAX + MORE; i++)
                add_walk(collection, i);
        for (uint32_t i = 0; i < limits->accesses + MORE; i++)
                recording_access(collection->recording, i % limits->files, i % limits->processes,
                                 PROFILE_ACCESS_OPEN, i);
}

static void report(const struct collection *collection)
{
        struct recording *recording = collection->recording;

        recording->losses[PROFILE_LOSS_TOUCHED] = collection->touched->lost + collection->walks.lost;
        for (int loss = 0; loss < PROFILE_LOSS_COUNT; loss++)
                printf("lost %s %llu\n", profile_loss_name((enum profile_loss)loss),
                       (unsigned long long)recording->losses[loss]);
}

int main(int argc, char **argv)
{
        struct collection collection = {
                .contents = PROFILE_CONTENT_TOUCHED_PAGES | PROFILE_CONTENT_LIVES | PROFILE_CONTENT_WALKS,
                .whole = true,
        };
        struct profile *profile = NULL;
        const char *why;

        if (argc != 2) {
                fprintf(stderr, "full FOLDER\n");
                return 2;
        }
        open_view(&collection, argv[1]);
        collection.recording = recording_new(&recording_default_limits);
        collection.touched = touched_new();
        must(collection.recording && collection.touched ? 0 : -1, "memory");
        fill(&collection);
        printf("recorded %lu\n", memory());
        errno = -finish_profile(&collection, &profile);
        must(-errno, "finish_profile");
        errno = -profile_write(collection.view.root, "profile", profile, &why);
        must(-errno, "profile_write");
        printf("finished %lu\n", memory());
        report(&collection);
        return 0;
}
