/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch-filter.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

enum { UNIT_PATTERN_SIZE = 512 };

static const struct {
        const char *name;
        uint32_t class;
} classes[] = {
        {"exec", WATCH_EXEC},     {"open", WATCH_OPEN},     {"write", WATCH_WRITE},
        {"create", WATCH_CREATE}, {"delete", WATCH_DELETE}, {"rename", WATCH_RENAME},
        {"lookup", WATCH_LOOKUP}, {"fork", WATCH_FORK},     {"exit", WATCH_EXIT},
};

const char *watch_class_name(uint32_t class)
{
        for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
                if (classes[i].class == class)
                        return classes[i].name;
        return NULL;
}

uint32_t watch_class_find(const char *name, size_t length)
{
        for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
                if (strlen(classes[i].name) == length && !memcmp(classes[i].name, name, length))
                        return classes[i].class;
        return 0;
}

bool watch_path_is_below(const char *path, const char *folder)
{
        size_t length = strlen(folder);

        while (length && folder[length - 1] == '/')
                length--;
        return !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

static bool matches_executable(const char *executable, const char *wanted)
{
        const char *slash = strrchr(executable, '/');

        if (strchr(wanted, '/'))
                return watch_path_is_below(executable, wanted);
        return !strcmp(slash ? slash + 1 : executable, wanted);
}

/* As for systemctl(1), a name without suffix is a service's. */
static bool matches_unit(const char *unit, const char *pattern)
{
        char service[UNIT_PATTERN_SIZE];

        if (fnmatch(pattern, unit, 0) == 0)
                return true;
        if (strchr(pattern, '.') ||
            snprintf(service, sizeof service, "%s.service", pattern) >= (int)sizeof service)
                return false;
        return fnmatch(service, unit, 0) == 0;
}

static enum watch_match match_text(const struct watch_texts *texts, const char *text,
                                   bool (*matches)(const char *text, const char *wanted))
{
        if (!texts->n)
                return WATCH_YES;
        if (!text)
                return WATCH_UNKNOWN;
        for (size_t i = 0; i < texts->n; i++)
                if (matches(text, texts->values[i]))
                        return WATCH_YES;
        return WATCH_NO;
}

static bool has_path(const struct watch_event *event)
{
        return !(event->class & (WATCH_FORK | WATCH_EXIT));
}

/* A name that could not be made absolute says nothing. */
static enum watch_match match_path(const struct watch_filter *filter, const char *path)
{
        return match_text(&filter->paths, path && *path == '/' ? path : NULL, watch_path_is_below);
}

/* Of two paths either may be the one that is wanted; a program may have been called by another name. */
static enum watch_match match_paths(const struct watch_filter *filter, const struct watch_event *event)
{
        enum watch_match one, other = WATCH_NO;

        if (filter->paths.n && !has_path(event))
                return WATCH_NO;
        one = match_path(filter, event->path);
        if (event->class == WATCH_RENAME || event->new_path)
                other = match_path(filter, event->new_path);
        else if (event->class == WATCH_EXEC && !event->error)
                other = match_path(filter, event->executable);
        if (one == WATCH_YES || other == WATCH_YES)
                return WATCH_YES;
        return one == WATCH_UNKNOWN || other == WATCH_UNKNOWN ? WATCH_UNKNOWN : WATCH_NO;
}

static enum watch_match match_user(const struct watch_filter *filter, const struct watch_event *event)
{
        if (!filter->n_users)
                return WATCH_YES;
        if (!event->user_known)
                return WATCH_UNKNOWN;
        for (size_t i = 0; i < filter->n_users; i++)
                if (filter->users[i] == event->user)
                        return WATCH_YES;
        return WATCH_NO;
}

bool watch_filter_device(const struct watch_filter *filter, dev_t device)
{
        for (size_t i = 0; i < filter->n_devices; i++)
                if (filter->devices[i] == device)
                        return true;
        return !filter->n_devices;
}

static enum watch_match match_device(const struct watch_filter *filter, const struct watch_event *event)
{
        if (!filter->n_devices)
                return WATCH_YES;
        if (!has_path(event))
                return WATCH_NO;
        if (!event->device)
                return WATCH_UNKNOWN;
        return watch_filter_device(filter, event->device) ? WATCH_YES : WATCH_NO;
}

enum watch_match watch_filter_match(const struct watch_filter *filter, const struct watch_event *event)
{
        const enum watch_match matches[] = {
                event->class & filter->classes ? WATCH_YES : WATCH_NO,
                (event->error ? filter->failed : filter->succeeded) ? WATCH_YES : WATCH_NO,
                match_paths(filter, event),
                match_text(&filter->executables, event->executable, matches_executable),
                match_text(&filter->units, event->unit, matches_unit),
                match_user(filter, event),
                match_device(filter, event),
        };
        enum watch_match all = WATCH_YES;

        for (size_t i = 0; i < sizeof matches / sizeof *matches; i++) {
                if (matches[i] == WATCH_NO)
                        return WATCH_NO;
                if (matches[i] == WATCH_UNKNOWN)
                        all = WATCH_UNKNOWN;
        }
        return all;
}
