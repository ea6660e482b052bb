/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Texts in the JSON reports of collector and replay, which start too early to link a library for them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* json_print_text - prints a quoted JSON string
 * JSON is Unicode and paths are bytes: those that are no characters are shown as \xNN.
 * Return: whether there were such bytes. */
bool json_print_text(FILE *file, const char *text);

/* json_character_length - the bytes of the UTF-8 character (RFC 3629) that the text begins with
 * Return: 1 to 4, or 0: it is none. */
size_t json_character_length(const char *text);
