/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What binds our audit rules to our life. A rule may compare the caller's executable with a path; the kernel
 * watches the folder of that path and removes the rule when the folder has ceased to exist
 * (audit_autoremove_mark_rule(), kernel/audit_fsnotify.c, Linux 6.1 to 6.18). Our rules ask for "any
 * executable but that one", in a folder that is deleted at once and lives on by our descriptor alone: closing
 * it removes the rules. So does whatever ends us, and so does it where the audit system was locked.
 *
 * Another folder takes the name: who deletes a rule must name a path that the kernel can walk.
 */
#pragma once

#include "view.h"

/* The executable that nobody has; by it our rules are told from those of others. */
#define AUDIT_TIE_PATH BOOTAHEAD_RUNDIR "/rules/bootahead"

struct audit_tie {
        int folder; /* -1: none */
};

#define AUDIT_TIE_NONE ((struct audit_tie){.folder = -1})

/* audit_tie_init - makes the folder of rules that are added before audit_tie_hide()
 * Return: 0 or negative errno. */
int audit_tie_init(struct audit_tie *tie, const struct view *view);

/* audit_tie_hide - deletes the folder's name, and makes another one of that name */
void audit_tie_hide(const struct view *view);

/* audit_tie_cut - the rules are gone when it returns; may be called more than once */
void audit_tie_cut(struct audit_tie *tie);

/* audit_ties_remove - when there are no rules any more, or none that are to stay */
void audit_ties_remove(const struct view *view);
