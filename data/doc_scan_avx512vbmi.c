/* As doc_scan_avx2.c, where a comparison of 64 bytes is one instruction; \u is
 * looked at here, too: a writer of ASCII has one for each letter of most languages. */
#include "data/doc_scan.h"
#include "data/doc_scan_runs.h"

#if defined(__x86_64__)
#include "data/doc_escapes_vbmi.h"

size_t scan_escaped_avx512vbmi(const char *s, size_t i, size_t n, struct scan_string *r)
{
    const __m512i slash = _mm512_set1_epi8('\\'), quote = _mm512_set1_epi8('"'), blank = _mm512_set1_epi8(' ');
    const __m512i letter_u = _mm512_set1_epi8('u');
    uint64_t carry = 0;
    for (size_t step; n - i >= 64; i += step) {
        __m512i x = _mm512_loadu_si512(s + i);
        uint64_t slashes = _mm512_cmpeq_epi8_mask(x, slash), quotes = _mm512_cmpeq_epi8_mask(x, quote);
        uint64_t bad = _mm512_cmplt_epu8_mask(x, blank), came = carry, escaped = 0;
        if (slashes | carry) escaped = behind_odd_runs(slashes, &carry);
        uint64_t end = quotes & ~escaped, inside = end ? (end & (0 - end)) - 1 : ~(uint64_t)0;
        escaped &= inside;
        step = 64;
        if (escaped) {
            uint64_t seldom;
            bad |= escaped & ~escapes_known(x, &seldom);
            if (seldom &= escaped) {
                uint64_t u = _mm512_mask_cmpeq_epi8_mask(seldom, x, letter_u), late = u >> 60;
                if (late) { /* its digits are not all here: the next block begins at its backslash */
                    step = 59 + (size_t)_tzcnt_u64(late);
                    inside = ((uint64_t)1 << step) - 1;
                    carry = end = 0;
                    escaped &= inside;
                }
                bad |= escapes_bad_codes(x, u);
                r->unusual = true;
            }
        }
        if (bad & inside) { /* a mistake, to be looked at more closely */
            carry = came;
            break;
        }
        r->twice += (size_t)_mm_popcnt_u64(slashes & inside) + (size_t)_mm_popcnt_u64(escaped & ~slashes);
        if (end) {
            r->found = true;
            return i + (size_t)_tzcnt_u64(end);
        }
    }
    r->twice -= carry; /* back to the backslash whose character comes next */
    return i - carry;
}

size_t scan_count_avx512vbmi(const char *s, size_t n, char c)
{
    const __m512i want = _mm512_set1_epi8(c);
    size_t count = 0, i = 0;
    for (; n - i >= 64; i += 64)
        count += (size_t)_mm_popcnt_u64(_mm512_cmpeq_epi8_mask(_mm512_loadu_si512(s + i), want));
    uint64_t rest = ((uint64_t)1 << (n - i)) - 1;
    return count + (size_t)_mm_popcnt_u64(_mm512_mask_cmpeq_epi8_mask(rest, _mm512_maskz_loadu_epi8(rest, s + i), want));
}
#endif
