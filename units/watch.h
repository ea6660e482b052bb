/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The wait of a collecting boot: until systemd says that the boot has finished and the machine has settled,
 * until a limit, or until we are told to stop; then the collector is ended. Owns the connection to systemd.
 */
#pragma once

#include "collector.h"

enum watch_end {
        WATCH_STOPPED,  /* we were told to stop */
        WATCH_FINISHED, /* the boot has finished and has settled */
        WATCH_LIMIT,    /* the boot did not finish in time */
        WATCH_GONE,     /* the collector ended by itself */
};

struct watch_options {
        unsigned int settle_seconds; /* between the end of the boot and the end of collecting */
        unsigned int limit_seconds;  /* for both */
        void (*finished)(void *);    /* called once, when the boot has finished */
        void (*before_end)(void *);  /* called once, before the collector is told to end */
        void *data;
};

/* watch_run - SIGTERM and SIGINT must be blocked
 * @ret_end: why collecting ended
 *
 * The collector has ended when this returns 0: by itself, when told to, or killed in the end.
 * Return: 0 or negative errno. */
int watch_run(struct collector *collector, const struct watch_options *options, enum watch_end *ret_end);

/* watch_end_collector - tells it to end, waits, and kills it where it does not */
void watch_end_collector(struct collector *collector);
