/* unigram_lattice.h - all ways to cut a word into unigram's tokens: a node for each token that fits somewhere. */
#ifndef CORE_TOKEN_UNIGRAM_LATTICE_H
#define CORE_TOKEN_UNIGRAM_LATTICE_H

#include "core/token/tok_internal.h"

#define LATTICE_NONE UINT32_MAX

struct fit {
    uint32_t begin, end;
    uint32_t next; /* the next one that ends at the same place, or LATTICE_NONE */
    int32_t id;
    double score;
    double upto;   /* its user's: what the ways up to its end come to */
};

struct unigram_lattice {
    const struct tokenizer *t;
    const uint8_t *word;
    size_t n_word;
    struct fit *fit; /* [n] by where they begin, the short ones first */
    uint32_t *ends;  /* [n_word + 1] the first that ends there, or LATTICE_NONE */
    size_t n, cap;
};

int unigram_lattice_init(struct unigram_lattice *l, const struct tokenizer *t, const uint8_t *word, size_t n, struct err *e);
void unigram_lattice_free(struct unigram_lattice *l);
/* Appends the ids of a way, fit[way[0..n)]. */
int unigram_lattice_put(const struct unigram_lattice *l, const uint32_t *way, size_t n, struct tok_ids *out, struct err *e);

#endif
