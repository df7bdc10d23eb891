/* Text that is its own normal form, with AVX2. */
#include "core/token/halves.h"
#include "core/token/norm_alone.h"

#if defined(__AVX2__) && defined(__BMI2__)

#define VEC struct halves

HALVES_INLINE struct halves load(const void *p)
{
    return halves_load(p);
}

/* ASCII, and what is above this of the other bytes; -1: ASCII alone. */
HALVES_INLINE uint64_t above(struct halves x, char byte)
{
    __m256i y = _mm256_set1_epi8(byte);
    return halves_mask((struct halves){_mm256_cmpgt_epi8(x.low, y), _mm256_cmpgt_epi8(x.high, y)});
}

HALVES_INLINE uint64_t in(struct halves x, int first, int last)
{
    return first == last ? halves_is(x, first) : halves_in(x, first, last);
}

/* table[x & 63] of bytes that are not above 0xEF. */
HALVES_INLINE __m256i by_lead(const uint8_t table[64], __m256i x)
{
    __m256i at = _mm256_and_si256(x, _mm256_set1_epi8(15)), t[3];
    for (int i = 0; i < 3; i++) t[i] = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(table + 16 * i))), at);
    __m256i two = _mm256_blendv_epi8(t[0], t[1], _mm256_slli_epi16(x, 3));
    return _mm256_blendv_epi8(two, t[2], _mm256_slli_epi16(x, 2));
}

HALVES_INLINE __m256i in_leads_half(const struct leads *t, __m256i x, __m256i y)
{
    __m256i off = _mm256_sub_epi8(y, by_lead(t->low, x)), more = by_lead(t->more, x);
    __m256i within = _mm256_cmpeq_epi8(_mm256_min_epu8(off, more), off);
    return _mm256_andnot_si256(_mm256_cmpeq_epi8(y, by_lead(t->but, x)), within);
}

/* Bytes that begin a character of the ranges; y: those behind them. */
HALVES_INLINE uint64_t in_leads(const struct leads *t, struct halves x, struct halves y)
{
    return halves_mask((struct halves){in_leads_half(t, x.low, y.low), in_leads_half(t, x.high, y.high)});
}

#include "core/token/norm_windows_body.h"

norm_windows_fn *const norm_windows_avx2bmi = windows;
#else
norm_windows_fn *const norm_windows_avx2bmi = NULL;
#endif
