/* words_internal.h - shared by words_*.c and their test. */
#ifndef DATA_WORDS_INTERNAL_H
#define DATA_WORDS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/words.h"
#include "data/words_class.h"

extern const char *const words_specials[]; /* lines; NULL ends */

/* Appends a word and finds out what it is.  w->oom when out of memory. */
void words_push(struct words *w, const char *text, size_t begin, size_t len);
/* The same word. */
struct word words_measure(const char *text, size_t begin, size_t len);

/* Makes the table of special cases, once; false when out of memory. */
bool words_start(void);
enum { WORDS_ABBREVIATION = 8 }; /* bytes at most */
/* After that: is this a word of letters whose full stop belongs to it ("e.g.", "Mr.")? */
bool words_abbreviation(const char *s, size_t n);

/* ---- words_tailor.c ---- */
/* Tailors the words b ... of w, the segments of text [from, to) without white space. */
void words_tailor(struct words *w, const char *text, size_t b, size_t from, size_t to);
/* Does the full stop at `at` stand between a small letter and a capital, or quotes? */
bool words_stop_parts(const struct words_table *t, const char *s, size_t from, size_t to, size_t at);
/* Of a word, the bytes of "'s", "n't" and the like at its end; 0 when there is none. */
size_t words_clitic(const char *s, size_t n);

void words_fast_start(const struct words_table *t); /* fills tables; once */

/* The words of a block of 64 ASCII bytes, whose first is byte `begin` of the text: run
 * i from the i-th bit of starts up to the i-th of ends.  Each is one mark or all of `core`
 * (letters and digits), with no more of it next to the run; `letter` is part of core.
 * Returns how many; up to WORDS_RUNS_MORE behind them are overwritten. */
enum { WORDS_RUNS_MORE = 16 };
typedef size_t words_runs_fn(struct word *out, size_t begin, uint64_t starts, uint64_t ends,
                             uint64_t core, uint64_t letter);
words_runs_fn words_runs_ref, words_runs_avx512vbmi;
words_runs_fn *words_runs_best(void);

/* ---- words_affix.c: what stands at the ends and inside of a chunk ---- */
size_t words_prefix(const struct words_table *t, const char *s, size_t n); /* bytes, 0 = none */
size_t words_suffix(const struct words_table *t, const char *s, size_t n);
/* The next infix at or after `from`: its begin and end. */
bool words_infix(const struct words_table *t, const char *s, size_t n, size_t from, size_t *begin,
                 size_t *end);
bool words_is_url(const struct words_table *t, const char *s, size_t n);

#endif
