/* UTF-8 validation 32 bytes at a time, by three 16-entry tables a byte (Keiser
 * and Lemire, "Validating UTF-8 in less than one instruction per byte", 2021).
 *
 * Each table maps a nibble - upper and lower half of the byte before, upper
 * half of the byte itself - to the set of mistakes it may be part of; a pair of
 * bytes is wrong when one mistake is in all three sets.  What the pairs cannot
 * see, third and fourth bytes, is told by the bytes two and three before. */
#include "core/base/utf8_internal.h"
#include "core/base/utf8_tables.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TABLE(...) _mm256_broadcastsi128_si256(_mm_setr_epi8(__VA_ARGS__))

static inline __m256i before(__m256i now, __m256i last, int by)
{
    __m256i seam = _mm256_permute2x128_si256(last, now, 0x21);
    return by == 1   ? _mm256_alignr_epi8(now, seam, 15)
           : by == 2 ? _mm256_alignr_epi8(now, seam, 14)
                     : _mm256_alignr_epi8(now, seam, 13);
}

static inline __m256i wrong_bytes(__m256i x, __m256i last)
{
    const __m256i hi1 = TABLE(UTF8_HIGH_BEFORE);
    const __m256i lo1 = TABLE(UTF8_LOW_BEFORE);
    const __m256i hi2 = TABLE(UTF8_HIGH_NOW);
    const __m256i low4 = _mm256_set1_epi8(15);
    __m256i b1 = before(x, last, 1);
    __m256i pair = _mm256_and_si256(
        _mm256_and_si256(
            _mm256_shuffle_epi8(hi1, _mm256_and_si256(_mm256_srli_epi16(b1, 4), low4)),
            _mm256_shuffle_epi8(lo1, _mm256_and_si256(b1, low4))),
        _mm256_shuffle_epi8(hi2, _mm256_and_si256(_mm256_srli_epi16(x, 4), low4)));
    /* Above 0x80 after the subtraction: this byte must be the third or fourth. */
    __m256i third = _mm256_subs_epu8(before(x, last, 2), _mm256_set1_epi8(0xE0 - 0x80));
    __m256i fourth = _mm256_subs_epu8(before(x, last, 3), _mm256_set1_epi8(0xF0 - 0x80));
    __m256i must = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));
    return _mm256_xor_si256(must, pair);
}

size_t utf8_valid_blocks_avx2(const char *s, size_t n)
{
    __m256i last = _mm256_setzero_si256();
    size_t i = 0;
    for (; n - i >= UTF8_BLOCK; i += UTF8_BLOCK) {
        const __m256i *p = (const __m256i *)(const void *)(s + i);
        __m256i a = _mm256_loadu_si256(p), b = _mm256_loadu_si256(p + 1),
                c = _mm256_loadu_si256(p + 2), d = _mm256_loadu_si256(p + 3);
        __m256i any = _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d));
        if (!_mm256_movemask_epi8(any)) { /* ASCII; the last bytes must have ended */
            if (_mm256_movemask_epi8(last) >> 29) {
                __m256i bad = wrong_bytes(a, last);
                if (!_mm256_testz_si256(bad, bad)) break;
            }
            last = d;
            continue;
        }
        __m256i bad =
            _mm256_or_si256(_mm256_or_si256(wrong_bytes(a, last), wrong_bytes(b, a)),
                            _mm256_or_si256(wrong_bytes(c, b), wrong_bytes(d, c)));
        if (!_mm256_testz_si256(bad, bad)) break;
        last = d;
    }
    return i;
}
#endif
