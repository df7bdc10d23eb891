/* lanes.h - 16 characters of a text in the lanes of a vector, for files *_avx512vbmi.c. */
#ifndef CORE_TOKEN_LANES_H
#define CORE_TOKEN_LANES_H

#if defined(__AVX512VBMI__) && defined(__AVX512VBMI2__)
#include <immintrin.h>
#include <stdint.h>

#define LANES_INLINE static inline __attribute__((always_inline))

/* Tables for 16 lanes: of the upper half of a byte, which of its bits are the code point's; how far a code point of
 * fewer than 4 bytes is too far up; and of how many bytes it is the first. */
#define LANES_FOUR_TIMES(...) {__VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__}
#define LANES_BITS 127, 127, 127, 127, 127, 127, 127, 127, 63, 63, 63, 63, 31, 31, 15, 7
#define LANES_DOWN 18, 18, 18, 18, 18, 18, 18, 18, 0, 0, 0, 0, 12, 12, 6, 0
#define LANES_SIZES 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 2, 2, 3, 4
static const _Alignas(64) uint8_t lanes_own_bits[64] = LANES_FOUR_TIMES(LANES_BITS), lanes_too_far[64] = LANES_FOUR_TIMES(LANES_DOWN),
                                  lanes_own_sizes[64] = LANES_FOUR_TIMES(LANES_SIZES);

/* Of 64 bytes of UTF-8, those that begin a character. */
LANES_INLINE uint64_t lanes_first(__m512i x)
{
    return _mm512_cmpgt_epi8_mask(x, _mm512_set1_epi8(-65));
}

/* The four bytes from the first one of each of the 16 characters on that begin at the first bits of `first`; what is
 * behind the last of them is no matter. */
LANES_INLINE __m512i lanes_bytes(__m512i x, uint64_t first)
{
    const __m512i number = _mm512_set_epi8(63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41,
                                           40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18,
                                           17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m512i at = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(_mm512_maskz_compress_epi8(first, number)));
    at = _mm512_add_epi8(_mm512_mullo_epi32(at, _mm512_set1_epi32(0x01010101)), _mm512_set1_epi32(0x03020100));
    return _mm512_permutexvar_epi8(at, x);
}

/* Of such bytes, how many are the character's. */
LANES_INLINE __m512i lanes_sizes(__m512i c)
{
    __m512i half = _mm512_and_si512(_mm512_srli_epi32(c, 4), _mm512_set1_epi32(15));
    return _mm512_and_si512(_mm512_shuffle_epi8(_mm512_load_si512(lanes_own_sizes), half), _mm512_set1_epi32(255));
}

/* Code points of the same. */
LANES_INLINE __m512i lanes_points(__m512i c)
{
    __m512i half = _mm512_and_si512(_mm512_srli_epi32(c, 4), _mm512_set1_epi8(15));
    __m512i own = _mm512_and_si512(c, _mm512_shuffle_epi8(_mm512_load_si512(lanes_own_bits), half));
    own = _mm512_and_si512(own, _mm512_set1_epi32(0x3F3F3F7F)); /* what is behind may be more than 6 bits */
    __m512i two = _mm512_maddubs_epi16(own, _mm512_set1_epi16(0x0140)); /* 64 of the one, 1 of the other */
    __m512i all = _mm512_madd_epi16(two, _mm512_set1_epi32(0x00011000)); /* 4096, 1 */
    __m512i down = _mm512_shuffle_epi8(_mm512_load_si512(lanes_too_far), half);
    return _mm512_srlv_epi32(all, _mm512_and_si512(down, _mm512_set1_epi32(255)));
}

LANES_INLINE __m512i lanes_decode(__m512i x, uint64_t first)
{
    return lanes_points(lanes_bytes(x, first));
}

#endif
#endif
