/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When to ask a channel for less, and when for all again. Pure: it is told the time and what came, and
 * gives advice; whoever asks it knows how to shed.
 *
 * Events above the lasting rate fill a bucket that drains at that rate. What may last is a share of what the
 * machine works: where its processors are idle, or not given to those who want them, as few events as come of
 * that little work slow it down as much. Where the bucket runs over, load is to be shed for a rest. After the
 * rest all is taken up again on trial: the bucket starts nearly full, so that a storm that still lasts is
 * noticed after few events, and the next rest is twice as long. When the bucket has drained in peace,
 * everything is as at the start.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct load_limits {
        uint32_t rate;  /* events a second that may last where LOAD_BUSY is worked; 0: nothing is ever shed */
        uint32_t burst; /* events above that */
        uint32_t trial; /* events above that which end a trial; less than @burst */
        uint32_t rest_ms, longest_rest_ms;
};

/* By audit an event costs some 15 µs of processor: a large server's boot makes 25,000 in a few seconds,
 * creating and deleting files makes 20,000 a second for ever, opening in a loop 80,000.
 * By fanotify it costs 2 µs and repeats are merged; nothing is shed within the first million. */
extern const struct load_limits load_audit_limits, load_fanotify_limits;

enum {
        LOAD_BUSY = 2000,      /* thousandths of a processor: from here on the rate is the full one */
        LOAD_BUSY_LEAST = 200, /* up to here it is a tenth of that: for ever nobody minds so few */
};

enum load_advice {
        LOAD_STAY,
        LOAD_SHED,
        LOAD_TAKE_UP,
};

struct load {
        struct load_limits limits;
        uint64_t now_us;  /* of the last step */
        uint64_t level;   /* of the bucket, in millionths of events */
        uint64_t rest_us; /* the next rest */
        uint64_t wake_us; /* the end of this one */
        uint32_t busy;    /* as of the last step, within the bounds above */
        bool shed;
};

/* load_limits_scale - the same for another lasting rate; 0: nothing is ever shed */
void load_limits_scale(struct load_limits *limits, uint32_t rate);

void load_init(struct load *load, const struct load_limits *limits, uint64_t now_us);

/* load_step - to be called whenever events were taken in, and when a rest ends
 * @busy:   what all processors worked of late, in thousandths of one
 * @events: taken in since the last step, by whatever channel; counted losses are events too
 *
 * Advice is taken to be followed at once. While load is shed, what still comes counts as well: no trial
 * is made before the bucket has drained. */
enum load_advice load_step(struct load *load, uint64_t now_us, uint32_t busy, uint64_t events);

/* load_wait_us - Return: µs from the last step until the next must be made though nothing comes, or
 * UINT64_MAX. */
uint64_t load_wait_us(const struct load *load);
