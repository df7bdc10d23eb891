/* tok_shorten.h - a text cut to a number of tokens, as text.
 *
 * A cut never tears a character, nor the bytes of a token: it falls between two
 * tokens of the whole text.  What is left is encoded once more, and cut again
 * should it have more tokens than asked for (a tokenizer may read a part of a
 * text in another way than the whole). */
#ifndef CORE_TOKEN_TOK_SHORTEN_H
#define CORE_TOKEN_TOK_SHORTEN_H

#include "core/token/tokenizer.h"

enum tok_keep { TOK_KEEP_HEAD, TOK_KEEP_TAIL, TOK_KEEP_MIDDLE, TOK_KEEP_ENDS };

struct tok_shorten {
    size_t max;          /* tokens at most; with TOK_TEMPLATE its tokens are among them */
    enum tok_keep keep;
    unsigned flags;      /* TOK_SPECIAL, TOK_TEMPLATE, TOK_STRICT */
    const char *between; /* TOK_KEEP_ENDS: stands between the ends, and counts */
    size_t n_between;
};

/* Work space; zero-initialise. */
struct tok_short {
    struct buf text;     /* the result, where something was cut */
    bool cut;            /* false: the text as it was */
    size_t tokens;       /* of the result, those of the template included */
    struct tok_ids ids, end, check;
};
void tok_short_free(struct tok_short *x);

/* Reads only as much of a long text as is needed where lines are apart
 * (tok_lines.h). */
int tok_shorten(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                const struct tok_shorten *o, struct tok_short *out, struct err *e);

#endif
