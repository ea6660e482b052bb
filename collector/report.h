/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the collector leaves in BOOTAHEAD_RUNDIR for others: collect.pid while it runs, so that a later
 * stage finds it ("PID STARTTICKS"), collect.source from when it has begun, collect.json when it has ended.
 * Where it only tells pages: pages.pid and pages.json. Of the recording of a command: nothing.
 */
#pragma once

#include "collection.h"
#include "hits.h"
#include "profile.h"

/* report_clean - removes what a killed collector had said of itself, but that it had begun */
void report_clean(const struct view *view);

/* report_was_cut_short - whether a collector of this boot had begun and never ended: it was killed */
bool report_was_cut_short(const struct view *view);

/* report_begin - Return: 0 or negative errno. */
int report_begin(const struct collection *collection);

/* report_end - @profile: NULL where none was written, with @why saying why. Removes the others. */
int report_end(const struct collection *collection, const struct profile *profile, const char *path,
               const char *why);

/* report_begin_pages, report_end_pages - the same, of what pages were asked for
 * @hits: NULL where they could not be compared, with @why saying why. Return: 0 or negative errno. */
int report_begin_pages(const struct collection *collection);
int report_end_pages(const struct collection *collection, const struct hits *hits, const char *path,
                     const char *why);

/* sources_name - "audit", "audit+fanotify", ... into @ret */
void sources_name(uint32_t sources, char *ret, size_t size);
