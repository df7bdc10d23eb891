/* tok_lines.h - where a text can be cut in two and still give the same ids:
 * behind a newline, for the tokenizers that let nothing reach over it.
 *
 * So a text of any size is counted in parts, and its beginning is known
 * without looking at the rest. */
#ifndef CORE_TOKEN_TOK_LINES_H
#define CORE_TOKEN_TOK_LINES_H

#include "core/token/tokenizer.h"

/* Whether there are such places at all; false: nobody has shown it for these steps. */
bool tok_lines_apart(const struct tokenizer *t);
/* Whether tok_count() may be asked about parts of a text: lines are apart, or with
 * TOK_GOES_ON all parts but the first give the rest of the ids. */
bool tok_counts_parts(const struct tokenizer *t);

/* May s[0..n) be cut at `at`?  Only for tokenizers that count parts; looks
 * at 8 bytes around it at most (struct doc_cfg). */
bool tok_may_cut(const void *tokenizer, const char *s, size_t n, size_t at);
/* The first such place in [from, n), or n; the last one in (0, to], or 0.  Also
 * for other tokenizers: then n and 0. */
size_t tok_cut_from(const struct tokenizer *t, const char *s, size_t n, size_t from);
size_t tok_cut_upto(const struct tokenizer *t, const char *s, size_t n, size_t to);

/* How many ids tok_encode() gives.  No array of all ids is made where lines are
 * apart or words come from a cache (tok_fast.h).  flags without TOK_LIMITS; work: emptied and used. */
int tok_count(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, unsigned flags,
              struct tok_ids *work, uint64_t *count, struct err *e);
/* How many TOK_TEMPLATE adds around one text, and how often the text is there: some
 * post-processors name it more than once. */
size_t tok_around(const struct tokenizer *t);
int tok_text_times(const struct tokenizer *t);

#endif
