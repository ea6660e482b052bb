/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When a modelled disk would have served a request: arithmetic on times, no clock and no sleeping.
 *
 * A disk has `depth` places. A request takes the place that is free first, spends the latency there, and
 * then goes over one bus that all places share. A disk with a head has one place, and its latency
 * depends on where the request before it ended. Requests are served in the order of their arrival.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { SERVICE_DEPTH_MAX = 256 };

struct service_model {
        uint64_t latency_ns;
        unsigned int depth; /* 1 to SERVICE_DEPTH_MAX */
        uint64_t rate;      /* bytes a second over the bus, 0 = no limit */
        bool head;          /* seeks and turns take the place of the latency; depth is 1 */
        uint64_t size;      /* bytes of the disk, for the length of a seek */
};

struct service {
        struct service_model model;
        uint64_t free_at[SERVICE_DEPTH_MAX];
        uint64_t bus_free_at;
        uint64_t position; /* where the head stands, in bytes */
};

void service_init(struct service *service, const struct service_model *model);

/* service_finish - takes a request in and says when it is done
 * @now: must not decrease from call to call; same clock and unit (ns) as the result */
uint64_t service_finish(struct service *service, uint64_t now, uint64_t offset, uint64_t bytes);
