/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The reading end of a BPF ring buffer (BPF_MAP_TYPE_RINGBUF, Documentation/bpf/ringbuf.rst in the
 * kernel's source): memory shared with the kernel, in which it puts records of any length.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ring;

/* ring_open - @map: the ring buffer's map, not consumed; @size: its size, as it was made
 * Return: 0 or negative errno. */
int ring_open(int map, size_t size, struct ring **ret);
void ring_close(struct ring *ring);

/* ring_take - hands over the records that are there; each is gone when @take returns true,
 * and stays, with all that follow, when it returns false. */
void ring_take(struct ring *ring, bool (*take)(void *userdata, const void *data, size_t length),
               void *userdata);
