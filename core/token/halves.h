/* halves.h - 64 bytes as two registers of AVX2, for files *_avx2bmi.c.
 *
 * What is one instruction of AVX-512 VBMI (a mask of a comparison, a table of 64 or 128 bytes, the
 * bytes under a mask side by side) is a few here. */
#ifndef CORE_TOKEN_HALVES_H
#define CORE_TOKEN_HALVES_H

#if defined(__AVX2__) && defined(__BMI2__)
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HALVES_INLINE static inline __attribute__((always_inline))

struct halves {
    __m256i low, high;
};

HALVES_INLINE struct halves halves_load(const void *p)
{
    const __m256i *at = p;
    return (struct halves){_mm256_loadu_si256(at), _mm256_loadu_si256(at + 1)};
}

HALVES_INLINE void halves_store(void *p, struct halves x)
{
    __m256i *at = p;
    _mm256_storeu_si256(at, x.low);
    _mm256_storeu_si256(at + 1, x.high);
}

/* The highest bits of all bytes. */
HALVES_INLINE uint64_t halves_mask(struct halves x)
{
    return (uint32_t)_mm256_movemask_epi8(x.low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(x.high) << 32;
}

HALVES_INLINE uint64_t halves_is(struct halves x, int byte)
{
    __m256i y = _mm256_set1_epi8((char)byte);
    return halves_mask((struct halves){_mm256_cmpeq_epi8(x.low, y), _mm256_cmpeq_epi8(x.high, y)});
}

/* Bytes from first to last, without a sign. */
HALVES_INLINE __m256i halves_half_in(__m256i x, int first, int last)
{
    __m256i d = _mm256_sub_epi8(x, _mm256_set1_epi8((char)first));
    return _mm256_cmpeq_epi8(_mm256_min_epu8(d, _mm256_set1_epi8((char)(last - first))), d);
}

HALVES_INLINE uint64_t halves_in(struct halves x, int first, int last)
{
    return halves_mask((struct halves){halves_half_in(x.low, first, last), halves_half_in(x.high, first, last)});
}

/* Bytes that have this one bit, 0 to 7. */
HALVES_INLINE uint64_t halves_bit(struct halves x, int bit)
{
    __m128i by = _mm_cvtsi32_si128(7 - bit);
    return halves_mask((struct halves){_mm256_sll_epi16(x.low, by), _mm256_sll_epi16(x.high, by)});
}

/* table[x & 63]. */
HALVES_INLINE __m256i halves_half_of_64(const uint8_t table[64], __m256i x)
{
    __m256i row = _mm256_slli_epi16(x, 3), other = _mm256_slli_epi16(x, 2); /* bit 4, bit 5: to the top of the byte */
    __m256i t[4];
    for (int i = 0; i < 4; i++) t[i] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(table + 16 * i)));
    __m256i at = _mm256_and_si256(x, _mm256_set1_epi8(15));
    __m256i a = _mm256_blendv_epi8(_mm256_shuffle_epi8(t[0], at), _mm256_shuffle_epi8(t[1], at), row);
    __m256i b = _mm256_blendv_epi8(_mm256_shuffle_epi8(t[2], at), _mm256_shuffle_epi8(t[3], at), row);
    return _mm256_blendv_epi8(a, b, other);
}

HALVES_INLINE struct halves halves_of_64(const uint8_t table[64], struct halves x)
{
    return (struct halves){halves_half_of_64(table, x.low), halves_half_of_64(table, x.high)};
}

/* table[x & 127]. */
HALVES_INLINE struct halves halves_of_128(const uint8_t table[128], struct halves x)
{
    struct halves a = halves_of_64(table, x), b = halves_of_64(table + 64, x);
    return (struct halves){_mm256_blendv_epi8(a.low, b.low, _mm256_slli_epi16(x.low, 1)),
                           _mm256_blendv_epi8(a.high, b.high, _mm256_slli_epi16(x.high, 1))};
}

/* A mask of the n lowest of 64 bits, n from 0 to 64. */
HALVES_INLINE uint64_t halves_below(size_t n)
{
    return _bzhi_u64(~(uint64_t)0, (unsigned)n);
}

/* bytes[0..n), n from 0 to 64, and zeros behind them; nothing else is read. */
HALVES_INLINE struct halves halves_load_some(const uint8_t *bytes, size_t n)
{
    uint8_t all[64] = {0};
    if (n == 64) return halves_load(bytes);
    memcpy(all, bytes, n);
    return halves_load(all);
}

/* The bytes of from[0..64) that have a bit, side by side; up to 8 more are written behind them.  How many there were. */
HALVES_INLINE size_t halves_compress(uint8_t *to, const uint8_t *from, uint64_t which)
{
    uint8_t *begin = to;
    for (int i = 0; i < 64; i += 8) {
        uint64_t x, bytes = _pdep_u64(which >> i, 0x0101010101010101) * 255;
        memcpy(&x, from + i, sizeof x);
        x = _pext_u64(x, bytes);
        memcpy(to, &x, sizeof x);
        to += _mm_popcnt_u64(which >> i & 255);
    }
    return (size_t)(to - begin);
}

#endif
#endif
