#include "core/token/tok_sieve.h"

#include "core/token/halves.h"

#if defined(__AVX2__) && defined(__BMI2__)

/* For each byte the groups that have both its halves. */
HALVES_INLINE __m256i groups(const uint8_t halves[2][16], __m256i x)
{
    const __m256i half = _mm256_set1_epi8(15);
    __m256i lower = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)halves[0]));
    __m256i upper = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)halves[1]));
    return _mm256_and_si256(_mm256_shuffle_epi8(lower, _mm256_and_si256(x, half)),
                            _mm256_shuffle_epi8(upper, _mm256_and_si256(_mm256_srli_epi16(x, 4), half)));
}

HALVES_INLINE struct halves all_groups(const uint8_t halves[2][16], struct halves x)
{
    return (struct halves){groups(halves, x.low), groups(halves, x.high)};
}

HALVES_INLINE uint64_t in_both(struct halves x, struct halves y)
{
    return ~halves_is((struct halves){_mm256_and_si256(x.low, y.low), _mm256_and_si256(x.high, y.high)}, 0);
}

/* The first byte is that one, or, -1, in some group. */
HALVES_INLINE size_t sieve_by(const struct tok_sieve *v, const int only, const uint8_t *s, size_t n, size_t from)
{
    for (; n - from > 64; from += 64) {
        struct halves x = halves_load(s + from), first = {_mm256_set1_epi8(-1), _mm256_set1_epi8(-1)};
        uint64_t found = only < 0 ? ~(uint64_t)0 : halves_is(x, only);
        if (!found) continue;
        if (only < 0) first = all_groups(v->first, x);
        found &= in_both(first, all_groups(v->second, halves_load(s + from + 1)));
        if (found) return from + _tzcnt_u64(found);
    }
    return from;
}

static size_t sieve(const struct tok_sieve *v, const uint8_t *s, size_t n, size_t from)
{
    return v->only < 0 ? sieve_by(v, -1, s, n, from) : sieve_by(v, v->only, s, n, from);
}

tok_sieve_fn *const tok_sieve_avx2bmi = sieve;
#else
tok_sieve_fn *const tok_sieve_avx2bmi = NULL;
#endif
