/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Giving back what a collector took, by others than itself: after it was killed, or while it runs. */
#pragma once

#include "view.h"

/* restore_all - whatever a killed collector left
 * Return: 1 restored, 0 nothing to do, -EBUSY while it lives, or negative errno. */
int restore_all(const struct view *view);

/* restore_turn - waits until nobody else restores or takes the audit system: a guardian, a unit's stop step
 * and new collectors may all come at once. Return: a descriptor, to be closed then, or negative errno. */
int restore_turn(const struct view *view);

/* restore_in_turn - the same as restore_all(), for who has the turn */
int restore_in_turn(const struct view *view);

/* leave_audit - makes whoever uses the audit system for us leave it, and waits until all is given back
 * Return: 1 it has left, 0 nothing to do, -ETIMEDOUT, or another negative errno. */
int leave_audit(const struct view *view);
