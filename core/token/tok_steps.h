/* tok_steps.h - the chains of a tokenizer in a few words each, for people. */
#ifndef CORE_TOKEN_TOK_STEPS_H
#define CORE_TOKEN_TOK_STEPS_H

#include "core/base/buf.h"
#include "core/token/tokenizer.h"

/* Append to out.  What happens to a text before it is cut: "NFD, accents out, lower case", or "none". */
void tok_steps_normal(const struct tokenizer *t, struct buf *out);
/* Where it is cut into words: "white space, punctuation", or the name of a split. */
void tok_steps_split(const struct tokenizer *t, struct buf *out);
/* What the template puts around a text: "[CLS] A [SEP]"; of two (pair) "[CLS] A [SEP] B [SEP]".
 * Nothing where the tokenizer has no template, or none for two. */
void tok_steps_template(const struct tokenizer *t, bool pair, struct buf *out);

#endif
