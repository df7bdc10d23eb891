/* tok_fast.h - words remembered by their bytes in the text, for every kind of
 * model whose words do not depend on their neighbours. */
#ifndef CORE_TOKEN_TOK_FAST_H
#define CORE_TOKEN_TOK_FAST_H

#include "core/token/tok_internal.h"

struct tok_fast;
/* Sets t->fast when words can be told apart in the text itself; else NULL. */
int tok_fast_init(struct tokenizer *t, struct err *e);
void tok_fast_free(struct tok_fast *f);
/* The segment text[0..n) without spans. */
int tok_fast_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                     unsigned flags, struct tok_ids *out, struct err *e);

#endif
