/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "walks.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_name(const char *name, size_t length)
{
        if (length == 0 || length > NAME_MAX || memchr(name, '/', length) || memchr(name, '\0', length))
                return false;
        return !(length == 1 && name[0] == '.') && !(length == 2 && name[0] == '.' && name[1] == '.');
}

static bool make_room(struct walks *walks)
{
        if (!walks->seen)
                walks->seen = reallocarray(NULL, WALKS_MAX, sizeof *walks->seen);
        if (!walks->names)
                walks->names = malloc(WALKS_NAMES_MAX);
        return walks->seen && walks->names && walks->n_seen < WALKS_MAX;
}

/* What is not written to costs no memory, so both arrays have their full length from the beginning. */
void walks_add(struct walks *walks, const struct file_key *folder, const char *name, size_t length,
               uint32_t time_us)
{
        struct walk_seen seen = {.folder = *folder, .time_us = time_us, .name = WALK_LISTED};

        if (name && !is_name(name, length))
                return;
        if (!make_room(walks) || (name && walks->names_used + length + 1 > WALKS_NAMES_MAX)) {
                walks->lost++;
                return;
        }
        if (name) {
                seen.name = (uint32_t)walks->names_used;
                memcpy(walks->names + walks->names_used, name, length);
                walks->names[walks->names_used + length] = '\0';
                walks->names_used += length + 1;
        }
        walks->seen[walks->n_seen++] = seen;
}

void walks_done(struct walks *walks)
{
        free(walks->seen);
        free(walks->names);
        *walks = (struct walks){0};
}
