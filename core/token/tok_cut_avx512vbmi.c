/* Places to cut before spaces or behind them, and between characters, for 64 bytes at once.
 *
 * A loop over the places mispredicts a branch or two for every word.  Here bit masks
 * tell of each byte what it and the one before it are, and few places, beside
 * characters beyond ASCII, are looked at alone. */
#include <string.h>

#include "core/token/split_mask.h"
#include "core/token/tok_cut.h"

#ifdef SPLIT_VBMI

/* 64 bytes and those before them: what is not ASCII has no look. */
struct window {
    __m512i x, y;
    uint64_t plain, gap, newline, high;                     /* of x */
    uint64_t plain_before, gap_before, newline_before, high_before; /* of y */
};

/* s[i - by..i - by + 64); zeros stand before the text. */
SPLIT_INLINE __m512i bytes_before(const uint8_t *s, size_t i, size_t by)
{
    if (i >= by) return _mm512_loadu_si512(s + i - by);
    return _mm512_maskz_expandloadu_epi8(~(uint64_t)0 << (by - i), s);
}

SPLIT_INLINE __m512i by_ascii(const uint8_t table[128], __m512i x)
{
    return _mm512_permutex2var_epi8(_mm512_loadu_si512(table), x, _mm512_loadu_si512(table + 64));
}

SPLIT_INLINE struct window look(const struct cut_tables *t, const uint8_t *s, size_t i)
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
SPLIT_INLINE uint64_t between_pairs(const struct cut_tables *t, const struct window *w)
{
    uint64_t pairs = w->plain & w->plain_before;
    __m512i joined = _mm512_setzero_si512(), eight = _mm512_and_si512(_mm512_srli_epi16(w->x, 3), _mm512_set1_epi8(31));
    __m512i bit = _mm512_shuffle_epi8(_mm512_set1_epi64((long long)0x8040201008040201), _mm512_and_si512(w->x, _mm512_set1_epi8(7)));
    if (!pairs) return 0;
#pragma GCC unroll 12
    for (int k = 0; k < CUT_EIGHTS; k++) {
        uint64_t these = _mm512_cmpeq_epi8_mask(eight, _mm512_set1_epi8((char)(k + 4)));
        joined = _mm512_or_si512(joined, _mm512_maskz_mov_epi8(these, by_ascii(t->joined[k], w->y)));
    }
    return pairs & ~_mm512_test_epi8_mask(joined, bit);
}

SPLIT_INLINE uint32_t four_bytes(const uint8_t *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return __builtin_bswap32(x);
}

SPLIT_INLINE uint64_t bit_of(const uint64_t *bits, uint32_t i)
{
    return bits[i >> 6] >> (i & 63) & 1;
}

/* Between characters of three bytes that have a token each and none together, as tok_wide_joined() says.  One that is behind
 * another has this before it. */
SPLIT_INLINE uint64_t between_wide(const struct tok_fast *f, const uint8_t *s, size_t i, const struct window *w)
{
    uint64_t wide = split_in(w->x, 0xE3, 0xED), todo = wide & split_in(bytes_before(s, i, 3), 0xE3, 0xED), cuts = 0;
    if (!todo) return 0;
    int at = low_bit(todo);
    uint32_t before = _pext_u32(four_bytes(s + i + at - 3), 0x0F3F3F00), mixed = tok_wide_mix(before);
    uint64_t alone = bit_of(f->has_token, before);
    for (wide &= ~below(at); wide; wide &= wide - 1) {
        at = low_bit(wide);
        uint32_t x = _pext_u32(four_bytes(s + i + at - 1), 0x000F3F3F);
        uint64_t too = bit_of(f->has_token, x);
        cuts |= (alone & too & ~bit_of(f->together, (mixed ^ tok_wide_mix_behind(x)) >> TOK_WIDE_DOWN)) << at;
        mixed = tok_wide_mix(x);
        alone = too;
    }
    return cuts & todo;
}

/* U+2581 of the text. */
SPLIT_INLINE uint64_t marks_at(const uint8_t *s, size_t i, const struct window *w)
{
    uint64_t first = split_is(w->x, 0xE2);
    return first ? first & split_is(_mm512_loadu_si512(s + i + 1), 0x96) & split_is(_mm512_loadu_si512(s + i + 2), 0x81) : 0;
}

/* Where nothing changes but spaces: before each run of them (behind it), unless it goes on
 * behind (before) a U+2581 of the text; and before and behind runs of newlines.  Where a text's
 * first spaces are dropped they must not be alone in its first part, in front of
 * which another is put. */
SPLIT_INLINE uint64_t before_spaces(const struct tok_fast *f, const uint8_t *s, size_t i, const struct window *w)
{
    uint64_t newlines = w->newline ^ w->newline_before;
    uint64_t space = w->gap & ~w->newline, space_before = w->gap_before & ~w->newline_before, cuts = space & ~space_before;
    if (f->behind) return newlines | (space_before & ~space & ~marks_at(s, i, w));
    if (w->high_before & cuts)
        cuts &= ~(split_is(w->y, 0x81) & split_is(bytes_before(s, i, 2), 0x96) & split_is(bytes_before(s, i, 3), 0xE2));
    if (f->one_space) newlines &= ~(w->newline & w->gap_before);
    return cuts | newlines;
}

/* Of bytes from 0xC0 on: of two or of three bytes are characters that begin with it and are all ordinary (tok_cut.c). */
enum { OF_TWO = 1, OF_THREE = 2 };
static const uint8_t all_ordinary[64] = {
    [0x03] = OF_TWO,   [0x04] = OF_TWO,   [0x05] = OF_TWO,   [0x06] = OF_TWO,   [0x07] = OF_TWO,   [0x08] = OF_TWO,   [0x10] = OF_TWO,  [0x11] = OF_TWO,
    [0x25] = OF_THREE, [0x26] = OF_THREE, [0x27] = OF_THREE, [0x28] = OF_THREE, [0x29] = OF_THREE, [0x2B] = OF_THREE, [0x2C] = OF_THREE};

SPLIT_INLINE uint64_t begin_ordinary(__m512i x, int which)
{
    __m512i of = _mm512_permutexvar_epi8(x, _mm512_loadu_si512(all_ordinary)); /* by the lower 6 bits */
    return _mm512_mask_test_epi8_mask(_mm512_cmpge_epu8_mask(x, _mm512_set1_epi8((char)0xC0)), of, _mm512_set1_epi8((char)which));
}

/* Of U+3000 to U+30FF, whose second bytes are 0x80 to 0x83: a bit for each of these if with this third byte it is ordinary. */
static const uint8_t kana_behind[64] = {
    12, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 11, 11, 11, 11, 11, 11, 11, 11, 11,
    10, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 6, 14, 6, 6, 6};
static const uint8_t bit_of_second[64] = {1, 2, 4, 8};

SPLIT_INLINE uint64_t is_kana(__m512i first, __m512i second, __m512i third)
{
    __m512i of = _mm512_permutexvar_epi8(third, _mm512_loadu_si512(kana_behind));
    return _mm512_mask_test_epi8_mask(split_is(first, 0xE3), of, _mm512_permutexvar_epi8(second, _mm512_loadu_si512(bit_of_second)));
}

/* Before gaps between two ordinary characters, or behind them.  *limit: a gap that begins there
 * leaves the window. */
SPLIT_INLINE uint64_t before_gaps(const struct tok_fast *f, const uint8_t *s, size_t n, size_t i, const struct window *w,
                                  int *limit)
{
    uint64_t starts = w->gap & ~w->gap_before, ends, behind, before = w->plain_before, cuts, unclear, high;
    *limit = ~w->gap ? 64 - __builtin_clzll(~w->gap) : 0;
    starts &= below(*limit);
    ends = (w->gap + starts) & ~w->gap;
    if (f->newlines) before |= split_is(w->y, '\n');
    behind = _pdep_u64(_pext_u64(w->plain, ends), starts);
    high = _pdep_u64(_pext_u64(w->high, ends), starts);
    unclear = starts & ~(before & behind) & (before | w->high_before) & (behind | high);
    if (unclear) {
        before |= begin_ordinary(bytes_before(s, i, 2), OF_TWO) | begin_ordinary(bytes_before(s, i, 3), OF_THREE);
        behind |= _pdep_u64(_pext_u64(begin_ordinary(w->x, OF_TWO | OF_THREE), ends), starts);
        unclear &= ~(before & behind);
    }
    if (unclear) {
        before |= is_kana(bytes_before(s, i, 3), bytes_before(s, i, 2), w->y);
        behind |= _pdep_u64(_pext_u64(is_kana(w->x, _mm512_loadu_si512(s + i + 1), _mm512_loadu_si512(s + i + 2)), ends), starts);
        unclear &= ~(before & behind);
    }
    cuts = starts & before & behind;
    for (; unclear; unclear &= unclear - 1) {
        int at = low_bit(unclear), len = low_bit(~w->gap >> at);
        size_t begin = i + (size_t)at;
        bool stands = before >> at & 1 || tok_plain_before(s, begin);
        cuts |= (uint64_t)(stands && tok_plain_after(s, n, begin + (size_t)len)) << at;
    }
    if (f->behind) cuts = _pdep_u64(_pext_u64(cuts, starts), ends);
    return f->lone_newlines ? cuts | ((w->newline ^ w->newline_before) & ~(w->newline & w->gap_before) & below(*limit)) : cuts;
}

static bool windows(const struct tok_fast *f, const uint8_t *s, size_t n, size_t begin, size_t *pos, size_t *ends,
                    size_t *count, size_t max)
{
    enum { AHEAD = 2048 };
    size_t i = *pos, n_ends = *count;
    bool undecided = false;
    while (n - i >= CUT_WINDOW && n_ends + CUT_ROOM < max && !undecided) {
        struct window w = look(&f->tables, s, i);
        int limit = 64;
        uint64_t cuts = f->as_is ? before_spaces(f, s, i, &w) : before_gaps(f, s, n, i, &w, &limit);
        __builtin_prefetch(s + i + AHEAD);
        if (f->pairs) cuts |= between_pairs(&f->tables, &w);
        if (f->wide && w.high) cuts |= between_wide(f, s, i, &w);
        if (i == begin) cuts &= ~(uint64_t)1;
        n_ends += put_ends(cuts, i, ends + n_ends);
        i += (size_t)limit;
        undecided = limit == 0;
    }
    *pos = i;
    *count = n_ends;
    return undecided;
}

cut_windows_fn *const tok_cut_windows_avx512vbmi = windows;
#else
cut_windows_fn *const tok_cut_windows_avx512vbmi = NULL;
#endif
