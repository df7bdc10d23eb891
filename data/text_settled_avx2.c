#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "data/text_settled.h"

typedef struct {
    __m256i a, b;
} settled_block;

static inline uint64_t bits(__m256i a, __m256i b)
{
    return (uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
}

static inline __m256i in_range(__m256i x, int lo, int hi)
{
    __m256i d = _mm256_sub_epi8(x, _mm256_set1_epi8((char)lo));
    return _mm256_cmpeq_epi8(_mm256_min_epu8(d, _mm256_set1_epi8((char)(hi - lo))), d);
}

static inline uint64_t between(settled_block x, int lo, int hi)
{
    return bits(in_range(x.a, lo, hi), in_range(x.b, lo, hi));
}

static inline uint64_t is(settled_block x, int c)
{
    __m256i v = _mm256_set1_epi8((char)c);
    return bits(_mm256_cmpeq_epi8(x.a, v), _mm256_cmpeq_epi8(x.b, v));
}

#include "data/text_settled_block.h"

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
        settled_block x = {_mm256_loadu_si256((const __m256i *)(const void *)p),
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
