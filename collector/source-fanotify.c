/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Accesses from fanotify, by marks on whole filesystems. Events carry file handles, not descriptors:
 * nothing is opened in the name of an event, so no FIFO or device is ever touched and no filesystem is
 * kept busy; a file that is known already costs no system call.
 *
 * Where the root is a subvolume of btrfs, or an overlay, the kernel refuses marks that report handles (EXDEV,
 * EOPNOTSUPP: do_fanotify_mark(), Linux 6.1 to 6.18). Of that filesystem alone events carry descriptors.
 *
 * The same code fills the gap that audit leaves (source_gap_start()): then only processes that are older
 * than audit's enabling count, and what is executed by the kernel itself.
 *
 * Uncountable: opens between a mount and our mark of it. fanotify merges equal events that are queued.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "descendants.h"
#include "process.h"
#include "source.h"

enum {
        /* include/linux/exportfs.h: 32-bit inode number and generation, what ext2/3/4 and others use */
        HANDLE_INODE32_GENERATION = 1,
        BUFFER_SIZE = 64 << 10,
        ROUNDS = 64, /* before others get their turn */
        KTHREADD = 2,
        JUDGED = 256,
        OPENED = 64, /* at once: each is a file that somebody may want to be left alone with */
};

struct source_fanotify {
        struct source source;
        pid_t self;
        int handles, descriptors;        /* the two groups; the second one only where it is needed, else -1 */
        int opened;                      /* whose events carry descriptors, or -1 */
        size_t n_marked;                 /* the first so many of the collection's filesystems */
        struct descendants *descendants; /* NULL: everybody */
        uint64_t mask;                   /* what the marks ask for */
        uint64_t emptied_us;             /* when the queue was last known to be empty */
        bool gap, wide;                  /* wide: everybody for the time being */
        uint64_t gap_time_us;            /* processes that started later are audit's */
        struct {
                int32_t pid;
                bool seen;
        } judged[JUDGED]; /* processes looked at lately, by the low bits of their pid */
        char buffer[BUFFER_SIZE];
};

/* fanotify_event_info_fid's handle is a struct file_handle (fanotify(7)). Copied: the records of a
 * batch follow each other without regard to alignment. */
struct event_handle {
        uint64_t fsid;
        union {
                struct file_handle handle;
                char storage[sizeof(struct file_handle) + MAX_HANDLE_SZ];
        };
};

static bool find_handle(const char *at, const char *end, struct event_handle *ret)
{
        struct fanotify_event_info_header header;

        for (; at + sizeof header <= end; at += header.len) {
                const char *handle = at + sizeof(struct fanotify_event_info_fid);

                memcpy(&header, at, sizeof header);
                if (header.len < sizeof header || at + header.len > end)
                        return false;
                if (header.info_type != FAN_EVENT_INFO_TYPE_FID || handle + sizeof ret->handle > end)
                        continue;
                memcpy(&ret->fsid, at + offsetof(struct fanotify_event_info_fid, fsid), sizeof ret->fsid);
                memcpy(&ret->handle, handle, sizeof ret->handle);
                if (ret->handle.handle_bytes > MAX_HANDLE_SZ ||
                    handle + sizeof ret->handle + ret->handle.handle_bytes > end)
                        return false;
                memcpy(ret->handle.f_handle, handle + sizeof ret->handle, ret->handle.handle_bytes);
                return true;
        }
        return false;
}

/* The key stands in the handle itself where the format of the handle is known. */
static bool key_of_handle(const struct filesystem *filesystem, const struct file_handle *handle,
                          struct file_key *ret)
{
        uint32_t inode;

        if (handle->handle_type != HANDLE_INODE32_GENERATION || handle->handle_bytes != 8)
                return false;
        memcpy(&inode, handle->f_handle, sizeof inode);
        *ret = (struct file_key){.device = filesystem->device, .inode = inode};
        return true;
}

/* A process that is older than audit's enabling, or that the kernel itself started, has no audit context
 * at all or none when it was executed. */
static bool audit_misses(struct source_fanotify *fanotify, const struct collection *collection, pid_t pid)
{
        uint64_t ticks_per_second = (uint64_t)sysconf(_SC_CLK_TCK);
        size_t slot = (uint32_t)pid % JUDGED;
        struct life life;

        if (fanotify->judged[slot].pid != pid) {
                fanotify->judged[slot].pid = pid;
                fanotify->judged[slot].seen =
                        life_read(&collection->view, pid, &life) == 0 &&
                        (life.start_ticks * 1000000u / ticks_per_second < fanotify->gap_time_us ||
                         life.parent == KTHREADD);
        }
        return fanotify->judged[slot].seen;
}

static bool is_seen(struct source_fanotify *fanotify, const struct collection *collection, pid_t pid)
{
        if (pid == fanotify->self)
                return false;
        if (fanotify->descendants)
                return descendants_have(fanotify->descendants, pid);
        return !fanotify->gap || fanotify->wide || audit_misses(fanotify, collection, pid);
}

static struct access_seen seen_by(const struct collection *collection,
                                  const struct fanotify_event_metadata *event)
{
        return (struct access_seen){
                .flags = (event->mask & FAN_OPEN ? PROFILE_ACCESS_OPEN : 0) |
                         (event->mask & FAN_OPEN_EXEC ? PROFILE_ACCESS_EXEC : 0),
                .time_us = collection_now_us(collection),
                .pid = (uint32_t)event->pid,
        };
}

static void deliver(struct source_fanotify *fanotify, struct collection *collection,
                    const struct fanotify_event_metadata *event, const char *record)
{
        struct resolver resolver = {.view = &collection->view, .mounts = &collection->mounts};
        char path[PATH_MAX];
        struct event_handle where;
        struct access_seen seen = seen_by(collection, event);
        int filesystem;

        if (!find_handle(record + event->metadata_len, record + event->event_len, &where) ||
            !is_seen(fanotify, collection, event->pid))
                return;
        filesystem = mounts_find_fsid(&collection->mounts, where.fsid);
        if (filesystem < 0)
                return;
        if (!key_of_handle(&collection->mounts.filesystems[filesystem], &where.handle, &seen.key) ||
            !collection_knows(collection, &seen.key)) {
                int r = resolve_handle(&resolver, filesystem, &where.handle, &seen.key, path);

                if (r > 0)
                        return;
                if (r == 0)
                        seen.path = path;
                else if (!seen.key.inode) {
                        collection->recording->losses[PROFILE_LOSS_UNRESOLVED]++;
                        return;
                }
                mounts_alias(&collection->mounts, seen.key.device, filesystem);
        }
        collection_access(collection, &seen);
}

static void deliver_opened(struct source_fanotify *fanotify, struct collection *collection,
                           const struct fanotify_event_metadata *event)
{
        struct resolver resolver = {.view = &collection->view, .mounts = &collection->mounts};
        struct access_seen seen = seen_by(collection, event);
        _cleanup_close_ int fd = event->fd;
        struct stat status;
        char path[PATH_MAX];

        if (!is_seen(fanotify, collection, event->pid) || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
                return;
        seen.key = (struct file_key){.device = status.st_dev, .inode = status.st_ino};
        mounts_alias(&collection->mounts, seen.key.device, fanotify->opened);
        if (!collection_knows(collection, &seen.key) &&
            resolve_descriptor(&resolver, fanotify->opened, fd, &seen.key, path) == 0)
                seen.path = path;
        collection_access(collection, &seen);
}

static void note_overflow(struct source_fanotify *fanotify, struct collection *collection)
{
        collection->recording->losses[PROFILE_LOSS_FANOTIFY]++;
        recording_interval(collection->recording, PROFILE_INTERVAL_BLIND, fanotify->emptied_us,
                           collection_now_us(collection));
}

static int take_batch(struct source_fanotify *fanotify, struct collection *collection, size_t length)
{
        const char *at = fanotify->buffer, *end = at + length;
        struct fanotify_event_metadata event;

        for (; at + sizeof event <= end; at += event.event_len) {
                memcpy(&event, at, sizeof event);
                if (event.vers != FANOTIFY_METADATA_VERSION || event.event_len < sizeof event ||
                    at + event.event_len > end)
                        return -EPROTO;
                fanotify->source.events++;
                if (event.mask & FAN_Q_OVERFLOW)
                        note_overflow(fanotify, collection);
                else if (event.fd >= 0)
                        deliver_opened(fanotify, collection, &event);
                else
                        deliver(fanotify, collection, &event, at);
        }
        return 0;
}

/* An event whose file can't be opened is gone; the next ones are not. */
static bool is_lost(const struct source_fanotify *fanotify, int group, int error)
{
        return group == fanotify->descriptors && error != EAGAIN && error != EINTR;
}

static int receive_group(struct source_fanotify *fanotify, struct collection *collection, int group,
                         size_t size)
{
        for (int round = 0; round < ROUNDS; round++) {
                uint64_t now_us = collection_now_us(collection);
                ssize_t n = read(group, fanotify->buffer, size);
                int r;

                if (n < 0 && is_lost(fanotify, group, errno)) {
                        collection->recording->losses[PROFILE_LOSS_UNRESOLVED]++;
                        continue;
                }
                if (n < 0 && errno == EAGAIN)
                        fanotify->emptied_us = now_us;
                if (n < 0)
                        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
                /* forks were reported before what their children opened */
                if (fanotify->descendants && descendants_update(fanotify->descendants) == -ENOBUFS)
                        collection->recording->losses[PROFILE_LOSS_FANOTIFY]++;
                r = take_batch(fanotify, collection, (size_t)n);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int receive(struct source *source, struct collection *collection)
{
        struct source_fanotify *fanotify = (struct source_fanotify *)source;
        int r = receive_group(fanotify, collection, fanotify->handles, sizeof fanotify->buffer);

        return r < 0 || fanotify->descriptors < 0
                       ? r
                       : receive_group(fanotify, collection, fanotify->descriptors,
                                       OPENED * sizeof(struct fanotify_event_metadata));
}

/* Return: the new group, which the source's descriptor tells of, or negative errno. */
static int add_group(struct source_fanotify *fanotify, unsigned int report)
{
        _cleanup_close_ int group =
                fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | report,
                              O_RDONLY | O_NONBLOCK | O_NOATIME | O_LARGEFILE | O_CLOEXEC);
        struct epoll_event readable = {.events = EPOLLIN};

        if (group < 0 || epoll_ctl(fanotify->source.fd, EPOLL_CTL_ADD, group, &readable) < 0)
                return -errno;
        return take_fd(&group);
}

static int mark_filesystem(const struct source_fanotify *fanotify, const struct collection *collection,
                           size_t filesystem, unsigned int change, uint64_t mask)
{
        _cleanup_close_ int fd =
                filesystem_open(&collection->mounts.filesystems[filesystem], &collection->view);
        int group = (int)filesystem == fanotify->opened ? fanotify->descriptors : fanotify->handles;

        if (fd < 0)
                return 0;
        if (fanotify_mark(group, change | FAN_MARK_FILESYSTEM, mask, fd, NULL) == 0)
                return 1;
        /* those have no handles or no id, they stay unseen; or no mark, to be changed */
        return errno == ENODEV || errno == EOPNOTSUPP || errno == EXDEV || errno == ENOENT ? 0 : -errno;
}

/* mark_root - where it takes no mark that reports handles */
static int mark_root(struct source_fanotify *fanotify, struct collection *collection, size_t filesystem)
{
        fanotify->descriptors = add_group(fanotify, 0);
        if (fanotify->descriptors < 0)
                return fanotify->descriptors;
        fanotify->opened = (int)filesystem;
        return mark_filesystem(fanotify, collection, filesystem, FAN_MARK_ADD, fanotify->mask);
}

static int mark(struct source *source, struct collection *collection)
{
        struct source_fanotify *fanotify = (struct source_fanotify *)source;
        int marked = 0;

        for (; fanotify->n_marked < collection->mounts.count; fanotify->n_marked++) {
                int r = mark_filesystem(fanotify, collection, fanotify->n_marked, FAN_MARK_ADD,
                                        fanotify->mask);

                if (r == 0 && (int)fanotify->n_marked == mounts_find_root(&collection->mounts))
                        r = mark_root(fanotify, collection, fanotify->n_marked);
                if (r < 0)
                        return r;
                marked += r;
        }
        return marked;
}

/* Executions are few, whatever the storm. */
static int narrow(struct source *source, struct collection *collection, bool narrow)
{
        struct source_fanotify *fanotify = (struct source_fanotify *)source;

        fanotify->mask = narrow ? FAN_OPEN_EXEC : FAN_OPEN | FAN_OPEN_EXEC;
        for (size_t i = 0; i < fanotify->n_marked; i++) {
                int r = mark_filesystem(fanotify, collection, i, narrow ? FAN_MARK_REMOVE : FAN_MARK_ADD,
                                        FAN_OPEN);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* Closing a group removes its marks. */
static void close_all(struct source_fanotify *fanotify)
{
        int *all[] = {&fanotify->handles, &fanotify->descriptors, &fanotify->source.fd};

        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
                close_cleanup(all[i]);
                *all[i] = -1;
        }
}

static void stop(struct source *source, struct collection *collection)
{
        receive(source, collection);
        close_all((struct source_fanotify *)source);
}

static void free_fanotify(struct source *source)
{
        struct source_fanotify *fanotify = (struct source_fanotify *)source;

        close_all(fanotify);
        descendants_free(fanotify->descendants);
        free(fanotify);
}

static const struct source_class fanotify_class = {
        .name = "fanotify",
        .receive = receive,
        .narrow = narrow,
        .mounts_changed = mark,
        .stop = stop,
        .free = free_fanotify,
};

static int start(struct collection *collection, pid_t root, bool gap, struct source **ret)
{
        struct source_fanotify *fanotify = calloc(1, sizeof *fanotify);
        int r;

        if (!fanotify)
                return -ENOMEM;
        fanotify->source = (struct source){.class = &fanotify_class, .fd = epoll_create1(EPOLL_CLOEXEC)};
        fanotify->handles = fanotify->descriptors = fanotify->opened = -1;
        fanotify->mask = FAN_OPEN | FAN_OPEN_EXEC;
        fanotify->self = getpid();
        fanotify->gap = gap;
        fanotify->gap_time_us = collection->start_us + collection_now_us(collection);
        r = fanotify->source.fd < 0 ? -errno : 0;
        if (r == 0 && root)
                r = descendants_new(&collection->view, root, &fanotify->descendants);
        if (r == 0)
                r = fanotify->handles = add_group(fanotify, FAN_REPORT_FID);
        if (r >= 0)
                r = mark(&fanotify->source, collection);
        if (r == 0)
                r = -EOPNOTSUPP; /* none takes a mark */
        if (r < 0) {
                free_fanotify(&fanotify->source);
                return r;
        }
        collection->sources |= gap ? PROFILE_SOURCE_FANOTIFY_GAP : PROFILE_SOURCE_FANOTIFY;
        *ret = &fanotify->source;
        return 0;
}

int source_fanotify_start(struct collection *collection, const struct source_scope *scope,
                          struct source **ret)
{
        return start(collection, scope->root, false, ret);
}

void source_gap_limit(struct source *source, const struct collection *collection)
{
        struct source_fanotify *fanotify = (struct source_fanotify *)source;

        fanotify->gap_time_us = collection->start_us + collection_now_us(collection) +
                                1000000u / (uint64_t)sysconf(_SC_CLK_TCK);
        memset(fanotify->judged, 0, sizeof fanotify->judged);
}

int source_gap_start(struct collection *collection, struct source **ret)
{
        return start(collection, 0, true, ret);
}

void source_gap_widen(struct source *source, bool wide)
{
        ((struct source_fanotify *)source)->wide = wide;
}
