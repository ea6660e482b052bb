/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Texts in the JSON reports of collector and replay, which start too early to link a library for them.
 */
#pragma once

#include <stdio.h>

/* json_text - prints a quoted JSON string
 * JSON is Unicode and paths are bytes: those that are no characters are shown as \xNN. */
void json_text(FILE *file, const char *text);
