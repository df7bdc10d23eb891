#include "data/minhash.h"

#if defined(__x86_64__)
#include <immintrin.h>

/* Up to 144 values stay in registers while all shingles pass by: of 32 registers 27
 * hold factors, summands and minima of nine times 16. */
static inline __attribute__((always_inline)) void
some(const uint32_t *mul, const uint32_t *add, int vectors, const uint64_t *shingle, size_t n,
     uint32_t *sig)
{
    __m512i m[9], a[9], s[9]; /* unrolled, or they would stay in memory */
#pragma GCC unroll 9
    for (int v = 0; v < vectors; v++) {
        m[v] = _mm512_loadu_si512(mul + 16 * v);
        a[v] = _mm512_loadu_si512(add + 16 * v);
        s[v] = _mm512_set1_epi32(-1);
    }
    for (size_t k = 0; k < n; k++) {
        __m512i lo = _mm512_set1_epi32((int)(uint32_t)shingle[k]);
        __m512i hi = _mm512_set1_epi32((int)(uint32_t)(shingle[k] >> 32));
#pragma GCC unroll 9
        for (int v = 0; v < vectors; v++)
            s[v] = _mm512_min_epu32(
                s[v], _mm512_add_epi32(_mm512_mullo_epi32(lo, m[v]), _mm512_xor_si512(hi, a[v])));
    }
#pragma GCC unroll 9
    for (int v = 0; v < vectors; v++)
        _mm512_storeu_si512(sig + 16 * v, s[v]);
}

void minhash_min_avx512(const uint32_t *mul, const uint32_t *add, int lanes,
                        const uint64_t *shingle, size_t n, uint32_t *sig)
{
    int i = 0;
    for (; i + 144 <= lanes; i += 144)
        some(mul + i, add + i, 9, shingle, n, sig + i);
    for (; i + 112 <= lanes; i += 112)
        some(mul + i, add + i, 7, shingle, n, sig + i);
    for (; i + 64 <= lanes; i += 64)
        some(mul + i, add + i, 4, shingle, n, sig + i);
    for (; i + 16 <= lanes; i += 16)
        some(mul + i, add + i, 1, shingle, n, sig + i);
}
#else
void minhash_min_avx512(const uint32_t *mul, const uint32_t *add, int lanes,
                        const uint64_t *shingle, size_t n, uint32_t *sig)
{
    minhash_min_ref(mul, add, lanes, shingle, n, sig);
}
#endif
