#include "data/words_uax29.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/words_internal.h"

/* ---- the classes, in two levels ---- */

enum { CODE_POINTS = 0x110000, BLOCK = 128, BLOCKS = CODE_POINTS / BLOCK };
static uint8_t block_of[BLOCKS];
static uint8_t classes[256 * BLOCK];
static bool ready;

static void build(void)
{
    uint8_t *flat = mem_zalloc(CODE_POINTS, 1);
    size_t used = 0;
    if (!flat) return;
    for (size_t i = 0; i < uax29_n_ranges; i++)
        memset(flat + uax29_ranges[i].first, uax29_ranges[i].class,
               uax29_ranges[i].last - uax29_ranges[i].first + 1);
    for (size_t i = 0; i < uax29_n_pictures; i++)
        for (uint32_t c = uax29_pictures[i][0]; c <= uax29_pictures[i][1]; c++)
            flat[c] |= WB_PICTURE;
    for (size_t b = 0; b < BLOCKS; b++) {
        /* Most are as the one before. */
        size_t same = b && memcmp(flat + b * BLOCK, flat + (b - 1) * BLOCK, BLOCK) == 0 ? block_of[b - 1] : 0;
        while (same < used && memcmp(classes + same * BLOCK, flat + b * BLOCK, BLOCK) != 0)
            same++;
        if (same == 256) { /* cannot happen with the committed tables */
            free(flat);
            return;
        }
        if (same == used) memcpy(classes + used++ * BLOCK, flat + b * BLOCK, BLOCK);
        block_of[b] = (uint8_t)same;
    }
    free(flat);
    ready = words_table_get() && words_start();
    if (ready) words_fast_start(words_table_get());
}

int uax29_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, build);
    return ready ? 0 : -1;
}

/* ---- the rules ---- */

/* A character of valid UTF-8 that is not ASCII; *k is its length. */
static inline uint32_t wide_char(const char *text, size_t n, int *k)
{
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0xe0 && n >= 2) {
        *k = 2;
        return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
    }
    if (s[0] < 0xf0 && n >= 3) {
        *k = 3;
        return (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
    }
    uint32_t cp = 0xfffd;
    *k = utf8_decode(text, n, &cp);
    if (*k < 1) *k = 1;
    return cp;
}

/* The class of the character at *at, which moves behind it. */
static inline unsigned next_class(const char *s, size_t n, size_t *at)
{
    uint32_t cp = (unsigned char)s[*at];
    int k = 1;
    if (cp >= 0x80) cp = wide_char(s + *at, n - *at, &k);
    *at += (size_t)k;
    return classes[block_of[cp / BLOCK] * BLOCK + cp % BLOCK];
}

static inline bool letter(unsigned c)
{
    return c == WB_LETTER || c == WB_HEBREW;
}

static inline bool ignored(unsigned c) /* WB4 */
{
    return c == WB_EXTEND || c == WB_FORMAT || c == WB_ZWJ;
}

static inline bool newline(unsigned c)
{
    return c == WB_CR || c == WB_LF || c == WB_NEWLINE;
}

/* Rules 5 to 16 without look-ahead; `pair`: the first of two regional indicators came before. */
static bool joined(unsigned before, unsigned c, bool pair)
{
    switch (before) {
    case WB_LETTER:
    case WB_HEBREW:
        return letter(c) || c == WB_NUMERIC || c == WB_EXTENDNUMLET ||
               (before == WB_HEBREW && c == WB_QUOTE);
    case WB_NUMERIC:
        return letter(c) || c == WB_NUMERIC || c == WB_EXTENDNUMLET;
    case WB_KATAKANA:
        return c == WB_KATAKANA || c == WB_EXTENDNUMLET;
    case WB_EXTENDNUMLET:
        return letter(c) || c == WB_NUMERIC || c == WB_KATAKANA || c == WB_EXTENDNUMLET;
    case WB_REGIONAL:
        return c == WB_REGIONAL && pair;
    default:
        return false;
    }
}

/* Rules 6, 7, 7b, 7c, 11, 12: a mark between two letters or two digits.  The
 * class of what stands behind it, and *at moves behind that; 0 = no bridge. */
static unsigned bridge(unsigned before, unsigned c, const char *s, size_t n, size_t *at)
{
    bool words = letter(before) && (c == WB_MIDLETTER || c == WB_MIDNUMLET || c == WB_QUOTE);
    bool hebrew = before == WB_HEBREW && c == WB_QUOTES;
    bool numbers = before == WB_NUMERIC && (c == WB_MIDNUM || c == WB_MIDNUMLET || c == WB_QUOTE);
    if (!words && !hebrew && !numbers) return 0;
    size_t i = *at;
    unsigned next = WB_EXTEND;
    while (i < n && ignored(next))
        next = next_class(s, n, &i) & ~(unsigned)WB_PICTURE;
    if (words ? !letter(next) : hebrew ? next != WB_HEBREW : next != WB_NUMERIC) return 0;
    *at = i;
    return next;
}

static inline bool ascii_word(char c)
{
    return (unsigned)((c | 0x20) - 'a') < 26u || (unsigned)(c - '0') < 10u;
}

/* Where the tailoring parts what the standard joins, inside a segment: at colons, at
 * underscores with no letter behind them, and at a full stop between a small letter and
 * a capital. */
static inline bool tailored_mark(const char *s, size_t n, size_t at)
{
    char c = s[at];
    if (c == '.') return at + 1 < n && words_stop_parts(words_table_ready, s, 0, n, at);
    if (c != '_') return c == ':';
    if (s[at - 1] == '_') return false; /* the first of a row has been looked at */
    while (at < n && s[at] == '_')
        at++;
    return at == n || !ascii_word(s[at]);
}

static size_t segment(const char *s, size_t n, size_t at, bool tailored)
{
    if (tailored && (s[at] == '_' || s[at] == ':')) return at + 1;
    unsigned before = next_class(s, n, &at) & ~(unsigned)WB_PICTURE, last = before;
    bool pair = true;
    if (newline(before)) /* 3, 3a */
        return before == WB_CR && at < n && s[at] == '\n' ? at + 1 : at;
    while (at < n) {
        size_t i = at;
        unsigned full = next_class(s, n, &i), c = full & ~(unsigned)WB_PICTURE, beyond;
        if (ignored(c)) { /* 4 */
            at = i;
            last = c;
            continue;
        }
        bool sequence = last == WB_ZWJ && full & WB_PICTURE, /* 3c */
            spaces = last == WB_SPACE && c == WB_SPACE;      /* 3d */
        if (tailored && tailored_mark(s, n, at)) return at;
        if ((beyond = bridge(before, c, s, n, &i)) != 0)
            c = beyond;
        else if (newline(c) || !(sequence || spaces || joined(before, c, pair)))
            return at;
        if (before == WB_REGIONAL) pair = false;
        last = before = c;
        at = i;
    }
    return at;
}

size_t uax29_segment(const char *s, size_t n, size_t at)
{
    return segment(s, n, at, false);
}

/* ---- ASCII ---- */

enum { A_LETTER = 1, A_DIGIT = 2, A_LOW = 4, A_WORD = 7, A_MID = 8, A_MIDNUM = 16 };

static inline unsigned ascii_class(char ch)
{
    static const uint8_t table[256] = {
#define T10(a, x) [a] = x, [a + 1] = x, [a + 2] = x, [a + 3] = x, [a + 4] = x, [a + 5] = x, [a + 6] = x, \
                  [a + 7] = x, [a + 8] = x, [a + 9] = x
        T10('0', A_DIGIT),  T10('a', A_LETTER), T10('k', A_LETTER), T10('A', A_LETTER),
        T10('K', A_LETTER), ['u'] = A_LETTER,   ['v'] = A_LETTER,   ['w'] = A_LETTER,
        ['x'] = A_LETTER,   ['y'] = A_LETTER,   ['z'] = A_LETTER,   ['U'] = A_LETTER,
        ['V'] = A_LETTER,   ['W'] = A_LETTER,   ['X'] = A_LETTER,   ['Y'] = A_LETTER,
        ['Z'] = A_LETTER,   ['_'] = A_LOW,      [':'] = A_MID,      ['.'] = A_MID | A_MIDNUM,
        ['\''] = A_MID | A_MIDNUM, [','] = A_MIDNUM, [';'] = A_MIDNUM};
#undef T10
    return table[(unsigned char)ch];
}

/* The end of the segment at i < e, and in *had the classes of its characters. */
static inline size_t ascii_segment(const char *s, size_t i, size_t e, bool tailored, unsigned *had)
{
    unsigned before = ascii_class(s[i++]);
    *had = before;
    if (!(before & A_WORD) || (tailored && before & A_LOW)) return i;
    while (i < e) {
        unsigned c = ascii_class(s[i]);
        if (tailored && !(c & (A_LETTER | A_DIGIT)) && tailored_mark(s, e, i)) return i;
        if (!(c & A_WORD)) {
            unsigned next = i + 1 < e ? ascii_class(s[i + 1]) : 0;
            bool bridge = (c & A_MID && before & next & A_LETTER) ||
                          (c & A_MIDNUM && before & next & A_DIGIT);
            if (!bridge) return i;
            i++;
            c = next;
        }
        *had |= before = c;
        i++;
    }
    return i;
}

void uax29_chunk_ascii(struct words *w, const char *s, size_t from, size_t to, bool tailored)
{
    size_t b = w->n;
    if (w->cap - w->n < to - from) {
        uax29_chunk(w, s, from, to, tailored);
        return;
    }
    for (size_t i = from; i < to;) {
        unsigned had, info = WORD_ASCII;
        size_t end = ascii_segment(s, i, to, tailored, &had);
        if (had & A_LETTER) info |= WORD_LETTER | WORD_SUBSTANCE;
        if (had & A_DIGIT) info |= WORD_SUBSTANCE;
        w->v[w->n++] = (struct word){(uint32_t)i, (uint32_t)(end - i), (uint32_t)(end - i), info};
        i = end;
    }
    if (tailored && (w->n > b + 1 || words_clitic(s + from, to - from))) words_tailor(w, s, b, from, to);
}

void uax29_chunk(struct words *w, const char *text, size_t from, size_t to, bool tailored)
{
    size_t b = w->n;
    for (size_t i = from; i < to && !w->oom;) {
        size_t end = from + segment(text + from, to - from, i - from, tailored);
        words_push(w, text, i, end - i);
        i = end;
    }
    if (tailored && !w->oom && (w->n > b + 1 || words_clitic(text + from, to - from)))
        words_tailor(w, text, b, from, to);
}

void uax29_chunks(struct words *w, const char *text, size_t from, size_t to, bool tailored)
{
    for (size_t i = from; i < to && !w->oom;) {
        uint32_t cp = (unsigned char)text[i];
        int k = 1;
        if (cp >= 0x80 && (k = utf8_decode(text + i, to - i, &cp)) < 1) k = 1;
        if (words_class(words_table_ready, cp) & WC_SPACE) {
            if (i > from) uax29_chunk(w, text, from, i, tailored);
            from = i + (size_t)k;
        }
        i += (size_t)k;
    }
    if (to > from) uax29_chunk(w, text, from, to, tailored);
}

int words_uax29_ref(struct words *w, const char *text, size_t n, bool tailored, struct err *e)
{
    w->n = 0;
    if (uax29_start()) return err_oom(e, CODE_POINTS, "the classes of word boundaries");
    uax29_chunks(w, text, 0, n, tailored);
    return w->oom ? err_oom(e, w->cap * sizeof *w->v, "the words of a document") : 0;
}
