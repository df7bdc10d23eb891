#include "core/token/tok_cut.h"

#include <string.h>

#include "core/token/unicode.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* ---- words ---- */

/* Next word from *pos on; false at the end. */
static inline bool next_word(const struct tok_fast *f, const uint8_t *s, size_t n, size_t *pos,
                             size_t *begin, size_t *end)
{
    size_t i = *pos;
    while (i < n && f->class[s[i]] == B_SPACE) i++;
    if (i == n) return false;
    *begin = i;
    if (f->punct) {
        /* A mark after punctuation may combine with it: then they stay together. */
        if (f->class[s[i]] == B_PUNCT && (i + 1 == n || s[i + 1] < 0x80)) {
            *pos = *end = i + 1;
            return true;
        }
        do i++;
        while (i < n && (f->class[s[i]] == B_OTHER ||
                         (f->class[s[i]] == B_PUNCT && i + 1 < n && s[i + 1] >= 0x80)));
    } else {
        do i++;
        while (i < n && f->class[s[i]] != B_SPACE);
    }
    *pos = *end = i;
    return true;
}

static size_t cut_words(const struct tok_fast *f, const uint8_t *s, size_t n, size_t *pos, size_t *begins,
                        size_t *ends, size_t max)
{
    size_t count = 0;
    while (count < max && next_word(f, s, n, pos, &begins[count], &ends[count])) count++;
    if (count < max) *pos = n;
    return count;
}

/* ---- before spaces ---- */

/* A character that no step makes to, or joins with, a space. */
static bool ordinary(struct uni_char c)
{
    uint32_t x = c.cp;
    if (x < 0x80) return x > 0x20 && x < 0x7F;
    return (x >= 0xC0 && x <= 0x24F) || (x >= 0x391 && x <= 0x3C9) || (x >= 0x400 && x <= 0x52F && x != 0x483) ||
           (x >= 0x5D0 && x <= 0x5EA) || (x >= 0x620 && x <= 0x64A) || (x >= 0x904 && x <= 0x939) ||
           (x >= 0xE01 && x <= 0xE2F) || (x >= 0x3041 && x <= 0x3096) || (x >= 0x30A1 && x <= 0x30FA) ||
           (x >= 0x4E00 && x <= 0x9FFF) || (x >= 0xAC00 && x <= 0xD7A3);
}

static inline bool plain(uint8_t b)
{
    return b > 0x20 && b < 0x7F;
}

static inline bool plain_before(const uint8_t *s, size_t at)
{
    return at && (s[at - 1] < 0x80 ? plain(s[at - 1]) : ordinary(uni_prev(s, at)));
}

static inline bool plain_after(const uint8_t *s, size_t n, size_t at)
{
    return at < n && (s[at] < 0x80 ? plain(s[at]) : ordinary(uni_next(s + at, n - at)));
}

static inline bool is_gap(const struct tok_fast *f, uint8_t b)
{
    return b == ' ' || b == f->blank[1] || b == f->blank[2] || b == f->blank[3];
}

/* First byte of a gap at or after `from`, or n.  *mask: what is known of the 64
 * bytes from *base on. */
struct gaps {
    uint64_t mask;
    size_t base, end; /* of the bytes that mask knows */
};

static inline uint64_t gap_mask(const struct tok_fast *f, const uint8_t *s)
{
    uint64_t mask = 0;
#ifdef __SSE2__
    for (int at = 0; at < 64; at += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(s + at));
        __m128i any = _mm_cmpeq_epi8(x, _mm_set1_epi8(' '));
        for (int k = 1; k < 4; k++) any = _mm_or_si128(any, _mm_cmpeq_epi8(x, _mm_set1_epi8((char)f->blank[k])));
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(any) << at;
    }
#else
    for (int i = 0; i < 64; i++) mask |= (uint64_t)is_gap(f, s[i]) << i;
#endif
    return mask;
}

static inline size_t next_gap(const struct tok_fast *f, const uint8_t *s, size_t n, size_t from, struct gaps *g)
{
    for (;;) {
        if (from < g->end) {
            uint64_t left = g->mask >> (from - g->base);
            if (left) return from + (size_t)__builtin_ctzll(left);
            from = g->end;
        }
        if (n - from < 64) break;
        *g = (struct gaps){gap_mask(f, s + from), from, from + 64};
    }
    while (from < n && !is_gap(f, s[from])) from++;
    return from;
}

/* Places to cut at, of the gap s[i..end); at most three. */
static inline size_t cuts_of_gap(const struct tok_fast *f, const uint8_t *s, size_t n, size_t i, size_t end,
                                 size_t cuts[3])
{
    size_t count = 0;
    if (!f->cut_newlines) {
        bool before = plain_before(s, i) || (f->newlines && i && s[i - 1] == '\n');
        if (before && plain_after(s, n, end)) cuts[count++] = i;
        return count;
    }
    while (i < end) { /* spaces, newlines, spaces ... */
        size_t k = i;
        bool newline = s[i] == '\n';
        while (k < end && (s[k] == '\n') == newline) k++;
        if (newline) {
            if (count < 3 && plain_before(s, i)) cuts[count++] = i;
            if (count < 3 && k == end && plain_after(s, n, k)) cuts[count++] = k;
        } else if (count < 3 && k == end && plain_after(s, n, k) && (plain_before(s, i) || (i && s[i - 1] == '\n'))) {
            cuts[count++] = i;
        }
        i = k;
    }
    return count;
}

static size_t cut_spaces(const struct tok_fast *f, const uint8_t *s, size_t n, size_t *pos, size_t *begins,
                         size_t *ends, size_t max)
{
    size_t count = 0, begin = *pos, i = begin, cuts[3];
    struct gaps g = {0, 0, 0};
    while (begin < n && count + 3 < max) {
        i = next_gap(f, s, n, i, &g);
        size_t end = i + 1;
        if (i < n && end < n && !is_gap(f, s[end]) && s[i] == ' ' && i > begin && plain(s[i - 1]) && plain(s[end])) {
            begins[count] = begin; /* as most are */
            ends[count++] = begin = i;
            i = end;
            continue;
        }
        while (end < n && is_gap(f, s[end])) end++;
        size_t n_cuts = i < n ? cuts_of_gap(f, s, n, i, end, cuts) : 0;
        for (size_t k = 0; k < n_cuts; k++) {
            if (cuts[k] <= begin) continue;
            begins[count] = begin;
            ends[count++] = begin = cuts[k];
        }
        i = end;
        if (i < n) continue;
        begins[count] = begin;
        ends[count++] = begin = n;
    }
    *pos = begin;
    return count;
}

size_t tok_cut(const struct tok_fast *f, const uint8_t *s, size_t n, size_t *pos, size_t *begins, size_t *ends,
               size_t max)
{
    if (f->kind == CUT_WORDS) return cut_words(f, s, n, pos, begins, ends, max - 4);
    return cut_spaces(f, s, n, pos, begins, ends, max);
}
