/* Places to cut at with AVX-512 VBMI. */
#include <string.h>

#include "core/token/split_mask.h"
#include "core/token/tok_cut.h"

#ifdef SPLIT_VBMI

#define CUT_INLINE SPLIT_INLINE

CUT_INLINE __m512i load(const uint8_t *p)
{
    return _mm512_loadu_si512(p);
}

CUT_INLINE uint64_t is(__m512i x, int byte)
{
    return split_is(x, byte);
}

CUT_INLINE uint64_t in(__m512i x, int first, int last)
{
    return split_in(x, first, last);
}

/* 64 bytes and those before them: what is not ASCII has no look. */
struct window {
    __m512i x, y;
    uint64_t plain, gap, newline, high;                     /* of x */
    uint64_t plain_before, gap_before, newline_before, high_before; /* of y */
};

/* s[i - by..i - by + 64); zeros stand before the text. */
CUT_INLINE __m512i bytes_before(const uint8_t *s, size_t i, size_t by)
{
    if (i >= by) return _mm512_loadu_si512(s + i - by);
    return _mm512_maskz_expandloadu_epi8(~(uint64_t)0 << (by - i), s);
}

CUT_INLINE __m512i by_ascii(const uint8_t table[128], __m512i x)
{
    return _mm512_permutex2var_epi8(_mm512_loadu_si512(table), x, _mm512_loadu_si512(table + 64));
}

CUT_INLINE struct window look(const struct cut_tables *t, const uint8_t *s, size_t i)
{
    struct window w = {.x = _mm512_loadu_si512(s + i), .y = bytes_before(s, i, 1)};
    w.high = _mm512_movepi8_mask(w.x);
    w.high_before = _mm512_movepi8_mask(w.y);
    __m512i a = _mm512_maskz_mov_epi8(~w.high, by_ascii(t->look, w.x));
    __m512i b = _mm512_maskz_mov_epi8(~w.high_before, by_ascii(t->look, w.y));
    w.plain = split_test(a, LOOK_PLAIN);
    w.gap = split_test(a, LOOK_GAP);
    w.newline = split_test(a, LOOK_NEWLINE);
    w.plain_before = split_test(b, LOOK_PLAIN);
    w.gap_before = split_test(b, LOOK_GAP);
    w.newline_before = split_test(b, LOOK_NEWLINE);
    return w;
}

/* Between printable characters of ASCII that no token has side by side. */
CUT_INLINE uint64_t between_pairs(const struct tok_fast *f, const uint8_t *s, size_t i, const struct window *w)
{
    (void)s, (void)i;
    uint64_t pairs = w->plain & w->plain_before;
    __m512i joined = _mm512_setzero_si512(), eight = _mm512_and_si512(_mm512_srli_epi16(w->x, 3), _mm512_set1_epi8(31));
    __m512i bit = _mm512_shuffle_epi8(_mm512_set1_epi64((long long)0x8040201008040201), _mm512_and_si512(w->x, _mm512_set1_epi8(7)));
    if (!pairs) return 0;
#pragma GCC unroll 12
    for (int k = 0; k < CUT_EIGHTS; k++) {
        uint64_t these = _mm512_cmpeq_epi8_mask(eight, _mm512_set1_epi8((char)(k + 4)));
        joined = _mm512_or_si512(joined, _mm512_maskz_mov_epi8(these, by_ascii(f->tables.joined[k], w->y)));
    }
    return pairs & ~_mm512_test_epi8_mask(joined, bit);
}

/* Of bytes from 0xC0 on: of two or of three bytes are characters that begin with it and are all ordinary (tok_cut.c). */
enum { OF_TWO = 1, OF_THREE = 2 };
static const uint8_t all_ordinary[64] = {
    [0x03] = OF_TWO,   [0x04] = OF_TWO,   [0x05] = OF_TWO,   [0x06] = OF_TWO,   [0x07] = OF_TWO,   [0x08] = OF_TWO,   [0x10] = OF_TWO,  [0x11] = OF_TWO,
    [0x25] = OF_THREE, [0x26] = OF_THREE, [0x27] = OF_THREE, [0x28] = OF_THREE, [0x29] = OF_THREE, [0x2B] = OF_THREE, [0x2C] = OF_THREE};

CUT_INLINE uint64_t begin_ordinary(__m512i x, int which)
{
    __m512i of = _mm512_permutexvar_epi8(x, _mm512_loadu_si512(all_ordinary)); /* by the lower 6 bits */
    return _mm512_mask_test_epi8_mask(_mm512_cmpge_epu8_mask(x, _mm512_set1_epi8((char)0xC0)), of, _mm512_set1_epi8((char)which));
}

/* Of U+3000 to U+30FF, whose second bytes are 0x80 to 0x83: a bit for each of these if with this third byte it is ordinary. */
static const uint8_t kana_behind[64] = {
    12, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 11, 11, 11, 11, 11, 11, 11, 11, 11,
    10, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 6, 14, 6, 6, 6};
static const uint8_t bit_of_second[64] = {1, 2, 4, 8};

CUT_INLINE uint64_t is_kana(__m512i first, __m512i second, __m512i third)
{
    __m512i of = _mm512_permutexvar_epi8(third, _mm512_loadu_si512(kana_behind));
    return _mm512_mask_test_epi8_mask(split_is(first, 0xE3), of, _mm512_permutexvar_epi8(second, _mm512_loadu_si512(bit_of_second)));
}

#include "core/token/tok_cut_body.h"

cut_windows_fn *const tok_cut_windows_avx512vbmi = windows;
#else
cut_windows_fn *const tok_cut_windows_avx512vbmi = NULL;
#endif
