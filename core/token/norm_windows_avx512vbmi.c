/* Text that is its own normal form, with AVX-512 VBMI. */
#include "core/token/norm_alone.h"

#if defined(__AVX512VBMI__)
#include <immintrin.h>

#define VEC __m512i

static inline __m512i load(const void *p)
{
    return _mm512_loadu_si512(p);
}

/* ASCII, and what is above this of the other bytes; -1: ASCII alone. */
static inline uint64_t above(__m512i x, char byte)
{
    return _mm512_cmpgt_epi8_mask(x, _mm512_set1_epi8(byte));
}

static inline uint64_t in(__m512i x, int first, int last)
{
    return _mm512_cmple_epu8_mask(_mm512_sub_epi8(x, _mm512_set1_epi8((char)first)), _mm512_set1_epi8((char)(last - first)));
}

/* Bytes that begin a character of the ranges; y: those behind them. */
static inline uint64_t in_leads(const struct leads *t, __m512i x, __m512i y)
{
    __m512i off = _mm512_sub_epi8(y, _mm512_permutexvar_epi8(x, load(t->low)));
    return _mm512_cmple_epu8_mask(off, _mm512_permutexvar_epi8(x, load(t->more))) &
           _mm512_cmpneq_epi8_mask(y, _mm512_permutexvar_epi8(x, load(t->but)));
}

#include "core/token/norm_windows_body.h"

norm_windows_fn *const norm_windows_avx512vbmi = windows;
#else
norm_windows_fn *const norm_windows_avx512vbmi = NULL;
#endif
