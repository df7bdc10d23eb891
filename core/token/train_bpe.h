/* train_bpe.h - which pairs to merge, most frequent first.
 *
 * The corpus is one array of cells, word after word.  A token of n symbols
 * covers n cells; its first and its last cell hold its id, so both neighbours
 * of a token are found without a search, and a merge costs as much as the
 * pair has places, however long the words are. */
#ifndef CORE_TOKEN_TRAIN_BPE_H
#define CORE_TOKEN_TRAIN_BPE_H

#include "core/base/err.h"
#include "core/token/bpe.h"
#include "core/token/vocab.h"

struct bpe_cell {
    uint32_t id, word;
};

/* Words as symbols, ready for bpe_learn().  Zero-initialise. */
struct bpe_corpus {
    struct bpe_cell *cell; /* [n_cells + 2], a guard at both ends */
    size_t n_cells;
    uint64_t *count;       /* [n_words] */
    size_t n_words;
};

/* Room for all words. */
int bpe_corpus_start(struct bpe_corpus *c, size_t n_words, size_t n_symbols, struct err *e);
/* Adds a word without symbols; bpe_corpus_symbol() appends to the last one. */
static inline void bpe_corpus_word(struct bpe_corpus *c, uint64_t count)
{
    c->count[c->n_words++] = count;
}
static inline void bpe_corpus_symbol(struct bpe_corpus *c, uint32_t id)
{
    c->cell[1 + c->n_cells++] = (struct bpe_cell){id, (uint32_t)(c->n_words - 1)};
}
void bpe_corpus_free(struct bpe_corpus *c);

struct bpe_rules {
    int vocab_size;      /* stop when the vocabulary has as many tokens */
    uint32_t max_len;    /* symbols of the longest token; 0 = any */
    uint64_t min_count;  /* pairs seen less often are left alone; at least 1 */
    /* Among equally frequent pairs: the one with lower ids, or the one with the
     * shorter text (characters), then the lower text (bytes). */
    bool ties_by_text;
    /* Two pairs may give the same text.  The second one merges into the same
     * token, or is dropped. */
    bool drop_known;
    /* When nothing is left to merge: the pairs that have been next to each other once,
     * without a place now, become tokens too, in the order of ties. */
    bool fill_up;
    const char *prefix;  /* taken off the right part ("##"), or NULL */
    /* May this text become a token?  NULL = any. */
    bool (*allowed)(const void *arg, const char *text, size_t n);
    const void *arg;
};

/* Adds the new tokens to vocab and the merges to bpe; uses the corpus up.
 * vocab holds the symbols.  *last_count receives the count of the last merge. */
int bpe_learn(struct bpe_corpus *c, const struct bpe_rules *rules, struct vocab *vocab,
              struct bpe *bpe, uint64_t *last_count, struct err *e);

#endif
