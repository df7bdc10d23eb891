/* unigram_nbest.h - the best ways to cut a word into unigram's tokens.
 *
 * Through the lattice of unigram_lattice.h.  The sum of the best way
 * to each node is known at once; the ways are then made from the end of the word by A* with
 * it, the one that can still become best first.  Ways of equal sums come as they come out of
 * the binary heap, which is SentencePiece's NBestEncode(): scripts/check-sp-nbest.py. */
#ifndef CORE_TOKEN_UNIGRAM_NBEST_H
#define CORE_TOKEN_UNIGRAM_NBEST_H

#include "core/token/tok_internal.h"

enum { NBEST_MOST = 1024 };

struct nbest_way {
    size_t first, n; /* its ids: nbest.ids.id[first..first+n) */
    double sum;
};

/* Zero-initialise. */
struct nbest {
    struct nbest_way *way;
    size_t n, cap;
    struct tok_ids ids; /* of all ways, one behind the other, as encoding gives them */
    bool unfinished;    /* the search ended before there were as many as wanted: too many are about as good */
};

/* At most `most` ways, best first; fewer where there are no more, or unfinished. */
int unigram_nbest(const struct tokenizer *t, const uint8_t *word, size_t n, size_t most, struct nbest *out, struct err *e);
void nbest_free(struct nbest *v);

#endif
