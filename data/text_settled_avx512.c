#if defined(__x86_64__)
#include <immintrin.h>

#include "data/text_settled.h"

typedef __m512i settled_block;

static inline uint64_t between(settled_block x, int lo, int hi)
{
    return _mm512_cmple_epu8_mask(_mm512_sub_epi8(x, _mm512_set1_epi8((char)lo)),
                                  _mm512_set1_epi8((char)(hi - lo)));
}

static inline uint64_t is(settled_block x, int c)
{
    return _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8((char)c));
}

#include "data/text_settled_block.h"

static inline uint64_t is_plain(__m512i x)
{
    return between(x, 0x20, 0x7e) | is(x, '\n') | is(x, '\t');
}

/* Bytes of the characters that most texts of Latin script have beside ASCII: e2 80 82...bf
 * (quotes, dashes) and c3 with what follows it, but for the two signs among the letters. */
static inline uint64_t usual(__m512i x)
{
    uint64_t three = is(x, 0xe2) & is(x, 0x80) >> 1 & between(x, 0x82, 0xbf) >> 2;
    uint64_t two = is(x, 0xc3) & ~((is(x, 0x97) | is(x, 0xb7)) >> 1) & (uint64_t)INT64_MAX;
    return two | two << 1 | three | three << 1 | three << 2;
}

size_t text_settled_avx512(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        uint64_t there = n - i < 64 ? ((uint64_t)1 << (n - i)) - 1 : ~(uint64_t)0;
        __m512i x = _mm512_mask_loadu_epi8(_mm512_set1_epi8(' '), there, s + i);
        uint64_t fine = is_plain(x);
        unsigned whole = 64;
        if (~fine) fine |= usual(x);
        if (~fine) {
            fine |= block(x, fine, &whole);
            if (whole < 64) fine |= ~(uint64_t)0 << whole;
            if (~fine) return i + (unsigned)__builtin_ctzll(~fine);
        }
        i += whole;
    }
    return n;
}
#endif
