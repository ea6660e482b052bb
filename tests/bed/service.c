/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arithmetic of modelled disks; see service.h. */
#include <assert.h>
#include <math.h>

#include "service.h"

#define NS_PER_SECOND 1000000000ull

/* A common disk of 7200 turns a minute. */
#define SEEK_SHORTEST_NS 1000000.0
#define SEEK_ACROSS_NS 12000000.0
#define HALF_TURN_NS 4170000.0
#define SKIP_BYTES 400000ull /* going on to here is faster than seeking */

void service_init(struct service *service, const struct service_model *model)
{
        assert(model->depth >= 1 && model->depth <= SERVICE_DEPTH_MAX);
        assert(!model->head || (model->depth == 1 && model->rate > 0 && model->size > 0));

        *service = (struct service){.model = *model};
}

static uint64_t transfer_time(const struct service_model *model, uint64_t bytes)
{
        return model->rate ? bytes * NS_PER_SECOND / model->rate : 0;
}

static uint64_t head_time(const struct service *service, uint64_t offset)
{
        uint64_t ahead = offset - service->position;
        uint64_t distance = offset >= service->position ? ahead : service->position - offset;

        if (offset >= service->position && ahead < SKIP_BYTES)
                return transfer_time(&service->model, ahead);
        return (uint64_t)(SEEK_SHORTEST_NS + HALF_TURN_NS +
                          SEEK_ACROSS_NS * sqrt((double)distance / (double)service->model.size));
}

static unsigned int first_free(const struct service *service)
{
        unsigned int first = 0;

        for (unsigned int place = 1; place < service->model.depth; place++)
                if (service->free_at[place] < service->free_at[first])
                        first = place;
        return first;
}

uint64_t service_finish(struct service *service, uint64_t now, uint64_t offset, uint64_t bytes)
{
        const struct service_model *model = &service->model;
        unsigned int place = first_free(service);
        uint64_t time = service->free_at[place] > now ? service->free_at[place] : now;

        time += model->head ? head_time(service, offset) : model->latency_ns;
        if (model->rate) {
                if (service->bus_free_at > time)
                        time = service->bus_free_at;
                time += transfer_time(model, bytes);
                service->bus_free_at = time;
        }
        service->free_at[place] = time;
        service->position = offset + bytes;
        return time;
}
