/* regex.h - the regular expressions of tokenizer.json files.
 *
 * Such files are written for Oniguruma (Ruby syntax, Unicode 16): `{n,m}+` is
 * not possessive, (?i:s) takes the long s, \p{..} is of that version of
 * Unicode.  A library with other tables or rules would move word borders, so
 * this is a backtracking matcher of our own for that syntax: what is not
 * understood is refused by name, and matching has a limit of steps.
 *
 * A byte of broken UTF-8 is one character that is in no class. */
#ifndef CORE_TOKEN_REGEX_H
#define CORE_TOKEN_REGEX_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct regex;
struct regex_work; /* of one thread */

struct regex *regex_new(const char *pattern, size_t n, struct err *e);
void regex_free(struct regex *r);

struct regex_work *regex_work_new(struct err *e);
void regex_work_free(struct regex_work *w);

/* The leftmost match that begins at or after `from` in s[0..n): 1 with its
 * borders, 0 if there is none, -1 when it takes more than the allowed steps. */
int regex_search(const struct regex *r, struct regex_work *w, const uint8_t *s, size_t n,
                 size_t from, size_t *begin, size_t *end, struct err *e);

/* One match after the other as find_iter does: an empty match right after the
 * previous match does not count.  Start with {0, -1}. */
struct regex_iter {
    size_t from;
    size_t last; /* end of the last match, SIZE_MAX = none */
};
int regex_next(const struct regex *r, struct regex_work *w, const uint8_t *s, size_t n,
               struct regex_iter *it, size_t *begin, size_t *end, struct err *e);

#endif
