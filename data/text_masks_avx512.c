#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "data/text_masks.h"
#include "data/text_phrases.h"

static inline uint64_t between(__m512i x, int lo, int n)
{
    return _mm512_cmplt_epu8_mask(_mm512_sub_epi8(x, _mm512_set1_epi8((char)lo)),
                                  _mm512_set1_epi8((char)n));
}

static inline uint64_t is(__m512i x, int c)
{
    return _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8((char)c));
}

/* As in text_masks_avx2.c. */
static inline uint64_t edges(__m512i x)
{
    const __m512i low4 = _mm512_set1_epi8(15),
                  lo = _mm512_broadcast_i32x4(_mm_setr_epi8(8, 1, 1, 1, 0, 0, 1, 1, 1, 1, 3, 6, 3, 4, 2, 2)),
                  hi = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 0, 1, 2, 0, 4, 8, 4, 0, 0, 0, 0, 0, 0, 0, 0));
    return _mm512_test_epi8_mask(
        _mm512_shuffle_epi8(lo, _mm512_and_si512(x, low4)),
        _mm512_shuffle_epi8(hi, _mm512_and_si512(_mm512_srli_epi16(x, 4), low4)));
}

void text_bytes_avx512(const char *s, size_t n_blocks, struct text_bytes *out)
{
    for (size_t b = 0; b < n_blocks; b++, s += 64) {
        __m512i x = _mm512_loadu_si512(s);
        uint64_t high = _mm512_movepi8_mask(x);
        out[b] = (struct text_bytes){
            .space = between(x, 9, 5) | between(x, 28, 5),
            .newline = is(x, '\n'),
            .letter = between(_mm512_or_si512(x, _mm512_set1_epi8(0x20)), 'a', 26),
            .digit = between(x, '0', 10),
            .hash = is(x, '#'),
            .dot = is(x, '.'),
            .vertical = between(x, 11, 3) | between(x, 28, 3),
            .lower = between(x, 'a', 26),
            .edge = edges(x),
            .high = high};
        if (!high) continue;
        out[b].lead = between(x, 0xc3, 7) | between(x, 0xd0, 2);
        out[b].c3 = is(x, 0xc3);
        out[b].sign = is(x, 0x97) | is(x, 0xb7);
    }
}

/* Where in the 64 bytes phrase p may begin. */
static inline uint64_t candidates(const char *s, int p)
{
    const __m512i fold = _mm512_set1_epi8(0x20);
    return is(_mm512_or_si512(_mm512_loadu_si512(s + phrase_rare[p].at), fold), phrase_rare[p].a) &
           is(_mm512_or_si512(_mm512_loadu_si512(s + phrase_rare[p].bt), fold), phrase_rare[p].b);
}

static bool phrase_at(const char *s)
{
    uint64_t hit = 0;
    for (int p = 0; p < PHRASES; p++)
        hit |= candidates(s, p);
    for (int p = 0; p < PHRASES && hit; p++)
        for (uint64_t m = candidates(s, p); m; m &= m - 1)
            if (phrase_stands(s + (unsigned)__builtin_ctzll(m), phrase_rare[p].text)) return true;
    return false;
}

bool text_phrases_avx512(const char *s, size_t n)
{
    enum { REACH = 64 + PHRASE_REACH };
    char end[2 * REACH] = {0}; /* no phrase ends in a NUL */
    size_t i = 0;
    for (; i + REACH <= n; i += 64)
        if (phrase_at(s + i)) return true;
    memcpy(end, s + i, n - i);
    return phrase_at(end) || (n - i > 64 && phrase_at(end + 64));
}
#endif
