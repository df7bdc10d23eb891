#include "core/token/tok_sieve.h"

#if defined(__AVX512VBMI__)
#include <immintrin.h>

static inline uint64_t has(__m512i bits, uint64_t high, int low_bit, int high_bit)
{
    return (_mm512_test_epi8_mask(bits, _mm512_set1_epi8((char)low_bit)) & ~high) | (_mm512_test_epi8_mask(bits, _mm512_set1_epi8((char)high_bit)) & high);
}

static size_t sieve(const struct tok_sieve *v, const uint8_t *s, size_t n, size_t from)
{
    __m512i low = _mm512_loadu_si512(v->byte), up = _mm512_loadu_si512(v->byte + 64);
    for (; n - from > 64; from += 64) {
        __m512i x = _mm512_loadu_si512(s + from), y = _mm512_loadu_si512(s + from + 1);
        uint64_t first = has(_mm512_permutex2var_epi8(low, x, up), _mm512_movepi8_mask(x), SIEVE_FIRST, SIEVE_FIRST_HIGH);
        if (!first) continue;
        first &= has(_mm512_permutex2var_epi8(low, y, up), _mm512_movepi8_mask(y), SIEVE_SECOND, SIEVE_SECOND_HIGH);
        if (first) return from + (size_t)__builtin_ctzll(first);
    }
    return from;
}

tok_sieve_fn *const tok_sieve_avx512vbmi = sieve;
#else
tok_sieve_fn *const tok_sieve_avx512vbmi = NULL;
#endif
