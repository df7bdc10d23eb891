/* tok_extend.h - a tokenizer with more added tokens.
 *
 * As add_special_tokens() and add_tokens() of Hugging Face's tokenizers do it: what the
 * vocabulary has keeps its id, others get the next free ones, behind the vocabulary and the
 * added tokens there are.  The result is read as a file is, so that what those programs would
 * read otherwise is refused. */
#ifndef CORE_TOKEN_TOK_EXTEND_H
#define CORE_TOKEN_TOK_EXTEND_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/token/tokenizer.h"

struct tok_more {
    const char *text;
    bool special;   /* else found in normalized text, and text like any other */
    int id;         /* a place in the model's vocabulary, as of tiktoken's special tokens; -1: the next one */
    bool said;      /* all its properties are, and take the place of those that such a token has */
    bool single_word, lstrip, rstrip, normalized;
};

/* *fresh: how many of them got a new id.  NULL: the kind of file has no place for them, a token
 * comes twice, its id is another one's, or a special one would become one that is not. */
struct tokenizer *tok_extend(const struct tokenizer *t, const struct tok_more *v, size_t n, size_t *fresh, struct err *e);

#endif
