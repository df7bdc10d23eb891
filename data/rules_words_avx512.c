/* What Gopher's rules count of words, and the hashes of words, eight words at a time. */
#include "data/rules_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "core/base/mask_bits.h"

static inline __m512i all(uint64_t x)
{
    return _mm512_set1_epi64((long long)x);
}

/* rules_word_hash() of words of at most 16 bytes. */
static inline __m512i hashes(const char *text, __m512i begin, __m512i len, __m512i first)
{
    const __m512i eight = all(8);
    __mmask8 more = _mm512_cmpgt_epi64_mask(len, eight);
    __m512i last = _mm512_mask_i64gather_epi64(
        _mm512_setzero_si512(), more, _mm512_add_epi64(begin, _mm512_sub_epi64(len, eight)), text, 1);
    __m512i y = _mm512_mullo_epi64(_mm512_xor_si512(len, last), all(RULES_HASH_B));
    __m512i up = _mm512_sub_epi64(all(64), _mm512_slli_epi64(_mm512_min_epu64(len, eight), 3));
    __m512i x = _mm512_mullo_epi64(_mm512_xor_si512(_mm512_sllv_epi64(first, up), y), all(RULES_HASH_A));
    return _mm512_ternarylogic_epi64(x, _mm512_srli_epi64(x, 29), _mm512_slli_epi64(y, 17), 0x96); /* xor of three */
}

size_t rules_chars_avx512(const char *s, size_t n)
{
    const __m512i before_first = _mm512_set1_epi8((char)0xbf); /* the largest byte that begins no character */
    size_t k = 0, i = 0;
    for (; n - i >= 64; i += 64)
        k += (size_t)_mm_popcnt_u64(_mm512_cmpgt_epi8_mask(_mm512_loadu_si512(s + i), before_first));
    uint64_t there = ((uint64_t)1 << (n - i)) - 1;
    __m512i x = _mm512_maskz_loadu_epi8(there, s + i);
    return k + (size_t)_mm_popcnt_u64(_mm512_mask_cmpgt_epi8_mask(there, x, before_first));
}

size_t rules_count_words_avx512(const struct words *w, const char *text, size_t n, uint64_t *hash,
                                uint32_t *chars, struct word_counts *c)
{
    const __m512i even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14), odd = _mm512_add_epi64(even, all(1));
    const __m512i low = all(UINT32_MAX), one = all(1);
    const __m512i list = _mm512_cvtepu32_epi64(_mm256_loadu_si256((const __m256i *)(const void *)rules_stop_words.list));
    __m512i sum = _mm512_setzero_si512(), stops = sum;
    size_t i = 0;
    /* Of all but the last few words 8 bytes can be read. */
    for (; i + 8 <= w->n && w->v[i + 7].begin + (uint64_t)8 <= n; i += 8) {
        __m512i a = _mm512_loadu_si512(&w->v[i]), b = _mm512_loadu_si512(&w->v[i + 4]);
        __m512i place = _mm512_permutex2var_epi64(a, even, b), kind = _mm512_permutex2var_epi64(a, odd, b);
        __m512i begin = _mm512_and_si512(place, low), len = _mm512_srli_epi64(place, 32);
        __m512i length = _mm512_and_si512(kind, low);
        __mmask8 counts = _mm512_test_epi64_mask(kind, all((uint64_t)WORD_SUBSTANCE << 32));
        sum = _mm512_mask_add_epi64(sum, counts, sum, length);
        c->words += (unsigned)__builtin_popcount(counts);
        c->alpha += (unsigned)__builtin_popcount(_mm512_test_epi64_mask(kind, all((uint64_t)WORD_LETTER << 32)));
        _mm256_storeu_si256((__m256i *)(void *)(chars + i), _mm512_cvtepi64_epi32(length));
        __m512i first = _mm512_i64gather_epi64(begin, text, 1);
        _mm512_storeu_si512(hash + i, hashes(text, begin, len, first));
        for (uint32_t m = mask_bits8(_mm512_cmpgt_epi64_mask(len, all(16))); m; m &= m - 1) {
            const struct word *x = &w->v[i + (unsigned)__builtin_ctz(m)];
            hash[x - w->v] = hash64(text + x->begin, x->len);
        }
        /* Stop words have two to four bytes; of others none are left. */
        __m512i up = _mm512_sub_epi64(all(64), _mm512_slli_epi64(len, 3));
        __m512i four = _mm512_srlv_epi64(_mm512_sllv_epi64(first, up), up);
        __mmask8 brief = _mm512_cmplt_epu64_mask(len, all(5));
        __m512i k = _mm512_and_si512(_mm512_srli_epi64(_mm512_mul_epu32(four, all(rules_stop_words.mul)), 29), all(7));
        __mmask8 stop = _mm512_mask_cmpeq_epi64_mask(brief, four, _mm512_permutexvar_epi64(k, list));
        stops = _mm512_mask_or_epi64(stops, stop, stops, _mm512_sllv_epi64(one, k));
    }
    c->chars += (size_t)_mm512_reduce_add_epi64(sum);
    c->stops |= (unsigned)_mm512_reduce_or_epi64(stops);
    return i;
}
#endif
