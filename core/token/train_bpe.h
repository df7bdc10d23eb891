/* train_bpe.h - which pairs to merge, most frequent first. */
#ifndef CORE_TOKEN_TRAIN_BPE_H
#define CORE_TOKEN_TRAIN_BPE_H

#include "core/base/err.h"
#include "core/token/bpe.h"
#include "core/token/train_words.h"
#include "core/token/vocab.h"

/* Words as symbols, ready for bpe_learn().  Zero-initialise. */
struct bpe_corpus {
    uint32_t *sym;     /* all words, one after the other */
    size_t *begin;     /* [n_words] */
    uint32_t *len;     /* symbols that are left of each word */
    uint64_t *count;
    size_t n_words, n_sym;
};

/* byte_id maps each byte to its token. */
int bpe_corpus_make(struct bpe_corpus *c, const struct word_table *words,
                    const int32_t byte_id[256], struct err *e);
void bpe_corpus_free(struct bpe_corpus *c);

/* Merges until the vocabulary has vocab_size tokens or no pair is seen at least
 * min_count times.  Among equally frequent pairs the one with lower ids comes
 * first.  Adds the new tokens to vocab and the merges to bpe, and shortens the
 * words.  *last_count receives the count of the last merge. */
int bpe_learn(struct bpe_corpus *c, int vocab_size, uint64_t min_count, struct vocab *vocab,
              struct bpe *bpe, uint64_t *last_count, struct err *e);

#endif
