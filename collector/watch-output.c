/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch-output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 4 << 20, LINES_MAX = 65536 /* of a round */ };

struct line {
        uint64_t time_us;
        uint32_t at, length;
};

struct watch_output {
        int fd;
        size_t start, end; /* of what is to be written, in the text */
        size_t round_length;
        size_t n_lines;
        struct line lines[LINES_MAX];
        char text[TEXT_MAX], round[TEXT_MAX]; /* untouched pages of them cost nothing */
};

struct watch_output *watch_output_new(int fd)
{
        struct watch_output *output = calloc(1, sizeof *output);

        if (output)
                output->fd = fd;
        return output;
}

void watch_output_free(struct watch_output *output)
{
        free(output);
}

bool watch_output_add(struct watch_output *output, uint64_t time_us, const char *line, size_t length)
{
        if (output->n_lines == LINES_MAX ||
            output->end - output->start + output->round_length + length > TEXT_MAX)
                return false;
        output->lines[output->n_lines++] =
                (struct line){time_us, (uint32_t)output->round_length, (uint32_t)length};
        memcpy(output->round + output->round_length, line, length);
        output->round_length += length;
        return true;
}

/* Lines of the same time stay in their order. */
static int compare(const void *a, const void *b)
{
        const struct line *one = a, *other = b;

        if (one->time_us != other->time_us)
                return one->time_us < other->time_us ? -1 : 1;
        return one->at < other->at ? -1 : 1;
}

void watch_output_end_round(struct watch_output *output)
{
        qsort(output->lines, output->n_lines, sizeof *output->lines, compare);
        if (output->end + output->round_length > TEXT_MAX) {
                memmove(output->text, output->text + output->start, output->end - output->start);
                output->end -= output->start;
                output->start = 0;
        }
        for (size_t i = 0; i < output->n_lines; i++) {
                const struct line *line = &output->lines[i];

                memcpy(output->text + output->end, output->round + line->at, line->length);
                output->end += line->length;
        }
        output->n_lines = output->round_length = 0;
}

/* A pipe that is ready takes PIPE_BUF bytes without waiting. Its other end may not be made non-blocking:
 * it is shared with others. */
int watch_output_flush(struct watch_output *output)
{
        while (output->start < output->end) {
                struct pollfd ready = {.fd = output->fd, .events = POLLOUT};
                size_t rest = output->end - output->start;
                ssize_t n;

                if (poll(&ready, 1, 0) <= 0 || !(ready.revents & (POLLOUT | POLLERR)))
                        return 0;
                n = write(output->fd, output->text + output->start, rest < PIPE_BUF ? rest : PIPE_BUF);
                if (n < 0)
                        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
                output->start += (size_t)n;
        }
        output->start = output->end = 0;
        return 0;
}

bool watch_output_is_empty(const struct watch_output *output)
{
        return output->start == output->end;
}
