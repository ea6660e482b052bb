/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs.h"

const struct verb verbs[] = {
        {"status", "", "what bootahead does in this boot, and what it knows", VERB_PLAIN, OPTION_JSON, 0, 0,
         verb_status},
        {"show", "[PROFILE]", "what a profile holds", VERB_PLAIN,
         OPTION_JSON | OPTION_FILES | OPTION_PROCESSES | OPTION_ACCESSES, 0, 1, verb_show},
        {"lives", "[PROFILE]", "the processes of a profile as a tree, and which of them are still there",
         VERB_PLAIN, OPTION_JSON | OPTION_ALIVE, 0, 1, verb_lives},
        {"dump", "[PROFILE]", "a profile as text", VERB_PLAIN, OPTION_OUTPUT | OPTION_TRAVEL, 0, 1,
         verb_dump},
        {"load", "[TEXT]", "a profile from its text", VERB_PLAIN, OPTION_OUTPUT, 0, 1, verb_load},
        {"verify", "[PROFILE]", "whether a boot would take a profile", VERB_PLAIN, OPTION_JSON, 0, 1,
         verb_verify},
        {"config", "", "the settings in effect and where each comes from; see bootahead.conf(5)", VERB_PLAIN,
         OPTION_JSON, 0, 0, verb_config},
        {"enable", "", "handle boots, from the next one on", VERB_PLAIN, 0, 0, 0, verb_switch},
        {"disable", "", "leave boots alone, from the next one on", VERB_PLAIN, 0, 0, 0, verb_switch},
        {"collect-next", "", "collect the next boot anew", VERB_PLAIN, 0, 0, 0, verb_switch},
        {"forget", "", "delete the profile and what is known of earlier boots", VERB_PLAIN, 0, 0, 0,
         verb_switch},
        {"record", "COMMAND...", "record what a command and its descendants open", VERB_COMMAND,
         OPTION_OUTPUT | OPTION_SOURCE, 1, -1, verb_record},
        {"replay", "[OPTION...] [PROFILE]", "read ahead what a profile names; see bootahead-replay(8)",
         VERB_THROUGH, 0, 0, -1, verb_replay},
        {"watch", "[OPTION...]", "print what happens to files and processes; see bootahead-watch(8)",
         VERB_THROUGH, 0, 0, -1, verb_watch},
};

const size_t n_verbs = sizeof verbs / sizeof *verbs;
