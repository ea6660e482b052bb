/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records joined to events by their serial. An event is whole with the last of the paths that its call's
 * record announces. Pure and bounded: records of different CPUs interleave, so a few events are open at
 * once; one that must make room before it was whole is counted as incomplete.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "audit-record.h"

enum {
        AUDIT_EVENT_PATHS = 6, /* execve of a script: script, interpreters, loader; open: parent and file */
        AUDIT_EVENT_OPEN = 64, /* events under assembly */
        AUDIT_EVENT_WORDS = 258, /* one byte more than a profile keeps tells that there was more */
};

struct audit_event_path {
        char name[PATH_MAX];
        enum audit_name_type type;
        uint32_t device_major, device_minor, mode;
        uint64_t inode;
};

struct audit_event {
        uint64_t serial, time_ms;
        uint16_t type; /* AUDIT_SYSCALL or AUDIT_URINGOP once that has come, else 0 */
        uint32_t arch, syscall, pid, ppid;
        uint64_t arguments[4];
        uint64_t oflag; /* of openat2's structure */
        uint32_t paths_to_come;
        bool ours; /* caused by our rules */
        bool own;  /* what we ourselves do to the audit system */
        char executable[PATH_MAX], cwd[PATH_MAX]; /* "" where absent */
        char words[AUDIT_EVENT_WORDS];            /* what was executed, joined by spaces; "" where absent */
        unsigned int n_paths;
        struct audit_event_path paths[AUDIT_EVENT_PATHS];
};

enum audit_feed {
        AUDIT_FEED_TAKEN,    /* part of an event of ours, or an end */
        AUDIT_FEED_COMPLETE, /* @ret_event is whole, valid until the next call */
        AUDIT_FEED_FOREIGN,  /* not caused by our rules */
};

struct audit_joiner;

/* audit_joiner_new - @key: what our rules' events carry; @self: the pid of the collector itself */
struct audit_joiner *audit_joiner_new(const char *key, uint32_t self);
void audit_joiner_free(struct audit_joiner *joiner);
enum audit_feed audit_joiner_feed(struct audit_joiner *joiner, uint16_t type, const char *text, size_t length,
                                  const struct audit_event **ret_event);
uint64_t audit_joiner_incomplete(const struct audit_joiner *joiner);
