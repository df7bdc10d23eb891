/* The words of a block at once: where runs begin and end is squeezed out of a
 * register of positions, and 16 words are put together at a time. */
#include "data/words_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>

/* Sixteen words from their begins, lengths and infos.  The bytes of each vector come
 * in an order in which two rounds of interleaving leave four words in a row. */
static inline void put_16(struct word *out, __m128i begin, __m128i len, __m128i info, __m512i base)
{
    const __m128i order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i b = _mm512_add_epi32(_mm512_cvtepu8_epi32(_mm_shuffle_epi8(begin, order)), base);
    __m512i l = _mm512_cvtepu8_epi32(_mm_shuffle_epi8(len, order));
    __m512i i = _mm512_cvtepu8_epi32(_mm_shuffle_epi8(info, order));
    __m512i bl_low = _mm512_unpacklo_epi32(b, l), bl_high = _mm512_unpackhi_epi32(b, l);
    __m512i li_low = _mm512_unpacklo_epi32(l, i), li_high = _mm512_unpackhi_epi32(l, i);
    _mm512_storeu_si512(out, _mm512_unpacklo_epi64(bl_low, li_low));
    _mm512_storeu_si512(out + 4, _mm512_unpackhi_epi64(bl_low, li_low));
    _mm512_storeu_si512(out + 8, _mm512_unpacklo_epi64(bl_high, li_high));
    _mm512_storeu_si512(out + 12, _mm512_unpackhi_epi64(bl_high, li_high));
}

#define EIGHT(n) n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7
static const char positions[64] = {EIGHT(0), EIGHT(8), EIGHT(16), EIGHT(24), EIGHT(32), EIGHT(40), EIGHT(48), EIGHT(56)};
#undef EIGHT

size_t words_runs_avx512vbmi(struct word *out, size_t begin, uint64_t starts, uint64_t ends,
                             uint64_t core, uint64_t letter)
{
    const __m512i place = _mm512_loadu_si512(positions);
    uint64_t solid = ends & core << 1, lettered = ends & (core + letter) & ~core;
    __m512i info = _mm512_set1_epi8(WORD_ASCII);
    info = _mm512_mask_add_epi8(info, solid, info, _mm512_set1_epi8(WORD_SUBSTANCE));
    info = _mm512_mask_add_epi8(info, lettered, info, _mm512_set1_epi8(WORD_LETTER));
    info = _mm512_maskz_compress_epi8(ends, info);
    __m512i from = _mm512_maskz_compress_epi8(starts, place);
    __m512i len = _mm512_sub_epi8(_mm512_maskz_compress_epi8(ends, place), from);
    const __m512i base = _mm512_set1_epi32((int)(uint32_t)begin);
    size_t n = (size_t)_mm_popcnt_u64(ends);
    for (size_t k = 0; k < n; k += 16) {
        put_16(out + k, _mm512_castsi512_si128(from), _mm512_castsi512_si128(len), _mm512_castsi512_si128(info), base);
        from = _mm512_alignr_epi64(from, from, 2);
        len = _mm512_alignr_epi64(len, len, 2);
        info = _mm512_alignr_epi64(info, info, 2);
    }
    return n;
}
#endif
