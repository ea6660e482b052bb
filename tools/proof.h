/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the ledger says of the machine's boots, and what is handed on to the next one: for status. */
#pragma once

#include <json-c/json.h>

#include "verbs.h"

/* proof_gather - adds "ledger", "gain" and "next" to a status, as far as there is something */
void proof_gather(const struct request *request, struct json_object *status);

/* proof_print - the gain in a sentence or two; proof_print_next - what the next boot does, where it was told
 */
void proof_print(struct json_object *gain);
void proof_print_next(struct json_object *next);
