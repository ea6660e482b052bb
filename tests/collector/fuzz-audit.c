/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Feeds arbitrary records to the parser and the joiner. Input: per line a type, a space, a record's text.
 */
#include <dirent.h>
#include <libaudit.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit-event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed_line(struct audit_joiner *joiner, const char *line, size_t length)
{
        const struct audit_event *event;
        const char *space = memchr(line, ' ', length);
        uint16_t type;

        if (!space)
                return;
        type = (uint16_t)strtoul(line, NULL, 10);
        if (audit_joiner_feed(joiner, type, space + 1, length - (size_t)(space + 1 - line), &event) ==
                    AUDIT_FEED_COMPLETE &&
            (event->n_paths > AUDIT_EVENT_PATHS || strlen(event->executable) >= PATH_MAX))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct audit_joiner *joiner;
        char *copy = malloc(size + 1); /* exactly as long, so that a read behind it is found */

        if (!joiner)
                joiner = audit_joiner_new("bootahead", 1);
        memcpy(copy, data, size);
        copy[size] = '\n';
        for (char *line = copy; line < copy + size;) {
                char *end = memchr(line, '\n', (size_t)(copy + size + 1 - line));

                feed_line(joiner, line, (size_t)(end - line));
                line = end + 1;
        }
        free(copy);
        return 0;
}

#ifdef FUZZ_MAIN
static int run_file(const char *folder, const char *name)
{
        char path[4096];
        static uint8_t data[1 << 20];
        FILE *file;
        size_t size;

        snprintf(path, sizeof path, "%s/%s", folder, name);
        file = fopen(path, "re");
        if (!file)
                return 0;
        size = fread(data, 1, sizeof data, file);
        fclose(file);
        LLVMFuzzerTestOneInput(data, size);
        return 1;
}

int main(int argc, char **argv)
{
        DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
        const struct dirent *entry;
        int count = 0;

        while (folder && (entry = readdir(folder)))
                if (entry->d_name[0] != '.')
                        count += run_file(argv[1], entry->d_name);
        if (folder)
                closedir(folder);
        printf("%d inputs\n", count);
        return count ? 0 : 1;
}
#endif
