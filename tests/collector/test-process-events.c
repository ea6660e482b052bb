/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the process events connector says, without its socket: messages as Linux makes them. */
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "process-events.h"

enum { LENGTH = NLMSG_HDRLEN + sizeof(struct cn_msg) + sizeof(struct proc_event) };

/* The kernel's own alignment: the event begins where no 64-bit number should. */
static void make(char datagram[static LENGTH], const struct proc_event *event, uint32_t ack)
{
        struct cn_msg message = {
                .id = {CN_IDX_PROC, CN_VAL_PROC}, .seq = 41, .ack = ack, .len = sizeof *event};

        memset(datagram, 0, LENGTH);
        memcpy(datagram + NLMSG_HDRLEN, &message, sizeof message);
        memcpy(datagram + NLMSG_HDRLEN + sizeof message, event, sizeof *event);
}

static struct process_message parse(const struct proc_event *event)
{
        struct process_message message;
        char datagram[LENGTH];

        make(datagram, event, 0);
        assert_int_equal(process_message_parse(datagram, LENGTH, &message), 0);
        assert_int_equal(message.sequence, 41);
        assert_int_equal(message.cpu, event->cpu);
        return message;
}

static void a_fork(void **state)
{
        struct proc_event event = {.what = PROC_EVENT_FORK, .cpu = 3, .timestamp_ns = 5000000007};
        struct process_message message;

        (void)state;
        event.event_data.fork.parent_pid = 12; /* a thread of process 10 forked */
        event.event_data.fork.parent_tgid = 10;
        event.event_data.fork.child_pid = 20;
        event.event_data.fork.child_tgid = 20;
        message = parse(&event);
        assert_int_equal(message.kind, PROCESS_MESSAGE_EVENT);
        assert_int_equal(message.event.kind, PROCESS_FORK);
        assert_int_equal(message.event.pid, 20);
        assert_int_equal(message.event.parent_pid, 10);
        assert_int_equal(message.event.time_ns, 5000000007);
}

static void a_new_thread_is_none(void **state)
{
        struct proc_event event = {.what = PROC_EVENT_FORK};

        (void)state;
        event.event_data.fork.child_pid = 21;
        event.event_data.fork.child_tgid = 20;
        assert_int_equal(parse(&event).kind, PROCESS_MESSAGE_OTHER);
}

static void exec_and_exit(void **state)
{
        struct proc_event event = {.what = PROC_EVENT_EXEC};
        struct process_message message;

        (void)state;
        event.event_data.exec.process_pid = event.event_data.exec.process_tgid = 20;
        message = parse(&event);
        assert_int_equal(message.event.kind, PROCESS_EXEC);
        assert_int_equal(message.event.pid, 20);

        event = (struct proc_event){.what = PROC_EVENT_EXIT};
        event.event_data.exit.process_pid = event.event_data.exit.process_tgid = 20;
        event.event_data.exit.exit_code = 9;
        message = parse(&event);
        assert_int_equal(message.event.kind, PROCESS_EXIT);
        assert_int_equal(message.event.exit_status, 9);

        event.event_data.exit.process_pid = 21;
        message = parse(&event);
        assert_int_equal(message.event.kind, PROCESS_THREAD_EXIT);
        assert_int_equal(message.event.pid, 20);
}

static void an_answer(void **state)
{
        struct proc_event event = {.what = PROC_EVENT_NONE, .event_data.ack.err = EPERM};
        struct process_message message;
        char datagram[LENGTH];

        (void)state;
        make(datagram, &event, 8);
        assert_int_equal(process_message_parse(datagram, LENGTH, &message), 0);
        assert_int_equal(message.kind, PROCESS_MESSAGE_ANSWER);
        assert_int_equal(message.ack, 8);
        assert_int_equal(message.error, EPERM);
}

static void others_count_but_tell_nothing(void **state)
{
        struct proc_event event = {.what = PROC_EVENT_COMM};

        (void)state;
        assert_int_equal(parse(&event).kind, PROCESS_MESSAGE_OTHER);
}

static void foreign_and_short_ones_are_refused(void **state)
{
        struct proc_event event = {.what = PROC_EVENT_EXEC};
        struct process_message message;
        char datagram[LENGTH];

        (void)state;
        make(datagram, &event, 0);
        for (size_t length = 0; length < LENGTH; length++)
                assert_int_equal(process_message_parse(datagram, length, &message), -EBADMSG);
        datagram[NLMSG_HDRLEN] ^= 0x7f; /* another part of the connector */
        assert_int_equal(process_message_parse(datagram, LENGTH, &message), -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_fork),
                cmocka_unit_test(a_new_thread_is_none),
                cmocka_unit_test(exec_and_exit),
                cmocka_unit_test(an_answer),
                cmocka_unit_test(others_count_but_tell_nothing),
                cmocka_unit_test(foreign_and_short_ones_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
