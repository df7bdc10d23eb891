/* doc_scan.h - finding the next byte that matters, 16 bytes at a time where
 * the baseline of the target has vectors (SSE2 is part of x86-64). */
#ifndef DATA_DOC_SCAN_H
#define DATA_DOC_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Index of the first '"', '\\' or byte below 0x20 at or after i, or n. */
static inline size_t scan_json_string(const char *s, size_t i, size_t n)
{
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'),
                  ctl = _mm_set1_epi8(0x1f);
    for (; n - i >= 16; i += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(s + i));
        __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, slash)),
                                   _mm_cmpeq_epi8(_mm_min_epu8(x, ctl), x));
        int mask = _mm_movemask_epi8(hit);
        if (mask) return i + (size_t)__builtin_ctz((unsigned)mask);
    }
#endif
    for (; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\' || c < 0x20) return i;
    }
    return n;
}

/* Behind what a string that has been checked holds from i on: at its closing quote. */
static inline size_t json_string_end(const char *s, size_t i, size_t n)
{
    while ((i = scan_json_string(s, i, n)) < n && s[i] == '\\')
        i = n - i < 2 ? n : i + 2;
    return i;
}

/* Inside a string, at its first backslash or anywhere no escape is under way:
 * goes over whole blocks of 64 bytes.  Returns where the closing quote is, with
 * found set, or where to go on byte by byte: at the end of the last whole block,
 * or near a mistake; the one of AVX2 also near a \u or a \/. */
struct scan_string {
    bool found, unusual; /* unusual: a \u or a \/ was passed */
    size_t twice; /* escapes passed, times two */
};
#if defined(__x86_64__)
#define SCAN_HAVE_AVX2 1
size_t scan_escaped_avx2(const char *s, size_t i, size_t n, struct scan_string *r);
size_t scan_escaped_avx512vbmi(const char *s, size_t i, size_t n, struct scan_string *r);
size_t scan_count_avx512vbmi(const char *s, size_t n, char c); /* as scan_count_byte() */
static inline bool scan_have_vbmi(void)
{
    return __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2");
}
static inline bool scan_have_bmi(void) /* *_avx2bmi.c */
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("lzcnt") && __builtin_cpu_supports("popcnt");
}

/* The inside of a string that has been checked, unescaped into out (room for n +
 * 64 bytes), *made of them.  Returns how much of it that took: all, or up to half
 * of a surrogate pair that stands alone; the one of AVX2 leaves up to 64 bytes. */
size_t unescape_avx512vbmi(const char *s, size_t n, char *out, size_t *made);
size_t unescape_avx2bmi(const char *s, size_t n, char *out, size_t *made);
/* As scan_escaped_*() and unescape at once: *found: the string ends at what is
 * returned, else it goes on there.  Room for n - i + 64 bytes in out. */
size_t take_string_avx512vbmi(const char *s, size_t i, size_t n, char *out, size_t *made, bool *found);
size_t take_string_avx2bmi(const char *s, size_t i, size_t n, char *out, size_t *made, bool *found);
#endif

static inline size_t scan_count_byte(const char *s, size_t n, char c)
{
#ifdef SCAN_HAVE_AVX2
    if (n >= 256 && scan_have_vbmi()) return scan_count_avx512vbmi(s, n, c);
#endif
    size_t count = 0, i = 0;
#if defined(__SSE2__)
    const __m128i want = _mm_set1_epi8(c), zero = _mm_setzero_si128();
    while (n - i >= 16) { /* at most 255 steps between the sums of the byte counters */
        size_t end = n - i < (size_t)255 * 16 ? n - 15 : i + (size_t)255 * 16;
        __m128i k = zero;
        for (; i < end; i += 16)
            k = _mm_sub_epi8(
                k, _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)(s + i)), want));
        __m128i sum = _mm_sad_epu8(k, zero);
        count += (size_t)_mm_cvtsi128_si64(sum) +
                 (size_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(sum, sum));
    }
#endif
    for (; i < n; i++)
        count += s[i] == c;
    return count;
}

#endif
