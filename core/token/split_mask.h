/* split_mask.h - the classes of the characters in 64 bytes, as bit masks.
 *
 * A bit stands for a byte; all bytes of a character have the bits of its class.
 * ASCII is classified by vectors, and with the tables of split_bytes.h so are the letters of
 * the common scripts; what is left goes character by character. */
#ifndef CORE_TOKEN_SPLIT_MASK_H
#define CORE_TOKEN_SPLIT_MASK_H

#include "core/token/split_bytes.h"
#include "core/token/split_leads.h"
#include "core/token/split_rule.h"

#if defined(SPLIT_TABLES)
#define SPLIT_HAS_MASKS 1
#elif defined(__SSE2__)
#include <emmintrin.h>
#define SPLIT_HAS_MASKS 1
#endif

#ifdef SPLIT_HAS_MASKS
#define SPLIT_INLINE static inline __attribute__((always_inline))

enum { SPLIT_WINDOW = 72 }; /* bytes that must be readable */

struct split_masks {
    uint64_t letter, digit, space, newline, blank, quote, slash; /* blank = U+0020 */
    uint64_t upper, lower;   /* letters of one case only; kept where the rule has cases */
    uint64_t mark;           /* \p{M}, where the rule asks for it */
    uint64_t high, cont;     /* bytes beyond ASCII, and those after the first of a character */
    uint64_t space2, space3; /* last bytes of spaces of two and three bytes */
    uint64_t wide_digit;     /* digits beyond ASCII */
    uint64_t listed;         /* split_is_listed(), where the rule is by that */
    uint64_t han;            /* letters of that script, which are none of `letter`, where the rule asks for it */
    uint64_t rest;           /* of no class, for rules that ask for it */
    int known;               /* bytes in whole characters */
};

SPLIT_INLINE int low_bit(uint64_t x)
{
    return __builtin_ctzll(x);
}

SPLIT_INLINE uint64_t below(int n) /* the n lowest bits, 0..64 */
{
#ifdef SPLIT_TABLES
    return halves_below((size_t)n);
#else
    return n >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1;
#endif
}

#ifdef SPLIT_VBMI
enum { C_LETTER = 1, C_UPPER = 2, C_DIGIT = 4, C_SPACE = 8, C_NEWLINE = 16, C_BLANK = 32, C_QUOTE = 64, C_SLASH = 128 };
extern const uint8_t split_ascii[128];

/* Bytes that have one of the bits. */
SPLIT_INLINE uint64_t split_test(__m512i class, int bits)
{
    return _mm512_test_epi8_mask(class, _mm512_set1_epi8((char)bits));
}

SPLIT_INLINE void split_classify_ascii(const uint8_t *s, struct split_masks *m)
{
    __m512i x = _mm512_loadu_si512(s);
    m->high = _mm512_movepi8_mask(x);
    __m512i class = _mm512_maskz_permutex2var_epi8(~m->high, _mm512_loadu_si512(split_ascii), x,
                                                   _mm512_loadu_si512(split_ascii + 64));
    m->letter = split_test(class, C_LETTER);
    m->upper = split_test(class, C_UPPER);
    m->digit = split_test(class, C_DIGIT);
    m->space = split_test(class, C_SPACE);
    m->newline = split_test(class, C_NEWLINE);
    m->blank = split_test(class, C_BLANK);
    m->quote = split_test(class, C_QUOTE);
    m->slash = split_test(class, C_SLASH);
}
#elif defined(SPLIT_TABLES)
/* Bytes of ASCII from `first` on, `n` of them: with a sign, those above a number. */
SPLIT_INLINE __m256i split_ascii_in(__m256i x, char first, int n)
{
    return _mm256_cmpgt_epi8(_mm256_add_epi8(x, _mm256_set1_epi8((char)(128 - n - first))), _mm256_set1_epi8((char)(127 - n)));
}

/* Bytes that stand at their low four bits in the table. */
SPLIT_INLINE __m256i split_listed_at(__m256i x, __m256i table)
{
    return _mm256_cmpeq_epi8(_mm256_shuffle_epi8(table, x), x);
}

#define SPLIT_BOTH(f, ...) halves_mask((struct halves){f(x.low, __VA_ARGS__), f(x.high, __VA_ARGS__)})

SPLIT_INLINE void split_classify_ascii(const uint8_t *s, struct split_masks *m)
{
    enum { NO = -128 };
#define TWICE(...) _mm256_setr_epi8(__VA_ARGS__, __VA_ARGS__)
    const __m256i spaces = TWICE(' ', NO, NO, NO, NO, NO, NO, NO, NO, '\t', '\n', '\v', '\f', '\r', NO, NO);
    const __m256i newlines = TWICE(NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, '\n', NO, NO, '\r', NO, NO);
#undef TWICE
    struct halves x = halves_load(s);
    m->high = halves_mask(x);
    m->upper = SPLIT_BOTH(split_ascii_in, 'A', 26);
    m->digit = SPLIT_BOTH(split_ascii_in, '0', 10);
    m->space = SPLIT_BOTH(split_listed_at, spaces);
    m->newline = SPLIT_BOTH(split_listed_at, newlines);
    m->blank = halves_is(x, ' ');
    m->quote = halves_is(x, '\'');
    m->slash = halves_is(x, '/');
    x = split_or(x, 0x20);
    m->letter = SPLIT_BOTH(split_ascii_in, 'a', 26);
}
#else
SPLIT_INLINE __m128i in_range(__m128i x, char first, int n)
{
    /* Unsigned x - first < n. */
    __m128i d = _mm_sub_epi8(x, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8((char)(n - 1))), d);
}

SPLIT_INLINE uint64_t bits(__m128i m, int at)
{
    return (uint64_t)(uint32_t)_mm_movemask_epi8(m) << at;
}

SPLIT_INLINE void split_classify_ascii(const uint8_t *s, struct split_masks *m)
{
    for (int at = 0; at < 64; at += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(s + at));
        __m128i blank = _mm_cmpeq_epi8(x, _mm_set1_epi8(' '));
        m->letter |= bits(in_range(_mm_or_si128(x, _mm_set1_epi8(0x20)), 'a', 26), at);
        m->upper |= bits(in_range(x, 'A', 26), at);
        m->digit |= bits(in_range(x, '0', 10), at);
        m->space |= bits(_mm_or_si128(in_range(x, '\t', 5), blank), at);
        m->blank |= bits(blank, at);
        m->newline |= bits(_mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('\n')),
                                        _mm_cmpeq_epi8(x, _mm_set1_epi8('\r'))), at);
        m->quote |= bits(_mm_cmpeq_epi8(x, _mm_set1_epi8('\'')), at);
        m->slash |= bits(_mm_cmpeq_epi8(x, _mm_set1_epi8('/')), at);
        m->high |= bits(x, at);
    }
}

SPLIT_INLINE uint64_t split_high(const uint8_t *s)
{
    uint64_t found = 0;
    for (int at = 0; at < 64; at += 16) found |= bits(_mm_loadu_si128((const __m128i *)(const void *)(s + at)), at);
    return found;
}

SPLIT_INLINE uint64_t split_listed(const uint8_t *s)
{
    uint64_t found = 0;
    for (int at = 0; at < 64; at += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(s + at));
        for (const char *p = "(|.,!?)"; *p; p++) found |= bits(_mm_cmpeq_epi8(x, _mm_set1_epi8(*p)), at);
    }
    return found;
}

SPLIT_INLINE uint64_t split_controls(const uint8_t *s)
{
    uint64_t found = 0;
    for (int at = 0; at < 64; at += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(s + at));
        found |= bits(_mm_or_si128(in_range(x, 0, 0x20), _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7F))), at);
    }
    return found;
}
#endif

#ifdef SPLIT_TABLES
SPLIT_INLINE uint64_t split_high(const uint8_t *s)
{
    return split_top(split_load(s));
}

SPLIT_INLINE uint64_t split_listed(const uint8_t *s)
{
    split_bytes x = split_load(s);
    uint64_t found = 0;
    for (const char *p = "(|.,!?)"; *p; p++) found |= split_is(x, *p);
    return found;
}

SPLIT_INLINE uint64_t split_controls(const uint8_t *s)
{
    split_bytes x = split_load(s);
    return split_in(x, 0, 0x1F) | split_is(x, 0x7F);
}

/* Letters by the table, and the kana; all bytes of them are set in m->letter
 * and taken out of the mask that is returned. */
SPLIT_INLINE uint64_t split_letters(const uint8_t *s, const struct leads *t, struct split_masks *m)
{
    split_bytes x = split_load(s), y = split_load(s + 1);
    uint64_t third = split_cont(x) >> 2;
    uint64_t sure = split_ranged(y, split_of_48(t->low, x), split_of_48(t->more, x), split_of_48(t->but, x));
    uint64_t two = sure & split_in(x, 0xC2, 0xDF) & ~((uint64_t)1 << 63);
    uint64_t three = sure & split_in(x, 0xE0, 0xEF), e3 = split_is(x, 0xE3);
    if (e3) {
        split_bytes z = split_load(s + 2);
        three |= e3 & ((split_is(y, 0x81) & ~split_is(z, 0x80)) | (split_is(y, 0x82) & ~split_in(z, 0x97, 0xA0)) |
                       (split_is(y, 0x83) & ~split_is(z, 0xBB)));
    }
    three &= third;
    uint64_t cont = two << 1 | three << 1 | three << 2, all = two | three | cont;
    m->letter |= all;
    m->cont |= cont;
    return m->high & ~all;
}

/* Letters of two bytes with a case, and those before C6 80 in pairs of both, for rules that tell the cases apart. */
SPLIT_INLINE uint64_t split_cased(const uint8_t *s, const struct split_leads *t, uint64_t left, struct split_masks *m)
{
    split_bytes x = split_load(s), y = split_load(s + 1);
    uint64_t first = left & split_in(x, 0xC3, 0xDF) & split_cont(x) >> 1, c4 = first & split_is(x, 0xC4), c5 = first & split_is(x, 0xC5);
    if (!first) return left;
    uint64_t upper = first & split_ranged(y, split_of_48(t->upper.low, x), split_of_48(t->upper.more, x), split_of_48(t->upper.but, x));
    uint64_t lower = first & split_ranged(y, split_of_48(t->lower.low, x), split_of_48(t->lower.more, x), split_of_48(t->lower.but, x));
    if (c4 | c5) {
        split_bytes class = split_blend(split_of_64(t->c4, y), split_of_64(t->c5, y), c5);
        upper |= (c4 | c5) & split_bit(class, SPLIT_UPPER);
        lower |= (c4 | c5) & split_bit(class, SPLIT_LOWER);
    }
    uint64_t cont = (upper | lower) << 1, all = upper | lower | cont;
    m->upper |= upper | upper << 1;
    m->lower |= lower | lower << 1;
    m->letter |= all;
    m->cont |= cont;
    return left & ~all;
}

/* The same for punctuation and symbols of Latin-1 and of three blocks, and what else those have of letters. */
SPLIT_INLINE uint64_t split_signs(const uint8_t *s, const struct split_leads *t, uint64_t left, struct split_masks *m)
{
    split_bytes x = split_load(s), y = split_load(s + 1), z = split_load(s + 2);
    uint64_t second = split_cont(x) >> 1, third = second & second >> 1;
    uint64_t two = left & second & split_is(x, 0xC2), e2 = left & third & split_is(x, 0xE2), three = 0, letter = 0;
    if (two) two &= split_bit(split_of_64(t->c2, y), SPLIT_SIGN);
    if (e2) three = e2 & split_bit(split_of_64(t->e2, y), SPLIT_SIGN);
    for (int i = 0; i < SPLIT_THIRDS; i++) {
        uint64_t these = left & third & split_is(x, split_third_behind[i][0]) & split_is(y, split_third_behind[i][1]);
        if (!these) continue;
        split_bytes class = split_of_64(t->third[i], z);
        letter |= these & split_bit(class, SPLIT_LETTER);
        three |= these & split_bit(class, SPLIT_SIGN);
    }
    m->letter |= letter | letter << 1 | letter << 2;
    three |= letter;
    uint64_t cont = two << 1 | three << 1 | three << 2;
    m->cont |= cont;
    return left & ~(two | three | cont);
}
#endif

#ifdef SPLIT_VBMI
/* The set bits of `found` from `from` on, in order; 64 more have room. */
SPLIT_INLINE size_t put_ends(uint64_t found, size_t from, size_t *ends)
{
    static const uint8_t iota[64] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                     22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
                                     44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    size_t n = (size_t)__builtin_popcountll(found);
    __m512i at = _mm512_maskz_compress_epi8(found, _mm512_loadu_si512(iota)), base = _mm512_set1_epi64((long long)from);
    _Alignas(64) uint8_t all[64];
    if (n > 24) _mm512_store_si512(all, at);
    __m128i low = _mm512_castsi512_si128(at);
    _mm512_storeu_si512(ends, _mm512_add_epi64(base, _mm512_cvtepu8_epi64(low)));
    _mm512_storeu_si512(ends + 8, _mm512_add_epi64(base, _mm512_cvtepu8_epi64(_mm_srli_si128(low, 8))));
    low = _mm512_extracti32x4_epi32(at, 1);
    _mm512_storeu_si512(ends + 16, _mm512_add_epi64(base, _mm512_cvtepu8_epi64(low)));
    for (size_t i = 24; i < n; i += 8)
        _mm512_storeu_si512(ends + i,
                            _mm512_add_epi64(base, _mm512_cvtepu8_epi64(_mm_loadl_epi64((const void *)(all + i)))));
    return n;
}
#elif defined(SPLIT_TABLES)
/* The same.  How many there are cannot be guessed: so many are written each time. */
SPLIT_INLINE size_t put_ends(uint64_t found, size_t from, size_t *ends)
{
    enum { EACH = 8 };
    size_t n = (size_t)__builtin_popcountll(found);
    for (size_t i = 0; i < n; i += EACH)
#pragma GCC unroll 8
        for (size_t k = 0; k < EACH; k++, found &= found - 1) ends[i + k] = from + (size_t)_tzcnt_u64(found);
    return n;
}
#else
SPLIT_INLINE size_t put_ends(uint64_t found, size_t from, size_t *ends)
{
    size_t n = 0;
    for (; found; found &= found - 1) ends[n++] = from + (size_t)low_bit(found);
    return n;
}
#endif

/* The characters whose bytes are in `left`, one after the other. */
SPLIT_INLINE void split_classify_rest(const uint8_t *s, uint64_t left, const struct split_rule *r, struct split_masks *m)
{
    while (left) {
        int i = low_bit(left);
        if (i > 60 && i + (int)uni_len(s[i]) > 64) { /* or it is broken, which is seen when it comes first */
            m->known = i;
            break;
        }
        struct uni_char c = uni_next_inline(s + i, SPLIT_WINDOW - (size_t)i);
        if (i + (int)c.len > 64) {
            m->known = i;
            break;
        }
        uint64_t all = below((int)c.len) << i, last = (uint64_t)1 << (i + (int)c.len - 1);
        left &= ~all;
        m->cont |= all & (all - ((uint64_t)1 << i));
        if (c.class & UNI_L) m->letter |= all;
        if (c.class & UNI_UPPER) m->upper |= all;
        if (c.class & UNI_LOWER) m->lower |= all;
        if (c.class & UNI_M) m->mark |= all;
        if (r->signs && !c.class) m->rest |= all;
        if (r->listed && split_is_listed(c.cp)) m->listed |= all;
        if (c.class & UNI_N) {
            m->digit |= all;
            m->wide_digit |= all;
        }
        if (c.class & UNI_SPACE) {
            m->space |= all;
            if (c.len == 2) m->space2 |= last;
            else m->space3 |= last;
        }
    }
}
#endif

#endif
