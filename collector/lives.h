/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The processes of a recording as lives: what events of forks, executions and exits, taken in their order,
 * say of them. A pid stands for the latest life that has it. Pure: no kernel interface, no clock of its own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "recording.h"

struct lives {
        struct recording *recording;
        bool all;          /* the whole machine; else those that were added, and whoever descends from them */
        uint64_t known_us; /* all processes of this time are recorded: who is unknown later must have been
                              lost */
        uint64_t missed; /* events that must have been lost, since those that arrived contradict each other */
};

/* lives_same_start - whether a start time that was seen is that of a life for which it was computed from its
 * fork's time: within one tick, or earlier where the fork took long; no pid is given anew as soon as that */
bool lives_same_start(uint64_t seen, uint64_t computed);

/* lives_found - a process that is looked at, without an event
 * Return: its index, or PROFILE_NONE when over the limit (counted). */
uint32_t lives_found(struct lives *lives, uint32_t pid, uint32_t parent_pid, uint64_t start_ticks);

/* lives_fork, lives_exec, lives_exit - take in one event; times in µs since the start of collection
 * @start_ticks: computed from the time of the fork, within one tick
 * @thread:      another thread than the first has ended, and with it the process if that had ended before
 * Return: the life's index, or PROFILE_NONE where it is none of ours, or over the limit (counted). */
uint32_t lives_fork(struct lives *lives, uint32_t pid, uint32_t parent_pid, uint64_t start_ticks,
                    uint64_t time_us);
uint32_t lives_exec(struct lives *lives, uint32_t pid, uint64_t time_us);
uint32_t lives_exit(struct lives *lives, uint32_t pid, uint32_t status, bool thread, uint64_t time_us);

/* lives_settle - at the end: parents of those that are only known by pid, what is inherited (executable and
 * unit, where nothing was executed since the fork or nothing could be looked at), and which are kept
 * @all: every process, else only those of which something is recorded and their descendants */
void lives_settle(struct recording *recording, bool all);
