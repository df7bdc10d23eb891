/* minhash.h - signatures whose agreement estimates Jaccard similarity, cut into
 * bands for locality-sensitive hashing.  With b bands of r rows, documents of
 * similarity s share a band with probability 1 - (1 - s^r)^b. */
#ifndef DATA_MINHASH_H
#define DATA_MINHASH_H

#include <stddef.h>
#include <stdint.h>

enum { MINHASH_MAX = 9216, MINHASH_MAX_BANDS = 512, MINHASH_LANES = 16 };

/* The kernel: sig[i] = min over shingles x of (low(x) * mul[i] + (high(x) ^ add[i])),
 * mod 2^32, for `lanes` values (a multiple of MINHASH_LANES). */
typedef void minhash_fn(const uint32_t *mul, const uint32_t *add, int lanes,
                        const uint64_t *shingle, size_t n, uint32_t *sig);

struct minhash {
    int bands, rows, padded; /* padded: bands * rows up to a multiple of MINHASH_LANES */
    minhash_fn *kernel;
    uint32_t mul[MINHASH_MAX], add[MINHASH_MAX];
};

/* bands <= MINHASH_MAX_BANDS, bands * rows <= MINHASH_MAX. */
void minhash_init(struct minhash *m, int bands, int rows, uint64_t seed);
/* One key a band; equal keys make a candidate pair. */
void minhash_keys(const struct minhash *m, const uint64_t *shingle, size_t n, uint64_t *keys);

minhash_fn minhash_min_ref, minhash_min_avx2, minhash_min_avx512;
minhash_fn *minhash_best(void); /* what this CPU can do, capped by LLMCTL_ISA */

#endif
