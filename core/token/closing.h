/* closing.h - how the source and the target of an encoder-decoder end: as the
 * template ends them (T5, BART: </s>), or, where it adds nothing, with the
 * end-of-text token.  Training and generation must agree on it. */
#ifndef CORE_TOKEN_CLOSING_H
#define CORE_TOKEN_CLOSING_H

#include "core/token/tokenizer.h"

/* The id that is to follow ids encoded with TOK_TEMPLATE, -1 = none. */
static inline int tok_closing(const struct tokenizer *t, const int32_t *id, size_t n)
{
    return n && tok_is_special(t, id[n - 1]) ? -1 : tok_eos(t);
}

#endif
