/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a whole audit event to the accesses that it tells of: when, how, which files. */
#pragma once

#include "audit-event.h"
#include "collection.h"

/* audit_event_deliver - @now_us: when it was received, since the start of collection */
void audit_event_deliver(struct collection *collection, const struct audit_event *event, uint64_t now_us);
