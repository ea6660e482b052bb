/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch-files.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "watch-folders.h"

enum {
        BUFFER_SIZE = 256 << 10,
        ROOM = 16 << 10, /* to read more into: an event of two long names takes some 1,000 bytes */
        INDEX_MAX = BUFFER_SIZE / sizeof(struct fanotify_event_metadata),
};

/* A handle of an event's information, copied: records follow each other without regard to alignment. */
struct object {
        uint64_t fsid;
        union {
                struct file_handle handle;
                char storage[sizeof(struct file_handle) + MAX_HANDLE_SZ];
        };
        const char *name; /* behind the handle, or NULL */
};

struct watched_files {
        int fd;
        const struct view *view;
        const struct watch_filter *filter;
        struct watch_places places;
        struct watched_folders *folders;
        uint64_t mask;
        size_t n_marked, n_seen; /* of the places, the first n_seen have been tried */
        uint64_t overflows;
        size_t length;
        uint64_t time_us;           /* of the batch */
        uint32_t events[INDEX_MAX]; /* where in the buffer */
        size_t n_events;
        struct {
                bool known;
                struct object folder;
                dev_t device;
                char path[PATH_MAX];
        } last; /* folder that was looked for in this batch */
        char buffer[BUFFER_SIZE];
};

/* Which bits of a mask are which class, in the order in which they happen to one name. */
static const struct {
        uint64_t mask;
        uint32_t class;
} bits[] = {
        {FAN_CREATE, WATCH_CREATE}, {FAN_OPEN, WATCH_OPEN},     {FAN_MODIFY, WATCH_WRITE},
        {FAN_RENAME, WATCH_RENAME}, {FAN_DELETE, WATCH_DELETE},
};

enum { N_BITS = sizeof bits / sizeof *bits };

/* ---- Records ----------------------------------------------------------------------------- */

static bool parse_object(const char *at, size_t length, bool named, struct object *ret)
{
        const size_t fixed = sizeof(struct fanotify_event_info_fid);
        size_t handle_end;

        if (length < fixed + sizeof ret->handle)
                return false;
        memcpy(&ret->fsid, at + offsetof(struct fanotify_event_info_fid, fsid), sizeof ret->fsid);
        memcpy(&ret->handle, at + fixed, sizeof ret->handle);
        handle_end = fixed + sizeof ret->handle + ret->handle.handle_bytes;
        if (ret->handle.handle_bytes > MAX_HANDLE_SZ || handle_end > length)
                return false;
        memcpy(ret->handle.f_handle, at + fixed + sizeof ret->handle, ret->handle.handle_bytes);
        ret->name = NULL;
        if (named && memchr(at + handle_end, '\0', length - handle_end))
                ret->name = at + handle_end;
        return !named || ret->name;
}

/* find_object - the information of one type, or of another that stands for it */
static bool find_object(const char *event, int type, int or_type, struct object *ret)
{
        struct fanotify_event_metadata metadata;
        struct fanotify_event_info_header header;
        const char *at, *end;

        memcpy(&metadata, event, sizeof metadata);
        end = event + metadata.event_len;
        for (at = event + metadata.metadata_len; at + sizeof header <= end; at += header.len) {
                memcpy(&header, at, sizeof header);
                if (header.len < sizeof header || at + header.len > end)
                        return false;
                if (header.info_type == type || header.info_type == or_type)
                        return parse_object(at, header.len, type != FAN_EVENT_INFO_TYPE_FID, ret);
        }
        return false;
}

/* ---- Paths ------------------------------------------------------------------------------- */

static bool is_same(const struct object *a, const struct object *b)
{
        return a->fsid == b->fsid && a->handle.handle_type == b->handle.handle_type &&
               a->handle.handle_bytes == b->handle.handle_bytes &&
               !memcmp(a->handle.f_handle, b->handle.f_handle, a->handle.handle_bytes);
}

/* A folder's path, as it is or as it was when it was last seen. */
static int find_folder(struct watched_files *files, struct object *object, char ret[static PATH_MAX],
                       dev_t *ret_device)
{
        int place = watch_places_find(&files->places, object->fsid), r = -ENODEV;
        const char *known;

        *ret_device = place < 0 ? 0 : files->places.places[place].device;
        if (place >= 0)
                r = watch_place_path(&files->places.places[place], files->view, &object->handle, ret);
        if (r == 0) {
                watched_folders_learn(files->folders, object->fsid, &object->handle, ret);
                return 0;
        }
        known = watched_folders_recall(files->folders, object->fsid, &object->handle);
        if (!known || strlen(known) >= PATH_MAX)
                return r;
        strcpy(ret, known);
        return 0;
}

/* What happens in one folder often comes in one batch: it is looked for once. */
static int folder_path(struct watched_files *files, struct object *object, char ret[static PATH_MAX],
                       dev_t *ret_device)
{
        int r;

        if (files->last.known && is_same(&files->last.folder, object)) {
                strcpy(ret, files->last.path);
                *ret_device = files->last.device;
                return 0;
        }
        r = find_folder(files, object, ret, ret_device);
        files->last.known = r == 0;
        if (r == 0) {
                files->last.folder = *object;
                files->last.device = *ret_device;
                strcpy(files->last.path, ret);
        }
        return r;
}

/* object_path - of a folder and a name in it */
static int object_path(struct watched_files *files, struct object *object, char ret[static PATH_MAX],
                       dev_t *ret_device)
{
        int r = folder_path(files, object, ret, ret_device);
        size_t length = r < 0 ? 0 : strlen(ret);

        if (r < 0 || !strcmp(object->name, "."))
                return r;
        if (length + strlen(object->name) + 2 > PATH_MAX)
                return -ENAMETOOLONG;
        if (length > 1)
                ret[length++] = '/';
        strcpy(ret + length, object->name);
        return 0;
}

/* A folder that is made or removed: where it was, for what happened in it. */
static void learn_folder(struct watched_files *files, const char *event)
{
        struct object parent, folder;
        char path[PATH_MAX];
        dev_t device;

        if (find_object(event, FAN_EVENT_INFO_TYPE_DFID_NAME, -1, &parent) &&
            find_object(event, FAN_EVENT_INFO_TYPE_FID, -1, &folder) &&
            object_path(files, &parent, path, &device) == 0)
                watched_folders_learn(files->folders, folder.fsid, &folder.handle, path);
}

/* ---- Events ------------------------------------------------------------------------------ */

static void deliver(struct watched_files *files, const char *at, file_callback callback, void *userdata)
{
        char path[PATH_MAX], new_path[PATH_MAX];
        struct fanotify_event_metadata event;
        struct file_event seen = {.time_us = files->time_us};
        struct object object;
        dev_t device;

        memcpy(&event, at, sizeof event);
        seen.pid = event.pid > 0 ? (uint32_t)event.pid : 0;
        if (find_object(at, FAN_EVENT_INFO_TYPE_DFID_NAME, FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, &object) &&
            object_path(files, &object, path, &seen.device) == 0)
                seen.path = path;
        if (event.mask & FAN_RENAME && find_object(at, FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, -1, &object) &&
            object_path(files, &object, new_path, &device) == 0)
                seen.new_path = new_path;
        for (size_t i = 0; i < N_BITS; i++) {
                if (!(event.mask & bits[i].mask) || !(bits[i].class & files->filter->classes))
                        continue;
                if (event.mask & FAN_ONDIR && !(bits[i].class & WATCH_NAMES))
                        continue; /* folders are opened by everybody who looks around */
                seen.class = bits[i].class;
                callback(userdata, &seen);
        }
}

static uint64_t mask_of(const struct watched_files *files, size_t index)
{
        struct fanotify_event_metadata event;

        memcpy(&event, files->buffer + files->events[index], sizeof event);
        return event.mask;
}

static bool concerns(const struct watched_files *files, size_t index)
{
        uint64_t mask = mask_of(files, index);

        return !(mask & FAN_ONDIR) || mask & (FAN_CREATE | FAN_DELETE | FAN_RENAME);
}

void watched_files_take(struct watched_files *files, file_callback callback, void *userdata)
{
        const uint64_t names = FAN_CREATE | FAN_DELETE;

        /* What was in a removed folder comes before its removal, and that before its parent's. */
        for (size_t i = files->n_events; i-- > 0;)
                if (mask_of(files, i) & FAN_ONDIR && mask_of(files, i) & FAN_DELETE)
                        learn_folder(files, files->buffer + files->events[i]);
        for (size_t i = 0; i < files->n_events; i++) {
                if (mask_of(files, i) & FAN_ONDIR && mask_of(files, i) & names)
                        learn_folder(files, files->buffer + files->events[i]);
                if (concerns(files, i))
                        deliver(files, files->buffer + files->events[i], callback, userdata);
        }
        files->length = files->n_events = 0;
        files->last.known = false;
        watch_places_rest(&files->places);
}

static int index_events(struct watched_files *files, size_t from)
{
        struct fanotify_event_metadata event;

        for (size_t at = from; at + sizeof event <= files->length; at += event.event_len) {
                memcpy(&event, files->buffer + at, sizeof event);
                if (event.vers != FANOTIFY_METADATA_VERSION || event.event_len < sizeof event ||
                    event.event_len > files->length - at || event.metadata_len > event.event_len)
                        return -EPROTO;
                if (event.mask & FAN_Q_OVERFLOW)
                        files->overflows++;
                else if (event.pid != getpid())
                        files->events[files->n_events++] = (uint32_t)at;
        }
        return 0;
}

int watched_files_receive(struct watched_files *files)
{
        struct timespec now;
        int r = 0;

        while (r == 0 && files->length + ROOM <= BUFFER_SIZE) {
                size_t from = files->length;
                ssize_t n = read(files->fd, files->buffer + from, BUFFER_SIZE - from);

                if (n < 0) {
                        r = errno == EAGAIN || errno == EINTR ? 0 : -errno;
                        break;
                }
                files->length += (size_t)n;
                r = index_events(files, from);
        }
        clock_gettime(CLOCK_BOOTTIME, &now);
        files->time_us = (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
        return r;
}

/* ---- Marks ------------------------------------------------------------------------------- */

/* What has no handles or no id can't be marked, it stays unseen. */
int watched_files_mark(struct watched_files *files)
{
        int r = watch_places_update(&files->places, files->view, files->filter);

        if (r < 0)
                return r;
        for (r = 0; files->n_seen < files->places.n; files->n_seen++) {
                int fd = watch_place_open(&files->places.places[files->n_seen], files->view);

                if (fd < 0)
                        continue;
                if (fanotify_mark(files->fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, files->mask, fd, NULL) < 0)
                        r = -errno;
                else
                        files->n_marked++;
        }
        watch_places_rest(&files->places);
        return files->n_marked ? 0 : r;
}

static int start(struct watched_files *files)
{
        unsigned int flags = FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME;
        uint32_t classes = files->filter->classes;

        for (size_t i = 0; i < N_BITS; i++)
                if (bits[i].class & classes)
                        files->mask |= bits[i].mask;
        if (classes & WATCH_NAMES)
                files->mask |= FAN_ONDIR;
        if (classes & (WATCH_CREATE | WATCH_DELETE))
                flags |= FAN_REPORT_FID | FAN_REPORT_TARGET_FID; /* which folder was made or removed */
        files->folders = watched_folders_new();
        if (!files->folders)
                return -ENOMEM;
        files->fd = fanotify_init(flags, 0);
        if (files->fd < 0)
                return -errno;
        return watched_files_mark(files);
}

int watched_files_open(const struct view *view, const struct watch_filter *filter, struct watched_files **ret)
{
        struct watched_files *files = calloc(1, sizeof *files);
        int r;

        if (!files)
                return -ENOMEM;
        files->fd = -1;
        files->view = view;
        files->filter = filter;
        r = start(files);
        if (r < 0) {
                watched_files_close(files);
                return r;
        }
        *ret = files;
        return 0;
}

void watched_files_close(struct watched_files *files)
{
        if (!files)
                return;
        close_cleanup(&files->fd);
        watch_places_done(&files->places);
        watched_folders_free(files->folders);
        free(files);
}

int watched_files_fd(const struct watched_files *files)
{
        return files->fd;
}

int watched_files_count(const struct watched_files *files)
{
        return (int)files->n_marked;
}

uint64_t watched_files_overflows(const struct watched_files *files)
{
        return files->overflows;
}
