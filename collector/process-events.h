/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's process events connector (linux/cn_proc.h): every fork, exec and exit of the machine, in the
 * order in which one caused the other, with the kernel's own time. It works in the initial network, user and
 * pid namespaces only.
 *
 * Nothing is filtered in the kernel: each processor numbers its messages, so that every lost one is counted;
 * and some kernels (6.6.14, 6.7.2 and a few after them) go silent for good when a listener's filter turns
 * away what nobody else takes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum process_event_kind {
        PROCESS_FORK, /* a new process; new threads are not told of */
        PROCESS_EXEC,
        PROCESS_EXIT,        /* its first thread has ended */
        PROCESS_THREAD_EXIT, /* another thread has; after PROCESS_EXIT the process ends only now */
};

struct process_event {
        enum process_event_kind kind;
        uint32_t pid;
        uint32_t parent_pid;  /* of a fork */
        uint32_t exit_status; /* of an exit, as waitpid(2) has it */
        uint64_t time_ns;     /* CLOCK_BOOTTIME */
};

struct process_events;

/* process_events_open - starts to listen; what happens after it returned is delivered or counted as lost
 * Return: 0, -EPERM, -ECONNREFUSED (another network namespace), -EOPNOTSUPP (another user or pid namespace,
 * or a kernel without these events), or another negative errno. */
int process_events_open(struct process_events **ret);
void process_events_close(struct process_events *events);

/* process_events_fd - readable when process_events_read() has something to do; owned by @events */
int process_events_fd(const struct process_events *events);

/* process_events_read - takes what is there, at most @size events
 * Return: how many; 0: nothing for now; or negative errno. */
int process_events_read(struct process_events *events, struct process_event *ret, size_t size);

/* process_events_lost - how many messages the kernel could not deliver so far, of whatever kind */
uint64_t process_events_lost(const struct process_events *events);

/* A message of the connector as it arrives. Pure, for tests. */
struct process_message {
        uint32_t cpu, sequence; /* the kernel counts for each processor */
        uint32_t ack;           /* of an answer to a request: the request's own plus 1 */
        int error;              /* of an answer */
        enum { PROCESS_MESSAGE_EVENT, PROCESS_MESSAGE_ANSWER, PROCESS_MESSAGE_OTHER } kind;
        struct process_event event; /* its time is CLOCK_MONOTONIC */
};

/* process_message_parse - Return: 0, or -EBADMSG when the datagram is none of the connector's. */
int process_message_parse(const void *datagram, size_t length, struct process_message *ret);
