/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger's file: read line by line, replaced as a whole. */
#include "ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "cleanup.h"
#include "file.h"

DEFINE_CLEANUP(struct json_object *, json_object_put)

enum {
        WAIT_MILLISECONDS = 50,   /* between attempts to be the only writer */
        WAITS = 200,              /* a writer holds its place for two fsyncs */
        FILE_SIZE_MAX = 16 << 20, /* of a file that somebody else has filled; the rest is not looked at */
};

/* read_line - @ret_length: of the line without its newline; more than LEDGER_LINE_MAX: it was longer
 * Return: whether there was one. */
static bool read_line(FILE *file, char line[static LEDGER_LINE_MAX], size_t *ret_length)
{
        size_t length = 0;
        int c;

        while ((c = getc(file)) != EOF && c != '\n') {
                if (length < LEDGER_LINE_MAX)
                        line[length] = (char)c;
                length += length <= LEDGER_LINE_MAX;
        }
        *ret_length = length;
        return c != EOF || length > 0;
}

static const struct ledger_entry *find(const struct ledger *ledger, const char *boot)
{
        for (size_t i = 0; i < ledger->n; i++)
                if (!strcmp(ledger->entries[i].boot, boot))
                        return &ledger->entries[i];
        return NULL;
}

static void append(struct ledger *ledger, const struct ledger_entry *entry)
{
        if (ledger->n == LEDGER_BOOTS) {
                ledger->n--;
                memmove(ledger->entries, ledger->entries + 1, ledger->n * sizeof *ledger->entries);
        }
        ledger->entries[ledger->n++] = *entry;
}

static int read_lines(FILE *file, struct ledger *ledger)
{
        char line[LEDGER_LINE_MAX];
        struct ledger_entry entry;
        size_t length;

        while (ftell(file) < FILE_SIZE_MAX && read_line(file, line, &length)) {
                if (length <= LEDGER_LINE_MAX && ledger_parse_line(line, length, &entry) &&
                    !find(ledger, entry.boot))
                        append(ledger, &entry);
                else
                        ledger->damaged++;
        }
        return ferror(file) ? -EIO : 0;
}

int ledger_read(int folder, struct ledger **ret)
{
        _cleanup_free_ struct ledger *ledger = calloc(1, sizeof *ledger);
        _cleanup_fclose_ FILE *file = NULL;
        struct stat status;
        int r = 0, fd;

        if (!ledger)
                return -ENOMEM;
        fd = openat(folder, LEDGER_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 && errno != ENOENT)
                return errno == ELOOP ? -EBADMSG : -errno;
        if (fd >= 0) {
                file = fdopen(fd, "re");
                if (!file) {
                        close(fd);
                        return -ENOMEM;
                }
                if (fstat(fd, &status) < 0)
                        return -errno;
                r = S_ISREG(status.st_mode) ? read_lines(file, ledger) : -EBADMSG;
        }
        if (r == 0)
                *ret = TAKE(ledger);
        return r;
}

static int print(const struct ledger *ledger, FILE *out)
{
        for (size_t i = 0; i < ledger->n; i++) {
                CLEANUP(json_object_put) struct json_object *object = ledger_to_json(&ledger->entries[i]);
                const char *line =
                        object ? json_object_to_json_string_ext(
                                         object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)
                               : NULL;

                if (!line)
                        return -ENOMEM;
                fprintf(out, "%s\n", line);
        }
        return fflush(out) ? -ENOMEM : 0;
}

static int write_ledger(int folder, const struct ledger *ledger)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        int r;

        if (!out)
                return -ENOMEM;
        r = print(ledger, out);
        fclose(out);
        return r < 0 ? r : file_replace(folder, LEDGER_NAME, text, size);
}

/* The lock is on the folder: it outlives the file, which is replaced, and leaves nothing behind. */
static int lock(int folder)
{
        static const struct timespec pause = {.tv_nsec = WAIT_MILLISECONDS * 1000000};

        for (int waits = 0; flock(folder, LOCK_EX | LOCK_NB) < 0; waits++) {
                if (errno != EWOULDBLOCK || waits == WAITS)
                        return -errno;
                nanosleep(&pause, NULL);
        }
        return 0;
}

static int add(int folder, const struct ledger_entry *entry, struct ledger **ret)
{
        int r = ledger_read(folder, ret);

        if (r == -EBADMSG || r == -EIO) /* what is no ledger, or can't be read, is replaced by one */
                r = (*ret = calloc(1, sizeof **ret)) ? 0 : -ENOMEM;
        if (r < 0)
                return r;
        if (find(*ret, entry->boot))
                return LEDGER_KNOWN;
        append(*ret, entry);
        return write_ledger(folder, *ret);
}

int ledger_add(int folder, const struct ledger_entry *entry, struct ledger **ret)
{
        _cleanup_close_ int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = own < 0 ? -errno : lock(own);

        *ret = NULL;
        return r < 0 ? r : add(own, entry, ret);
}
