/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a program for which the kernel lacks a system call. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
        const char *name;
        unsigned int number;
} calls[] = {
        {"cachestat", 451},
        {"fanotify_init", SYS_fanotify_init},
};

int main(int argc, char **argv)
{
        struct sock_filter instructions[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {.len = sizeof instructions / sizeof *instructions,
                                     .filter = instructions};

        for (size_t i = 0; argc > 2 && i < sizeof calls / sizeof *calls; i++)
                if (!strcmp(argv[1], calls[i].name))
                        instructions[1].k = calls[i].number;
        if (argc < 3 || !instructions[1].k)
                return 2;
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
                execv(argv[2], argv + 2);
        fprintf(stderr, "without: %s: %s\n", argv[2], strerror(errno));
        return 1;
}
