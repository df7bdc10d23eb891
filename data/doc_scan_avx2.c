/* Strings of JSON 64 bytes at a time: which characters are escaped is computed
 * for all of them at once, so that "\n" every few words costs no branch. */
#include "data/doc_scan.h"
#include "data/doc_scan_runs.h"

#if defined(__x86_64__)
#include <immintrin.h>

static inline uint64_t mask64(__m256i lo, __m256i hi)
{
    return (uint32_t)_mm256_movemask_epi8(lo) |
           (uint64_t)(uint32_t)_mm256_movemask_epi8(hi) << 32;
}

static inline uint64_t equals(__m256i a, __m256i b, char c)
{
    __m256i v = _mm256_set1_epi8(c);
    return mask64(_mm256_cmpeq_epi8(a, v), _mm256_cmpeq_epi8(b, v));
}

static inline uint64_t below_blank(__m256i a, __m256i b)
{
    __m256i v = _mm256_set1_epi8(0x1f);
    return mask64(_mm256_cmpeq_epi8(_mm256_min_epu8(a, v), a),
                  _mm256_cmpeq_epi8(_mm256_min_epu8(b, v), b));
}

/* The characters that may follow a backslash, without u and /, which are for
 * the slow path: " b f n r t.  Upper and lower half of a byte each name a set
 * of groups; both must name one. */
static inline __m256i may_follow(__m256i x)
{
    const __m256i lo = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 0, 7, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0));
    const __m256i hi = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 0, 1, 0, 0, 0, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0));
    const __m256i low4 = _mm256_set1_epi8(15);
    return _mm256_and_si256(
        _mm256_shuffle_epi8(lo, _mm256_and_si256(x, low4)),
        _mm256_shuffle_epi8(hi, _mm256_and_si256(_mm256_srli_epi16(x, 4), low4)));
}

size_t scan_escaped_avx2(const char *s, size_t i, size_t n, struct scan_string *r)
{
    uint64_t carry = 0;
    for (; n - i >= 64; i += 64) {
        const __m256i *p = (const __m256i *)(const void *)(s + i);
        __m256i a = _mm256_loadu_si256(p), b = _mm256_loadu_si256(p + 1);
        uint64_t slashes = equals(a, b, '\\'), quotes = equals(a, b, '"');
        uint64_t bad = below_blank(a, b), came = carry;
        uint64_t escaped = 0;
        if (slashes | carry) escaped = behind_odd_runs(slashes, &carry);
        uint64_t end = quotes & ~escaped, inside = ~(uint64_t)0;
        if (end) inside = (end & (0 - end)) - 1;
        escaped &= inside;
        if (escaped) {
            __m256i zero = _mm256_setzero_si256();
            uint64_t unknown = mask64(_mm256_cmpeq_epi8(may_follow(a), zero),
                                      _mm256_cmpeq_epi8(may_follow(b), zero));
            /* An escaped backslash is among these only as the first of a block. */
            bad |= escaped & unknown & ~(slashes & came);
        }
        if (bad & inside) { /* a mistake, or something to look at more closely */
            carry = came;
            break;
        }
        r->twice += (size_t)__builtin_popcountll(slashes & inside) +
                    (size_t)__builtin_popcountll(escaped & ~slashes);
        if (end) {
            r->found = true;
            return i + (size_t)__builtin_ctzll(end);
        }
    }
    r->twice -= carry; /* back to the backslash whose character comes next */
    return i - carry;
}
#endif
