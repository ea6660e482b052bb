/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit-filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libaudit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"

/* Bytes as the kernel's bookkeeping has them, at most: record_size(). */
struct audit_filter_counts {
        _Atomic uint64_t let_in;
        _Atomic uint64_t taken;
        _Atomic uint64_t dropped; /* events */
};

/* The kernel allots as much as most records need and trims what one leaves of it (netlink_trim()): beside the
 * record there are the buffer's heads and what allocations are rounded up by. In a full buffer of opens the
 * sum of it is a little less than this (Linux 6.18, x86-64). */
enum { HEADS = 640 };

_Static_assert(sizeof(struct audit_filter_counts) == 24, "as the program in the kernel has it");

static uint64_t record_size(size_t length)
{
        return length * 2 + HEADS;
}

/* Data in a filter are in network order, netlink's header in the host's. */
static uint16_t type_in_filter(uint16_t type)
{
        return htons(type);
}

static int attach_simple(int fd)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, type_in_filter(AUDIT_PROCTITLE), 2, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, type_in_filter(AUDIT_EOE), 1, 0),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
                BPF_STMT(BPF_RET | BPF_K, 0),
        };
        struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};

        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ? -errno : 0;
}

static int bpf(enum bpf_cmd command, union bpf_attr *attributes)
{
        int r = (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);

        return r < 0 ? -errno : r;
}

static int make_counts(void)
{
        union bpf_attr attributes = {
                .map_type = BPF_MAP_TYPE_ARRAY,
                .key_size = sizeof(uint32_t),
                .value_size = sizeof(struct audit_filter_counts),
                .max_entries = 1,
                .map_flags = BPF_F_MMAPABLE,
                .map_name = "bootahead",
        };

        return bpf(BPF_MAP_CREATE, &attributes);
}

/* clang-format off */
#define ALU(operation, to, from, value) \
        { .code = (operation), .dst_reg = (to), .src_reg = (from), .imm = (value) }
#define MEMORY(operation, to, from, offset, value) \
        { .code = (operation), .dst_reg = (to), .src_reg = (from), .off = (offset), .imm = (value) }
#define JUMP(condition, reg, value, here, there) \
        { .code = BPF_JMP | BPF_K | (condition), .dst_reg = (reg), .off = (there) - (here) - 1, .imm = (value) }
#define COUNT(name) offsetof(struct audit_filter_counts, name)

/* if (type is unwanted) return 0;
 * if (let_in - taken > room) {
 *         if (the type begins an event) dropped++;
 *         return 0; }
 * let_in += record_size(length); return everything; */
static int load_program(int counts, uint32_t room)
{
        enum { EVERYTHING = 21, NO_ROOM = 23, EVENT = 25, NOTHING = 27 };
        const int32_t proctitle = type_in_filter(AUDIT_PROCTITLE);
        const int32_t end = type_in_filter(AUDIT_EOE);
        const struct bpf_insn code[] = {
                [0] = ALU(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0),
                [1] = ALU(BPF_LD | BPF_ABS | BPF_H, 0, 0, offsetof(struct nlmsghdr, nlmsg_type)),
                [2] = JUMP(BPF_JEQ, BPF_REG_0, proctitle, 2, NOTHING),
                [3] = JUMP(BPF_JEQ, BPF_REG_0, end, 3, NOTHING),
                [4] = ALU(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_7, BPF_REG_0, 0),
                [5] = MEMORY(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0),
                [6] = ALU(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0),
                [7] = ALU(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, -4),
                [8] = ALU(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, counts), /* and 9 */
                [10] = ALU(BPF_JMP | BPF_CALL, 0, 0, BPF_FUNC_map_lookup_elem),
                [11] = JUMP(BPF_JEQ, BPF_REG_0, 0, 11, EVERYTHING), /* as the verifier wants it */
                [12] = ALU(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_8, BPF_REG_0, 0),
                [13] = MEMORY(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_8, COUNT(let_in), 0),
                [14] = MEMORY(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_2, BPF_REG_8, COUNT(taken), 0),
                [15] = ALU(BPF_ALU64 | BPF_SUB | BPF_X, BPF_REG_1, BPF_REG_2, 0),
                [16] = JUMP(BPF_JSGT, BPF_REG_1, (int32_t)room, 16, NO_ROOM),
                [17] = MEMORY(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_6,
                              offsetof(struct __sk_buff, len), 0),
                [18] = ALU(BPF_ALU64 | BPF_LSH | BPF_K, BPF_REG_1, 0, 1),
                [19] = ALU(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, HEADS),
                [20] = MEMORY(BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_8, BPF_REG_1, COUNT(let_in), BPF_ADD),
                [EVERYTHING] = ALU(BPF_ALU | BPF_MOV | BPF_K, BPF_REG_0, 0, -1),
                [22] = ALU(BPF_JMP | BPF_EXIT, 0, 0, 0),
                [NO_ROOM] = JUMP(BPF_JEQ, BPF_REG_7, type_in_filter(AUDIT_SYSCALL), 23, EVENT),
                [24] = JUMP(BPF_JNE, BPF_REG_7, type_in_filter(AUDIT_URINGOP), 24, NOTHING),
                [EVENT] = ALU(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 1),
                [26] = MEMORY(BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_8, BPF_REG_1, COUNT(dropped), BPF_ADD),
                [NOTHING] = ALU(BPF_ALU | BPF_MOV | BPF_K, BPF_REG_0, 0, 0),
                [28] = ALU(BPF_JMP | BPF_EXIT, 0, 0, 0),
        };
        union bpf_attr attributes = {
                .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
                .insn_cnt = sizeof code / sizeof *code,
                .insns = (uint64_t)(uintptr_t)code,
                .license = (uint64_t)(uintptr_t)"LGPL-2.1-or-later",
                .prog_name = "bootahead",
        };

        return bpf(BPF_PROG_LOAD, &attributes);
}
/* clang-format on */

static int attach_counting(struct audit_filter *filter, int fd, uint32_t room)
{
        _cleanup_close_ int map = make_counts(), program = -1;
        void *counts;

        if (map < 0)
                return map;
        program = load_program(map, room);
        if (program < 0)
                return program;
        counts = mmap(NULL, sizeof *filter->counts, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
        if (counts == MAP_FAILED)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof program) < 0) {
                int r = -errno;

                munmap(counts, sizeof *filter->counts);
                return r;
        }
        filter->counts = counts;
        return 0;
}

int audit_filter_attach(struct audit_filter *filter, int fd, uint32_t room)
{
        if (attach_counting(filter, fd, room) == 0)
                return 0;
        return attach_simple(fd);
}

void audit_filter_done(struct audit_filter *filter)
{
        if (filter->counts)
                munmap(filter->counts, sizeof *filter->counts);
        filter->counts = NULL;
}

void audit_filter_look(struct audit_filter *filter)
{
        if (filter->counts)
                filter->let_in = atomic_load(&filter->counts->let_in);
}

void audit_filter_taken(struct audit_filter *filter, size_t length)
{
        if (filter->counts)
                atomic_fetch_add(&filter->counts->taken, record_size(length));
}

/* What was let in and refused by the socket after all is forgotten here. */
void audit_filter_emptied(struct audit_filter *filter)
{
        if (filter->counts)
                atomic_store(&filter->counts->taken, filter->let_in);
}

uint64_t audit_filter_dropped(const struct audit_filter *filter)
{
        return filter->counts ? atomic_load(&filter->counts->dropped) : 0;
}
