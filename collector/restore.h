/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Giving back what a collector took, by others than itself: after it was killed, or while it runs. */
#pragma once

#include "view.h"

/* restore_all - whatever a killed collector left
 * Return: 1 restored, 0 nothing to do, -EBUSY while it lives, or negative errno. */
int restore_all(const struct view *view);

/* leave_audit - makes the running collector leave the audit system, and waits until it has
 * Return: 1 it has left, 0 nothing to do, -ETIMEDOUT, or another negative errno. */
int leave_audit(const struct view *view);
