/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file as the content of a modelled disk: what it holds, when a request is due, what was asked of it.
 *
 * The file is mapped. Unless it is kept the mapping is private: what is written stays in memory and is gone
 * with the process, so that each boot finds the same disk. Owns no clock, no lock, no waiting: who serves
 * the disk passes the time in, calls from one thread at a time, and answers a request when it is due.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cleanup.h"
#include "service.h"

enum direction { DIRECTION_READ, DIRECTION_WRITE, DIRECTION_COUNT };

struct store_statistics {
        uint64_t requests[DIRECTION_COUNT];
        uint64_t bytes[DIRECTION_COUNT];
        uint64_t flushes;
        uint64_t busy_ns; /* at least one request was there */
        uint64_t busy_since;
        unsigned int in_flight, in_flight_most;
};

struct store {
        char *file, *report; /* paths */
        bool keep;           /* write into the file */
        bool free_writes;    /* only reads take time */
        uint64_t fail_every; /* every so many reads one fails, 0 = none */
        struct service_model model;

        uint8_t *map;
        uint64_t size;
        struct service service;
        struct store_statistics statistics;
};

/* store_option - takes one setting: file, report, keep, free-writes, fail-every, latency-us, depth, rate,
 * head Return: 0, -ENOENT (no such setting), -EINVAL, or -ENOMEM. */
int store_option(struct store *store, const char *key, const char *value);

/* store_open - maps the file, once all settings are in
 * Return: 0 or negative errno; -EINVAL where the settings contradict each other. */
int store_open(struct store *store);
void store_done(struct store *store);
DEFINE_CLEANUP(struct store *, store_done)

/* store_begin - counts a request in; when it is due, on the clock of @now (ns) */
uint64_t store_begin(struct store *store, enum direction direction, uint64_t now, uint64_t offset,
                     uint64_t bytes);

/* store_fails - whether the read that was counted in last is one of those that fail */
bool store_fails(const struct store *store);
void store_end(struct store *store, uint64_t now);

/* store_report - writes the statistics as JSON to the report's path, where one is set
 * Return: 0 or negative errno. */
int store_report(const struct store *store);
