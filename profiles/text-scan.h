/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The small parts of a line of the text twin. Each function takes its part off the front of the line and
 * says whether it was there. Private to profiles/.
 */
#pragma once

#include "text.h"

/* scan_word - exactly these characters */
bool scan_word(const char **line, const char *word);

/* scan_u64, scan_u32, scan_i64 - a decimal number without superfluous zeros */
bool scan_u64(const char **line, uint64_t *ret);
bool scan_u32(const char **line, uint32_t *ret);
bool scan_i64(const char **line, int64_t *ret);

/* scan_string - a quoted string of at most PROFILE_STRING_MAX bytes, unescaped, into @ret with a NUL */
bool scan_string(const char **line, char ret[static PROFILE_STRING_MAX + 1]);

bool scan_uuid(const char **line, uint8_t ret[static 16]);

/* scan_name - a run of lower-case letters, digits and '-' that is @name */
bool scan_name(const char **line, const char *name);

bool scan_set(const char **line, const struct text_bit *bits, uint32_t *ret);
