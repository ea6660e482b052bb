/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our rules in the kernel's audit system, and which calls they are about. Owns the rules that carry our
 * key or tie, and no others. The only file with the knowledge of which system calls open or execute files.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "audit-tie.h"
#include "mounts.h"

#define AUDIT_RULE_KEY "bootahead"

enum audit_call {
        AUDIT_CALL_NONE,
        AUDIT_CALL_OPEN,    /* path, flags */
        AUDIT_CALL_CREAT,   /* path */
        AUDIT_CALL_OPENAT,  /* dirfd, path, flags */
        AUDIT_CALL_OPENAT2, /* dirfd, path, structure */
        AUDIT_CALL_HANDLE,  /* mount descriptor, handle, flags */
        AUDIT_CALL_EXEC,
        AUDIT_CALL_EXECAT, /* dirfd, path */
};

/* audit_call_of - which of the family a call of the given architecture (AUDIT_ARCH_*) is */
enum audit_call audit_call_of(uint32_t arch, uint32_t syscall);

/* audit_rules_add - appends our rules: one for each architecture of the machine, one for io_uring
 * @session: only processes of this session (see audit_setloginuid(3)), or UINT32_MAX for all
 * @from: the first of @mounts that has none yet
 *
 * Rules see only regular files on filesystems on block devices (device major other than 0), which spares
 * the machine the events of directories, device nodes, sysfs, proc, tmpfs and cgroups; the anonymous
 * devices in @mounts get rules of their own.
 * Return: 0 or negative errno; what was added goes with the tie that was made before. */
int audit_rules_add(int fd, const struct mounts *mounts, size_t from, uint32_t session);

/* audit_rules_see_32_bit - whether that is so where the machine has 32-bit programs: the library does not
 * know their calls everywhere */
bool audit_rules_see_32_bit(void);

/* audit_rules_spare - keeps the kernel from making the records of each event that we have no use for
 * @arguments: those of executions are of use
 * For all events of the machine: only where nobody else gets any. Return: 0 or negative errno. */
int audit_rules_spare(int fd, bool arguments);

/* audit_rules_silence - keeps the kernel from recording what we ourselves do to the audit system and our
 * session Return: 0 or negative errno. */
int audit_rules_silence(int fd);

/* audit_rules_delete - deletes every rule of ours, one by one: for those that no tie removes
 * Return: number deleted or negative errno. */
int audit_rules_delete(int fd);

/* audit_rules_count - Return: 0 or negative errno. */
int audit_rules_count(int fd, unsigned int *ret_ours, unsigned int *ret_foreign);
