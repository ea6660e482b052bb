/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The settings of bootahead.conf(5): the one place that knows where they are written, their names, bounds and
 * defaults. Parsed by libeconf. The early stage reads none: what it is to do, the boot before has decided.
 *
 * One file counts as the whole of the main one: the first of /etc, /run and /usr/lib. Drop-ins of all three
 * come behind it, by their names; of two with one name the one of /etc counts, then that of /run.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

enum config_setting {
        CONFIG_ENABLED,        /* 0 or 1 */
        CONFIG_CONTROL_EVERY,  /* boots; 0: never */
        CONFIG_SETTLE,         /* seconds */
        CONFIG_COLLECT_LIMIT,  /* seconds */
        CONFIG_AGE,            /* days; 0: any */
        CONFIG_GONE_PERCENT,   /* of a profile's files */
        CONFIG_MISSED_PERCENT, /* of the pages that a boot asks for */
        CONFIG_COUNT,
};

struct config {
        struct config_value {
                unsigned int number;
                char *origin; /* "FILE:LINE", or NULL: the default */
        } values[CONFIG_COUNT];
};

/* config_read - what can't be read, understood or kept is told and counts as not written
 * @root:     what is taken for /, "" is /
 * @complain: hears of each such thing, one line with file and line
 * Return: 0 or -ENOMEM. The caller owns the contents of @ret. */
int config_read(const char *root, void (*complain)(void *data, const char *message), void *data,
                struct config *ret);
void config_done(struct config *config);

static inline unsigned int config_number(const struct config *config, enum config_setting setting)
{
        return config->values[setting].number;
}

/* config_print - all settings with their values and where each comes from, as text or as JSON
 * Return: 0 or negative errno. */
int config_print(const struct config *config, bool json, FILE *out);
