/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's thread that hands audit's records over. Every record wakes it, and it takes the processor from
 * whoever runs, mostly from those whose call it was; as a batch job it waits for its turn and then hands over
 * many at a time, for less than half of the time.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "view.h"

/* audit_thread_find - Return: its pid where it has the kernel's own scheduling policy, else 0 */
pid_t audit_thread_find(const struct view *view);

/* audit_thread_gather - makes it a batch job; @thread: 0 does nothing. What fails is not missed. */
void audit_thread_gather(pid_t thread);

/* audit_thread_works - whether it has something in hand that is no longer in the kernel's queue; it sleeps when
 * that was delivered */
bool audit_thread_works(const struct view *view, pid_t thread);

/* audit_thread_give_back - where it still is one */
void audit_thread_give_back(pid_t thread);
