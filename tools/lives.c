/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lives: a profile's processes as a tree, and which of them are still there. A pid alone says nothing: it is
 * given anew. Boot, pid and start time together are never.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "input.h"
#include "machine.h"
#include "show.h"
#include "words.h"

enum { DEPTH_SHOWN = 20 }; /* deeper ones stand no further to the right */

struct tree {
        const struct profile *profile;
        bool *shown, *alive;     /* of each process */
        uint32_t *child, *next;  /* the first child, the next one of the same parent, or PROFILE_NONE */
        uint32_t *depth, *stack; /* among those that are shown; what is still to be visited */
};

static bool read_text(const char *root, const char *name, char *ret, size_t size)
{
        char path[INPUT_PATH_MAX];
        FILE *file;
        size_t n;

        snprintf(path, sizeof path, "%s/proc/%s", root, name);
        file = fopen(path, "re");
        if (!file)
                return false;
        n = fread(ret, 1, size - 1, file);
        ret[n] = '\0';
        fclose(file);
        return n > 0;
}

static bool is_this_boot(const struct request *request, const struct profile_boot *boot)
{
        char text[WORD_MAX], uuid[WORD_MAX];

        if (!read_text(request->root, "sys/kernel/random/boot_id", text, sizeof text))
                return false;
        text[strcspn(text, "\n")] = '\0';
        return !strcmp(text, word_uuid(boot->id, uuid));
}

static bool is_alive(const struct request *request, const struct profile_process *process)
{
        uint64_t slack = process->flags & PROFILE_PROCESS_TICKS_COMPUTED ? 1 : 0;
        char name[32], text[1024];
        struct process_stat stat;

        snprintf(name, sizeof name, "%u/stat", process->pid);
        /* unknown is 0, which is a true start only of the first process */
        return !(process->flags & PROFILE_PROCESS_EXITED) && (process->start_ticks || process->pid == 1) &&
               read_text(request->root, name, text, sizeof text) && process_stat_parse(text, &stat) &&
               stat.state != 'Z' && stat.state != 'X' && stat.start_ticks <= process->start_ticks + slack &&
               process->start_ticks <= stat.start_ticks + slack;
}

static void tree_done(struct tree *tree)
{
        free(tree->shown);
        free(tree->alive);
        free(tree->child);
        free(tree->next);
        free(tree->depth);
        free(tree->stack);
}

DEFINE_CLEANUP(struct json_object *, json_object_put)

/* Children are linked from the last to the first: so they come out in their order. */
static int tree_init(const struct request *request, const struct profile *profile, struct tree *ret)
{
        bool now[PROFILE_BOOTS_MAX];
        size_t n = profile->n_processes + 1; /* the last one's children are those without parent */
        uint32_t top = (uint32_t)profile->n_processes;

        *ret = (struct tree){.profile = profile,
                             .shown = calloc(n, sizeof *ret->shown),
                             .alive = calloc(n, sizeof *ret->alive),
                             .child = malloc(n * sizeof *ret->child),
                             .next = malloc(n * sizeof *ret->next),
                             .depth = calloc(n, sizeof *ret->depth),
                             .stack = malloc(n * sizeof *ret->stack)};
        if (!ret->shown || !ret->alive || !ret->child || !ret->next || !ret->depth || !ret->stack)
                return -ENOMEM;
        memset(ret->child, 0xff, n * sizeof *ret->child);
        for (size_t i = 0; i < profile->n_boots; i++)
                now[i] = is_this_boot(request, &profile->boots[i]);
        for (uint32_t i = top; i-- > 0;) {
                const struct profile_process *process = &profile->processes[i];
                uint32_t parent = process->parent == PROFILE_NONE ? top : process->parent;

                ret->next[i] = ret->child[parent];
                ret->child[parent] = i;
                ret->alive[i] = now[process->boot] && is_alive(request, process);
                ret->shown[i] = ret->alive[i] || !(request->options & OPTION_ALIVE);
        }
        return 0;
}

static void print_line(const struct tree *tree, uint32_t i)
{
        const struct profile_process *process = &tree->profile->processes[i];

        printf("%10u", process->pid);
        print_moment(process->fork_us);
        if (tree->alive[i])
                printf(" %14s", "alive");
        else
                print_moment(process->exit_us);
        print_status(process);
        printf("  %*s", (int)(2 * (tree->depth[i] < DEPTH_SHOWN ? tree->depth[i] : DEPTH_SHOWN)), "");
        print_program(process);
}

/* Parents before their children, whatever their order in the table. */
static void print_tree(struct tree *tree)
{
        uint32_t top = (uint32_t)tree->profile->n_processes, at = tree->child[top], n = 0, depth = 0;

        printf("%10s %14s %14s %9s  %s\n", "PID", "BEGAN", "ENDED", "STATUS", "EXECUTABLE (UNIT): ARGUMENTS");
        for (;;) {
                while (at == PROFILE_NONE && n > 0) {
                        uint32_t parent = tree->stack[--n];

                        depth = tree->depth[parent];
                        at = tree->next[parent];
                }
                if (at == PROFILE_NONE)
                        return;
                tree->depth[at] = depth;
                if (tree->shown[at]) {
                        print_line(tree, at);
                        depth++;
                }
                tree->stack[n++] = at;
                at = tree->child[at];
        }
}

static int print_json(const struct tree *tree, const char *path)
{
        struct json_object *lives = json_object_new_array(), *object = json_object_new_object();
        CLEANUP(json_object_put) struct json_object *all = NULL;
        struct tally tally;
        int r = tally_init(tree->profile, &tally);

        if (r == 0)
                all = json_processes(tree->profile, &tally);
        for (size_t i = 0; r == 0 && i < tree->profile->n_processes; i++) {
                struct json_object *life = json_object_array_get_idx(all, i);

                if (!tree->shown[i])
                        continue;
                json_number(life, "index", i);
                json_object_object_add(life, "alive", json_object_new_boolean(tree->alive[i]));
                json_object_array_add(lives, json_object_get(life));
        }
        tally_done(&tally);
        json_text(object, "profile", path);
        json_object_object_add(object, "lives", lives);
        if (r == 0)
                json_print(object);
        else
                json_object_put(object);
        return r;
}

int verb_lives(const struct request *request)
{
        CLEANUP(profile_free) struct profile *profile = NULL;
        char buffer[INPUT_PATH_MAX];
        const char *path = input_path(request, buffer);
        struct tree tree = {0};
        int r = input_profile(request, &profile);

        if (r != EXIT_DONE)
                return r;
        r = tree_init(request, profile, &tree);
        if (r == 0 && request->options & OPTION_JSON)
                r = print_json(&tree, path);
        else if (r == 0)
                print_tree(&tree);
        tree_done(&tree);
        return r < 0 ? complain("profile", path, strerror(-r)) : EXIT_DONE;
}
