/* train_chain.h - words as an encoder will see them: the normalizer and the
 * pre-tokenizer of a tokenizer.json, whatever steps they have. */
#ifndef CORE_TOKEN_TRAIN_CHAIN_H
#define CORE_TOKEN_TRAIN_CHAIN_H

#include "core/token/normalize.h"
#include "core/token/pretok.h"
#include "core/token/tokenizer.h"
#include "core/token/train_words.h"

/* Work space of one thread; zero-initialise. */
struct chain_work {
    struct norm norm;
    struct pre pre;
    struct buf bytes;
    struct word_table raw; /* short words as they are in the text, which the chain has not seen yet */
    size_t begins[WORD_BATCH], ends[WORD_BATCH];
};
void chain_work_free(struct chain_work *w);

/* A tokenizer with these parts (JSON texts, NULL = none) and an empty model. */
struct tokenizer *chain_make(const char *normalizer, const char *pre, struct err *e);
bool chain_gives_bytes(const struct tokenizer *chain); /* a ByteLevel step */
/* Counts the words of a text: bytes if the model sees bytes, else characters.
 * Where the text can be cut into words before the chain (tok_fast.h), it sees
 * each distinct one once, at the latest in chain_flush(). */
int chain_count(const struct tokenizer *chain, struct chain_work *w, struct word_table *words, const char *text,
                size_t n, uint64_t *n_words, struct err *e);
int chain_flush(const struct tokenizer *chain, struct chain_work *w, struct word_table *words, uint64_t *n_words,
                struct err *e);

#endif
