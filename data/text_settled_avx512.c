#if defined(__x86_64__)
#include <immintrin.h>

#include "data/text_settled.h"

static inline uint64_t between(__m512i x, int lo, int hi)
{
    return _mm512_cmple_epu8_mask(_mm512_sub_epi8(x, _mm512_set1_epi8((char)lo)),
                                  _mm512_set1_epi8((char)(hi - lo)));
}

static inline uint64_t is(__m512i x, int c)
{
    return _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8((char)c));
}

/* Bytes of the block that are settled; *whole: of how many that is known. */
static uint64_t block(__m512i x, uint64_t plain, unsigned *whole)
{
    const struct settled_bytes m = {
        .lead = _mm512_cmpge_epu8_mask(x, _mm512_set1_epi8((char)0xc0)),
        .two = between(x, 0xc3, 0xc9) | between(x, 0xcf, 0xd1),
        .xc3 = is(x, 0xc3),
        .x97_b7 = is(x, 0x97) | is(x, 0xb7),
        .xce = is(x, 0xce),
        .x87 = is(x, 0x87),
        .three = between(x, 0xe4, 0xe9) | between(x, 0xeb, 0xec),
        .xc2 = is(x, 0xc2),
        .xe1 = is(x, 0xe1),
        .xe2 = is(x, 0xe2),
        .xe3 = is(x, 0xe3),
        .xea = is(x, 0xea),
        .xed = is(x, 0xed),
        .xef = is(x, 0xef),
        .x80 = is(x, 0x80),
        .x81 = is(x, 0x81),
        .x82 = is(x, 0x82),
        .x83 = is(x, 0x83),
        .x85_8b = between(x, 0x85, 0x8b),
        .x8d_aa = between(x, 0x8d, 0xaa),
        .xb8_bb = between(x, 0xb8, 0xbb),
        .xbc_bd = between(x, 0xbc, 0xbd),
        .from_a0 = between(x, 0xa0, 0xbf),
        .from_b0 = between(x, 0xb0, 0xbf),
        .to_9d = between(x, 0x80, 0x9d),
        .x80_81 = between(x, 0x80, 0x81),
        .x99_9a = between(x, 0x99, 0x9a),
        .xaa_af = between(x, 0xaa, 0xaf)};
    return plain | settled_wide(&m, whole);
}

static inline uint64_t is_plain(__m512i x)
{
    return between(x, 0x20, 0x7e) | is(x, '\n') | is(x, '\t');
}

size_t text_settled_avx512(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        uint64_t there = n - i < 64 ? ((uint64_t)1 << (n - i)) - 1 : ~(uint64_t)0;
        __m512i x = _mm512_mask_loadu_epi8(_mm512_set1_epi8(' '), there, s + i);
        uint64_t fine = is_plain(x);
        unsigned whole = 64;
        if (~fine) {
            fine = block(x, fine, &whole);
            if (whole < 64) fine |= ~(uint64_t)0 << whole;
            if (~fine) return i + (unsigned)__builtin_ctzll(~fine);
        }
        i += whole;
    }
    return n;
}
#endif
