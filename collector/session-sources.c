/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which sources a session has: the choice at the start, and fanotify in audit's place later. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "session.h"

static bool whole_machine(const struct session *session)
{
        return !session->options->command && (session->options->early || !*session->collection->view.prefix);
}

/* With audit=1 every process since the first has an audit context. */
static bool audit_since_boot(const struct view *view)
{
        char text[4096], *rest = NULL;

        if (view_read(view->proc, "cmdline", text, sizeof text) < 0)
                return false;
        for (char *word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest))
                if (!strcmp(word, "audit=1") || !strcmp(word, "audit=on"))
                        return true;
        return false;
}

static void drop(struct session *session, enum session_slot slot)
{
        if (!session->sources[slot])
                return;
        session->sources[slot]->class->stop(session->sources[slot], session->collection);
        source_free(session->sources[slot]);
        session->sources[slot] = NULL;
}

static int start_audit(struct session *session, const char **ret_why)
{
        struct collection *collection = session->collection;
        int r;

        if (whole_machine(session) && !audit_since_boot(&collection->view) &&
            source_gap_start(collection, &session->sources[SLOT_GAP]) < 0)
                session->sources[SLOT_GAP] = NULL; /* the profile's set of sources says so */
        r = source_audit_start(collection, &session->scope, &session->sources[SLOT_MAIN], ret_why);
        if (r > 0 && session->sources[SLOT_GAP])
                source_gap_limit(session->sources[SLOT_GAP], collection);
        if (r <= 0) {
                drop(session, SLOT_GAP);
                collection->sources &= ~(uint32_t)PROFILE_SOURCE_FANOTIFY_GAP;
        }
        return r;
}

static int start_fanotify(struct session *session)
{
        return source_fanotify_start(session->collection, &session->scope, &session->sources[SLOT_MAIN]);
}

static void note_choice(struct session *session, const char *source, const char *why)
{
        snprintf(session->collection->choice, sizeof session->collection->choice, "%s: %s", source, why);
}

/* fanotify costs less, and touches nothing that others use. Return: 0, 1 where none may be used (@ret_why),
 * or negative errno. */
static int start_main(struct session *session, const char **ret_why)
{
        enum source_choice choice = session->options->source;
        int r;

        if (choice == CHOOSE_AUDIT) {
                note_choice(session, "audit", "asked for by name");
        } else {
                note_choice(session, "fanotify",
                            choice == CHOOSE_AUTO ? "cheaper than audit" : "asked for by name");
                r = start_fanotify(session);
                if (r == 0 || choice == CHOOSE_FANOTIFY)
                        return r;
                note_choice(session, "audit: fanotify can't be used", strerror(-r));
        }
        r = start_audit(session, ret_why);
        return r > 0 ? 0 : r < 0 ? r : 1;
}

/* Return: 0 or negative errno (EOPNOTSUPP: the kernel does not tell). */
static int start_pages(struct session *session)
{
        struct collection *collection = session->collection;
        int root = mounts_find_root(&collection->mounts), r;

        if (root >= 0 && collection->mounts.filesystems[root].layered)
                return -EOPNOTSUPP; /* of files below it, which nobody opens by a name in it */
        r = source_trace_start(collection, &session->scope, &session->sources[SLOT_TRACE]);
        if (r == 0 && !(collection->contents & PROFILE_CONTENT_TOUCHED_PAGES))
                r = -EOPNOTSUPP;
        return r == -ENOENT ? -EOPNOTSUPP : r;
}

int session_start(struct session *session, const char **ret_why)
{
        struct collection *collection = session->collection;
        int r;

        session->scope.root = session->options->command ? getpid() : 0;
        collection->whole = !session->options->command;
        if (session->options->pages)
                return start_pages(session);
        if (source_lives_start(collection, &session->scope, &session->sources[SLOT_LIVES]) < 0)
                session->sources[SLOT_LIVES] = NULL; /* the profile's contents say so */
        r = start_main(session, ret_why);
        if (r == 0)
                session_load_init(session);
        if (r == 0 && source_trace_start(collection, &session->scope, &session->sources[SLOT_TRACE]) < 0)
                session->sources[SLOT_TRACE] = NULL;
        return r;
}

/* fanotify sees first, and only then audit goes: an access in between is there twice, not lost. */
int session_replace_audit(struct session *session, const char *why)
{
        struct collection *collection = session->collection;
        struct source *audit = session->sources[SLOT_MAIN];
        char change[sizeof collection->choice];
        int r;

        if (!audit || !source_is_audit(audit))
                return 0;
        session_load_end(session);
        r = start_fanotify(session);
        audit->class->stop(audit, collection);
        source_free(audit);
        drop(session, SLOT_GAP);
        if (r < 0)
                session->sources[SLOT_MAIN] = NULL;
        else
                session_load_init(session);
        snprintf(change, sizeof change, "then fanotify: %s", why);
        collection_explain(collection, change);
        return r;
}

void session_stop(struct session *session)
{
        session_load_end(session);
        for (int slot = 0; slot < SESSION_SLOTS; slot++)
                drop(session, (enum session_slot)slot);
}
