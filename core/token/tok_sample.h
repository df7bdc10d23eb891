/* tok_sample.h - encoding at random: a text is cut now so, now so, and a model that learns from it sees
 * more than one spelling of a word (subword regularization).
 *
 * Byte pairs leave merges out, each time with the probability `dropout`: as HF tokenizers do, where a pair
 * that was left out has its next chance with the next merge; of a SentencePiece model as SentencePiece does,
 * where it has none until one of its sides changes.  Unigram draws among the ways to cut a word (of a .model:
 * the text) with probabilities in proportion to exp(alpha * the sum of their scores), as SentencePiece does:
 * among all ways, or the nbest best.
 *
 * What is drawn follows from the seed and the place of a text alone, so threads do not matter. */
#ifndef CORE_TOKEN_TOK_SAMPLE_H
#define CORE_TOKEN_TOK_SAMPLE_H

#include "core/token/tokenizer.h"

enum { TOK_SAMPLE_BEST = 512 }; /* nbest at most, as in SentencePiece */

struct tok_sampling {
    double dropout; /* byte pairs: 0 to 1 */
    double alpha;   /* unigram: above 0, and less than 1 evens chances out */
    size_t nbest;   /* unigram: 0 = all ways */
    uint64_t seed;
};

/* Whether the tokenizer can do that (ERR_USAGE: why not). */
int tok_sample_check(const struct tokenizer *t, const struct tok_sampling *o, struct err *e);
/* From now on texts are encoded so, through the chains; *o stays the caller's. */
void tok_sample(struct tok_scratch *s, const struct tok_sampling *o);
/* The text to come is the one at this place of this file. */
void tok_sample_at(struct tok_scratch *s, uint32_t file, uint64_t offset);

#endif
