/* JSON strings unescaped 64 bytes at a time: the backslashes that begin an escape
 * are squeezed out of a register, what they escape is looked up in another. */
#include "data/doc_scan.h"

#if defined(__x86_64__)
#include <immintrin.h>

static const uint64_t even = 0x5555555555555555u;

/* What an escaped character stands for: from '@', below that itself. */
#define SAME(c) c, c + 1, c + 2, c + 3, c + 4, c + 5, c + 6, c + 7
static const char below[64] = {SAME(0), SAME(8), SAME(16), SAME(24), SAME(32), SAME(40), SAME(48), SAME(56)};
static const char above[64] = {
    ['b' - '@'] = '\b', ['f' - '@'] = '\f', ['n' - '@'] = '\n', ['r' - '@'] = '\r', ['t' - '@'] = '\t', ['\\' - '@'] = '\\'};
#undef SAME

/* Characters behind a backslash that is not escaped itself.  *carry: the first
 * character of the block is one; then whether the next block's is. */
static inline uint64_t find_escaped(uint64_t slashes, uint64_t *carry)
{
    uint64_t free_slashes = slashes & ~*carry, follows = free_slashes << 1 | *carry, sum;
    uint64_t odd_starts = free_slashes & ~even & ~follows;
    *carry = __builtin_add_overflow(odd_starts, free_slashes, &sum);
    return (even ^ sum << 1) & follows;
}

size_t unescape_avx512vbmi(const char *s, size_t n, char *out, size_t *made)
{
    const __m512i slash = _mm512_set1_epi8('\\'), u = _mm512_set1_epi8('u');
    const __m512i lower = _mm512_loadu_si512(below), upper = _mm512_loadu_si512(above);
    uint64_t carry = 0;
    size_t i = 0;
    char *o = out;
    for (; i < n; i += 64) {
        uint64_t there = n - i < 64 ? ((uint64_t)1 << (n - i)) - 1 : ~(uint64_t)0;
        __m512i x = _mm512_maskz_loadu_epi8(there, s + i);
        uint64_t slashes = _mm512_cmpeq_epi8_mask(x, slash), came = carry;
        if (!(slashes | carry)) {
            _mm512_storeu_si512(o, x);
            o += n - i < 64 ? n - i : 64;
            continue;
        }
        uint64_t escaped = find_escaped(slashes, &carry);
        if (_mm512_mask_cmpeq_epi8_mask(escaped, x, u)) {
            carry = came;
            break;
        }
        uint64_t keep = there & ~(slashes & ~escaped);
        x = _mm512_mask2_permutex2var_epi8(lower, x, escaped, upper);
        _mm512_storeu_si512(o, _mm512_maskz_compress_epi8(keep, x));
        o += _mm_popcnt_u64(keep);
    }
    *made = (size_t)(o - out);
    return (i < n ? i : n) - carry;
}
#endif
