/* unigram_sample.h - a way to cut a word into unigram's tokens, drawn as tok_sample.h says: among all by going
 * back from the end of the word, where a token is as likely as all ways that it ends are together. */
#ifndef CORE_TOKEN_UNIGRAM_SAMPLE_H
#define CORE_TOKEN_UNIGRAM_SAMPLE_H

#include "core/token/tok_internal.h"
#include "core/token/tok_sample.h"

int unigram_sample(const struct tokenizer *t, const struct tok_sampling *o, struct draws *d, const uint8_t *word, size_t n,
                   struct tok_ids *out, struct err *e);

#endif
