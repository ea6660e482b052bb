/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch-probes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "cleanup.h"
#include "view.h"
#include "watch-bpf.h"
#include "watch-calls.h"
#include "watch-filter.h"
#include "watch-ring.h"

enum {
        CALLS_MAX = 40,
        RING_SIZE = 4 << 20,   /* bytes: a failure takes about 150 */
        UNDER_WAY_MAX = 16384, /* calls; the oldest goes first, which has long ended */
        N_ARGUMENTS = 4,
        /* Where the context of a program at a system call's trace point has arguments or result
         * (perf_call_bpf_enter(), kernel/trace/trace_syscalls.c); the same on every architecture. */
        CONTEXT_ARGUMENTS = 16,
        /* and at an execution (include/trace/events/sched.h) */
        CONTEXT_NAME = 8,
        EXECUTION = 0xffff, /* stands for a call in the record */
};

/* What the program at a call's end hands out; the names, each with its NUL, follow. */
struct record {
        uint64_t time_ns, pid_tgid, uid_gid;
        int64_t result;
        uint64_t group; /* number of the control group */
        uint64_t arguments[N_ARGUMENTS];
        uint32_t call; /* index in watched_calls, or EXECUTION */
        uint32_t path_length;
};

struct probes {
        int entries, scratch, ring_map, lost; /* maps */
        struct ring *ring;
        int attached[2 * CALLS_MAX + 1];
        size_t n_attached;
        probe_callback callback;
        void *userdata;
};

/* ---- The programs ------------------------------------------------------------------------ */

/* Our own calls and those of users that nobody asked for end here. */
static void filter_caller(struct bpf_code *code, const struct probe_scope *scope)
{
        bpf_call(code, BPF_FUNC_get_current_pid_tgid);
        bpf_store(code, BPF_DW, BPF_REG_10, -8, BPF_REG_0);
        bpf_move(code, BPF_REG_7, BPF_REG_0);
        bpf_shift_right(code, BPF_REG_7, 32);
        bpf_leave_if(code, BPF_JEQ, BPF_REG_7, getpid());
        if (!scope->n_users)
                return;
        bpf_call(code, BPF_FUNC_get_current_uid_gid);
        for (size_t i = 0; i < scope->n_users; i++)
                bpf_jump32(code, BPF_JEQ, BPF_REG_0, (int32_t)scope->users[i], (int)(scope->n_users - i));
        bpf_leave(code);
}

static int count_arguments(const struct watched_call *call)
{
        return (call->path > call->new_path ? call->path : call->new_path) + 1;
}

/* Keeps the call's arguments until it ends; the kernel refuses a program that looks at more than it has. */
static int load_at_entry(const struct probes *probes, const struct watched_call *call,
                         const struct probe_scope *scope)
{
        struct bpf_code code = {0};

        bpf_move(&code, BPF_REG_6, BPF_REG_1);
        filter_caller(&code, scope);
        for (int i = 0; i < N_ARGUMENTS; i++) {
                if (i < count_arguments(call))
                        bpf_load(&code, BPF_DW, BPF_REG_1, BPF_REG_6, CONTEXT_ARGUMENTS + 8 * i);
                else
                        bpf_set(&code, BPF_REG_1, 0);
                bpf_store(&code, BPF_DW, BPF_REG_10, -40 + 8 * i, BPF_REG_1);
        }
        bpf_set_map(&code, BPF_REG_1, probes->entries);
        bpf_move(&code, BPF_REG_2, BPF_REG_10);
        bpf_add_number(&code, BPF_REG_2, -8);
        bpf_move(&code, BPF_REG_3, BPF_REG_10);
        bpf_add_number(&code, BPF_REG_3, -40);
        bpf_set(&code, BPF_REG_4, BPF_ANY);
        bpf_call(&code, BPF_FUNC_map_update_elem);
        return bpf_program_load(&code);
}

/* Leaves with the address of the map's value in register 0, or ends the program.
 * @key: where on the stack the key stands */
static void look_up(struct bpf_code *code, int map, int key)
{
        bpf_set_map(code, BPF_REG_1, map);
        bpf_move(code, BPF_REG_2, BPF_REG_10);
        bpf_add_number(code, BPF_REG_2, key);
        bpf_call(code, BPF_FUNC_map_lookup_elem);
        bpf_leave_if(code, BPF_JEQ, BPF_REG_0, 0);
}

/* Register 3: the name's address, 9: the record, 8: the length of the names before this one, and after it. */
static void read_name(struct bpf_code *code, int function)
{
        bpf_move(code, BPF_REG_1, BPF_REG_9);
        bpf_add(code, BPF_REG_1, BPF_REG_8);
        bpf_add_number(code, BPF_REG_1, sizeof(struct record));
        bpf_set(code, BPF_REG_2, PATH_MAX);
        bpf_call(code, function);
        bpf_jump(code, BPF_JSGE, BPF_REG_0, 0, 1);
        bpf_set(code, BPF_REG_0, 0); /* a bad address */
        bpf_add(code, BPF_REG_8, BPF_REG_0);
}

static void read_argument(struct bpf_code *code, int argument)
{
        bpf_load(code, BPF_DW, BPF_REG_3, BPF_REG_9, (int)offsetof(struct record, arguments) + 8 * argument);
        read_name(code, BPF_FUNC_probe_read_user_str);
}

/* Register 9: the record. */
static void fill_record(struct bpf_code *code, uint32_t call)
{
        bpf_call(code, BPF_FUNC_ktime_get_boot_ns);
        bpf_store(code, BPF_DW, BPF_REG_9, offsetof(struct record, time_ns), BPF_REG_0);
        bpf_load(code, BPF_DW, BPF_REG_1, BPF_REG_10, -8);
        bpf_store(code, BPF_DW, BPF_REG_9, offsetof(struct record, pid_tgid), BPF_REG_1);
        bpf_call(code, BPF_FUNC_get_current_uid_gid);
        bpf_store(code, BPF_DW, BPF_REG_9, offsetof(struct record, uid_gid), BPF_REG_0);
        bpf_call(code, BPF_FUNC_get_current_cgroup_id);
        bpf_store(code, BPF_DW, BPF_REG_9, offsetof(struct record, group), BPF_REG_0);
        bpf_store_number(code, BPF_W, BPF_REG_9, offsetof(struct record, call), (int32_t)call);
}

/* Register 9: the record, 8: the length of its names. */
static void hand_out(struct bpf_code *code, const struct probes *probes)
{
        bpf_set_map(code, BPF_REG_1, probes->ring_map);
        bpf_move(code, BPF_REG_2, BPF_REG_9);
        bpf_move(code, BPF_REG_3, BPF_REG_8);
        bpf_add_number(code, BPF_REG_3, sizeof(struct record));
        bpf_set(code, BPF_REG_4, 0);
        bpf_call(code, BPF_FUNC_ringbuf_output);
        bpf_leave_if(code, BPF_JEQ, BPF_REG_0, 0);
        look_up(code, probes->lost, -16);
        bpf_set(code, BPF_REG_1, 1);
        bpf_add_atomic(code, BPF_REG_0, 0, BPF_REG_1);
}

/* The strings are read when the call has ended: it has touched them, so that they are in memory. */
static int load_at_exit(const struct probes *probes, uint32_t index)
{
        const struct watched_call *call = &watched_calls[index];
        struct bpf_code code = {0};

        bpf_load(&code, BPF_DW, BPF_REG_7, BPF_REG_1, CONTEXT_ARGUMENTS);
        bpf_leave_if(&code, BPF_JSGE, BPF_REG_7, 0);
        bpf_call(&code, BPF_FUNC_get_current_pid_tgid);
        bpf_store(&code, BPF_DW, BPF_REG_10, -8, BPF_REG_0);
        bpf_store_number(&code, BPF_W, BPF_REG_10, -16, 0);
        look_up(&code, probes->entries, -8);
        bpf_move(&code, BPF_REG_8, BPF_REG_0);
        look_up(&code, probes->scratch, -16);
        bpf_move(&code, BPF_REG_9, BPF_REG_0);
        for (int i = 0; i < N_ARGUMENTS; i++) {
                bpf_load(&code, BPF_DW, BPF_REG_1, BPF_REG_8, 8 * i);
                bpf_store(&code, BPF_DW, BPF_REG_9, (int)offsetof(struct record, arguments) + 8 * i,
                          BPF_REG_1);
        }
        bpf_store(&code, BPF_DW, BPF_REG_9, offsetof(struct record, result), BPF_REG_7);
        fill_record(&code, index);
        bpf_set(&code, BPF_REG_8, 0);
        read_argument(&code, call->path);
        bpf_store(&code, BPF_W, BPF_REG_9, offsetof(struct record, path_length), BPF_REG_8);
        if (call->new_path != NO_ARGUMENT)
                read_argument(&code, call->new_path);
        hand_out(&code, probes);
        return bpf_program_load(&code);
}

/* At sched_process_exec, whose data says first where in it the name stands. Everybody's: who becomes
 * another user and executes a program is that one no longer. */
static int load_at_exec(const struct probes *probes)
{
        static const struct probe_scope everybody = {0};
        struct bpf_code code = {0};

        bpf_move(&code, BPF_REG_6, BPF_REG_1);
        filter_caller(&code, &everybody);
        bpf_store_number(&code, BPF_W, BPF_REG_10, -16, 0);
        look_up(&code, probes->scratch, -16);
        bpf_move(&code, BPF_REG_9, BPF_REG_0);
        bpf_store_number(&code, BPF_DW, BPF_REG_9, offsetof(struct record, result), 0);
        fill_record(&code, EXECUTION);
        bpf_load(&code, BPF_W, BPF_REG_3, BPF_REG_6, CONTEXT_NAME);
        bpf_and(&code, BPF_REG_3, 0xffff);
        bpf_add(&code, BPF_REG_3, BPF_REG_6);
        bpf_set(&code, BPF_REG_8, 0);
        read_name(&code, BPF_FUNC_probe_read_kernel_str);
        bpf_store(&code, BPF_W, BPF_REG_9, offsetof(struct record, path_length), BPF_REG_8);
        hand_out(&code, probes);
        return bpf_program_load(&code);
}

/* ---- Trace points ------------------------------------------------------------------------ */

/* A mount of tracefs that is in nobody's tree and ends with the descriptor. */
static int open_tracefs(void)
{
        _cleanup_close_ int context = fsopen("tracefs", FSOPEN_CLOEXEC);
        int fd;

        if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        fd = fsmount(context, FSMOUNT_CLOEXEC, 0);
        return fd < 0 ? -errno : fd;
}

static int attach(struct probes *probes, int tracefs, const char *event, int program)
{
        char path[96], text[32];
        int r;

        snprintf(path, sizeof path, "events/%s/id", event);
        r = view_read(tracefs, path, text, sizeof text);
        if (r < 0)
                return r;
        r = bpf_attach(program, strtoull(text, NULL, 10));
        if (r >= 0)
                probes->attached[probes->n_attached++] = r;
        return r;
}

static int attach_call(struct probes *probes, int tracefs, uint32_t index, const struct probe_scope *scope)
{
        const struct watched_call *call = &watched_calls[index];
        _cleanup_close_ int entry = load_at_entry(probes, call, scope);
        _cleanup_close_ int program = entry < 0 ? entry : load_at_exit(probes, index);
        char event[64];
        int r = program;

        snprintf(event, sizeof event, "syscalls/sys_enter_%s", call->name);
        if (r >= 0)
                r = attach(probes, tracefs, event, entry);
        snprintf(event, sizeof event, "syscalls/sys_exit_%s", call->name);
        if (r >= 0)
                r = attach(probes, tracefs, event, program);
        return r == -ENOENT ? 0 : r; /* another architecture's */
}

static int attach_all(struct probes *probes, const struct probe_scope *scope)
{
        _cleanup_close_ int tracefs = open_tracefs();
        _cleanup_close_ int program = tracefs < 0 ? tracefs : load_at_exec(probes);
        int r = program < 0 ? program : attach(probes, tracefs, "sched/sched_process_exec", program);

        _Static_assert(sizeof(struct record) == 80, "as the programs write it, without holes");
        for (uint32_t i = 0; r >= 0 && i < n_watched_calls && i < CALLS_MAX; i++)
                if (watched_calls[i].class & scope->failed)
                        r = attach_call(probes, tracefs, i, scope);
        if (r >= 0 && scope->failed && probes->n_attached == 1)
                return -EOPNOTSUPP; /* a kernel without trace points of system calls */
        return r < 0 ? r : 0;
}

/* ---- Life -------------------------------------------------------------------------------- */

static int make_maps(struct probes *probes)
{
        probes->entries =
                bpf_map_new(BPF_MAP_TYPE_LRU_HASH, sizeof(uint64_t), 8 * N_ARGUMENTS, UNDER_WAY_MAX);
        if (probes->entries < 0)
                return probes->entries;
        probes->scratch = bpf_map_new(BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(uint32_t),
                                      sizeof(struct record) + 2 * PATH_MAX, 1);
        if (probes->scratch < 0)
                return probes->scratch;
        probes->lost = bpf_map_new(BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(uint64_t), 1);
        if (probes->lost < 0)
                return probes->lost;
        probes->ring_map = bpf_map_new(BPF_MAP_TYPE_RINGBUF, 0, 0, RING_SIZE);
        if (probes->ring_map < 0)
                return probes->ring_map;
        return ring_open(probes->ring_map, RING_SIZE, &probes->ring);
}

int probes_open(const struct probe_scope *scope, struct probes **ret)
{
        struct probes *probes;
        int r;

        if (sizeof(long) != sizeof(uint64_t))
                return -EOPNOTSUPP; /* the contexts of the programs look otherwise there */
        probes = calloc(1, sizeof *probes);
        if (!probes)
                return -ENOMEM;
        probes->entries = probes->scratch = probes->ring_map = probes->lost = -1;
        r = make_maps(probes);
        if (r == 0)
                r = attach_all(probes, scope);
        if (r < 0) {
                probes_close(probes);
                return r;
        }
        *ret = probes;
        return 0;
}

void probes_close(struct probes *probes)
{
        if (!probes)
                return;
        for (size_t i = 0; i < probes->n_attached; i++)
                close(probes->attached[i]);
        ring_close(probes->ring);
        close_cleanup(&probes->ring_map);
        close_cleanup(&probes->lost);
        close_cleanup(&probes->scratch);
        close_cleanup(&probes->entries);
        free(probes);
}

int probes_fd(const struct probes *probes)
{
        return probes->ring_map;
}

/* ---- Records ----------------------------------------------------------------------------- */

static const struct watched_call execution = {"", WATCH_EXEC, NO_ARGUMENT, 0, NO_ARGUMENT, NO_ARGUMENT};

static int dirfd_of(const struct record *record, int argument)
{
        return argument == NO_ARGUMENT ? AT_FDCWD : (int)record->arguments[argument];
}

static bool take(void *userdata, const void *data, size_t length)
{
        struct probes *probes = userdata;
        const char *names = (const char *)data + sizeof(struct record);
        const struct watched_call *call;
        struct probe_event event;
        struct record record;
        size_t rest = length - sizeof record;

        if (length < sizeof record)
                return true; /* none of ours */
        memcpy(&record, data, sizeof record);
        call = record.call < n_watched_calls ? &watched_calls[record.call] : &execution;
        if (record.path_length > rest)
                return true;
        event = (struct probe_event){
                .class = call->class,
                .pid = (uint32_t)(record.pid_tgid >> 32),
                .user = (uint32_t)record.uid_gid,
                .group = record.group,
                .time_us = record.time_ns / 1000,
                .error = (int)-record.result,
                .dirfd = dirfd_of(&record, call->dirfd),
                .new_dirfd = dirfd_of(&record, call->new_dirfd),
                .path = record.path_length ? names : "",
        };
        if (call->new_path != NO_ARGUMENT)
                event.new_path = rest > record.path_length ? names + record.path_length : "";
        return probes->callback(probes->userdata, &event);
}

void probes_read(struct probes *probes, probe_callback callback, void *userdata)
{
        probes->callback = callback;
        probes->userdata = userdata;
        ring_take(probes->ring, take, probes);
}

uint64_t probes_lost(const struct probes *probes)
{
        const uint32_t key = 0;
        uint64_t value = 0;

        bpf_map_read(probes->lost, &key, &value);
        return value;
}
