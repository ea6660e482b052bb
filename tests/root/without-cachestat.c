/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a program for which the kernel has no cachestat(2), as before Linux 6.5. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { CACHESTAT = 451 };

int main(int argc, char **argv)
{
        struct sock_filter instructions[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CACHESTAT, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {.len = sizeof instructions / sizeof *instructions, .filter = instructions};

        if (argc < 2)
                return 2;
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
                execv(argv[1], argv + 1);
        fprintf(stderr, "without-cachestat: %s: %s\n", argv[1], strerror(errno));
        return 1;
}
