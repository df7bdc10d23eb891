/* JSON strings unescaped 64 bytes at a time: the backslashes that begin an escape
 * are squeezed out of a register, what they escape is looked up in another.  Of
 * \u, the digits are gathered, a lane of 32 bits an escape, and become UTF-8, which
 * takes the place of the first three of its six bytes. */
#include "data/doc_scan.h"

#if defined(__x86_64__)
#include "core/base/mask_bits.h"
#include "data/doc_escapes_vbmi.h"
#include "data/doc_scan_runs.h"

/* What an escaped character stands for: from '@', below that itself. */
#define SAME(c) c, c + 1, c + 2, c + 3, c + 4, c + 5, c + 6, c + 7
static const char below[64] = {SAME(0), SAME(8), SAME(16), SAME(24), SAME(32), SAME(40), SAME(48), SAME(56)};
static const char above[64] = {
    ['b' - '@'] = '\b', ['f' - '@'] = '\f', ['n' - '@'] = '\n', ['r' - '@'] = '\r', ['t' - '@'] = '\t', ['\\' - '@'] = '\\'};
#undef SAME

/* The numbers behind the u's, in order; each has its four digits in x. */
static inline __m512i read_codes(__m512i x, uint64_t u)
{
    const __m512i nine = _mm512_set1_epi8(9), low4 = _mm512_set1_epi8(15);
    __m512i hex = _mm512_maskz_compress_epi8(u << 1 | u << 2 | u << 3 | u << 4, x);
    __mmask64 letters = _mm512_test_epi8_mask(hex, _mm512_set1_epi8(0x40));
    __m512i v = _mm512_and_si512(hex, low4);
    v = _mm512_mask_add_epi8(v, letters, v, nine);
    v = _mm512_maddubs_epi16(v, _mm512_set1_epi16(0x0110)); /* 16 times the first, once the second */
    return _mm512_madd_epi16(v, _mm512_set1_epi32(0x00010100));
}

/* c >> n, of that the bits in mask, behind `mark`, as byte `at` of the lane. */
static inline __m512i utf8_byte(__m512i c, unsigned n, int mask, int mark, unsigned at)
{
    __m512i bits = _mm512_and_si512(_mm512_srli_epi32(c, n), _mm512_set1_epi32(mask));
    return _mm512_slli_epi32(_mm512_or_si512(bits, _mm512_set1_epi32(mark)), at * 8);
}

/* Each number of a lane as UTF-8: up to three bytes, those it has not 0. */
static inline __m512i to_utf8(__m512i c)
{
    __mmask16 two = _mm512_cmpge_epu32_mask(c, _mm512_set1_epi32(0x80)),
              three = _mm512_cmpge_epu32_mask(c, _mm512_set1_epi32(0x800));
    __m512i as2 = _mm512_or_si512(utf8_byte(c, 6, 0x1f, 0xc0, 0), utf8_byte(c, 0, 0x3f, 0x80, 1));
    __m512i as3 = _mm512_or_si512(_mm512_or_si512(utf8_byte(c, 12, 0x0f, 0xe0, 0), utf8_byte(c, 6, 0x3f, 0x80, 1)),
                                  utf8_byte(c, 0, 0x3f, 0x80, 2));
    return _mm512_mask_mov_epi32(_mm512_mask_mov_epi32(c, two, as2), three, as3);
}

/* Surrogates make four bytes, two for each half.  high, low: lanes. */
static inline __m512i join_pairs(__m512i utf8, __m512i c, __mmask16 high, __mmask16 low)
{
    __m512i top = _mm512_add_epi32(_mm512_and_si512(c, _mm512_set1_epi32(0x3ff)), _mm512_set1_epi32(0x40)); /* + 0x10000 */
    __m512i before = _mm512_alignr_epi32(c, c, 15); /* in each lane that of the one before */
    __m512i middle = _mm512_or_si512(_mm512_slli_epi32(_mm512_and_si512(before, _mm512_set1_epi32(3)), 4),
                                     utf8_byte(c, 6, 0x0f, 0x80, 0));
    __m512i first = _mm512_or_si512(utf8_byte(top, 8, 0x07, 0xf0, 0), utf8_byte(top, 2, 0x3f, 0x80, 1));
    __m512i second = _mm512_or_si512(middle, utf8_byte(c, 0, 0x3f, 0x80, 1));
    return _mm512_mask_mov_epi32(_mm512_mask_mov_epi32(utf8, high, first), low, second);
}

/* The bytes of a block that are worked on, and how it is put together. */
struct block {
    uint64_t keep;
    size_t step; /* bytes of it that are done */
};

/* The block is cut in front of the escape whose u is at `at`. */
static inline void stop_at(struct block *b, size_t at)
{
    b->step = at - 1;
    b->keep &= ((uint64_t)1 << b->step) - 1;
}

/* Puts what the \u of x stand for into *y, a block that is else done: false when
 * there is half of a pair, alone.  The backslash of each is in x. */
static bool put_codes(__m512i x, uint64_t u, __m512i *y, struct block *b)
{
    uint64_t late = u >> 60;
    if (late) {
        stop_at(b, 60 + (size_t)_tzcnt_u64(late));
        u &= b->keep;
        if (!u) return true;
    }
    __m512i c = read_codes(x, u);
    __m512i utf8 = to_utf8(c), kind = _mm512_and_si512(c, _mm512_set1_epi32(0xfc00));
    __mmask16 high = _mm512_cmpeq_epi32_mask(kind, _mm512_set1_epi32(0xd800)),
              low = _mm512_cmpeq_epi32_mask(kind, _mm512_set1_epi32(0xdc00));
    if (high | low) {
        uint64_t first = _pdep_u64(mask_bits16(high), u), second = _pdep_u64(mask_bits16(low), u);
        if (first >> 54) { /* the other half may follow: the next block begins there */
            stop_at(b, 63 - (size_t)_lzcnt_u64(first));
            u &= b->keep;
            first &= b->keep;
            if (!u) return true;
        }
        if (second != first << 6) return false;
        utf8 = join_pairs(utf8, c, high, low);
    }
    const uint64_t three = 0x7777777777777777u, one = 0x1111111111111111u;
    uint64_t used = _pext_u64(_mm512_test_epi8_mask(utf8, utf8) | one, three), place = u >> 1 | u | u << 1;
    *y = _mm512_mask_expand_epi8(*y, place, _mm512_maskz_compress_epi8(three, utf8));
    b->keep = (b->keep & ~(place | u << 2 | u << 3 | u << 4)) | _pdep_u64(used, place);
    return true;
}

/* In a block. */
struct escapes {
    uint64_t slashes, escaped, u;
};

static inline struct escapes find_all(__m512i x, uint64_t slashes, uint64_t *carry)
{
    uint64_t escaped = escaped_by(slashes, carry);
    return (struct escapes){slashes, escaped, _mm512_mask_cmpeq_epi8_mask(escaped, x, _mm512_set1_epi8('u'))};
}

/* What stands for x, and what of it is to be kept of `there`. */
static inline __m512i replace(__m512i x, const struct escapes *f, uint64_t there, struct block *b)
{
    *b = (struct block){.keep = there & ~(f->slashes & ~f->escaped), .step = 64};
    return _mm512_mask2_permutex2var_epi8(_mm512_loadu_si512(below), x, f->escaped, _mm512_loadu_si512(above));
}

size_t unescape_avx512vbmi(const char *s, size_t n, char *out, size_t *made)
{
    const __m512i slash = _mm512_set1_epi8('\\');
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
        struct escapes f = find_all(x, slashes, &carry);
        struct block b;
        __m512i y = replace(x, &f, there, &b);
        if (f.u) {
            if (f.u & came) { /* once more from its backslash on, which has left no trace */
                carry = 0;
                i -= 65;
                continue;
            }
            if (!put_codes(x, f.u, &y, &b)) {
                carry = came;
                break;
            }
            if (b.step < 64) {
                carry = 0;
                i -= 64 - b.step;
            }
        }
        _mm512_storeu_si512(o, _mm512_maskz_compress_epi8(b.keep, y));
        o += _mm_popcnt_u64(b.keep);
    }
    *made = (size_t)(o - out);
    return (i < n ? i : n) - carry;
}

/* By the character behind a backslash what both stand for; 0: it is a u, or a mistake. */
static const char plain_low[64] = {['"'] = '"', ['/'] = '/'};
static const char plain_high[64] = {
    ['b' - '@'] = '\b', ['f' - '@'] = '\f', ['n' - '@'] = '\n', ['r' - '@'] = '\r', ['t' - '@'] = '\t', ['\\' - '@'] = '\\'};

struct done {
    struct block b;
    __m512i y;
};

/* Where an escape is a \u or wrong; false: it is not to be done here.  Apart, so that what the
 * others need stays in registers. */
static __attribute__((noinline)) bool take_codes(__m512i x, const struct escapes *all, uint64_t inside, struct done *d)
{
    struct escapes f = *all;
    uint64_t seldom, bad = f.escaped & ~escapes_known(x, &seldom);
    f.u = _mm512_mask_cmpeq_epi8_mask(f.escaped & inside, x, _mm512_set1_epi8('u'));
    bad |= escapes_bad_codes(x, f.u) & (((uint64_t)1 << 60) - 1); /* later ones: in the next block */
    if (bad & inside) return false;
    d->y = replace(x, &f, inside, &d->b);
    return put_codes(x, f.u, &d->y, &d->b);
}

size_t take_string_avx512vbmi(const char *s, size_t i, size_t n, char *out, size_t *made, bool *found)
{
    const __m512i slash = _mm512_set1_epi8('\\'), quote = _mm512_set1_epi8('"'), blank = _mm512_set1_epi8(' ');
    const __m512i low = _mm512_loadu_si512(plain_low), high = _mm512_loadu_si512(plain_high), ascii = _mm512_set1_epi8(127);
    uint64_t carry = 0;
    char *o = out;
    for (; n - i >= 64; i += 64) {
        __m512i x = _mm512_loadu_si512(s + i);
        uint64_t slashes = _mm512_cmpeq_epi8_mask(x, slash), quotes = _mm512_cmpeq_epi8_mask(x, quote);
        uint64_t bad = _mm512_cmplt_epu8_mask(x, blank), came = carry, escaped = escaped_by(slashes, &carry);
        scan_in_register(&quotes);
        scan_in_register(&bad);
        uint64_t end = quotes & ~escaped, inside = ~end & (end - 1);
        uint64_t keep = inside & ~(slashes & ~escaped);
        __m512i means = _mm512_permutex2var_epi8(low, _mm512_min_epu8(x, ascii), high);
        __m512i y = _mm512_mask_mov_epi8(x, escaped, means);
        uint64_t other = _mm512_mask_testn_epi8_mask(escaped, means, means);
        if ((bad | other) & inside) {
            if (other & came && s[i] == 'u') { /* once more from its backslash on, which has left no trace */
                carry = 0;
                i -= 65;
                continue;
            }
            const struct escapes f = {.slashes = slashes, .escaped = escaped};
            struct done d;
            if (bad & inside || !take_codes(x, &f, inside, &d)) {
                carry = came;
                break;
            }
            y = d.y;
            keep = d.b.keep;
            if (d.b.step < 64) {
                carry = end = 0;
                i -= 64 - d.b.step;
            }
        }
        _mm512_storeu_si512(o, _mm512_maskz_compress_epi8(keep, y));
        o += _mm_popcnt_u64(keep);
        if (end) {
            *found = true;
            *made = (size_t)(o - out);
            return i + (size_t)_tzcnt_u64(end);
        }
    }
    *made = (size_t)(o - out);
    return i - carry;
}
#endif
