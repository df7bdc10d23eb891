/* Text that is its own normal form, 64 bytes at once. */
#include "core/token/norm_alone.h"

#if defined(__AVX512VBMI__)
#include <immintrin.h>

static inline __m512i bytes(const void *p)
{
    return _mm512_loadu_si512(p);
}

static inline uint64_t in(__m512i x, int first, int last)
{
    return _mm512_cmple_epu8_mask(_mm512_sub_epi8(x, _mm512_set1_epi8((char)first)), _mm512_set1_epi8((char)(last - first)));
}

static size_t windows(const struct norm_alone *a, const uint8_t *s, size_t n, size_t pos)
{
    uint64_t carry = 0; /* bytes of a character that began before */
    const struct leads *t = &a->leads;
    for (; n - pos >= 66; pos += 64) {
        __m512i x = bytes(s + pos);
        uint64_t high = _mm512_movepi8_mask(x), two, three, doubt;
        if (!high) continue;
        __m512i y = bytes(s + pos + 1), off = _mm512_sub_epi8(y, _mm512_permutexvar_epi8(x, bytes(t->low)));
        uint64_t sure = high & _mm512_cmple_epu8_mask(off, _mm512_permutexvar_epi8(x, bytes(t->more))) &
                        _mm512_cmpneq_epi8_mask(y, _mm512_permutexvar_epi8(x, bytes(t->but)));
        __m512i z = bytes(s + pos + 2);
        uint64_t e2 = a->quotes ? in(x, 0xE2, 0xE2) : 0, e3 = a->kana ? in(x, 0xE3, 0xE3) : 0;
        two = sure & in(x, 0xC2, 0xDF);
        three = sure & in(x, 0xE0, 0xEF) & in(z, 0x80, 0xBF);
        if (e2) three |= e2 & in(y, 0x80, 0x80) & in(z, 0x90, 0xA7);
        if (e3)
            three |= e3 & ((in(y, 0x81, 0x81) & in(z, 0x81, 0xBF)) | (in(y, 0x82, 0x82) & (in(z, 0x80, 0x96) | in(z, 0xA1, 0xBF))) |
                           (in(y, 0x83, 0x83) & in(z, 0x80, 0xBA)));
        doubt = high & ~(carry | two | two << 1 | three | three << 1 | three << 2);
        if (doubt) return pos + (size_t)__builtin_ctzll(doubt);
        carry = two >> 63 | (three >> 62 & 1) | (three >> 63) * 3;
    }
    return pos + (size_t)__builtin_popcountll(carry);
}

norm_windows_fn *const norm_windows_avx512vbmi = windows;
#else
norm_windows_fn *const norm_windows_avx512vbmi = NULL;
#endif
