#include "data/minhash.h"

#if defined(__x86_64__)
#include <immintrin.h>

/* Sixteen lanes stay in two registers while all shingles pass by; two chains
 * hide the latency of the multiplication (10 cycles). */
void minhash_min_avx2(const uint32_t *mul, const uint32_t *add, int lanes, const uint64_t *shingle,
                      size_t n, uint32_t *sig)
{
    for (int i = 0; i < lanes; i += 16) {
        __m256i m0 = _mm256_loadu_si256((const void *)(mul + i)),
                m1 = _mm256_loadu_si256((const void *)(mul + i + 8));
        __m256i a0 = _mm256_loadu_si256((const void *)(add + i)),
                a1 = _mm256_loadu_si256((const void *)(add + i + 8));
        __m256i s0 = _mm256_set1_epi32(-1), s1 = s0;
        for (size_t k = 0; k < n; k++) {
            __m256i lo = _mm256_set1_epi32((int)(uint32_t)shingle[k]);
            __m256i hi = _mm256_set1_epi32((int)(uint32_t)(shingle[k] >> 32));
            s0 = _mm256_min_epu32(
                s0, _mm256_add_epi32(_mm256_mullo_epi32(lo, m0), _mm256_xor_si256(hi, a0)));
            s1 = _mm256_min_epu32(
                s1, _mm256_add_epi32(_mm256_mullo_epi32(lo, m1), _mm256_xor_si256(hi, a1)));
        }
        _mm256_storeu_si256((void *)(sig + i), s0);
        _mm256_storeu_si256((void *)(sig + i + 8), s1);
    }
}
#else
void minhash_min_avx2(const uint32_t *mul, const uint32_t *add, int lanes, const uint64_t *shingle,
                      size_t n, uint32_t *sig)
{
    minhash_min_ref(mul, add, lanes, shingle, n, sig);
}
#endif
