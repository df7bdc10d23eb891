/* tok_feed.h - decoding ids that come bit by bit.
 *
 * What comes out, put together, is tok_decode() of all ids of a text, for however
 * many at a time they come; each time as much of it as no later id can change.
 * So a byte token waits for the end of its run, which may turn out to be no
 * character, and some tokenizers give nothing before the end: those that decode by rules
 * of SentencePiece for whole texts, by CTC, or by other steps that look at neighbours.
 *
 * Zeroed and tok_feed_init(), then adds, and an end for each text. */
#ifndef CORE_TOKEN_TOK_FEED_H
#define CORE_TOKEN_TOK_FEED_H

#include "core/token/tokenizer.h"

struct tok_feed {
    const struct tokenizer *t;
    bool skip_special, begun; /* begun: text has come out */
    enum tok_feed_way { FEED_AT_ONCE, FEED_TOKENS, FEED_BYTES, FEED_WHOLE } way;
    uint64_t at;              /* position of the next id, for messages; the owner's to set */
    int32_t *held;
    size_t n_held, cap;
};
void tok_feed_init(struct tok_feed *f, const struct tokenizer *t, bool skip_special);
/* Appends bytes, as tok_decode() gives them.  ERR_DATA: an id that is none. */
int tok_feed_add(struct tok_feed *f, const int32_t *id, size_t n, struct buf *out, struct err *e);
/* What is left; then another text may begin. */
int tok_feed_end(struct tok_feed *f, struct buf *out, struct err *e);
void tok_feed_free(struct tok_feed *f);

#endif
