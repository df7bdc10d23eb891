#include "core/base/rng.h"

#include <assert.h>
#include <math.h>

void philox4x32(const uint32_t ctr[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = ctr[0], c1 = ctr[1], c2 = ctr[2], c3 = ctr[3], k0 = key[0], k1 = key[1];
    for (int r = 0; r < 10; r++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* The seed is the Philox key; purpose, a and b fill the upper counter words:
 * 8 bits of purpose and 24 of b share one, which callers must not exceed. */
struct rng_key rng_key(uint64_t seed, enum rng_purpose purpose, uint32_t a, uint32_t b)
{
    assert(b < 1u << 24);
    return (struct rng_key){{(uint32_t)seed, (uint32_t)(seed >> 32)},
                            {a, (uint32_t)purpose << 24 | b}};
}

void rng_block(const struct rng_key *k, uint64_t block, uint32_t out[4])
{
    uint32_t ctr[4] = {(uint32_t)block, (uint32_t)(block >> 32), k->c[0], k->c[1]};
    philox4x32(ctr, k->k, out);
}

uint32_t rng_u32(const struct rng_key *k, uint64_t index)
{
    uint32_t w[4];
    rng_block(k, index >> 2, w);
    return w[index & 3];
}

static uint64_t rng_u64(const struct rng_key *k, uint64_t index)
{
    uint32_t w[4];
    rng_block(k, index >> 1, w);
    return (uint64_t)w[(index & 1) * 2 + 1] << 32 | w[(index & 1) * 2];
}

float rng_f32(const struct rng_key *k, uint64_t index)
{
    return (float)(rng_u32(k, index) >> 8) * 0x1p-24f;
}

double rng_f64(const struct rng_key *k, uint64_t index)
{
    return (double)(rng_u64(k, index) >> 11) * 0x1p-53;
}

float rng_normal(const struct rng_key *k, uint64_t index)
{
    uint64_t w = rng_u64(k, index);
    double u = ((double)(uint32_t)w + 0.5) * 0x1p-32, v = (double)(uint32_t)(w >> 32) * 0x1p-32;
    return (float)(sqrt(-2.0 * log(u)) * cos(6.283185307179586476925 * v));
}

__extension__ typedef unsigned __int128 wide;

uint64_t rng_below(const struct rng_key *k, uint64_t index, uint64_t n)
{
    return (uint64_t)(((wide)rng_u64(k, index) * n) >> 64);
}

/* Balanced Feistel over 2*half bits >= log2(n), four rounds; values outside
 * [0,n) are walked along the cycle.  The domain is < 4n, so < 4 walks a call
 * are expected. */
uint64_t perm_at(uint64_t seed, uint32_t epoch, uint64_t n, uint64_t i)
{
    assert(i < n);
    unsigned half = 1;
    while (half < 32 && (uint64_t)1 << (2 * half) < n) half++;
    uint64_t mask = ((uint64_t)1 << half) - 1;
    struct rng_key key = rng_key(seed, RNG_SHUFFLE, epoch, 0);
    uint64_t x = i;
    do {
        uint64_t l = x >> half, r = x & mask;
        for (uint32_t round = 0; round < 4; round++) {
            uint32_t w[4];
            rng_block(&key, r << 3 | round, w);
            uint64_t t = l ^ (w[0] & mask);
            l = r;
            r = t;
        }
        x = l << half | r;
    } while (x >= n);
    return x;
}
