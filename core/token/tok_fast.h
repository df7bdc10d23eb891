/* tok_fast.h - words remembered by their bytes in the text.
 *
 * Where a text can be cut so that no step of the chains and no token reaches
 * over the cut, the ids of a part depend on nothing but its bytes: they come
 * from a cache, and only parts not seen before go through the chains.  Where
 * that cannot be shown, there is no fast way and t->fast stays NULL. */
#ifndef CORE_TOKEN_TOK_FAST_H
#define CORE_TOKEN_TOK_FAST_H

#include "core/token/tok_internal.h"

int tok_fast_init(struct tokenizer *t, struct err *e);
void tok_fast_free(struct tok_fast *f);
/* The segment text[0..n), which stands at s->offset, without spans. */
int tok_fast_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                     unsigned flags, struct tok_ids *out, struct err *e);

#endif
