/* rng.h - Philox4x32-10 (Salmon et al., SC'11): random numbers as a pure
 * function of a key and a counter, so nothing depends on call order, threads
 * or interruptions.  A draw is named by (seed, purpose, a, b, index): e.g.
 * purpose RNG_DROPOUT, a = step, b = layer, index = global token * width + i. */
#ifndef CORE_BASE_RNG_H
#define CORE_BASE_RNG_H

#include <stdint.h>

enum rng_purpose {
    RNG_INIT = 1,     /* parameter initialisation: a = parameter index */
    RNG_DROPOUT = 2,  /* a = step, b = op instance */
    RNG_SHUFFLE = 3,  /* data order: a = epoch */
    RNG_SAMPLE = 4,   /* decoding: a = sequence, b = position */
    RNG_MASK = 5,     /* masked language modelling and friends */
    RNG_MIX = 6,      /* choice of source */
    RNG_TOKENS = 7,   /* cutting words at random: a, b = the offset of a text, index from its file on */
    RNG_TEST = 99,
};

struct rng_key {
    uint32_t k[2];
    uint32_t c[2]; /* upper half of the counter */
};

/* The raw function: out = Philox4x32-10(counter, key). */
void philox4x32(const uint32_t ctr[4], const uint32_t key[2], uint32_t out[4]);

struct rng_key rng_key(uint64_t seed, enum rng_purpose purpose, uint32_t a, uint32_t b);
void rng_block(const struct rng_key *k, uint64_t block, uint32_t out[4]); /* words 4*block .. 4*block+3 */
uint32_t rng_u32(const struct rng_key *k, uint64_t index);
float rng_f32(const struct rng_key *k, uint64_t index);       /* [0,1), 24 bits */
double rng_f64(const struct rng_key *k, uint64_t index);      /* [0,1), 53 bits, words 2*index, 2*index+1 */
float rng_normal(const struct rng_key *k, uint64_t index);    /* N(0,1), Box-Muller on double, words 2*index.. */
uint64_t rng_below(const struct rng_key *k, uint64_t index, uint64_t n); /* [0,n), n > 0; bias < n*2^-64 */

/* A keyed permutation of [0,n): Feistel network with cycle walking.  Data
 * order is perm_at(seed, epoch, n, i), so resuming is restoring integers. */
uint64_t perm_at(uint64_t seed, uint32_t epoch, uint64_t n, uint64_t i);

#endif
