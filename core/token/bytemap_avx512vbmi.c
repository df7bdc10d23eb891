/* A spelling back to bytes, all at once: where its characters begin, and which are themselves, cannot be guessed. */
#include "core/token/bytemap.h"

#if defined(__AVX512VBMI__) && defined(__AVX512VBMI2__)
#include <immintrin.h>

static inline __mmask64 within(__m512i x, int first, int last)
{
    return _mm512_cmple_epu8_mask(_mm512_sub_epi8(x, _mm512_set1_epi8((char)first)), _mm512_set1_epi8((char)(last - first)));
}

/* U+0100 to U+0143, less U+0100: 0x00..0x20 stand for themselves, the next for 0x7F..0xA0, the last for 0xAD. */
static inline __m512i from_0100(__m512i x)
{
    __m512i moved = _mm512_mask_add_epi8(x, within(x, 0x21, 0x42), x, _mm512_set1_epi8(0x7F - 0x21));
    return _mm512_mask_mov_epi8(moved, within(x, 0x43, 0x43), _mm512_set1_epi8((char)0xAD));
}

long bytemap_unspell_avx512vbmi(const char *text, size_t n, uint8_t *out)
{
    __mmask64 all = _bzhi_u64(~(uint64_t)0, (unsigned)n);
    __m512i x = _mm512_maskz_loadu_epi8(all, text), y = _mm512_maskz_loadu_epi8(all >> 1, text + 1);
    __mmask64 lead = within(x, 0xC2, 0xC5), rest = within(x, 0x80, 0xBF);
    if (rest != lead << 1 || (within(x, 0x21, 0x7E) | lead | rest) != all) return -1;
    /* Of characters of two bytes the lower seven bits. */
    __m512i low = _mm512_and_si512(y, _mm512_set1_epi8(0x3F));
    low = _mm512_mask_add_epi8(low, _mm512_test_epi8_mask(x, _mm512_set1_epi8(1)), low, _mm512_set1_epi8(0x40));
    __mmask64 above = lead & _mm512_test_epi8_mask(x, _mm512_set1_epi8(4)), below = lead & ~above; /* U+0100 and more; less */
    __m512i byte = _mm512_mask_add_epi8(x, below, low, _mm512_set1_epi8((char)0x80));
    __mmask64 bad = (below & (within(byte, 0, 0xA0) | within(byte, 0xAD, 0xAD))) | (above & within(low, 0x44, 0x7F));
    if (bad) return -1;
    byte = _mm512_mask_mov_epi8(byte, above, from_0100(low));
    uint64_t count = (uint64_t)_mm_popcnt_u64(all & ~rest);
    _mm512_mask_storeu_epi8(out, _bzhi_u64(~(uint64_t)0, (unsigned)count), _mm512_maskz_compress_epi8(all & ~rest, byte));
    return (long)count;
}
#else
long bytemap_unspell_avx512vbmi(const char *text, size_t n, uint8_t *out)
{
    return bytemap_unspell_base(text, n, out);
}
#endif
