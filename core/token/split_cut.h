/* split_cut.h - steps of split_rule.h that cut out runs of sets of characters, by bit masks of
 * 64 bytes; included by split_many.h.
 *
 * A step's cuts depend on characters that stand side by side and on the cuts of the steps
 * before it, so that any cut of the last step is a place to begin from. */
#ifndef CORE_TOKEN_SPLIT_CUT_H
#define CORE_TOKEN_SPLIT_CUT_H

#include <string.h>

#include "core/token/split_mask.h"
#include "core/token/split_sets.h"

#ifdef SPLIT_HAS_MASKS

/* The sets of 64 bytes: all bytes of a character have its. */
#ifdef SPLIT_TABLES
typedef split_bytes sets_of_bytes;

SPLIT_INLINE uint64_t in_set(sets_of_bytes in, int set)
{
    return split_bit(in, set);
}
#else
typedef struct {
    uint8_t of[SPLIT_WINDOW];
} sets_of_bytes;

SPLIT_INLINE uint64_t in_set(sets_of_bytes in, int set)
{
    uint64_t found = 0;
    for (int at = 0; at < 64; at += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(in.of + at));
        found |= bits(_mm_sll_epi16(x, _mm_cvtsi32_si128(7 - set)), at); /* bit `set` to the top of its byte */
    }
    return found;
}
#endif

/* What a window looks like to the steps. */
struct cut_view {
    sets_of_bytes in;
    uint64_t within, first; /* bytes of the text, and first ones of characters */
    int limit;              /* so many bits are decided */
    bool last;              /* the text ends there */
};

/* The sets of the characters beyond ASCII, which `left` has the bytes of, into of[]; what stands
 * there for others is garbage.  Returns how many of the 64 bytes are in whole characters. */
SPLIT_INLINE int sets_beyond(const uint8_t *s, const struct split_sets *t, uint64_t left, uint8_t of[SPLIT_WINDOW], uint64_t *cont)
{
    while (left) {
        int i = low_bit(left), len = 1;
        uint32_t in = t->pair[(s[i] & 63u) << 6 | (s[i + 1] & 63u)];
        if (s[i] >= 0xC2 && s[i] < 0xE0 && uni_cont(s[i + 1])) len = 2;
        else if (s[i] >= 0xE0 && s[i] < 0xF0 && uni_cont(s[i + 1]) && uni_cont(s[i + 2])) len = 3;
        else in = SPLIT_MIXED;
        if (in == SPLIT_MIXED) {
            struct uni_char c = uni_next_inline(s + i, SPLIT_WINDOW - (size_t)i);
            len = (int)c.len;
            in = split_sets_get(t, c.cp);
        }
        if (i + len > 64) return i;
        in *= 0x01010101;
        memcpy(of + i, &in, 4);
        uint64_t all = below(len) << i;
        left &= ~all;
        *cont |= all & (all - 1) & ~((uint64_t)1 << i);
    }
    return 64;
}

#ifdef SPLIT_TABLES
/* Characters whose first byte says it all, the bytes of which are taken out of what is returned. */
SPLIT_INLINE uint64_t sets_by_lead(split_bytes x, const struct split_sets *t, uint64_t high, sets_of_bytes *in, uint64_t *cont)
{
    split_bytes lead = split_of_48(t->lead, x), before = split_up(lead);
    uint64_t second = split_cont(x) >> 1, sure = second & ~split_top(lead);
    uint64_t two = sure & split_in(x, 0xC2, 0xDF), three = sure & second >> 1 & split_in(x, 0xE0, 0xEF);
    uint64_t behind = (two | three) << 1, third = three << 2;
    *in = split_blend(*in, lead, two | three);
    *in = split_blend(*in, before, behind);
    *in = split_blend(*in, split_up(before), third);
    *cont = behind | third;
    return high & ~(two | three | behind | third);
}

SPLIT_INLINE int sets_of_window(const uint8_t *s, const struct split_sets *t, uint64_t high, sets_of_bytes *in, uint64_t *cont)
{
    split_bytes x = split_load(s);
    int known = 64;
    *in = split_of_128(t->of, x);
    if (!high) return known;
    uint64_t left = sets_by_lead(x, t, high, in, cont);
    if (left) {
        uint8_t of[SPLIT_WINDOW];
        known = sets_beyond(s, t, left, of, cont);
        *in = split_blend(*in, split_load(of), left);
    }
    return known;
}

SPLIT_INLINE sets_of_bytes sets_as_spelled(const uint8_t *s, const struct split_sets *t)
{
    split_bytes x = split_load(s);
    return split_blend(split_of_128(t->byte, x), split_of_128(t->byte + 128, x), split_top(x));
}
#else
SPLIT_INLINE int sets_of_window(const uint8_t *s, const struct split_sets *t, uint64_t high, sets_of_bytes *in, uint64_t *cont)
{
    int known = high ? sets_beyond(s, t, high, in->of, cont) : 64;
    for (int i = 0; i < 64; i++)
        if (!(high >> i & 1)) in->of[i] = t->of[s[i]];
    return known;
}

SPLIT_INLINE sets_of_bytes sets_as_spelled(const uint8_t *s, const struct split_sets *t)
{
    sets_of_bytes in;
    for (int i = 0; i < 64; i++) in.of[i] = t->byte[s[i]];
    return in;
}
#endif

/* Whether a piece starts at i is not known, nor then what becomes of the character before. */
SPLIT_INLINE void undecided(struct cut_view *v, int i)
{
    uint64_t before = v->first & below(i);
    int limit = before ? 63 - __builtin_clzll(before) : 0;
    if (limit < v->limit) v->limit = limit;
}

/* Where the run of x that begins at i ends: the place, or 64. */
SPLIT_INLINE int end_of_run(uint64_t x, uint64_t starts, int i)
{
    uint64_t ends = (~x | starts) & ~below(i + 1);
    return ends ? low_bit(ends) : 64;
}

/* Behind `size` characters from i on, or at `end`; *count = how many those are. */
SPLIT_INLINE int behind_group(const struct cut_view *v, uint64_t x, int i, int end, int size, int *count)
{
    if (!(x & ~v->first)) { /* of one byte each */
        int to = end - i > size ? i + size : end;
        *count = to - i;
        return to;
    }
    uint64_t chars = v->first & below(end) & ~below(i);
    for (*count = 0; chars && *count < size; ++*count) chars &= chars - 1;
    return chars ? low_bit(chars) : end;
}

/* Groups of `size` in runs of x, and what is left behind them if it is `least` or more. */
SPLIT_INLINE uint64_t cut_groups(struct cut_view *v, uint64_t x, int least, int size, uint64_t starts)
{
    uint64_t found = starts, open = v->last ? 0 : ~below(v->limit), todo = x & v->first & (~(x << 1) | starts);
    if (least > 1) todo &= x >> 1 | open; /* two bytes or more */
    for (; todo; todo &= todo - 1) {
        int begin = low_bit(todo), end = end_of_run(x, starts, begin), count;
        for (int i = begin, next; i < end; i = next) {
            next = behind_group(v, x, i, end, size, &count);
            if (count >= least) {
                found |= (uint64_t)1 << i;
                if (next < 64) found |= (uint64_t)1 << next;
            } else if (end >= v->limit && !v->last) { /* which may go on behind the window */
                undecided(v, i);
            }
        }
    }
    return found;
}

/* y?x+, where y is the character before the run. */
SPLIT_INLINE uint64_t cut_behind(struct cut_view *v, uint64_t x, uint64_t y, uint64_t starts)
{
    uint64_t begins = x & v->first & (~(x << 1) | starts);
    uint64_t joined = begins & ~starts & y << 1, before = joined >> 1; /* last bytes of y */
    if (!v->last) undecided(v, v->limit); /* the last character may be y */
    while (before & ~v->first) before = (before & v->first) | (before & ~v->first) >> 1;
    return starts | (begins & ~joined) | before | (x << 1 & ~x);
}

/* Runs of x that a piece ends with. */
SPLIT_INLINE uint64_t cut_ends(struct cut_view *v, uint64_t x, uint64_t starts)
{
    uint64_t found = starts;
    for (uint64_t todo = x & v->first & ~(x << 1) & ~starts; todo; todo &= todo - 1) {
        int i = low_bit(todo), end = end_of_run(x, starts, i);
        if (end < v->limit) found |= (starts >> end & 1) << i;
        else if (v->last) found |= (uint64_t)1 << i;
        else undecided(v, i);
    }
    return found;
}

/* Groups of `size` in runs of x that no y follows, counted from the end of the run. */
SPLIT_INLINE uint64_t cut_aligned(struct cut_view *v, uint64_t x, uint64_t y, int size, uint64_t starts)
{
    uint64_t found = starts;
    for (uint64_t todo = x & v->first & (~(x << 1) | starts); todo; todo &= todo - 1) {
        int begin = low_bit(todo), end = end_of_run(x, starts, begin), count = 0;
        if (end >= v->limit && !v->last) {
            undecided(v, begin);
            break;
        }
        if (end < 64 && y >> end & 1) continue;
        if (end < 64) found |= (uint64_t)1 << end;
        uint64_t chars = v->first & below(end) & ~below(begin);
        for (found |= (uint64_t)1 << begin; chars;) {
            int last = 63 - __builtin_clzll(chars);
            chars ^= (uint64_t)1 << last;
            if (++count % size == 0) found |= (uint64_t)1 << last;
        }
    }
    return found;
}

/* All places where pieces start, given those before the step. */
SPLIT_INLINE uint64_t cut_step(struct cut_view *v, const struct split_cut c, uint64_t starts)
{
    uint64_t x = in_set(v->in, c.x) & v->within;
    switch ((enum split_how)c.how) {
    case CUT_EACH: return starts | ((x | x << 1) & v->first);
    case CUT_RUNS: return starts | (x ^ x << 1);
    case CUT_GROUPS:
        if (c.least == 1 && !(x & x << 1 & x << 2 & (c.size > 2 ? x << 3 : x))) return starts | (x ^ x << 1); /* not longer than `size` */
        return x ? cut_groups(v, x, c.least, c.size, starts) : starts;
    case CUT_BEHIND: return cut_behind(v, x, in_set(v->in, c.y) & v->within, starts);
    case CUT_ENDS: return cut_ends(v, x, starts);
    case CUT_ALIGNED: return x ? cut_aligned(v, x, in_set(v->in, c.y) & v->within, c.size, starts) : starts;
    }
    return starts;
}

#endif

#endif
