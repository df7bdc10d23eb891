/* split_bytes.h - 64 bytes with tables, in AVX-512 VBMI and in AVX2 with BMI2: what the masks of
 * splits are made with has one body for both. */
#ifndef CORE_TOKEN_SPLIT_BYTES_H
#define CORE_TOKEN_SPLIT_BYTES_H

#if defined(__AVX512VBMI__) && defined(__AVX512VBMI2__)
#define SPLIT_VBMI 1
#define SPLIT_TABLES 1
#elif defined(__AVX2__) && defined(__BMI2__)
#define SPLIT_TABLES 1
#endif

#ifdef SPLIT_TABLES
#include "core/token/halves.h"

#ifdef SPLIT_VBMI
typedef __m512i split_bytes;

HALVES_INLINE split_bytes split_load(const uint8_t *s)
{
    return _mm512_loadu_si512(s);
}

/* The highest bits of all bytes. */
HALVES_INLINE uint64_t split_top(split_bytes x)
{
    return _mm512_movepi8_mask(x);
}

HALVES_INLINE uint64_t split_is(split_bytes x, int byte)
{
    return _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8((char)byte));
}

/* Bytes from first to last, without a sign. */
HALVES_INLINE uint64_t split_in(split_bytes x, int first, int last)
{
    return _mm512_cmple_epu8_mask(_mm512_sub_epi8(x, _mm512_set1_epi8((char)first)), _mm512_set1_epi8((char)(last - first)));
}

/* Those that go on with a character. */
HALVES_INLINE uint64_t split_cont(split_bytes x)
{
    return _mm512_cmplt_epi8_mask(x, _mm512_set1_epi8(-64));
}

/* Those that have this bit, 0 to 7. */
HALVES_INLINE uint64_t split_bit(split_bytes x, int bit)
{
    return _mm512_test_epi8_mask(x, _mm512_set1_epi8((char)(1 << bit)));
}

/* from + 0 <= x <= from + more, and x is not `but`. */
HALVES_INLINE uint64_t split_ranged(split_bytes x, split_bytes from, split_bytes more, split_bytes but)
{
    return _mm512_cmple_epu8_mask(_mm512_sub_epi8(x, from), more) & _mm512_cmpneq_epi8_mask(x, but);
}

HALVES_INLINE split_bytes split_or(split_bytes x, int bits)
{
    return _mm512_or_si512(x, _mm512_set1_epi8((char)bits));
}

/* table[x & 63]; the second where x & 48 is not 48, or the result is no matter. */
HALVES_INLINE split_bytes split_of_64(const uint8_t table[64], split_bytes x)
{
    return _mm512_permutexvar_epi8(x, _mm512_loadu_si512(table));
}

HALVES_INLINE split_bytes split_of_48(const uint8_t table[64], split_bytes x)
{
    return split_of_64(table, x);
}

/* table[x & 127] */
HALVES_INLINE split_bytes split_of_128(const uint8_t table[128], split_bytes x)
{
    return _mm512_permutex2var_epi8(_mm512_loadu_si512(table), x, _mm512_loadu_si512(table + 64));
}

/* y where the mask has a bit, else x. */
HALVES_INLINE split_bytes split_blend(split_bytes x, split_bytes y, uint64_t mask)
{
    return _mm512_mask_mov_epi8(x, mask, y);
}

/* Every byte in the place of the next one; what comes into the first is no matter. */
HALVES_INLINE split_bytes split_up(split_bytes x)
{
    static const uint8_t back[64] = {0,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
                                     21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42,
                                     43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62};
    return _mm512_permutexvar_epi8(_mm512_loadu_si512(back), x);
}
#else
typedef struct halves split_bytes;

HALVES_INLINE split_bytes split_load(const uint8_t *s)
{
    return halves_load(s);
}

HALVES_INLINE uint64_t split_top(split_bytes x)
{
    return halves_mask(x);
}

HALVES_INLINE uint64_t split_is(split_bytes x, int byte)
{
    return halves_is(x, byte);
}

HALVES_INLINE uint64_t split_in(split_bytes x, int first, int last)
{
    return halves_in(x, first, last);
}

HALVES_INLINE uint64_t split_cont(split_bytes x)
{
    __m256i c0 = _mm256_set1_epi8(-64);
    return halves_mask((struct halves){_mm256_cmpgt_epi8(c0, x.low), _mm256_cmpgt_epi8(c0, x.high)});
}

HALVES_INLINE uint64_t split_bit(split_bytes x, int bit)
{
    return halves_bit(x, bit);
}

HALVES_INLINE __m256i split_half_ranged(__m256i x, __m256i from, __m256i more, __m256i but)
{
    __m256i off = _mm256_sub_epi8(x, from);
    return _mm256_andnot_si256(_mm256_cmpeq_epi8(x, but), _mm256_cmpeq_epi8(_mm256_min_epu8(off, more), off));
}

HALVES_INLINE uint64_t split_ranged(split_bytes x, split_bytes from, split_bytes more, split_bytes but)
{
    return halves_mask((struct halves){split_half_ranged(x.low, from.low, more.low, but.low),
                                       split_half_ranged(x.high, from.high, more.high, but.high)});
}

HALVES_INLINE split_bytes split_or(split_bytes x, int bits)
{
    __m256i y = _mm256_set1_epi8((char)bits);
    return (split_bytes){_mm256_or_si256(x.low, y), _mm256_or_si256(x.high, y)};
}

HALVES_INLINE split_bytes split_of_64(const uint8_t table[64], split_bytes x)
{
    return halves_of_64(table, x);
}

HALVES_INLINE __m256i split_half_of_48(const uint8_t table[64], __m256i x)
{
    __m256i t[3], at = _mm256_and_si256(x, _mm256_set1_epi8(15));
    for (int i = 0; i < 3; i++) t[i] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(table + 16 * i)));
    __m256i a = _mm256_blendv_epi8(_mm256_shuffle_epi8(t[0], at), _mm256_shuffle_epi8(t[1], at), _mm256_slli_epi16(x, 3));
    return _mm256_blendv_epi8(a, _mm256_shuffle_epi8(t[2], at), _mm256_slli_epi16(x, 2));
}

HALVES_INLINE split_bytes split_of_48(const uint8_t table[64], split_bytes x)
{
    return (split_bytes){split_half_of_48(table, x.low), split_half_of_48(table, x.high)};
}

HALVES_INLINE split_bytes split_of_128(const uint8_t table[128], split_bytes x)
{
    return halves_of_128(table, x);
}

/* Bytes of ones where the mask has bits. */
HALVES_INLINE __m256i split_half_of_bits(uint32_t mask)
{
    const __m256i byte = _mm256_set_epi64x(0x0303030303030303, 0x0202020202020202, 0x0101010101010101, 0);
    const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201);
    __m256i x = _mm256_shuffle_epi8(_mm256_set1_epi32((int)mask), byte);
    return _mm256_cmpeq_epi8(_mm256_and_si256(x, bit), bit);
}

HALVES_INLINE split_bytes split_blend(split_bytes x, split_bytes y, uint64_t mask)
{
    return (split_bytes){_mm256_blendv_epi8(x.low, y.low, split_half_of_bits((uint32_t)mask)),
                     _mm256_blendv_epi8(x.high, y.high, split_half_of_bits((uint32_t)(mask >> 32)))};
}

HALVES_INLINE split_bytes split_up(split_bytes x)
{
    __m256i before = _mm256_permute2x128_si256(x.low, x.low, 0x08), between = _mm256_permute2x128_si256(x.low, x.high, 0x21);
    return (split_bytes){_mm256_alignr_epi8(x.low, before, 15), _mm256_alignr_epi8(x.high, between, 15)};
}
#endif

#endif
#endif
