#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "data/text_masks.h"
#include "data/text_phrases.h"

static inline __m256i between(__m256i x, int lo, int hi)
{
    __m256i d = _mm256_sub_epi8(x, _mm256_set1_epi8((char)lo));
    return _mm256_cmpeq_epi8(_mm256_min_epu8(d, _mm256_set1_epi8((char)(hi - lo))), d);
}

static inline __m256i is(__m256i x, int c)
{
    return _mm256_cmpeq_epi8(x, _mm256_set1_epi8((char)c));
}

static inline uint64_t bits(__m256i a, __m256i b)
{
    return (uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
}

#define BOTH(f) bits(f(x), f(y))
#define SPACE(v) _mm256_or_si256(between(v, 9, 13), between(v, 28, 32))
#define NEWLINE(v) is(v, '\n')
#define LETTER(v) between(_mm256_or_si256(v, _mm256_set1_epi8(0x20)), 'a', 'z')
#define DIGIT(v) between(v, '0', '9')
#define LEAD(v) _mm256_or_si256(between(v, 0xc3, 0xc9), between(v, 0xd0, 0xd1))
#define HASH(v) is(v, '#')
#define DOT(v) is(v, '.')
#define VERTICAL(v) _mm256_or_si256(between(v, 11, 13), between(v, 28, 30))
#define LOWER(v) between(v, 'a', 'z')
#define C3(v) is(v, 0xc3)
#define SIGN(v) _mm256_or_si256(is(v, 0x97), is(v, 0xb7))

/* ! " # & ' ( ) * , : ; < > ? [ ] ` { }: each half of a byte names groups, both must name one. */
static inline __m256i edges(__m256i x)
{
    const __m256i low4 = _mm256_set1_epi8(15),
                  lo = _mm256_broadcastsi128_si256(
                      _mm_setr_epi8(8, 1, 1, 1, 0, 0, 1, 1, 1, 1, 3, 6, 3, 4, 2, 2)),
                  hi = _mm256_broadcastsi128_si256(
                      _mm_setr_epi8(0, 0, 1, 2, 0, 4, 8, 4, 0, 0, 0, 0, 0, 0, 0, 0));
    __m256i both = _mm256_and_si256(
        _mm256_shuffle_epi8(lo, _mm256_and_si256(x, low4)),
        _mm256_shuffle_epi8(hi, _mm256_and_si256(_mm256_srli_epi16(x, 4), low4)));
    return _mm256_cmpgt_epi8(both, _mm256_setzero_si256());
}

void text_bytes_avx2(const char *s, size_t n_blocks, struct text_bytes *out)
{
    for (size_t b = 0; b < n_blocks; b++, s += 64) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)s),
                y = _mm256_loadu_si256((const __m256i *)(const void *)(s + 32));
        uint64_t high = bits(x, y);
        out[b] = (struct text_bytes){.space = BOTH(SPACE),
                                     .newline = BOTH(NEWLINE),
                                     .letter = BOTH(LETTER),
                                     .digit = BOTH(DIGIT),
                                     .hash = BOTH(HASH),
                                     .dot = BOTH(DOT),
                                     .vertical = BOTH(VERTICAL),
                                     .lower = BOTH(LOWER),
                                     .edge = BOTH(edges),
                                     .high = high};
        if (!high) continue;
        out[b].lead = BOTH(LEAD);
        out[b].c3 = BOTH(C3);
        out[b].sign = BOTH(SIGN);
    }
}

static inline __m256i candidates(const char *s, int p)
{
    const __m256i fold = _mm256_set1_epi8(0x20);
    __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(s + phrase_rare[p].at)),
            b = _mm256_loadu_si256((const __m256i *)(const void *)(s + phrase_rare[p].bt));
    return _mm256_and_si256(is(_mm256_or_si256(a, fold), phrase_rare[p].a),
                            is(_mm256_or_si256(b, fold), phrase_rare[p].b));
}

static bool phrase_at(const char *s)
{
    __m256i hit = _mm256_setzero_si256();
    for (int p = 0; p < PHRASES; p++)
        hit = _mm256_or_si256(hit, candidates(s, p));
    if (_mm256_testz_si256(hit, hit)) return false;
    for (int p = 0; p < PHRASES; p++)
        for (uint32_t m = (uint32_t)_mm256_movemask_epi8(candidates(s, p)); m; m &= m - 1)
            if (phrase_stands(s + (unsigned)__builtin_ctz(m), phrase_rare[p].text)) return true;
    return false;
}

bool text_phrases_avx2(const char *s, size_t n)
{
    enum { REACH = 32 + PHRASE_REACH }; /* bytes that are looked at for phrases that begin in 32 */
    char end[2 * REACH] = {0}; /* no phrase ends in a NUL */
    size_t i = 0;
    for (; i + REACH <= n; i += 32)
        if (phrase_at(s + i)) return true;
    memcpy(end, s + i, n - i);
    return phrase_at(end) || (n - i > 32 && phrase_at(end + 32));
}
#endif
