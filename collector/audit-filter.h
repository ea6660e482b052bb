/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What comes into our audit socket. The kernel's audit thread waits for a daemon whose buffer is full, and
 * when it has waited in vain it prints the records and drops some uncounted (kauditd_send_queue(),
 * kauditd_hold_skb(), Linux 6.1 to 6.18). So it never has to: a program in the kernel counts what it lets in,
 * we count what we have taken out, and what is too much is dropped and counted as if it were delivered. Where
 * the kernel takes no such program, a simple one only sorts by type.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct audit_filter_counts; /* shared with the kernel */

struct audit_filter {
        struct audit_filter_counts *counts; /* NULL: the simple program */
        uint64_t let_in;                    /* until the latest look */
};

/* audit_filter_attach - to be called before anything comes
 * @room: bytes of the socket's buffer, as the kernel counts them
 * Return: 0 or negative errno. */
int audit_filter_attach(struct audit_filter *filter, int fd, uint32_t room);

/* audit_filter_done - the socket's program goes with the socket */
void audit_filter_done(struct audit_filter *filter);

/* audit_filter_look - before records are taken out */
void audit_filter_look(struct audit_filter *filter);

/* audit_filter_taken - one record of so many bytes was taken out */
void audit_filter_taken(struct audit_filter *filter, size_t length);

/* audit_filter_emptied - there was nothing more since the latest look */
void audit_filter_emptied(struct audit_filter *filter);

/* audit_filter_dropped - events of which the first record was dropped */
uint64_t audit_filter_dropped(const struct audit_filter *filter);
