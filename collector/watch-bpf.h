/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small BPF programs, put together instruction by instruction (bpf(2), Documentation/bpf in the kernel's
 * source), and the maps that they use. Everything hangs on descriptors: it is gone when they are closed,
 * however their owner ended. Knows nothing of what the programs do.
 */
#pragma once

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

enum { BPF_CODE_MAX = 256, BPF_EXITS_MAX = 16 };

struct bpf_code {
        struct bpf_insn instructions[BPF_CODE_MAX];
        size_t n;
        size_t exits[BPF_EXITS_MAX]; /* jumps to the end, still without a distance */
        size_t n_exits;
};

/* Each appends to the program; the registers are BPF_REG_0 ... BPF_REG_10 (the frame). */
void bpf_move(struct bpf_code *code, int to, int from);
void bpf_set(struct bpf_code *code, int to, int32_t value);
void bpf_set_map(struct bpf_code *code, int to, int map);
void bpf_add(struct bpf_code *code, int to, int from);
void bpf_add_number(struct bpf_code *code, int to, int32_t value);
void bpf_and(struct bpf_code *code, int to, int32_t mask);
void bpf_shift_right(struct bpf_code *code, int to, int32_t bits);
/* @size: BPF_W or BPF_DW */
void bpf_load(struct bpf_code *code, int size, int to, int from, int offset);
void bpf_store(struct bpf_code *code, int size, int to, int offset, int from);
void bpf_store_number(struct bpf_code *code, int size, int to, int offset, int32_t value);
void bpf_add_atomic(struct bpf_code *code, int to, int offset, int from);
void bpf_call(struct bpf_code *code, int function);
/* bpf_jump - @operation: BPF_JEQ and so on, on 64 bits; over the next @over instructions */
void bpf_jump(struct bpf_code *code, int operation, int register_, int32_t value, int over);
/* bpf_jump32 - the same on the lower 32 bits */
void bpf_jump32(struct bpf_code *code, int operation, int register_, int32_t value, int over);
/* bpf_leave_if - ends the program where the comparison of 64 bits holds */
void bpf_leave_if(struct bpf_code *code, int operation, int register_, int32_t value);
void bpf_leave(struct bpf_code *code);

/* bpf_program_load - ends the program with "return 0" and loads it, for a trace point
 * Return: descriptor, owned by the caller, or negative errno (E2BIG: too long; EACCES: the kernel's
 * verifier refused it). */
int bpf_program_load(struct bpf_code *code);

/* bpf_map_new - Return: descriptor, owned by the caller, or negative errno. */
int bpf_map_new(enum bpf_map_type type, uint32_t key_size, uint32_t value_size, uint32_t entries);

/* bpf_map_read - Return: 0 or negative errno. */
int bpf_map_read(int map, const void *key, void *ret_value);

/* bpf_attach - lets the program run at each event of a trace point, on all processors
 * @id: the trace point's number, as tracefs has it
 * Return: descriptor, owned by the caller, or negative errno. */
int bpf_attach(int program, uint64_t id);
