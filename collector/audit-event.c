/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit-event.h"

#include <libaudit.h>
#include <stdlib.h>
#include <string.h>

struct audit_joiner {
        const char *key;
        uint32_t self;
        uint64_t incomplete;
        uint64_t serials[AUDIT_EVENT_OPEN]; /* of the events; 0: none yet */
        bool open[AUDIT_EVENT_OPEN];        /* else it is over, and remembered for what may follow it */
        struct audit_event events[AUDIT_EVENT_OPEN];
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
                open += joiner->open[i] && joiner->events[i].ours;
        return joiner->incomplete + open;
}

static struct audit_event *find(struct audit_joiner *joiner, uint64_t serial)
{
        for (size_t i = 0; i < AUDIT_EVENT_OPEN; i++)
                if (joiner->serials[i] == serial)
                        return &joiner->events[i];
        return NULL;
}

static bool is_open(const struct audit_joiner *joiner, const struct audit_event *event)
{
        return joiner->open[event - joiner->events];
}

static void end(struct audit_joiner *joiner, const struct audit_event *event)
{
        joiner->open[event - joiner->events] = false;
}

/* The oldest that is over makes room, or else the oldest of all. */
static size_t find_room(const struct audit_joiner *joiner)
{
        size_t room = 0;

        for (size_t i = 1; i < AUDIT_EVENT_OPEN; i++)
                if (joiner->open[i] != joiner->open[room] ? joiner->open[room]
                                                          : joiner->serials[i] < joiner->serials[room])
                        room = i;
        return room;
}

static struct audit_event *start(struct audit_joiner *joiner, const struct audit_record *record)
{
        size_t room = find_room(joiner);
        struct audit_event *event = &joiner->events[room];

        joiner->incomplete += joiner->open[room] && event->ours;
        joiner->serials[room] = record->serial;
        joiner->open[room] = true;
        event->serial = record->serial;
        event->time_ms = record->time_ms;
        event->type = record->type;
        event->n_paths = 0;
        event->oflag = 0;
        event->executable[0] = event->cwd[0] = event->words[0] = '\0';
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

static bool is_part_of_call(uint16_t type)
{
        return type == AUDIT_PATH || type == AUDIT_CWD || type == AUDIT_EXECVE || type == AUDIT_PROCTITLE ||
               type == AUDIT_OPENAT2;
}

/* The call's own record is the first of an event to be written (audit_log_exit()), so that each later
 * record of these types finds its event, or the record of the call was lost. */
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
                        end(joiner, event); /* nothing was opened by name */
                return event->ours || event->own ? AUDIT_FEED_TAKEN : AUDIT_FEED_FOREIGN;
        }
        event = find(joiner, record.serial);
        if (type == AUDIT_EOE) {
                if (event)
                        end(joiner, event);
                return AUDIT_FEED_TAKEN;
        }
        if ((event && event->own) || (!event && is_part_of_call(type)))
                return AUDIT_FEED_TAKEN; /* or what is left of one that was lost, and counted */
        if (!event || !event->ours || type < AUDIT_FIRST_EVENT || type > AUDIT_LAST_EVENT)
                return AUDIT_FEED_FOREIGN;
        if (!is_open(joiner, event))
                return AUDIT_FEED_TAKEN; /* PROCTITLE is the last */
        if (type == AUDIT_PATH) {
                take_path(event, &record);
                if (event->paths_to_come > 1) {
                        event->paths_to_come--;
                        return AUDIT_FEED_TAKEN;
                }
                end(joiner, event);
                *ret_event = event;
                return AUDIT_FEED_COMPLETE;
        }
        if (type == AUDIT_CWD && !audit_text_decode(&record.cwd, event->cwd, sizeof event->cwd))
                event->cwd[0] = '\0';
        else if (type == AUDIT_EXECVE)
                audit_record_words(text, length, event->words, sizeof event->words);
        else if (type == AUDIT_OPENAT2)
                event->oflag = record.oflag;
        return AUDIT_FEED_TAKEN;
}
