/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load.h"

enum { MILLION = 1000000 };

const struct load_limits load_audit_limits = {
        .rate = 10000,
        .burst = 20000,
        .trial = 1500,
        .rest_ms = 1000,
        .longest_rest_ms = 16000,
};

const struct load_limits load_fanotify_limits = {
        .rate = 100000,
        .burst = 1000000,
        .trial = 20000,
        .rest_ms = 1000,
        .longest_rest_ms = 16000,
};

static uint32_t scale(uint32_t count, uint32_t rate, uint32_t from)
{
        uint64_t scaled = (uint64_t)count * rate / from;

        return scaled < UINT32_MAX ? (uint32_t)scaled : UINT32_MAX;
}

void load_limits_scale(struct load_limits *limits, uint32_t rate)
{
        limits->burst = scale(limits->burst, rate, limits->rate);
        limits->trial = scale(limits->trial, rate, limits->rate);
        limits->rate = rate;
}

void load_init(struct load *load, const struct load_limits *limits, uint64_t now_us)
{
        *load = (struct load){
                .limits = *limits,
                .now_us = now_us,
                .rest_us = (uint64_t)limits->rest_ms * 1000,
                .busy = LOAD_BUSY,
        };
}

/* Return: µs until the bucket is empty. */
static uint64_t drained_after(const struct load *load)
{
        return load->level / load->limits.rate * LOAD_BUSY / load->busy;
}

static void drain(struct load *load, uint64_t elapsed_us)
{
        if (elapsed_us > drained_after(load))
                load->level = 0;
        else
                load->level -= elapsed_us * load->limits.rate / LOAD_BUSY * load->busy;
}

static uint32_t within(uint32_t value, uint32_t least, uint32_t most)
{
        return value < least ? least : value > most ? most : value;
}

/* Return: whether the bucket ran over; it stays full. */
static bool fill(struct load *load, uint64_t events)
{
        uint64_t room = (uint64_t)load->limits.burst * MILLION - load->level;

        if (events > room / MILLION) {
                load->level += room;
                return true;
        }
        load->level += events * MILLION;
        return false;
}

static enum load_advice shed(struct load *load)
{
        uint64_t longest_us = (uint64_t)load->limits.longest_rest_ms * 1000;

        load->shed = true;
        load->wake_us = load->now_us + load->rest_us;
        load->rest_us = load->rest_us * 2 < longest_us ? load->rest_us * 2 : longest_us;
        load->level = 0; /* what comes from now on tells whether the storm lasts */
        return LOAD_SHED;
}

static enum load_advice take_up(struct load *load)
{
        load->shed = false;
        load->level = (uint64_t)(load->limits.burst - load->limits.trial) * MILLION;
        return LOAD_TAKE_UP;
}

enum load_advice load_step(struct load *load, uint64_t now_us, uint32_t busy, uint64_t events)
{
        uint64_t elapsed_us = now_us > load->now_us ? now_us - load->now_us : 0;
        bool drained;

        if (!load->limits.rate)
                return LOAD_STAY;
        load->now_us += elapsed_us;
        load->busy = within(busy, LOAD_BUSY_LEAST, LOAD_BUSY);
        drain(load, elapsed_us);
        drained = !load->level;
        if (!load->shed && drained)
                load->rest_us = (uint64_t)load->limits.rest_ms * 1000;
        if (fill(load, events) && !load->shed)
                return shed(load);
        if (load->shed && drained && load->now_us >= load->wake_us)
                return take_up(load);
        return LOAD_STAY;
}

uint64_t load_wait_us(const struct load *load)
{
        uint64_t drained_us;

        if (!load->shed)
                return UINT64_MAX;
        drained_us = load->now_us + drained_after(load) + 1;
        if (drained_us < load->wake_us)
                drained_us = load->wake_us;
        return drained_us - load->now_us;
}
