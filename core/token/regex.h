/* regex.h - the regular expressions of tokenizer.json files.
 *
 * Such files are written for Oniguruma (Ruby's syntax, Unicode 16): `{n,m}+` is
 * not possessive, `^` begins a line, (?i:s) takes the long s, (?i:ss) U+DF.  This is a
 * backtracking matcher of our own for that syntax: what is not understood is
 * refused by name, and matching has limits of steps, for one match and for all of
 * a text.  The splits of public models do not come here, see split.h.
 *
 * It takes groups with and without names, options imx, look-arounds (behind of any
 * length), atomic groups, lazy and possessive repetition, references to groups, classes with
 * && and [:names:], categories, scripts, binary properties, \R \X \N \O \G \h, \K, conditions
 * that are groups.  Not: \y, other conditions, absent operators, calls of groups, blocks of characters
 * (\p{InX}), raw bytes, options of ASCII (?WDSP), and where the engine is odd: \K, \R, \X and
 * letters that fold to several in a look-behind, references under (?i), from inside the group and to
 * groups in a repetition of what can be empty.
 *
 * Why not pcre2: Debian's (10.42) has the characters of Unicode 14, which would
 * move word borders.  10,301 characters are younger, 40 more are in another class.
 * Of the young ones the words of "ab" X X "c 12" X " " X "x" differ from Oniguruma's
 * for 9,392 with the expressions of GPT-2, Llama 3 and Qwen2, for 9,485 with those
 * of o200k, Tekken and Qwen3.5, and for 10,174 with DeepSeek-V3's.  It cuts as fast as
 * pcre2's JIT, see docs/speed.md; split.h 1.9 to 2.3 GB/s.
 *
 * Checked: tests/unit/test_regex_pcre2.c compares with pcre2, in its syntax, on
 * characters that both know; 880,000 random texts and expressions (groups, lazy
 * and possessive repetitions, look-arounds) gave the same matches, and 155,000 gave
 * Oniguruma's words; likewise each cased character under (?i), and 60,000 texts and
 * expressions of classes that fold.  scripts/check-hf-regex.py compares with Oniguruma: 101 sets on every
 * character, 23,000 random expressions on 40 texts each without a difference.
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
const char *regex_pattern(const struct regex *r); /* as it was given */

struct regex_work *regex_work_new(struct err *e);
void regex_work_free(struct regex_work *w);

/* One match in s[0..n) after the other as find_iter does, each the leftmost: 1 with its
 * borders, 0 if there is none, -1 when it takes more than the allowed steps.  An empty match right
 * after the previous one does not count.  Start with {.last = SIZE_MAX}. */
struct regex_iter {
    size_t from;
    size_t last;    /* end of the last match, SIZE_MAX = none */
    uint64_t steps; /* of all matches so far, which have a limit, too */
    uint64_t most, text; /* private: that limit */
};
int regex_next(const struct regex *r, struct regex_work *w, const uint8_t *s, size_t n,
               struct regex_iter *it, size_t *begin, size_t *end, struct err *e);

#endif
