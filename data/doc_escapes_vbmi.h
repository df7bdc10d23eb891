/* doc_escapes_vbmi.h - what may follow a backslash in a string of JSON, 64 bytes at
 * once; for doc_*_avx512vbmi.c. */
#ifndef DATA_DOC_ESCAPES_VBMI_H
#define DATA_DOC_ESCAPES_VBMI_H

#include <immintrin.h>
#include <stdint.h>

/* 1: may follow a backslash, 2: seldom does, 0: never; by the lower 7 bits. */
static inline __m512i escapes_table(__m512i x)
{
    static const char low[64] = {['"'] = 1, ['/'] = 2};
    static const char high[64] = {['b' - 64] = 1, ['f' - 64] = 1, ['n' - 64] = 1, ['r' - 64] = 1,
                                  ['t' - 64] = 1, ['u' - 64] = 2, ['\\' - 64] = 1};
    return _mm512_permutex2var_epi8(_mm512_loadu_si512(low), x, _mm512_loadu_si512(high));
}

/* Those that may follow one; *seldom: u, / and some that may not. */
static inline uint64_t escapes_known(__m512i x, uint64_t *seldom)
{
    __m512i known = escapes_table(x);
    *seldom = _mm512_test_epi8_mask(known, _mm512_set1_epi8(2));
    return _mm512_test_epi8_mask(known, known) & ~_mm512_movepi8_mask(x);
}

/* The escaped u without four hexadecimal digits behind it in x. */
static inline uint64_t escapes_bad_codes(__m512i x, uint64_t u)
{
    __m512i number = _mm512_sub_epi8(x, _mm512_set1_epi8('0'));
    __m512i letter = _mm512_sub_epi8(_mm512_or_si512(x, _mm512_set1_epi8(0x20)), _mm512_set1_epi8('a'));
    uint64_t hex = _mm512_cmple_epu8_mask(number, _mm512_set1_epi8(9)) | _mm512_cmple_epu8_mask(letter, _mm512_set1_epi8(5));
    return u & ~(hex >> 1 & hex >> 2 & hex >> 3 & hex >> 4);
}

#endif
