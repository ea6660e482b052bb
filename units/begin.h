/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The early stage: decides what this boot does, starts it, and keeps the decision. Runs in front of the
 * system's PID 1, in an initramfs or in its place, where every millisecond is the boot's: starts one program,
 * two where replay refuses the profile, and waits for none of them longer than PATIENCE_SECONDS.
 *
 * Owns no decision (decision.h) and no mount. Needs nothing but libc.
 */
#pragma once

/* begin - what an earlier stage of this boot has begun is left alone
 * @root: where the system's root filesystem is mounted
 *
 * Return: 0 or negative errno; the boot goes on in either case. */
int begin(const char *root);
