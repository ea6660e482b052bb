/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ledger: what the machine's last boots were and took, one line of JSON each, described in
 * bootahead-ledger(5). The late stage adds a line, `bootahead status` reads them; both through this header,
 * which is why it belongs to neither.
 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        LEDGER_BOOTS = 100,     /* the last ones are kept */
        LEDGER_LINE_MAX = 8192, /* bytes of a line; a longer one is damaged */
        LEDGER_VERSION = 1,
};

#define LEDGER_NAME "ledger" /* in the state folder */

/* What was measured of a boot. What the kernel or systemd does not tell is not known, and not written. */
enum ledger_figure {
        /* µs since the kernel's start */
        LEDGER_KERNEL_US,    /* the kernel was done: the first program began */
        LEDGER_INITRAMFS_US, /* the initramfs was done: the system's own first process began */
        LEDGER_SYSINIT_US,   /* the targets were reached */
        LEDGER_BASIC_US,
        LEDGER_DEFAULT_US,
        LEDGER_FINISH_US, /* systemd had nothing left to start */
        /* until then */
        LEDGER_READ_REQUESTS, /* of all disks */
        LEDGER_READ_BYTES,
        LEDGER_STALL_US, /* in which some process waited for a disk */
        /* of replay and collecting */
        LEDGER_FILES,       /* that the profile named and that were read ahead */
        LEDGER_STALE_FILES, /* that it named and that were gone or changed */
        LEDGER_HIT_BYTES,   /* named, and the boot asked for them */
        LEDGER_MISSED_BYTES,
        LEDGER_WASTED_BYTES,
        LEDGER_LOSSES,
        LEDGER_FIGURE_COUNT,
};

struct ledger_entry {
        char boot[40];    /* its id */
        uint64_t wall_us; /* wall clock at its end, µs since the epoch */
        char mode[16];    /* as the decision names it */
        char why[256];
        char kernel[80], os[160], disk[96];
        char profile[40]; /* that was read ahead: id of the boot in which it was collected, or "" */
        bool untypical;   /* the packages had changed before it */
        uint32_t known;   /* set of 1 << enum ledger_figure */
        uint64_t figures[LEDGER_FIGURE_COUNT];
};

/* ledger_know - sets a figure; ledger_knows - whether there is one */
void ledger_know(struct ledger_entry *entry, enum ledger_figure figure, uint64_t value);
bool ledger_knows(const struct ledger_entry *entry, enum ledger_figure figure);

/* ledger_to_json - the entry as its line has it. Return: an object to be put, or NULL: out of memory. */
struct json_object *ledger_to_json(const struct ledger_entry *entry);

/* ledger_parse_line - @line: with its length, without its newline. Return: whether it is an entry. */
bool ledger_parse_line(const char *line, size_t length, struct ledger_entry *ret);

struct ledger {
        size_t n;       /* entries, the newest last */
        size_t damaged; /* lines that were none, and were left out */
        struct ledger_entry entries[LEDGER_BOOTS];
};

/* ledger_read - reads what can be read
 * @folder: the state folder
 * @ret:    to be freed with free(); empty where there is no ledger
 *
 * Return: 0, -EBADMSG (it is no file), or negative errno. */
int ledger_read(int folder, struct ledger **ret);

enum ledger_result {
        LEDGER_KNOWN = 1, /* this boot is there already; nothing was written */
};

/* ledger_add - adds a boot, on disk when this returns; a crash leaves the ledger of before or after. Damaged
 * lines go, and the oldest where there are too many. Writers wait for each other.
 * @folder: the state folder, opened for reading
 * @ret:    the ledger of now, with this boot at its end or, where it was known, anywhere; to be freed, and
 *          there on failure too where the ledger could be read, else NULL
 *
 * Return: 0, LEDGER_KNOWN, or negative errno. */
int ledger_add(int folder, const struct ledger_entry *entry, struct ledger **ret);
