/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch-ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct ring {
        size_t page, size;
        unsigned long *consumer;       /* how far we have read, the only thing that we write */
        const unsigned long *producer; /* how far the kernel has written */
        const char *data;              /* there twice in a row, so that no record is cut in two */
};

int ring_open(int map, size_t size, struct ring **ret)
{
        struct ring *ring = calloc(1, sizeof *ring);
        void *consumer, *rest;
        int r;

        if (!ring)
                return -ENOMEM;
        ring->page = (size_t)sysconf(_SC_PAGESIZE);
        ring->size = size;
        consumer = mmap(NULL, ring->page, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
        if (consumer != MAP_FAILED)
                ring->consumer = consumer;
        rest = mmap(NULL, ring->page + 2 * size, PROT_READ, MAP_SHARED, map, (off_t)ring->page);
        if (rest != MAP_FAILED)
                ring->producer = rest;
        if (!ring->consumer || !ring->producer) {
                r = -errno;
                ring_close(ring);
                return r;
        }
        ring->data = (const char *)rest + ring->page;
        *ret = ring;
        return 0;
}

void ring_close(struct ring *ring)
{
        if (!ring)
                return;
        if (ring->consumer)
                munmap(ring->consumer, ring->page);
        if (ring->producer)
                munmap((void *)(uintptr_t)ring->producer, ring->page + 2 * ring->size);
        free(ring);
}

void ring_take(struct ring *ring, bool (*take)(void *userdata, const void *data, size_t length),
               void *userdata)
{
        unsigned long at = *ring->consumer;

        while (at < __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE)) {
                const char *record = ring->data + at % ring->size;
                uint32_t length = __atomic_load_n((const uint32_t *)(const void *)record, __ATOMIC_ACQUIRE);

                if (length & BPF_RINGBUF_BUSY_BIT)
                        break; /* still being written */
                if (!(length & BPF_RINGBUF_DISCARD_BIT) &&
                    !take(userdata, record + BPF_RINGBUF_HDR_SZ, length))
                        break;
                length &= ~BPF_RINGBUF_DISCARD_BIT;
                at += (length + BPF_RINGBUF_HDR_SZ + 7u) / 8 * 8;
                __atomic_store_n(ring->consumer, at, __ATOMIC_RELEASE);
        }
}
