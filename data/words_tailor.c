/* The tailoring of word boundaries to what the rules count (words_uax29.h). */
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/words_internal.h"

struct chunk { /* words b ... e - 1 of w lie in text [from, to), without white space */
    struct words *w;
    const char *s;
    const struct words_table *t;
    size_t from, to;
};

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

static inline size_t end_of(const struct word *x)
{
    return (size_t)x->begin + x->len;
}

/* Marks that follow each other are one: words i ... < j; the index behind them. */
static size_t same_marks(const struct chunk *c, size_t i, size_t j, char mark)
{
    const struct word *v = c->w->v;
    while (i < j && v[i].len == 1 && c->s[v[i].begin] == mark)
        i++;
    return i;
}

/* Does the mark open what follows it? */
static bool opens(const struct chunk *c, const struct word *x)
{
    if (x->info & WORD_LETTER) return false;
    uint32_t cp = char_at(c->s, c->to, x->begin);
    if (words_class(c->t, cp) & WC_PREFIX) return true;
    return cp == '+' && !digit(char_at(c->s, c->to, end_of(x)));
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

bool words_stop_parts(const struct words_table *t, const char *s, size_t from, size_t to, size_t at)
{
    unsigned char next = at + 1 < to ? (unsigned char)s[at + 1] : 'a';
    if (next - (unsigned)'a' < 26u || next - (unsigned)'0' < 10u) return false; /* the usual case */
    return at > from && words_class(t, char_before(s, from, at)) & (WC_LOWER | WC_QUOTE) &&
           words_class(t, char_at(s, to, at + 1)) & (WC_UPPER | WC_QUOTE);
}

/* Does the mark at text [begin, end), between two words, part them? */
static bool parts(const struct chunk *c, size_t begin, size_t end)
{
    if (end >= c->to || begin == c->from) return false;
    uint32_t cp = char_at(c->s, c->to, begin), b = char_before(c->s, c->from, begin),
             a = char_at(c->s, c->to, end);
    bool before = words_class(c->t, b) & WC_ALPHA, after = words_class(c->t, a) & WC_ALPHA;
    switch (cp) {
    case '.':
        return words_stop_parts(c->t, c->s, c->from, c->to, begin);
    case ',':
        return before && after;
    case '-':
        return ((before || digit(b)) && after) || (digit(b) && (digit(a) || a == '-'));
    case '~':
    case ':':
    case '<':
    case '>':
    case '=':
    case '/':
    case 0x2013:
    case 0x2014:
        return (before || digit(b)) && after;
    case '+':
    case '*':
    case '^':
        return digit(b) && (digit(a) || a == '-');
    case 0x2026:
        return true;
    default:
        return false;
    }
}

/* Is the word one of pictures? */
static inline bool picture(const struct chunk *c, const struct word *x)
{
    return !(x->info & (WORD_LETTER | WORD_ASCII)) && words_class(c->t, char_at(c->s, c->to, x->begin)) & WC_ICON;
}

/* The marks at word k < j that part what stands before and behind: the index
 * behind them, or k.  Full stops always, hyphens up to three count as one. */
static size_t parting(const struct chunk *c, size_t k, size_t j)
{
    const struct word *v = c->w->v;
    if (v[k].info & WORD_SUBSTANCE) return picture(c, &v[k]) ? k + 1 : k;
    size_t stops = same_marks(c, k, j, '.'), hyphens = same_marks(c, k, j < k + 4 ? j : k + 4, '-');
    if (stops > k + 1) return stops;
    if (hyphens > k + 1 && hyphens <= k + 3 && hyphens < j && parts(c, v[k].begin, v[hyphens].begin)) return hyphens;
    return parts(c, v[k].begin, end_of(&v[k])) ? k + 1 : k;
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

/* A link or an address of mail: words i ... < j. */
static bool address(const struct chunk *c, size_t i, size_t j)
{
    const struct word *v = c->w->v;
    size_t begin = v[i].begin, end = end_of(&v[j - 1]);
    return words_is_url(c->t, c->s + begin, end - begin);
}

/* Does the full stop at the end of words i ... < j belong to them, as in "e.g." and "Mr."? */
static inline bool abbreviation(const struct chunk *c, size_t i, size_t j)
{
    const struct word *v = c->w->v;
    size_t begin = v[i].begin, end = end_of(&v[j - 1]);
    return end - begin <= WORDS_ABBREVIATION && c->s[end - 1] == '.' && words_abbreviation(c->s + begin, end - begin);
}

/* What lies between the marks at the ends. */
static void core(const struct chunk *c, size_t *o, size_t i, size_t j)
{
    size_t begin = i;
    for (size_t k = i, next; k < j; k = next) {
        size_t behind = parting(c, k, j);
        next = behind > k ? behind : k + 1;
        if (behind == k || k == i || next >= j) continue;
        if (begin == i && address(c, i, j)) break;
        if (k > begin && abbreviation(c, begin, next)) k = next;
        if (k > begin) unite(c->w, o, begin, k);
        if (next > k) unite(c->w, o, k, next);
        begin = next;
    }
    unite(c->w, o, begin, j);
}

/* An apostrophe and what is left of a verb at the end of a word ("it's",
 * "don't") are a word of their own: its bytes, or 0. */
size_t words_clitic(const char *s, size_t n)
{
    static const char *const forms[] = {"s", "t", "d", "m", "ll", "re", "ve"};
    if (n < 3 || (s[n - 2] != '\'' && s[n - 3] != '\'' && s[n - 2] != '\x99' && s[n - 3] != '\x99')) return 0;
    for (size_t f = 0; f < COUNT_OF(forms); f++) {
        size_t k = strlen(forms[f]), mark = 1;
        if (n < k + 2 || (s[n - 1] | 0x20) != forms[f][k - 1] || (s[n - k] | 0x20) != forms[f][0]) continue;
        if (s[n - k - 1] != '\'') mark = n > k + 3 && memcmp(s + n - k - 3, "’", 3) == 0 ? 3 : 0;
        size_t at = n - k - mark;
        if (!mark || !at) continue;
        if (*forms[f] != 't') return n - at;
        if (at > 1 && (s[at - 1] | 0x20) == 'n') return n - at + 1;
    }
    return 0;
}

/* Parts the last of the words so far, v[*o - 1], from its clitic.  Words *j ... < *e
 * are still to come and move when there is no room between. */
static void part_clitic(const struct chunk *c, size_t *o, size_t *j, size_t *e)
{
    struct words *w = c->w;
    struct word x = w->v[*o - 1];
    size_t k = words_clitic(c->s + x.begin, x.len);
    if (!k || words_is_url(c->t, c->s + x.begin, x.len)) return;
    if (*o == *j) {
        if (!mem_room(&w->v, &w->cap, *e + 1, sizeof *w->v)) {
            w->oom = true;
            return;
        }
        memmove(&w->v[*j + 1], &w->v[*j], (*e - *j) * sizeof *w->v);
        ++*j;
        ++*e;
    }
    w->v[*o - 1] = words_measure(c->s, x.begin, x.len - k);
    w->v[(*o)++] = words_measure(c->s, x.begin + x.len - k, k);
}

/* The marks of words i ... < *e: each one, but full stops that follow each other are one. */
static void put_marks(const struct chunk *c, size_t *o, size_t i, size_t e)
{
    while (i < e) {
        size_t run = same_marks(c, i, e, '.');
        if (run == i) run++;
        unite(c->w, o, i, run);
        i = run;
    }
}

/* Where the marks at the beginning of words i ... < e end: i or more. */
static size_t skip_opening(const struct chunk *c, size_t i, size_t e)
{
    while (i < e && !abbreviation(c, i, e)) {
        size_t run = same_marks(c, i, e, '.');
        if (run < i + 2 && !opens(c, &c->w->v[i])) break;
        i = run < i + 2 ? i + 1 : run;
    }
    return i;
}

/* Where the marks at the end of words i ... < e begin: e or less. */
static size_t skip_closing(const struct chunk *c, size_t i, size_t e)
{
    const struct word *v = c->w->v;
    while (e > i && !abbreviation(c, i, e)) {
        size_t run = e;
        while (run > i && v[run - 1].len == 1 && c->s[v[run - 1].begin] == '.')
            run--;
        if (e - run < 2 && !closes(c, &v[e - 1])) break;
        e = e - run < 2 ? e - 1 : run;
    }
    return e;
}

void words_tailor(struct words *w, const char *text, size_t b, size_t from, size_t to)
{
    struct chunk c = {w, text, words_table_ready, from, to};
    size_t e = w->n, i = skip_opening(&c, b, e), j = skip_closing(&c, i, e), o = b;
    put_marks(&c, &o, b, i);
    if (i < j) {
        if (abbreviation(&c, i, j))
            unite(w, &o, i, j);
        else
            core(&c, &o, i, j);
        part_clitic(&c, &o, &j, &e);
        if (w->oom) return;
    }
    put_marks(&c, &o, j, e);
    w->n = o;
}
