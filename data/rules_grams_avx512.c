/* The steps of rules_grams_bound.c, eight places at a time. */
#include "data/rules_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>

static inline __m512i next(__m512i gram, const uint64_t *word)
{
    return _mm512_xor_si512(_mm512_rol_epi64(gram, 23), _mm512_loadu_si512(word));
}

static inline __m256i load4(const uint32_t *v)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)v);
}

static inline void store4(uint32_t *to, __m256i x)
{
    _mm256_storeu_si256((__m256i *)(void *)to, x);
}

void rules_gram_steps_avx512(const uint64_t *h, const uint32_t *chars, unsigned sum_shift, unsigned bloom_shift,
                             struct gram_steps *out)
{
    const __m512i mul = _mm512_set1_epi64((long long)RULES_HASH_B), one = _mm512_set1_epi64(1),
                  low6 = _mm512_set1_epi64(63);
    const __m128i to_sum = _mm_cvtsi32_si128((int)sum_shift), to_bloom = _mm_cvtsi32_si128((int)bloom_shift);
    for (size_t i = 0; i < GRAM_STEPS; i += 8) {
        const uint64_t *p = h + i;
        __m512i gram = next(_mm512_loadu_si512(p), p + 1);
        store4(out->sum_at + i, _mm512_cvtepi64_epi32(_mm512_srl_epi64(_mm512_mullo_epi64(gram, mul), to_sum)));
        gram = _mm512_mullo_epi64(next(next(next(gram, p + 2), p + 3), p + 4), mul);
        store4(out->bloom_at + i, _mm512_cvtepi64_epi32(_mm512_srl_epi64(gram, to_bloom)));
        __m512i a = _mm512_sllv_epi64(one, _mm512_and_si512(gram, low6));
        __m512i b = _mm512_sllv_epi64(one, _mm512_and_si512(_mm512_srli_epi64(gram, 6), low6));
        _mm512_storeu_si512(out->pair + i, _mm512_or_si512(a, b));
        const uint32_t *c = chars + i;
        __m256i sum =
            _mm256_add_epi32(_mm256_add_epi32(load4(c), load4(c + 1)), _mm256_add_epi32(load4(c + 2), load4(c + 3)));
        store4(out->chars + i, _mm256_add_epi32(sum, _mm256_set1_epi32(3)));
    }
}

uint32_t rules_most_avx512(const uint32_t *v, size_t n)
{
    __m512i most = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i += 16)
        most = _mm512_max_epu32(most, _mm512_loadu_si512(v + i));
    return _mm512_reduce_max_epu32(most);
}
#endif
