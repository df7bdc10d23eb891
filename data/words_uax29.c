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
        size_t same = 0;
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
    ready = words_table_get() != NULL;
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

size_t uax29_segment(const char *s, size_t n, size_t at)
{
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

/* ---- words ---- */

/* The character that ends before `at` (> from). */
static inline uint32_t char_before(const char *s, size_t from, size_t at)
{
    uint32_t cp = 0;
    size_t p = at - 1;
    if ((unsigned char)s[p] < 0x80) return (unsigned char)s[p];
    while (p > from && ((unsigned char)s[p] & 0xc0) == 0x80)
        p--;
    utf8_decode(s + p, at - p, &cp);
    return cp;
}

static inline uint32_t char_at(const char *s, size_t n, size_t at)
{
    uint32_t cp = 0;
    if (at < n && (unsigned char)s[at] < 0x80) return (unsigned char)s[at];
    if (at < n) utf8_decode(s + at, n - at, &cp);
    return cp;
}

static bool digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_dot(const struct word *x, const char *s)
{
    return x->len == 1 && s[x->begin] == '.';
}

/* Dots that follow each other are one mark: words i ... < j; the index behind them. */
static size_t dots(const struct words *w, const char *s, size_t i, size_t j)
{
    while (i < j && is_dot(&w->v[i], s))
        i++;
    return i;
}

struct chunk { /* words b ... e - 1 of w lie in text [from, to), without white space */
    struct words *w;
    const char *s;
    const struct words_table *t;
    size_t from, to;
};

/* Does the mark open what follows it? */
static bool opens(const struct chunk *c, const struct word *x)
{
    if (x->info & WORD_LETTER) return false;
    uint32_t cp = char_at(c->s, c->to, x->begin);
    if (words_class(c->t, cp) & WC_PREFIX) return true;
    return cp == '+' && !digit(char_at(c->s, c->to, x->begin + x->len));
}

/* Does it close what precedes it?  A full stop does behind a small letter, a
 * digit or a mark, and behind two capitals; not in "U.S." or "J." */
static bool closes(const struct chunk *c, const struct word *x)
{
    if (x->info & WORD_LETTER) return false;
    uint32_t cp = char_at(c->s, c->to, x->begin);
    unsigned class = words_class(c->t, cp);
    if (class & WC_SUFFIX) return true;
    if (x->begin == c->from) return false;
    uint32_t before = char_before(c->s, c->from, x->begin);
    if (cp == '%' || class & WC_CURRENCY) return digit(before);
    if (cp != '.') return cp == '+' && digit(before);
    unsigned b = words_class(c->t, before);
    if (b & WC_BEFORE_DOT) return true;
    size_t at = x->begin - (before < 0x80 ? 1 : before < 0x800 ? 2 : before < 0x10000 ? 3 : 4);
    return b & WC_UPPER && at > c->from &&
           words_class(c->t, char_before(c->s, c->from, at)) & WC_UPPER;
}

/* Does the mark inside, between two words, part them? */
static bool parts(const struct chunk *c, const struct word *x)
{
    size_t end = x->begin + x->len;
    if (x->info & WORD_SUBSTANCE || end >= c->to || x->begin == c->from) return false;
    uint32_t cp = char_at(c->s, c->to, x->begin), b = char_before(c->s, c->from, x->begin),
             a = char_at(c->s, c->to, end);
    bool before = words_class(c->t, b) & WC_ALPHA, after = words_class(c->t, a) & WC_ALPHA;
    switch (cp) {
    case ',':
    case '~':
        return before && after;
    case '-':
        return (before && after) || (digit(b) && (digit(a) || a == '-'));
    case 0x2013:
    case 0x2014:
        return before && after;
    case ':':
    case '<':
    case '>':
    case '=':
    case '/':
        return (before || digit(b)) && after;
    case '+':
    case '*':
    case '^':
        return digit(b) && (digit(a) || a == '-');
    default:
        return words_class(c->t, cp) & WC_ICON;
    }
}

/* Replaces words i ... < j by one. */
static void unite(struct words *w, size_t *o, size_t i, size_t j)
{
    struct word x = w->v[i];
    for (size_t k = i + 1; k < j; k++) {
        x.len += w->v[k].len;
        x.chars += w->v[k].chars;
        x.info = ((x.info | w->v[k].info) & ~(unsigned)WORD_ASCII) |
                 (x.info & w->v[k].info & WORD_ASCII);
    }
    w->v[(*o)++] = x;
}

/* What lies between the marks at the ends. */
static void core(const struct chunk *c, size_t *o, size_t i, size_t j)
{
    const struct words *w = c->w;
    bool link = false;
    for (size_t k = i; k + 3 < j && !link; k++)
        link = c->s[w->v[k].begin] == ':' && memcmp(c->s + w->v[k].begin, "://", 3) == 0;
    size_t begin = i;
    for (size_t k = i; k < j;) {
        size_t run = dots(w, c->s, k, j), next = run > k ? run : k + 1;
        bool cut = k > begin && next < j && !link &&
                   (next - k > 1 || (run == k && parts(c, &w->v[k])));
        if (cut) {
            unite(c->w, o, begin, k);
            unite(c->w, o, k, next);
            begin = next;
        }
        k = next;
    }
    unite(c->w, o, begin, j);
}

/* The tailoring: which of the boundaries in words b ... of w stay. */
static void tailor(const struct chunk *c, size_t b)
{
    struct words *w = c->w;
    size_t i = b, e = w->n, o = b, j, run;
    while (i < e) {
        run = dots(w, c->s, i, e);
        if (run <= i + 1 && !opens(c, &w->v[i])) break;
        if (run <= i) run = i + 1;
        unite(w, &o, i, run);
        i = run;
    }
    for (j = e; j > i;) {
        run = j;
        while (run > i && is_dot(&w->v[run - 1], c->s))
            run--;
        if (j - run < 2) run = j;
        if (run == j && !closes(c, &w->v[j - 1])) break;
        j = run < j ? run : j - 1;
    }
    if (i < j) core(c, &o, i, j);
    while (j < e) {
        run = dots(w, c->s, j, e);
        if (run <= j + 1) run = j + 1;
        unite(w, &o, j, run);
        j = run;
    }
    w->n = o;
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
static inline size_t ascii_segment(const char *s, size_t i, size_t e, unsigned *had)
{
    unsigned before = ascii_class(s[i++]);
    *had = before;
    if (!(before & A_WORD)) return i;
    while (i < e) {
        unsigned c = ascii_class(s[i]);
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
    struct chunk c = {w, s, words_table_ready, from, to};
    size_t b = w->n;
    if (w->cap - w->n < to - from) {
        uax29_chunk(w, s, from, to, tailored);
        return;
    }
    for (size_t i = from; i < to;) {
        unsigned had, info = WORD_ASCII;
        size_t end = ascii_segment(s, i, to, &had);
        if (had & A_LETTER) info |= WORD_LETTER | WORD_SUBSTANCE;
        if (had & A_DIGIT) info |= WORD_SUBSTANCE;
        w->v[w->n++] = (struct word){(uint32_t)i, (uint32_t)(end - i), (uint32_t)(end - i), info};
        i = end;
    }
    if (tailored && w->n > b + 1) tailor(&c, b);
}

void uax29_chunk(struct words *w, const char *text, size_t from, size_t to, bool tailored)
{
    struct chunk c = {w, text, words_table_ready, from, to};
    size_t b = w->n;
    for (size_t i = from; i < to && !w->oom;) {
        size_t end = from + uax29_segment(text + from, to - from, i - from);
        words_push(w, text, i, end - i);
        i = end;
    }
    if (tailored && !w->oom && w->n > b + 1) tailor(&c, b);
}

int words_uax29_ref(struct words *w, const char *text, size_t n, bool tailored, struct err *e)
{
    w->n = 0;
    if (uax29_start()) return err_oom(e, CODE_POINTS, "the classes of word boundaries");
    const struct words_table *t = words_table_get();
    size_t from = 0, i = 0;
    while (i < n && !w->oom) {
        uint32_t cp = (unsigned char)text[i];
        int k = 1;
        if (cp >= 0x80 && (k = utf8_decode(text + i, n - i, &cp)) < 1) k = 1;
        if (words_class(t, cp) & WC_SPACE) {
            if (i > from) uax29_chunk(w, text, from, i, tailored);
            from = i + (size_t)k;
        }
        i += (size_t)k;
    }
    if (n > from) uax29_chunk(w, text, from, n, tailored);
    return w->oom ? err_oom(e, w->cap * sizeof *w->v, "the words of a document") : 0;
}
