/* tok_decode.h - decoding, as tok_decode.c, tok_later.c and tok_feed.c share it. */
#ifndef CORE_TOKEN_TOK_DECODE_H
#define CORE_TOKEN_TOK_DECODE_H

#include "core/token/tok_internal.h"

/* Whether decoding can leave the token out.  Hugging Face's programs look the text up that decoders
 * get among the special ones: an added token that is found as another text is then what that is. */
static inline bool tok_is_skipped(const struct tokenizer *t, int32_t id)
{
    unsigned flags = id >= 0 && id < t->vocab.n ? t->vocab.v[id].flags : 0;
    return ((flags & VOCAB_SPECIAL) != 0) != ((flags & VOCAB_INVERTED) != 0);
}

/* tok_decode.c: what SentencePiece's decoder takes a token for. */
enum dec_token tok_kind_to_decode(const struct tokenizer *t, int32_t id);
/* tok_decode.c: what decoders get of a token: its text in the vocabulary; of an
 * added token that is found after normalising, its normal form. */
const char *tok_said(const struct tokenizer *t, int id, size_t *n);

/* tok_later.c: what each id adds to a text that has begun.  slow: a byte that waits for its neighbours; whole: it has
 * no part of a character.  joined: the decoder is a chain of several steps. */
struct tok_laters {
    struct buf pool;
    bool joined;
    struct tok_later { uint32_t off, len; bool slow, whole; uint8_t byte; } v[]; /* by id */
};
bool tok_by_token(const struct tokenizer *t); /* whether the decoder works token by token */
/* Made by the thread that is first to ask; NULL without memory. */
const struct tok_laters *tok_laters(const struct tokenizer *t, struct err *e);
void tok_laters_free(struct tok_laters *l);
/* Returns n, or the index of an id that is none. */
size_t tok_later_decode(const struct tokenizer *t, const struct tok_laters *l, const int32_t *id, size_t n, bool skip_special,
                        struct buf *out);

/* tok_decode.c: that there is no such token; always -1. */
int tok_bad_id(const struct tokenizer *t, int32_t id, size_t at, struct err *e);
/* tok_decode.c: through the decoder's steps, whatever they are; first = false: text goes on. */
int tok_decode_steps(const struct tokenizer *t, const int32_t *id, size_t n, bool skip_special, bool first,
                     struct buf *out, struct err *e);
/* tok_decode.c: the byte that a token <0xHH> of byte_fallback stands for, or -1. */
int tok_byte_of(const struct tokenizer *t, int id);

#endif
