/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model-file: a modelled disk as a file, for loop devices.
 *
 * Speaks the kernel's FUSE protocol itself: the usual libraries keep at most ten requests in flight, and
 * a thread and a socket for each request would take the processor from the boot that is measured. One
 * thread takes requests in, keeps them ordered by the time they are due, and answers them then.
 *
 * Owns the mount, which covers one regular file, and the waiting; content and times come from store.h.
 * Ends when it is unmounted. Lives in another mount namespace than its mount.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "store.h"

enum {
        REQUEST_MOST = 1u << 20, /* bytes of one read or write */
        PAGES_MOST = REQUEST_MOST / 4096,
        WAITING_MOST = 1024,
        BACKGROUND_MOST = 512, /* requests of direct I/O that the kernel sends before it waits */
};

struct answer {
        uint64_t due;
        uint64_t unique;
        uint64_t offset; /* of what was read */
        uint32_t read;   /* bytes that the answer carries */
        uint32_t written;
        int error;
};

static struct {
        struct store store;
        int fuse;
        bool end;
        struct answer waiting[WAITING_MOST]; /* latest first */
        size_t n_waiting;
        char request[REQUEST_MOST + 4096];
} disk;

static uint64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A request that was interrupted is not waited for any more: its answer fails, and nobody misses it. */
static void answer(uint64_t unique, int error, const void *data, size_t size)
{
        struct fuse_out_header header = {
                .len = (uint32_t)(sizeof(header) + size),
                .error = error,
                .unique = unique,
        };
        struct iovec parts[] = {
                {.iov_base = &header, .iov_len = sizeof(header)},
                {.iov_base = (void *)data, .iov_len = size},
        };

        if (writev(disk.fuse, parts, 2) < 0 && errno == ENODEV)
                disk.end = true;
}

static void answer_due(uint64_t now)
{
        while (disk.n_waiting > 0 && disk.waiting[disk.n_waiting - 1].due <= now) {
                const struct answer *next = &disk.waiting[--disk.n_waiting];
                struct fuse_write_out written = {.size = next->written};

                if (next->error)
                        answer(next->unique, next->error, NULL, 0);
                else if (next->written)
                        answer(next->unique, 0, &written, sizeof(written));
                else
                        answer(next->unique, 0, disk.store.map + next->offset, next->read);
                store_end(&disk.store, now_ns());
        }
}

static void put_off(const struct answer *new)
{
        size_t place = disk.n_waiting++;

        for (; place > 0 && disk.waiting[place - 1].due <= new->due; place--)
                disk.waiting[place] = disk.waiting[place - 1];
        disk.waiting[place] = *new;
}

static bool inside(uint64_t offset, uint64_t count)
{
        return count > 0 && count <= disk.store.size && offset <= disk.store.size - count;
}

static void take_read(const struct fuse_in_header *header, const struct fuse_read_in *in)
{
        uint64_t due;

        if (!inside(in->offset, in->size)) {
                answer(header->unique, -EINVAL, NULL, 0);
                return;
        }
        due = store_begin(&disk.store, DIRECTION_READ, now_ns(), in->offset, in->size);
        put_off(&(struct answer){
                .due = due,
                .unique = header->unique,
                .offset = in->offset,
                .read = in->size,
                .error = store_fails(&disk.store) ? -EIO : 0,
        });
}

static void take_write(const struct fuse_in_header *header, const struct fuse_write_in *in)
{
        if (!inside(in->offset, in->size) || header->len != sizeof(*header) + sizeof(*in) + in->size) {
                answer(header->unique, -EINVAL, NULL, 0);
                return;
        }
        memcpy(disk.store.map + in->offset, in + 1, in->size);
        put_off(&(struct answer){
                .due = store_begin(&disk.store, DIRECTION_WRITE, now_ns(), in->offset, in->size),
                .unique = header->unique,
                .written = in->size,
        });
}

static void start(const struct fuse_in_header *header, const struct fuse_init_in *in)
{
        struct fuse_init_out out = {
                .major = FUSE_KERNEL_VERSION,
                .minor = FUSE_KERNEL_MINOR_VERSION,
                .flags = in->flags & (FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_ASYNC_DIO | FUSE_MAX_PAGES),
                .max_background = BACKGROUND_MOST,
                .congestion_threshold = BACKGROUND_MOST,
                .max_write = REQUEST_MOST,
                .max_pages = PAGES_MOST,
                .time_gran = 1,
        };

        answer(header->unique, 0, &out, sizeof(out));
}

static void describe(const struct fuse_in_header *header)
{
        struct fuse_attr_out out = {
                .attr_valid = UINT32_MAX,
                .attr =
                        {
                                .ino = FUSE_ROOT_ID,
                                .size = disk.store.size,
                                .blocks = disk.store.size / 512,
                                .mode = S_IFREG | 0600,
                                .nlink = 1,
                                .blksize = 4096,
                        },
        };

        answer(header->unique, 0, &out, sizeof(out));
}

static void take(const struct fuse_in_header *header)
{
        const struct fuse_open_out opened = {.open_flags = FOPEN_KEEP_CACHE};
        const void *in = header + 1;

        switch (header->opcode) {
        case FUSE_INIT:
                start(header, in);
                break;
        case FUSE_GETATTR:
        case FUSE_SETATTR:
                describe(header);
                break;
        case FUSE_OPEN:
                answer(header->unique, 0, &opened, sizeof(opened));
                break;
        case FUSE_READ:
                take_read(header, in);
                break;
        case FUSE_WRITE:
                take_write(header, in);
                break;
        case FUSE_FSYNC: /* what is written is in memory already; the models have no volatile cache */
                disk.store.statistics.flushes++;
                __attribute__((fallthrough));
        case FUSE_FLUSH:
        case FUSE_RELEASE:
        case FUSE_DESTROY:
                answer(header->unique, 0, NULL, 0);
                break;
        case FUSE_FORGET:
        case FUSE_BATCH_FORGET:
        case FUSE_INTERRUPT:
                break;
        default:
                answer(header->unique, -ENOSYS, NULL, 0);
        }
}

/* Takes in what is there; afterwards the kernel has nothing more, or we can't remember more. */
static int take_all(void)
{
        while (disk.n_waiting < WAITING_MOST && !disk.end) {
                const struct fuse_in_header *header = (const void *)disk.request;
                ssize_t size = read(disk.fuse, disk.request, sizeof(disk.request));

                if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
                        return 0;
                if (size < 0 && (errno == EINTR || errno == ENOENT))
                        continue;
                if (size < 0 && errno == ENODEV) {
                        disk.end = true;
                        return 0;
                }
                if (size < 0)
                        return -errno;
                if ((size_t)size < sizeof(*header) || header->len != (size_t)size)
                        return -EPROTO;
                take(header);
        }
        return 0;
}

static int serve(void)
{
        while (!disk.end) {
                uint64_t now = now_ns(), due = disk.n_waiting ? disk.waiting[disk.n_waiting - 1].due : 0;
                uint64_t left = due > now ? due - now : 0;
                struct timespec time = {.tv_sec = (time_t)(left / 1000000000u),
                                        .tv_nsec = (long)(left % 1000000000u)};
                struct pollfd wait = {.fd = disk.fuse, .events = disk.n_waiting < WAITING_MOST ? POLLIN : 0};
                int r;

                if (ppoll(&wait, 1, disk.n_waiting ? &time : NULL, NULL) < 0 && errno != EINTR)
                        return -errno;
                answer_due(now_ns());
                r = wait.revents ? take_all() : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int mount_file(const char *path)
{
        char options[128];

        disk.fuse = open("/dev/fuse", O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (disk.fuse < 0)
                return -errno;
        snprintf(options, sizeof(options),
                 "fd=%d,rootmode=100600,user_id=0,group_id=0,allow_other,max_read=%d", disk.fuse,
                 REQUEST_MOST);
        return mount("model", path, "fuse.model", MS_NOSUID | MS_NODEV, options) < 0 ? -errno : 0;
}

/* The mount belongs to our starter's mount namespace. When that goes its filesystems are unmounted, and what
 * they still write comes to us: we must not be the one whose exit they wait in. */
static int enter_namespace(const char *path)
{
        _cleanup_close_ int namespace = open(path, O_RDONLY | O_CLOEXEC);

        return namespace < 0 || setns(namespace, CLONE_NEWNS) < 0 ? -errno : 0;
}

/* A real disk does not wait for a processor: we come before everything else, for the little that we do. */
static void be_prompt(void)
{
        prctl(PR_SET_TIMERSLACK, 1ul, 0ul, 0ul, 0ul);
        if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1}) < 0)
                fprintf(stderr,
                        "model-file: no real-time priority (%m), waits will be longer than the model's\n");
}

static int set_options(char **settings)
{
        for (; *settings; settings++) {
                char *value = strchr(*settings, '=');
                int r = -EINVAL;

                if (value) {
                        *value++ = '\0';
                        r = store_option(&disk.store, *settings, value);
                }
                if (r < 0) {
                        fprintf(stderr, "model-file: '%s': %s\n", *settings, strerror(-r));
                        return r;
                }
        }
        return 0;
}

int main(int argc, char **argv)
{
        CLEANUP(store_done) struct store *store = &disk.store;
        int r;

        if (argc < 3) {
                fprintf(stderr,
                        "usage: model-file MOUNTPOINT NAMESPACE file=FILE depth=N [SETTING=VALUE...]\n");
                return 2;
        }
        if (set_options(argv + 3) < 0)
                return 2;
        be_prompt();
        r = store_open(store);
        if (r == 0)
                r = mount_file(argv[1]);
        if (r == 0)
                r = enter_namespace(argv[2]);
        if (r < 0) {
                fprintf(stderr, "model-file: '%s': %s\n", argv[1], strerror(-r));
                return 1;
        }
        puts("ready");
        fflush(stdout);
        r = serve();
        if (r == 0)
                r = store_report(store);
        if (r < 0)
                fprintf(stderr, "model-file: '%s': %s, the disk is gone\n", argv[1], strerror(-r));
        return r < 0 ? 1 : 0;
}
