/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The profile where the next boot's early stage sees it: where the state folder lies on another filesystem
 * than the root (a /var of its own), a copy is kept on the root filesystem itself, below the mount point.
 */
#pragma once

/* mirror_profile - makes the copy what the profile is, and what is handed on to the next boot: the same, or
 * not there. Makes the folder for it, too: without that the early stage takes it that a profile can't be
 * seen. Return: 0 or negative errno. */
int mirror_profile(void);
