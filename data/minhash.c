#include "data/minhash.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/rng.h"

void minhash_init(struct minhash *m, int bands, int rows, uint64_t seed)
{
    assert(bands > 0 && rows > 0 && bands <= MINHASH_MAX_BANDS && bands * rows <= MINHASH_MAX);
    struct rng_key key = rng_key(seed, RNG_SHUFFLE, 0x6d696e, 7);
    m->bands = bands;
    m->rows = rows;
    m->kernel = minhash_best();
    m->padded = (bands * rows + MINHASH_LANES - 1) / MINHASH_LANES * MINHASH_LANES;
    for (int i = 0; i < m->padded; i++) {
        m->mul[i] = rng_u32(&key, (uint64_t)i * 2) | 1;
        m->add[i] = rng_u32(&key, (uint64_t)i * 2 + 1);
    }
}

void minhash_min_ref(const uint32_t *mul, const uint32_t *add, int lanes, const uint64_t *shingle,
                     size_t n, uint32_t *sig)
{
    for (int i = 0; i < lanes; i++)
        sig[i] = UINT32_MAX;
    for (size_t k = 0; k < n; k++) {
        uint32_t lo = (uint32_t)shingle[k], hi = (uint32_t)(shingle[k] >> 32);
        for (int i = 0; i < lanes; i++) {
            uint32_t v = lo * mul[i] + (hi ^ add[i]);
            if (v < sig[i]) sig[i] = v;
        }
    }
}

minhash_fn *minhash_best(void)
{
#if defined(__x86_64__)
    const char *cap = getenv("LLMCTL_ISA");
    bool ref = cap && strcmp(cap, "ref") == 0, avx2 = cap && strcmp(cap, "avx2") == 0;
    if (!ref && !avx2 && __builtin_cpu_supports("avx512f")) return minhash_min_avx512;
    if (!ref && __builtin_cpu_supports("avx2")) return minhash_min_avx2;
#endif
    return minhash_min_ref;
}

void minhash_keys(const struct minhash *m, const uint64_t *shingle, size_t n, uint64_t *keys)
{
    uint32_t sig[MINHASH_MAX];
    m->kernel(m->mul, m->add, m->padded, shingle, n, sig);
    for (int b = 0; b < m->bands; b++)
        keys[b] = hash64_seed(sig + b * m->rows, (size_t)m->rows * sizeof *sig, (uint64_t)b + 1);
}
