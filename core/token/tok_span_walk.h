/* tok_span_walk.h - spans of ids that are known, by what becomes of each character of the text. */
#ifndef CORE_TOKEN_TOK_SPAN_WALK_H
#define CORE_TOKEN_TOK_SPAN_WALK_H

#include "core/token/tok_internal.h"

/* Of a token of up to 16 bytes of ASCII their number without the prefix, and as many bits; TOK_SPAN_OTHER: it is another. */
enum { TOK_SPAN_OTHER = 0xFF };
struct tok_span_size {
    uint16_t ones;
    uint8_t n;
    bool inner : 1, sign : 1; /* it goes on a word; it is a sign */
};
void tok_span_sizes(const struct tokenizer *t, struct tok_span_size *v); /* v[vocab.n] */

/* text[begin..end) by the chains, whose ids are from *at on; 1: they are others. */
typedef int tok_span_chains(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t begin, size_t end, size_t n,
                            size_t *at, struct tok_ids *out, struct err *e);

/* tok_form_spans.c: where t->fast->formed; 1: the chains have to find them all. */
int tok_form_spans(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, const struct tok_span_size *size,
                   const struct tok_ids *ids, tok_span_chains *chains, struct tok_ids *out, struct err *e);

#endif
