/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit-event.h"

#include <libaudit.h>
#include <stdlib.h>
#include <string.h>

struct audit_joiner {
        const char *key;
        uint32_t self;
        uint64_t incomplete;
        struct audit_event events[AUDIT_EVENT_OPEN]; /* serial 0: free */
};

struct audit_joiner *audit_joiner_new(const char *key, uint32_t self)
{
        struct audit_joiner *joiner = calloc(1, sizeof *joiner);

        if (!joiner)
                return NULL;
        joiner->key = key;
        joiner->self = self;
        return joiner;
}

void audit_joiner_free(struct audit_joiner *joiner)
{
        free(joiner);
}

uint64_t audit_joiner_incomplete(const struct audit_joiner *joiner)
{
        uint64_t open = 0;

        for (size_t i = 0; i < AUDIT_EVENT_OPEN; i++)
                open += joiner->events[i].serial && joiner->events[i].ours;
        return joiner->incomplete + open;
}

static struct audit_event *find(struct audit_joiner *joiner, uint64_t serial)
{
        for (size_t i = 0; i < AUDIT_EVENT_OPEN; i++)
                if (joiner->events[i].serial == serial)
                        return &joiner->events[i];
        return NULL;
}

static struct audit_event *start(struct audit_joiner *joiner, const struct audit_record *record)
{
        struct audit_event *event = find(joiner, 0);

        if (!event) {
                event = &joiner->events[0];
                for (size_t i = 1; i < AUDIT_EVENT_OPEN; i++)
                        if (joiner->events[i].serial < event->serial)
                                event = &joiner->events[i];
                joiner->incomplete += event->ours;
        }
        event->serial = record->serial;
        event->time_ms = record->time_ms;
        event->type = record->type;
        event->n_paths = 0;
        event->oflag = 0;
        event->executable[0] = event->cwd[0] = '\0';
        return event;
}

static void take_call(struct audit_joiner *joiner, struct audit_event *event,
                      const struct audit_record *record)
{
        event->ours = audit_text_is(&record->key, joiner->key);
        event->own = record->pid == joiner->self;
        event->arch = record->arch;
        event->syscall = record->syscall;
        event->pid = record->pid;
        event->ppid = record->ppid;
        event->success = record->success;
        event->paths_to_come = record->items;
        memcpy(event->arguments, record->arguments, sizeof event->arguments);
        if (!audit_text_decode(&record->executable, event->executable, sizeof event->executable))
                event->executable[0] = '\0';
}

static void take_path(struct audit_event *event, const struct audit_record *record)
{
        struct audit_event_path *path;

        if (event->n_paths == AUDIT_EVENT_PATHS || !record->has_inode ||
            (record->name_type != AUDIT_NAME_NORMAL && record->name_type != AUDIT_NAME_CREATE))
                return;
        path = &event->paths[event->n_paths++];
        path->type = record->name_type;
        path->device_major = record->device_major;
        path->device_minor = record->device_minor;
        path->mode = record->mode;
        path->inode = record->inode;
        if (!audit_text_decode(&record->name, path->name, sizeof path->name))
                path->name[0] = '\0';
}

/* The call's own record is the first of an event to be written (audit_log_exit()), so that each later
 * record of these types finds its event open, or belongs to one that is not ours. */
enum audit_feed audit_joiner_feed(struct audit_joiner *joiner, uint16_t type, const char *text, size_t length,
                                  const struct audit_event **ret_event)
{
        struct audit_record record;
        struct audit_event *event;

        if (!audit_record_parse(type, text, length, &record) || record.serial == 0)
                return AUDIT_FEED_FOREIGN;
        if (type == AUDIT_SYSCALL || type == AUDIT_URINGOP) {
                event = start(joiner, &record);
                take_call(joiner, event, &record);
                if (event->ours && !event->paths_to_come)
                        event->serial = 0; /* nothing was opened by name, nothing will come */
                return event->ours || event->own ? AUDIT_FEED_TAKEN : AUDIT_FEED_FOREIGN;
        }
        event = find(joiner, record.serial);
        if (type == AUDIT_EOE) {
                if (event)
                        event->serial = 0;
                return AUDIT_FEED_TAKEN;
        }
        if (event && event->own)
                return AUDIT_FEED_TAKEN;
        if (!event || !event->ours || type < AUDIT_FIRST_EVENT || type > AUDIT_LAST_EVENT)
                return AUDIT_FEED_FOREIGN;
        if (type == AUDIT_PATH) {
                take_path(event, &record);
                if (event->paths_to_come > 1) {
                        event->paths_to_come--;
                        return AUDIT_FEED_TAKEN;
                }
                event->serial = 0;
                *ret_event = event;
                return AUDIT_FEED_COMPLETE;
        }
        if (type == AUDIT_CWD && !audit_text_decode(&record.cwd, event->cwd, sizeof event->cwd))
                event->cwd[0] = '\0';
        else if (type == AUDIT_OPENAT2)
                event->oflag = record.oflag;
        return AUDIT_FEED_TAKEN;
}
