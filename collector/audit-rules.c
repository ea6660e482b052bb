/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit-rules.h"

#include <errno.h>
#include <libaudit.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "audit-reply.h"

enum { RULES_MAX = 1024 };

static const struct {
        const char *name;
        enum audit_call call;
} family[] = {
        {"open", AUDIT_CALL_OPEN},
        {"creat", AUDIT_CALL_CREAT},
        {"openat", AUDIT_CALL_OPENAT},
        {"openat2", AUDIT_CALL_OPENAT2},
        {"execve", AUDIT_CALL_EXEC},
        {"execveat", AUDIT_CALL_EXECAT},
        {"open_by_handle_at", AUDIT_CALL_HANDLE},
};

/* The ABIs whose programs the build machine's kernel also runs. */
static const char *const abis[] = {
#if defined(__x86_64__) || defined(__aarch64__) || defined(__powerpc64__) || defined(__s390x__)
        "b64",
        "b32",
#elif __SIZEOF_POINTER__ == 8
        "b64",
#else
        "b32",
#endif
};

enum audit_call audit_call_of(uint32_t arch, uint32_t syscall)
{
        static uint32_t known_arch;
        static int known[sizeof family / sizeof *family];

        if (arch != known_arch) { /* names are looked up anew only where two ABIs take turns */
                int machine = audit_elf_to_machine(arch);

                for (size_t i = 0; i < sizeof family / sizeof *family; i++)
                        known[i] = machine < 0 ? -1 : audit_name_to_syscall(family[i].name, machine);
                known_arch = arch;
        }
        for (size_t i = 0; i < sizeof family / sizeof *family; i++)
                if (known[i] >= 0 && (uint32_t)known[i] == syscall)
                        return family[i].call;
        return AUDIT_CALL_NONE;
}

/* The fields are set here and not by libaudit: its audit_rule_fieldpair_data() serves auditctl, it takes a
 * key only after auditctl's own global variables were set. */
union rule {
        struct audit_rule_data data;
        char storage[sizeof(struct audit_rule_data) + sizeof AUDIT_TIE_PATH + sizeof AUDIT_RULE_KEY];
};

static void add_field(union rule *rule, uint32_t field, uint32_t comparison, uint32_t value)
{
        uint32_t at = rule->data.field_count++;

        rule->data.fields[at] = field;
        rule->data.fieldflags[at] = comparison;
        rule->data.values[at] = value;
}

static void add_text(union rule *rule, uint32_t field, uint32_t comparison, const char *text)
{
        size_t length = strlen(text);

        add_field(rule, field, comparison, (uint32_t)length);
        memcpy(rule->data.buf + rule->data.buflen, text, length);
        rule->data.buflen += (uint32_t)length;
}

/* The last condition: it looks at the process, and is always true. */
static void add_tie(union rule *rule)
{
        add_text(rule, AUDIT_EXE, AUDIT_NOT_EQUAL, AUDIT_TIE_PATH);
}

static void set_bit(union rule *rule, unsigned int bit)
{
        rule->data.mask[AUDIT_WORD(bit)] |= AUDIT_BIT(bit);
}

/* Whose accesses, to which devices' files. */
struct rule_scope {
        dev_t device;     /* an anonymous device, or 0: all that are not anonymous */
        uint32_t session; /* or UINT32_MAX: all */
};

static int add_rule(int fd, union rule *rule, const struct rule_scope *scope, int filter)
{
        int r;

        add_field(rule, AUDIT_SUCCESS, AUDIT_EQUAL, 1);
        add_field(rule, AUDIT_DEVMAJOR, scope->device ? AUDIT_EQUAL : AUDIT_NOT_EQUAL, 0);
        if (scope->device)
                add_field(rule, AUDIT_DEVMINOR, AUDIT_EQUAL, minor(scope->device));
        add_field(rule, AUDIT_FILETYPE, AUDIT_EQUAL, S_IFREG);
        if (scope->session != UINT32_MAX)
                add_field(rule, AUDIT_SESSIONID, AUDIT_EQUAL, scope->session);
        add_tie(rule);
        add_text(rule, AUDIT_FILTERKEY, AUDIT_EQUAL, AUDIT_RULE_KEY);
        r = audit_add_rule_data(fd, &rule->data, filter, AUDIT_ALWAYS);
        return r < 0 ? r : 0;
}

static int add_call_rule(int fd, const char *abi, const struct rule_scope *scope)
{
        union rule rule = {0};
        int machine = audit_determine_machine(abi);

        if (machine < 0)
                return 0; /* no such programs, or unknown ones: audit_rules_see_32_bit() */
        for (size_t i = 0; i < sizeof family / sizeof *family; i++) {
                int number = audit_name_to_syscall(family[i].name, machine);

                if (number >= 0)
                        set_bit(&rule, (unsigned int)number);
        }
        add_field(&rule, AUDIT_ARCH, AUDIT_EQUAL, audit_machine_to_elf(machine));
        return add_rule(fd, &rule, scope, AUDIT_FILTER_EXIT);
}

bool audit_rules_see_32_bit(void)
{
        return audit_determine_machine("b32") >= 0;
}

static int add_uring_rule(int fd, const struct rule_scope *scope)
{
        union rule rule = {0};
        int r;

        set_bit(&rule, IORING_OP_OPENAT);
        set_bit(&rule, IORING_OP_OPENAT2);
        r = add_rule(fd, &rule, scope, AUDIT_FILTER_URING_EXIT);
        return r == -EINVAL ? 0 : r; /* before Linux 5.16 io_uring's opens pass audit by altogether */
}

static int add_rules_for(int fd, const struct rule_scope *scope)
{
        for (size_t i = 0; i < sizeof abis / sizeof *abis; i++) {
                int r = add_call_rule(fd, abis[i], scope);

                if (r < 0)
                        return r;
        }
        return add_uring_rule(fd, scope);
}

int audit_rules_add(int fd, const struct mounts *mounts, size_t from, uint32_t session)
{
        struct rule_scope scope = {.session = session};
        int r = from == 0 ? add_rules_for(fd, &scope) : 0;

        for (size_t i = from; r == 0 && i < mounts->count; i++) {
                scope.device = mounts->filesystems[i].device;
                if (major(scope.device) == 0)
                        r = add_rules_for(fd, &scope);
        }
        return r;
}

/* The kernel does not evaluate rules that exclude records when they have a key. */
static int add_exclusion(int fd, uint32_t type, pid_t pid)
{
        union rule rule = {0};
        int r;

        add_field(&rule, AUDIT_MSGTYPE, AUDIT_EQUAL, type);
        if (pid)
                add_field(&rule, AUDIT_PID, AUDIT_EQUAL, (uint32_t)pid);
        add_tie(&rule);
        r = audit_add_rule_data(fd, &rule.data, AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS);
        return r < 0 ? r : 0;
}

/* What an event has besides its call, working directory and paths is of no use to us, and each record
 * wakes the kernel's audit thread. */
int audit_rules_spare(int fd, bool arguments)
{
        static const uint32_t types[] = {AUDIT_EOE, AUDIT_PROCTITLE, AUDIT_EXECVE};
        const size_t n = sizeof types / sizeof *types - (arguments ? 1 : 0);
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = add_exclusion(fd, types[i], 0);
        return r;
}

/* The record of a new rule is made when the rule is in force already, and that of a removed one before it is
 * out: not even this rule leaves one. */
int audit_rules_silence(int fd)
{
        int r = add_exclusion(fd, AUDIT_CONFIG_CHANGE, getpid());

        return r < 0 ? r : add_exclusion(fd, AUDIT_LOGIN, getpid());
}

static bool has_text(const struct audit_rule_data *rule, size_t offset, uint32_t length, const char *text)
{
        return length == strlen(text) && offset + length <= rule->buflen &&
               !memcmp(rule->buf + offset, text, length);
}

static bool is_ours(const struct audit_rule_data *rule)
{
        size_t offset = 0;

        for (uint32_t i = 0; i < rule->field_count && i < AUDIT_MAX_FIELDS; i++) {
                switch (rule->fields[i]) {
                case AUDIT_FILTERKEY:
                        return has_text(rule, offset, rule->values[i], AUDIT_RULE_KEY);
                case AUDIT_EXE:
                        if (has_text(rule, offset, rule->values[i], AUDIT_TIE_PATH))
                                return true;
                        offset += rule->values[i];
                        break;
                case AUDIT_SUBJ_USER ... AUDIT_SUBJ_CLR: /* fields with a text in the rule's buffer */
                case AUDIT_OBJ_USER ... AUDIT_OBJ_LEV_HIGH:
                case AUDIT_WATCH:
                case AUDIT_DIR:
                        offset += rule->values[i];
                        break;
                default:
                        break;
                }
        }
        return false;
}

struct rule_list {
        struct audit_rule_data *ours[RULES_MAX];
        unsigned int n_ours, n_foreign;
};

static void rule_list_done(struct rule_list *list)
{
        for (unsigned int i = 0; i < list->n_ours; i++)
                free(list->ours[i]);
}

static int keep(struct rule_list *list, const struct audit_rule_data *rule, size_t size)
{
        if (!is_ours(rule)) {
                list->n_foreign++;
                return 0;
        }
        if (list->n_ours == RULES_MAX)
                return -E2BIG;
        list->ours[list->n_ours] = malloc(size);
        if (!list->ours[list->n_ours])
                return -ENOMEM;
        memcpy(list->ours[list->n_ours++], rule, size);
        return 0;
}

static int list_rules(int fd, struct rule_list *list)
{
        struct audit_reply reply;
        int sequence = audit_request_rules_list_data(fd), r;

        if (sequence < 0)
                return sequence;
        while ((r = audit_wait_reply(fd, sequence, AUDIT_LIST_RULES, &reply)) > 0) {
                r = keep(list, reply.ruledata, sizeof *reply.ruledata + reply.ruledata->buflen);
                if (r < 0)
                        return r;
        }
        return r;
}

int audit_rules_delete(int fd)
{
        __attribute__((cleanup(rule_list_done))) struct rule_list list = {0};
        int deleted = 0, r = list_rules(fd, &list);

        if (r < 0)
                return r;
        for (unsigned int i = 0; i < list.n_ours; i++) {
                r = audit_delete_rule_data(fd, list.ours[i], (int)list.ours[i]->flags,
                                           (int)list.ours[i]->action);
                if (r < 0 && r != -ENOENT)
                        return r;
                deleted++;
        }
        return deleted;
}

int audit_rules_count(int fd, unsigned int *ret_ours, unsigned int *ret_foreign)
{
        __attribute__((cleanup(rule_list_done))) struct rule_list list = {0};
        int r = list_rules(fd, &list);

        *ret_ours = list.n_ours;
        *ret_foreign = list.n_foreign;
        return r;
}
