/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for the kernel's answer on a control socket of the audit system. */
#pragma once

#include <libaudit.h>

/* audit_wait_reply - reads replies to one request until one is of the given type, or says that there are no
 * more; what is left of earlier requests is thrown away
 * @sequence: what libaudit's function for the request returned
 * Return: 1, 0 (NLMSG_DONE came), the kernel's negative errno, -ETIMEDOUT, or another negative errno. */
int audit_wait_reply(int fd, int sequence, int type, struct audit_reply *ret);
