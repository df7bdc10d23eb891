/* width.h - text in columns of a terminal.
 *
 * A column is what a terminal gives an ASCII letter.  East Asian Wide and
 * Fullwidth characters and emoji take two, combining marks, joiners and control
 * characters none (utf8proc's table of Unicode Standard Annex #11), ambiguous
 * characters one, and so does a byte that is not UTF-8.  Characters are summed
 * one by one, as most terminals do: an emoji made of several is as wide as all
 * of them. */
#ifndef CORE_BASE_WIDTH_H
#define CORE_BASE_WIDTH_H

#include "core/base/buf.h"

/* Columns of s[0..n). */
size_t text_width(const char *s, size_t n);

/* Bytes of the longest beginning of s[0..n) that takes at most `columns`: whole
 * characters, with the combining marks behind the last. */
size_t text_fit(const char *s, size_t n, size_t columns);

/* The same of the end: where it begins. */
size_t text_fit_end(const char *s, size_t n, size_t columns);

/* Blanks that fill s up to `columns`, for "%*s". */
int text_fill(const char *s, size_t columns);

/* Appends s, cut where it is wider than `columns`, and blanks up to there:
 * behind it, or with `right` before it. */
void buf_add_column(struct buf *out, const char *s, size_t columns, bool right);

#endif
