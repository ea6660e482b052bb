/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch-bpf.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"

static void append(struct bpf_code *code, int operation, int to, int from, int offset, int32_t value)
{
        if (code->n < BPF_CODE_MAX)
                code->instructions[code->n] = (struct bpf_insn){
                        .code = (uint8_t)operation,
                        .dst_reg = (uint8_t)(to & 15),
                        .src_reg = (uint8_t)(from & 15),
                        .off = (int16_t)offset,
                        .imm = value,
                };
        code->n++; /* a program that is too long is refused when it is loaded */
}

void bpf_move(struct bpf_code *code, int to, int from)
{
        append(code, BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0);
}

void bpf_set(struct bpf_code *code, int to, int32_t value)
{
        append(code, BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value);
}

void bpf_set_map(struct bpf_code *code, int to, int map)
{
        append(code, BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_FD, 0, map);
        append(code, 0, 0, 0, 0, 0);
}

void bpf_add(struct bpf_code *code, int to, int from)
{
        append(code, BPF_ALU64 | BPF_ADD | BPF_X, to, from, 0, 0);
}

void bpf_add_number(struct bpf_code *code, int to, int32_t value)
{
        append(code, BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, value);
}

void bpf_and(struct bpf_code *code, int to, int32_t mask)
{
        append(code, BPF_ALU64 | BPF_AND | BPF_K, to, 0, 0, mask);
}

void bpf_shift_right(struct bpf_code *code, int to, int32_t bits)
{
        append(code, BPF_ALU64 | BPF_RSH | BPF_K, to, 0, 0, bits);
}

void bpf_load(struct bpf_code *code, int size, int to, int from, int offset)
{
        append(code, BPF_LDX | BPF_MEM | size, to, from, offset, 0);
}

void bpf_store(struct bpf_code *code, int size, int to, int offset, int from)
{
        append(code, BPF_STX | BPF_MEM | size, to, from, offset, 0);
}

void bpf_store_number(struct bpf_code *code, int size, int to, int offset, int32_t value)
{
        append(code, BPF_ST | BPF_MEM | size, to, 0, offset, value);
}

void bpf_add_atomic(struct bpf_code *code, int to, int offset, int from)
{
        append(code, BPF_STX | BPF_ATOMIC | BPF_DW, to, from, offset, BPF_ADD);
}

void bpf_call(struct bpf_code *code, int function)
{
        append(code, BPF_JMP | BPF_CALL, 0, 0, 0, function);
}

void bpf_jump(struct bpf_code *code, int operation, int register_, int32_t value, int over)
{
        append(code, BPF_JMP | BPF_K | operation, register_, 0, over, value);
}

void bpf_jump32(struct bpf_code *code, int operation, int register_, int32_t value, int over)
{
        append(code, BPF_JMP32 | BPF_K | operation, register_, 0, over, value);
}

static void note_exit(struct bpf_code *code)
{
        if (code->n_exits < BPF_EXITS_MAX)
                code->exits[code->n_exits] = code->n;
        code->n_exits++;
}

void bpf_leave_if(struct bpf_code *code, int operation, int register_, int32_t value)
{
        note_exit(code);
        bpf_jump(code, operation, register_, value, 0);
}

void bpf_leave(struct bpf_code *code)
{
        note_exit(code);
        append(code, BPF_JMP | BPF_JA, 0, 0, 0, 0);
}

static int call_bpf(enum bpf_cmd command, union bpf_attr *attributes)
{
        long r = syscall(SYS_bpf, command, attributes, sizeof *attributes);

        return r < 0 ? -errno : (int)r;
}

int bpf_program_load(struct bpf_code *code)
{
        /* Reading a caller's memory is for programs whose licence is the GPL's; ours may be taken as that
         * (LGPL 2.1, section 3). */
        static const char license[] = "GPL";
        union bpf_attr attributes;
        size_t end = code->n;

        bpf_set(code, BPF_REG_0, 0);
        append(code, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
        if (code->n > BPF_CODE_MAX || code->n_exits > BPF_EXITS_MAX)
                return -E2BIG;
        for (size_t i = 0; i < code->n_exits; i++)
                code->instructions[code->exits[i]].off = (int16_t)(end - code->exits[i] - 1);
        memset(&attributes, 0, sizeof attributes);
        attributes.prog_type = BPF_PROG_TYPE_TRACEPOINT;
        attributes.insn_cnt = (uint32_t)code->n;
        attributes.insns = (uint64_t)(uintptr_t)code->instructions;
        attributes.license = (uint64_t)(uintptr_t)license;
        return call_bpf(BPF_PROG_LOAD, &attributes);
}

int bpf_map_new(enum bpf_map_type type, uint32_t key_size, uint32_t value_size, uint32_t entries)
{
        union bpf_attr attributes;

        memset(&attributes, 0, sizeof attributes);
        attributes.map_type = type;
        attributes.key_size = key_size;
        attributes.value_size = value_size;
        attributes.max_entries = entries;
        return call_bpf(BPF_MAP_CREATE, &attributes);
}

int bpf_map_read(int map, const void *key, void *ret_value)
{
        union bpf_attr attributes;

        memset(&attributes, 0, sizeof attributes);
        attributes.map_fd = (uint32_t)map;
        attributes.key = (uint64_t)(uintptr_t)key;
        attributes.value = (uint64_t)(uintptr_t)ret_value;
        return call_bpf(BPF_MAP_LOOKUP_ELEM, &attributes);
}

int bpf_attach(int program, uint64_t id)
{
        struct perf_event_attr attributes = {
                .type = PERF_TYPE_TRACEPOINT,
                .size = sizeof attributes,
                .config = id,
                .sample_period = 1,
                .wakeup_events = 1,
        };
        _cleanup_close_ int fd =
                (int)syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

        if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) < 0 ||
            ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) < 0)
                return -errno;
        return take_fd(&fd);
}
