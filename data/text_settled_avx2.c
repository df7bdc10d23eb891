#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "data/text_settled.h"

struct two {
    __m256i a, b;
};

static inline uint64_t bits(__m256i a, __m256i b)
{
    return (uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
}

static inline __m256i in_range(__m256i x, int lo, int hi)
{
    __m256i d = _mm256_sub_epi8(x, _mm256_set1_epi8((char)lo));
    return _mm256_cmpeq_epi8(_mm256_min_epu8(d, _mm256_set1_epi8((char)(hi - lo))), d);
}

static inline uint64_t between(struct two x, int lo, int hi)
{
    return bits(in_range(x.a, lo, hi), in_range(x.b, lo, hi));
}

static inline uint64_t is(struct two x, int c)
{
    __m256i v = _mm256_set1_epi8((char)c);
    return bits(_mm256_cmpeq_epi8(x.a, v), _mm256_cmpeq_epi8(x.b, v));
}

/* Bytes of the block that are settled; *whole: of how many that is known. */
static uint64_t block(struct two x, uint64_t plain, unsigned *whole)
{
    const struct settled_bytes m = {
        .lead = between(x, 0xc0, 0xff),
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

static inline __m256i plain(__m256i x)
{
    __m256i nl = _mm256_cmpeq_epi8(x, _mm256_set1_epi8('\n')),
            tab = _mm256_cmpeq_epi8(x, _mm256_set1_epi8('\t'));
    return _mm256_or_si256(_mm256_or_si256(nl, tab), in_range(x, 0x20, 0x7e));
}

size_t text_settled_avx2(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        char end[64];
        const char *p = s + i;
        if (n - i < 64) {
            memset(end, ' ', sizeof end);
            memcpy(end, p, n - i);
            p = end;
        }
        struct two x = {_mm256_loadu_si256((const __m256i *)(const void *)p),
                        _mm256_loadu_si256((const __m256i *)(const void *)(p + 32))};
        uint64_t fine = bits(plain(x.a), plain(x.b));
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
