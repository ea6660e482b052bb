/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words of the text twin, for its writer and its reader. Private to profiles/.
 */
#pragma once

#include "profile.h"

#define TEXT_MAGIC "bootahead-profile "
#define TEXT_NONE "none"

enum { TEXT_VERSION = 2 };

/* A set's members by name; a set is written as names joined by '+', in this order, or as "none". */
struct text_bit {
        uint32_t bit;
        const char *name;
};

static const struct text_bit text_sources[] = {
        {PROFILE_SOURCE_AUDIT, "audit"},
        {PROFILE_SOURCE_FANOTIFY, "fanotify"},
        {PROFILE_SOURCE_FANOTIFY_GAP, "fanotify-gap"},
        {PROFILE_SOURCE_REPLAYED, "replayed"},
        {0, NULL},
};

static const struct text_bit text_contents[] = {
        {PROFILE_CONTENT_RESIDENT_PAGES, "resident-pages"},
        {PROFILE_CONTENT_TOUCHED_PAGES, "touched-pages"},
        {PROFILE_CONTENT_RESIDENT_METADATA, "resident-metadata"},
        {PROFILE_CONTENT_REQUESTED_METADATA, "requested-metadata"},
        {PROFILE_CONTENT_WALKS, "walks"},
        {PROFILE_CONTENT_LIVES, "lives"},
        {0, NULL},
};

static const struct text_bit text_process_flags[] = {
        {PROFILE_PROCESS_TICKS_COMPUTED, "ticks-computed"},
        {PROFILE_PROCESS_EXITED, "exited"},
        {PROFILE_PROCESS_ARGUMENTS_CUT, "arguments-cut"},
        {0, NULL},
};

static const struct text_bit text_access_flags[] = {
        {PROFILE_ACCESS_OPEN, "open"},
        {PROFILE_ACCESS_EXEC, "exec"},
        {PROFILE_ACCESS_WRITE, "write"},
        {PROFILE_ACCESS_CREATE, "create"},
        {0, NULL},
};
