/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tests' own hand in the audit system: shows its settings and rules, adds a rule as an administrator
 * would, takes the daemon's place. Uses nothing of the collector.
 */
#include <errno.h>
#include <libaudit.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int reply_of_type(int fd, int type, struct audit_reply *reply)
{
        for (;;) {
                struct pollfd ready = {.fd = fd, .events = POLLIN};
                int r;

                if (poll(&ready, 1, 2000) <= 0)
                        return -ETIMEDOUT;
                r = audit_get_reply(fd, reply, GET_REPLY_NONBLOCKING, 0);
                if (r > 0 && (reply->type == type || reply->type == NLMSG_DONE))
                        return reply->type == type;
        }
}

/* Texts stand in the rule's buffer in the order of their fields. */
static void show_rule(const struct audit_rule_data *rule)
{
        size_t offset = 0;

        printf("rule list=%u fields=%u", rule->flags, rule->field_count);
        for (uint32_t i = 0; i < rule->field_count; i++) {
                uint32_t field = rule->fields[i];

                if (field != AUDIT_FILTERKEY && field != AUDIT_EXE && field != AUDIT_WATCH &&
                    field != AUDIT_DIR)
                        continue;
                printf(" %s=%.*s", field == AUDIT_FILTERKEY ? "key" : "text", (int)rule->values[i],
                       rule->buf + offset);
                offset += rule->values[i];
        }
        putchar('\n');
}

static int show(int fd)
{
        struct audit_reply reply;

        if (audit_request_status(fd) < 0 || reply_of_type(fd, AUDIT_GET, &reply) != 1)
                return 1;
        printf("enabled=%u failure=%u pid=%u rate_limit=%u backlog_limit=%u backlog_wait_time=%u\n",
               reply.status->enabled, reply.status->failure, reply.status->pid, reply.status->rate_limit,
               reply.status->backlog_limit, reply.status->backlog_wait_time);
        if (audit_request_rules_list_data(fd) < 0)
                return 1;
        while (reply_of_type(fd, AUDIT_LIST_RULES, &reply) == 1)
                show_rule(reply.ruledata);
        return 0;
}

/* What only ever grows; nobody can set it back. */
static int show_counters(int fd)
{
        struct audit_reply reply;

        if (audit_request_status(fd) < 0 || reply_of_type(fd, AUDIT_GET, &reply) != 1)
                return 1;
        printf("lost=%u backlog=%u backlog_wait_time_actual=%u\n", reply.status->lost, reply.status->backlog,
               reply.status->backlog_wait_time_actual);
        return 0;
}

/* A watch on a file that nobody touches. */
static int change_rule(int fd, int add)
{
        struct audit_rule_data *rule = audit_rule_create_data();
        int r = audit_add_watch_dir(AUDIT_WATCH, &rule, "/etc/hostname");

        if (r == 0)
                r = add ? audit_add_rule_data(fd, rule, AUDIT_FILTER_EXIT, AUDIT_ALWAYS)
                        : audit_delete_rule_data(fd, rule, AUDIT_FILTER_EXIT, AUDIT_ALWAYS);
        audit_rule_free_data(rule);
        return r < 0;
}

static int has_key(const struct audit_rule_data *rule)
{
        for (uint32_t i = 0; i < rule->field_count; i++)
                if (rule->fields[i] == AUDIT_FILTERKEY)
                        return 1;
        return 0;
}

/* As auditctl -D does. */
static int delete_all(int fd, int only_with_key)
{
        struct audit_rule_data *rules[64];
        struct audit_reply reply;
        int n = 0;

        if (audit_request_rules_list_data(fd) < 0)
                return 1;
        while (n < 64 && reply_of_type(fd, AUDIT_LIST_RULES, &reply) == 1) {
                size_t size = sizeof *reply.ruledata + reply.ruledata->buflen;

                rules[n] = malloc(size);
                if (!rules[n])
                        return 1;
                memcpy(rules[n], reply.ruledata, size);
                n += !only_with_key || has_key(rules[n]);
        }
        for (int i = 0; i < n; i++) {
                audit_delete_rule_data(fd, rules[i], (int)rules[i]->flags, (int)rules[i]->action);
                free(rules[i]);
        }
        return 0;
}

/* From now on nobody is told of changes. */
static int change_silence(int fd, int add)
{
        struct audit_rule_data rule = {.field_count = 1,
                                       .fields = {AUDIT_MSGTYPE},
                                       .values = {AUDIT_CONFIG_CHANGE},
                                       .fieldflags = {AUDIT_EQUAL}};

        return (add ? audit_add_rule_data(fd, &rule, AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS)
                    : audit_delete_rule_data(fd, &rule, AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS)) < 0;
}

static int hold_place(int fd)
{
        char word;

        if (audit_set_pid(fd, (uint32_t)getpid(), WAIT_YES) < 0)
                return 1;
        puts("registered");
        fflush(stdout);
        if (read(STDIN_FILENO, &word, 1) < 0)
                return 1;
        return audit_set_pid(fd, 0, WAIT_NO) < 0;
}

/* As journald does: the read-only multicast group. */
static int listen_along(void)
{
        struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1u << (AUDIT_NLGRP_READLOG - 1)};
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
        char word;

        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
                return 1;
        puts("listening");
        fflush(stdout);
        return read(STDIN_FILENO, &word, 1) < 0;
}

int main(int argc, char **argv)
{
        int fd = audit_open();

        if (fd < 0)
                return 77;
        if (argc == 2 && !strcmp(argv[1], "show"))
                return show(fd);
        if (argc == 2 && !strcmp(argv[1], "counters"))
                return show_counters(fd);
        if (argc == 2 && !strcmp(argv[1], "add-rule"))
                return change_rule(fd, 1);
        if (argc == 2 && !strcmp(argv[1], "delete-rule"))
                return change_rule(fd, 0);
        if (argc == 2 && !strcmp(argv[1], "delete-all"))
                return delete_all(fd, 0);
        if (argc == 2 && !strcmp(argv[1], "delete-keyed"))
                return delete_all(fd, 1);
        if (argc == 2 && !strcmp(argv[1], "add-silence"))
                return change_silence(fd, 1);
        if (argc == 2 && !strcmp(argv[1], "delete-silence"))
                return change_silence(fd, 0);
        if (argc == 3 && !strcmp(argv[1], "enable"))
                return audit_set_enabled(fd, (uint32_t)atoi(argv[2])) < 0;
        if (argc == 2 && !strcmp(argv[1], "register"))
                return hold_place(fd);
        if (argc == 3 && !strcmp(argv[1], "backlog-limit"))
                return audit_set_backlog_limit(fd, (uint32_t)atoi(argv[2])) < 0;
        if (argc == 2 && !strcmp(argv[1], "listen"))
                return listen_along();
        if (argc == 3 && !strcmp(argv[1], "message"))
                return audit_log_user_message(fd, AUDIT_USER, argv[2], NULL, NULL, NULL, 1) < 0;
        if (argc == 3 && !strcmp(argv[1], "decision"))
                return audit_log_user_message(fd, AUDIT_USER_AVC, argv[2], NULL, NULL, NULL, 1) < 0;
        return 2;
}
