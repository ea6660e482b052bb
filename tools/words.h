/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers, names and times as people read them, and as JSON has them. */
#pragma once

#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>

/* Room for any of the words below. */
enum { WORD_MAX = 48 };

/* word_size - "29.3 MiB"; word_count - "1,314"; word_time - "2026-11-21 07:12:03 UTC"; word_seconds -
 * "14.0 s". Each writes into @ret and returns it. */
const char *word_size(uint64_t bytes, char ret[static WORD_MAX]);
const char *word_count(uint64_t count, char ret[static WORD_MAX]);
const char *word_time(uint64_t wall_us, char ret[static WORD_MAX]);
const char *word_seconds(uint64_t microseconds, char ret[static WORD_MAX]);
const char *word_uuid(const uint8_t uuid[16], char ret[static WORD_MAX]);

/* print_name - a name of whatever bytes: what would confuse a terminal or a line is written \xNN */
void print_name(FILE *out, const char *name);

/* json_text - adds a text. JSON holds Unicode only: bytes that are none are written as print_name() does,
 * and "KEY_escaped": true stands beside it. */
void json_text(struct json_object *object, const char *key, const char *text);
void json_number(struct json_object *object, const char *key, uint64_t number);

/* json_print - prints the object as text and gives it up */
void json_print(struct json_object *object);
