/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "json-text.h"
#include "machine.h"
#include "process.h"

enum { ATTEMPTS = 100 }; /* another one with the same name may take the temporary one away */

void sources_name(uint32_t sources, char *ret, size_t size)
{
        snprintf(ret, size, "%s%s%s", sources & PROFILE_SOURCE_AUDIT ? "audit" : "",
                 sources & PROFILE_SOURCE_AUDIT && sources & ~PROFILE_SOURCE_AUDIT ? "+" : "",
                 sources & (PROFILE_SOURCE_FANOTIFY | PROFILE_SOURCE_FANOTIFY_GAP) ? "fanotify" : "");
}

/* Return: the pid of the collector that collect.pid names, 0 where it is dead. */
static pid_t living_collector(const struct view *view)
{
        unsigned long long ticks;
        struct life life;
        char text[64];
        int pid;

        if (view_read(view->run, "collect.pid", text, sizeof text) < 0 ||
            sscanf(text, "%d %llu", &pid, &ticks) != 2 || life_read(view, pid, &life) < 0)
                return 0;
        return life.start_ticks == ticks ? pid : 0;
}

void report_clean(const struct view *view)
{
        static const char *const temporary[] = {"collect.pid.new", "collect.source.new", "collect.json.new",
                                                "pages.pid.new", "pages.json.new"};

        if (living_collector(view))
                return;
        for (size_t i = 0; i < sizeof temporary / sizeof *temporary; i++)
                unlinkat(view->run, temporary[i], 0);
        unlinkat(view->run, "collect.pid", 0);
}

bool report_was_cut_short(const struct view *view)
{
        return faccessat(view->run, "collect.source", F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
               !living_collector(view);
}

/* Without a name, for several collectors may end at once, and a kill is to leave nothing. */
static FILE *create(const struct view *view)
{
        int fd = openat(view->run, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0644);
        FILE *file = fd < 0 ? NULL : fdopen(fd, "we");

        if (fd >= 0 && !file)
                close(fd);
        return file;
}

static int publish(const struct view *view, FILE *file, const char *name)
{
        char temporary[32];

        snprintf(temporary, sizeof temporary, "%s.new", name);
        if (fflush(file) || ferror(file))
                return -EIO;
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
                unlinkat(view->run, temporary, 0);
                if (linkat(fileno(file), "", view->run, temporary, AT_EMPTY_PATH) == 0 &&
                    renameat(view->run, temporary, view->run, name) == 0)
                        return 0;
                if (errno != EEXIST && errno != ENOENT)
                        break;
        }
        return -errno;
}

static int write_pid(const struct view *view, const char *name)
{
        _cleanup_fclose_ FILE *file = create(view);
        struct life self = {0};

        if (!file)
                return -errno;
        life_read(view, getpid(), &self);
        fprintf(file, "%d %" PRIu64 "\n", (int)getpid(), self.start_ticks);
        return publish(view, file, name);
}

static int write_source(const struct collection *collection)
{
        _cleanup_fclose_ FILE *file = create(&collection->view);
        char name[32];

        if (!file)
                return -errno;
        sources_name(collection->sources, name, sizeof name);
        fprintf(file, "%s\n", name);
        return publish(&collection->view, file, "collect.source");
}

int report_begin(const struct collection *collection)
{
        int r = write_pid(&collection->view, "collect.pid");

        return r < 0 ? r : write_source(collection);
}

static void print_text(FILE *file, const char *name, const char *text)
{
        fprintf(file, "  \"%s\": ", name);
        json_print_text(file, text);
        fputs(",\n", file);
}

static uint64_t pages_of(const struct profile *profile)
{
        uint64_t pages = 0;

        for (size_t i = 0; i < profile->n_ranges; i++)
                pages += profile->ranges[i].count;
        return pages;
}

static void print_counts(FILE *file, const struct profile *profile)
{
        uint64_t metadata = 0;

        for (size_t i = 0; i < profile->n_metadata; i++)
                metadata += profile->metadata[i].count;
        fprintf(file, "  \"files\": %zu,\n  \"pages\": %" PRIu64 ",\n  \"metadata_pages\": %" PRIu64 ",\n",
                profile->n_files, pages_of(profile), metadata);
        fprintf(file, "  \"processes\": %zu,\n  \"accesses\": %zu,\n", profile->n_processes,
                profile->n_accesses);
}

static void print_course(FILE *file, const struct collection *collection)
{
        fprintf(file, "  \"start_us\": %" PRIu64 ",\n  \"duration_us\": %" PRIu64 ",\n", collection->start_us,
                collection_now_us(collection));
        fprintf(file, "  \"processor_us\": %" PRIu64 ",\n  \"losses\": {", own_processor_us());
        for (int loss = 0; loss < PROFILE_LOSS_COUNT; loss++)
                fprintf(file, "%s\n    \"%s\": %" PRIu64, loss ? "," : "",
                        profile_loss_name((enum profile_loss)loss), collection->recording->losses[loss]);
        fputs("\n  }\n}\n", file);
}

int report_end(const struct collection *collection, const struct profile *profile, const char *path,
               const char *why)
{
        _cleanup_fclose_ FILE *file = collection->whole ? create(&collection->view) : NULL;
        char name[32];

        if (!file)
                return collection->whole ? -errno : 0;
        sources_name(collection->sources, name, sizeof name);
        fputs("{\n  \"version\": 1,\n", file);
        print_text(file, "result", profile ? "done" : "failed");
        print_text(file, "why", why);
        print_text(file, "profile", path);
        print_text(file, "source", name);
        print_text(file, "choice", collection->choice);
        if (profile)
                print_counts(file, profile);
        print_course(file, collection);
        if (living_collector(&collection->view) == getpid()) { /* else they are another one's by now */
                unlinkat(collection->view.run, "collect.pid", 0);
                unlinkat(collection->view.run, "collect.source", 0);
        }
        return publish(&collection->view, file, "collect.json");
}

int report_begin_pages(const struct collection *collection)
{
        return write_pid(&collection->view, "pages.pid");
}

static void print_hits(FILE *file, const struct hits *hits)
{
        const struct {
                const char *name;
                uint64_t pages;
        } kinds[] = {{"hit", hits->hits}, {"missed", hits->misses}, {"wasted", hits->waste}};

        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                fprintf(file, "  \"%s_pages\": %" PRIu64 ",\n  \"%s_bytes\": %" PRIu64 ",\n", kinds[i].name,
                        kinds[i].pages, kinds[i].name, kinds[i].pages * PROFILE_PAGE_SIZE);
        fprintf(file, "  \"stale_files\": %" PRIu64 ",\n  \"missed_files\": %" PRIu64 ",\n",
                hits->files_stale, hits->files_missed);
        fprintf(file, "  \"unnamed_files\": %" PRIu64 ",\n", hits->files_unnamed);
}

int report_end_pages(const struct collection *collection, const struct hits *hits, const char *path,
                     const char *why)
{
        _cleanup_fclose_ FILE *file = create(&collection->view);

        if (!file)
                return -errno;
        fputs("{\n  \"version\": 1,\n", file);
        print_text(file, "result", hits ? "done" : "failed");
        print_text(file, "why", why);
        print_text(file, "profile", path);
        if (hits)
                print_hits(file, hits);
        print_course(file, collection);
        unlinkat(collection->view.run, "pages.pid", 0);
        return publish(&collection->view, file, "pages.json");
}
