#include "core/token/tok_cut.h"

#include <string.h>

#include "core/token/unicode.h"
#include "core/token/isa.h"

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

/* ---- before spaces, or behind them ---- */

/* Ideographic punctuation and kana. */
static inline bool is_kana(uint32_t x)
{
    return (x >= 0x3001 && x <= 0x301F) || (x >= 0x3041 && x <= 0x3096) || (x >= 0x30A1 && x <= 0x30FA) || x == 0x30FC;
}

/* A character that no step makes to, or joins with, a space. */
bool tok_is_ordinary(uint32_t x)
{
    if (x < 0x80) return x > 0x20 && x < 0x7F;
    if (x >= 0x2000 && x < 0x2800) /* without U+2581 */
        return x == 0x2013 || x == 0x2014 || (x >= 0x2018 && x <= 0x2022) || x == 0x2026 || x == 0x20AC ||
               (x >= 0x2190 && x <= 0x21FF) || (x >= 0x2500 && x <= 0x257F) || x >= 0x25A0;
    if (x >= 0x10000) /* pictures, but for colours of skin, which are joined with what they follow */
        return (x >= 0x1F1E6 && x <= 0x1F1FF) || (x >= 0x1F300 && x <= 0x1F64F && (x < 0x1F3FB || x > 0x1F3FF)) ||
               (x >= 0x1F680 && x <= 0x1F6FF) || (x >= 0x1F900 && x <= 0x1F9FF);
    return x == 0xAB || x == 0xBB || (x >= 0xC0 && x <= 0x24F) || (x >= 0x391 && x <= 0x3C9) || (x >= 0x400 && x <= 0x52F && x != 0x483) ||
           (x >= 0x5D0 && x <= 0x5EA) || (x >= 0x620 && x <= 0x64A) || (x >= 0x904 && x <= 0x939) ||
           (x >= 0xE01 && x <= 0xE2F) || is_kana(x) || (x >= 0x4E00 && x <= 0x9FFF) || (x >= 0xAC00 && x <= 0xD7A3) ||
           (x >= 0xFF01 && x <= 0xFF5D);
}

static inline bool plain(uint8_t b)
{
    return b > 0x20 && b < 0x7F;
}

static inline bool continues(uint8_t b)
{
    return (b & 0xC0) == 0x80;
}

/* First bytes of two behind which all characters are ordinary, and of three. */
static inline bool all_of_two(uint8_t b)
{
    return (b >= 0xC3 && b <= 0xC8) || b == 0xD0 || b == 0xD1;
}

static inline bool all_of_three(uint8_t b)
{
    return (b >= 0xE5 && b <= 0xE9) || b == 0xEB || b == 0xEC;
}

static inline bool plain_before(const uint8_t *s, size_t at)
{
    if (!at) return false;
    if (s[at - 1] < 0x80) return plain(s[at - 1]);
    if (at > 2 && continues(s[at - 1]) && (all_of_two(s[at - 2]) || (continues(s[at - 2]) && all_of_three(s[at - 3])))) return true;
    if (at > 2 && s[at - 3] == 0xE3 && continues(s[at - 1]) && continues(s[at - 2])) return is_kana(tok_wide_at(s + at - 3));
    return tok_is_ordinary(uni_prev(s, at).cp);
}

static inline bool plain_after(const uint8_t *s, size_t n, size_t at)
{
    if (at >= n) return false;
    if (s[at] < 0x80) return plain(s[at]);
    if (n - at > 2 && continues(s[at + 1]) && (all_of_two(s[at]) || (continues(s[at + 2]) && all_of_three(s[at])))) return true;
    if (n - at > 2 && s[at] == 0xE3 && continues(s[at + 1]) && continues(s[at + 2])) return is_kana(tok_wide_at(s + at));
    return tok_is_ordinary(uni_next(s + at, n - at).cp);
}

bool tok_plain_before(const uint8_t *s, size_t begin)
{
    return plain_before(s, begin);
}

bool tok_plain_after(const uint8_t *s, size_t n, size_t end)
{
    return plain_after(s, n, end);
}

/* Of 64 bytes: gaps, single spaces, printable ASCII, letters, first bytes of
 * characters from U+3000 to U+DFFF. */
struct looks {
    uint64_t gap, space, plain, letter, wide;
};

#ifdef __SSE2__
static inline __m128i in_range(__m128i x, int first, int n)
{
    __m128i d = _mm_sub_epi8(x, _mm_set1_epi8((char)first));
    return _mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8((char)(n - 1))), d);
}

static inline uint64_t bits(__m128i m, int at)
{
    return (uint64_t)(uint32_t)_mm_movemask_epi8(m) << at;
}

static inline struct looks look(const struct tok_fast *f, const uint8_t *s)
{
    struct looks l = {0, 0, 0, 0, 0};
    for (int at = 0; at < 64; at += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(s + at));
        __m128i space = _mm_cmpeq_epi8(x, _mm_set1_epi8(' ')), any = space;
        for (int k = 1; k < 4; k++) any = _mm_or_si128(any, _mm_cmpeq_epi8(x, _mm_set1_epi8((char)f->blank[k])));
        l.gap |= bits(any, at);
        l.space |= bits(space, at);
        l.letter |= bits(in_range(_mm_or_si128(x, _mm_set1_epi8(0x20)), 'a', 26), at);
        l.plain |= bits(in_range(x, 0x21, 0x7F - 0x21), at);
        l.wide |= bits(in_range(x, 0xE3, 0xED - 0xE3 + 1), at);
    }
    return l;
}
#else
static inline struct looks look(const struct tok_fast *f, const uint8_t *s)
{
    struct looks l = {0, 0, 0, 0, 0};
    for (int i = 0; i < 64; i++) {
        l.gap |= (uint64_t)tok_is_blank(f, s[i]) << i;
        l.space |= (uint64_t)(s[i] == ' ') << i;
        l.letter |= (uint64_t)tok_is_letter(s[i]) << i;
        l.plain |= (uint64_t)plain(s[i]) << i;
        l.wide |= (uint64_t)(s[i] >= 0xE3 && s[i] <= 0xED) << i;
    }
    return l;
}
#endif

/* Places to cut at, of the gap s[i..end); at most three. */
static inline size_t cuts_of_gap(const struct tok_fast *f, const uint8_t *s, size_t n, size_t i, size_t end,
                                 size_t cuts[3])
{
    size_t count = 0;
    if (!f->cut_newlines) {
        bool before = plain_before(s, i) || (f->newlines && i && s[i - 1] == '\n');
        if (before && plain_after(s, n, end)) cuts[count++] = f->behind ? end : i;
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
            cuts[count++] = f->behind ? k : i;
        }
        i = k;
    }
    return count;
}

/* The same for one space, not at the beginning. */
static inline bool cut_at_space(const struct tok_fast *f, const uint8_t *s, size_t n, size_t at)
{
    return plain_after(s, n, at + 1) && (plain_before(s, at) || (f->newlines && s[at - 1] == '\n'));
}

/* Ends of parts in the 64 bytes from i on: before (behind) a space between two characters, and
 * between two printable ones of ASCII, or two wide ones, that no token joins.  Returns
 * where to go on; that is at a gap which has to be looked at, *hard, or behind the
 * bytes.  The byte before i, if any, and two after the 64 are readable. */
static inline size_t easy_ends(const struct tok_fast *f, const uint8_t *s, size_t n_text, size_t begin, size_t i,
                               size_t *ends, size_t *count, bool *hard)
{
    struct looks l = look(f, s + i);
    uint64_t plain_before_it = l.plain << 1 | (i && plain(s[i - 1])), gaps = l.gap & ~(l.gap << 1);
    uint64_t easy = l.space & plain_before_it & (l.plain >> 1 | (uint64_t)plain(s[i + 64]) << 63), todo = easy;
    size_t end = i + 64;
    if (f->pairs) todo |= l.plain & plain_before_it & ~(l.letter & (l.letter << 1 | (i && tok_is_letter(s[i - 1]))));
    if (f->wide) todo |= l.wide & l.wide << 3;
    uint64_t single = l.space & ~(l.gap << 1 | l.gap >> 1 | (uint64_t)1 << 63) & ~easy;
    todo |= single;
    gaps &= ~(easy | single);
    *hard = gaps != 0;
    if (gaps) {
        end = i + (size_t)__builtin_ctzll(gaps);
        todo &= (gaps & -gaps) - 1;
    }
    if (i == begin) todo &= ~(uint64_t)1;
    size_t n = *count;
    for (; todo; todo &= todo - 1) {
        size_t at = i + (size_t)__builtin_ctzll(todo);
        ends[n] = at + (f->behind & (l.space >> (at - i) & 1));
        /* No character is joined with a space. */
        if (s[at] >= 0x80) n += !tok_wide_joined(f, s + at - 3);
        else if (single >> (at - i) & 1) n += cut_at_space(f, s, n_text, at);
        else n += !tok_joined(f, s[at - 1], s[at]);
    }
    *count = n;
    return end;
}

static size_t cut_spaces(const struct tok_fast *f, const uint8_t *s, size_t n, size_t *pos, size_t *begins,
                         size_t *ends, size_t max)
{
    size_t count = 0, begin = *pos, i = begin, cuts[3];
    while (begin < n && count + CUT_ROOM < max) {
        bool hard = true;
        __builtin_prefetch(s + i + 2048);
        if (f->windows && n - i >= CUT_WINDOW) {
            hard = f->windows(f, s, n, begin, &i, ends, &count, max);
            if (count) begin = ends[count - 1];
            if (!hard) continue;
        } else if (n - i >= 66) {
            i = easy_ends(f, s, n, begin, i, ends, &count, &hard);
            if (count) begin = ends[count - 1];
            if (!hard) continue;
        } else {
            while (i < n && !tok_is_blank(f, s[i])) i++;
        }
        size_t end = i, n_cuts = 0;
        while (end < n && tok_is_blank(f, s[end])) end++;
        if (i < n) n_cuts = cuts_of_gap(f, s, n, i, end, cuts);
        for (size_t k = 0; k < n_cuts; k++)
            if (cuts[k] > begin) ends[count++] = begin = cuts[k];
        i = end;
        if (i == n) ends[count++] = begin = n;
    }
    if (count) {
        begins[0] = *pos;
        memcpy(begins + 1, ends, (count - 1) * sizeof *ends);
    }
    *pos = begin;
    return count;
}

/* ---- for vectors ---- */

static void note_mixed(struct cut_tables *t, int c)
{
    t->mixed[c & 15] |= (uint8_t)(1 << (c >> 4));
}

void tok_cut_tables(struct tok_fast *f)
{
    struct cut_tables *t = &f->tables;
    memset(t->by_both, 0, sizeof t->by_both);
    memset(t->mixed, 0, sizeof t->mixed);
    t->newlines = f->cut_newlines || f->lone_newlines;
    memset(t->gaps, 0x80, sizeof t->gaps); /* which is found nowhere */
    for (size_t i = 0; i < sizeof f->blank; i++) t->gaps[f->blank[i] & 15] = f->blank[i];
    t->gaps[' ' & 15] = ' ';
    for (int c = 0; c < 128; c++) {
        bool newline = t->newlines && c == '\n';
        if (plain((uint8_t)c)) t->look[c] |= LOOK_PLAIN;
        if (tok_is_blank(f, (uint8_t)c)) t->look[c] |= LOOK_GAP;
        if (newline) t->look[c] |= LOOK_NEWLINE;
    }
    for (int a = 0; a < 128; a++)
        for (int b = 0x20; b < 128; b++) {
            bool joined = !f->pairs || tok_joined(f, (uint8_t)a, (uint8_t)b) || (tok_is_letter((uint8_t)a) && tok_is_letter((uint8_t)b));
            t->joined[b / 8 - 4][a] |= (uint8_t)(joined << (b & 7));
            t->by_both[b * 2 + a / 64] |= (uint64_t)joined << a % 64;
            if (joined && tok_is_letter((uint8_t)a) != tok_is_letter((uint8_t)b)) note_mixed(t, tok_is_letter((uint8_t)a) ? b : a);
        }
}

cut_windows_fn *tok_cut_windows(void)
{
    if (token_has_vbmi()) return tok_cut_windows_avx512vbmi;
    return token_has_avx2() ? tok_cut_windows_avx2bmi : NULL;
}

size_t tok_cut(const struct tok_fast *f, const uint8_t *s, size_t n, size_t *pos, size_t *begins, size_t *ends,
               size_t max)
{
    if (f->kind == CUT_WORDS) return cut_words(f, s, n, pos, begins, ends, max - 4);
    return cut_spaces(f, s, n, pos, begins, ends, max);
}
