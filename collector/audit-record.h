/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One record of the kernel's audit system, from its text to numbers and spans. Pure; nothing is
 * copied: the spans point into the text. Field formats: kernel/audit.c, kernel/auditsc.c (Linux 6.1, 6.12).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A string field as it stands in the record: quoted, hexadecimal, or absent. */
struct audit_text {
        const char *start; /* NULL: absent or (null) */
        size_t length;
        bool hexadecimal;
};

enum audit_name_type {
        AUDIT_NAME_UNKNOWN,
        AUDIT_NAME_NORMAL,
        AUDIT_NAME_PARENT,
        AUDIT_NAME_CREATE,
        AUDIT_NAME_DELETE,
};

struct audit_record {
        uint16_t type;
        uint64_t time_ms; /* wall clock, coarse */
        uint64_t serial;

        /* SYSCALL, URINGOP */
        uint32_t arch, syscall, pid, ppid;
        bool success;
        uint64_t arguments[4];
        uint32_t items; /* number of PATH records that follow */
        struct audit_text executable, key;

        struct audit_text cwd; /* CWD */
        uint64_t oflag;        /* OPENAT2, octal */

        /* PATH */
        struct audit_text name;
        enum audit_name_type name_type;
        bool has_inode;
        uint64_t inode;
        uint32_t device_major, device_minor, mode;
};

/* audit_record_parse - Return: whether the text begins as an audit record does; unknown fields are ignored.
 */
bool audit_record_parse(uint16_t type, const char *text, size_t length, struct audit_record *ret);

/* audit_record_words - appends the words of an EXECVE record, each behind one space unless it is the first
 * A long command line has several records, and a long word several parts. What does not fit is left out. */
void audit_record_words(const char *text, size_t length, char *buffer, size_t size);

/* audit_text_is - whether a field says just @value */
bool audit_text_is(const struct audit_text *text, const char *value);

/* audit_text_decode - Return: whether it was there, well formed and fitted; @buffer is a string then. */
bool audit_text_decode(const struct audit_text *text, char *buffer, size_t size);
