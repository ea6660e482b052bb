/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for the kernel's answer on a control socket of the audit system. */
#pragma once

#include <libaudit.h>

/* audit_wait_reply - reads replies until one is of the given type, or says that there are no more
 * Return: 1, 0 (NLMSG_DONE came), the kernel's negative errno, -ETIMEDOUT, or another negative errno. */
int audit_wait_reply(int fd, int type, struct audit_reply *ret);
