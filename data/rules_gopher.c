/* Gopher's quality metrics, and the helpers of all rules. */
#include <string.h>

#include "core/base/json.h"
#include "data/rules_internal.h"

bool rules_blank(const struct words_table *t, const char *s, size_t n)
{
    size_t from = 0, to = n;
    rules_strip(t, s, &from, &to);
    return from == to;
}

static inline bool ascii_space(unsigned char c)
{
    return c <= ' ' && (c == ' ' || (c >= 9 && c <= 13) || c >= 28);
}

void rules_strip(const struct words_table *t, const char *s, size_t *from, size_t *to)
{
    uint32_t cp = 0;
    int k;
    while (*from < *to) {
        unsigned char c = (unsigned char)s[*from];
        if (c < 0x80 && !ascii_space(c)) break;
        k = c < 0x80 ? 1 : utf8_decode(s + *from, *to - *from, &cp);
        if (k < 1 || (c >= 0x80 && !(words_class(t, cp) & WC_SPACE))) break;
        *from += (size_t)k;
    }
    while (*to > *from) { /* back, one character at a time */
        size_t p = *to - 1;
        unsigned char c = (unsigned char)s[p];
        if (c < 0x80) {
            if (!ascii_space(c)) break;
            *to = p;
            continue;
        }
        while (p > *from && ((unsigned char)s[p] & 0xc0) == 0x80)
            p--;
        if (utf8_decode(s + p, *to - p, &cp) < 1 || !(words_class(t, cp) & WC_SPACE)) break;
        *to = p;
    }
}

struct line_counts {
    size_t hashes, ellipses, lines, bullets, end_ellipses;
};

/* A line [b,e) without its end. */
static void count_line(const struct words_table *t, const char *s, size_t b, size_t e,
                       struct line_counts *c)
{
    c->lines++;
    rules_strip(t, s, &b, &e);
    if (b == e) return;
    if (s[b] == '-' || (e - b >= 3 && memcmp(s + b, "•", 3) == 0)) c->bullets++;
    if (e - b >= 3 && (memcmp(s + e - 3, "...", 3) == 0 || memcmp(s + e - 3, "…", 3) == 0))
        c->end_ellipses++;
}

/* Length of the line end at s (which begins with a byte that may start one). */
size_t rules_line_end(const char *s, size_t n)
{
    unsigned char c = (unsigned char)s[0];
    if (c == '\r') return n > 1 && s[1] == '\n' ? 2 : 1;
    if ((c >= 0xa && c <= 0xc) || (c >= 0x1c && c <= 0x1e)) return 1;
    if (c == 0xc2) return n > 1 && (unsigned char)s[1] == 0x85 ? 2 : 0;
    return n > 2 && c == 0xe2 && s[1] == '\x80' && (s[2] == '\xa8' || s[2] == '\xa9') ? 3 : 0;
}

static void count_lines(const char *s, size_t n, struct line_counts *c)
{
    static const uint8_t of_interest[256] = {
        [0xa] = 1,  [0xb] = 1, [0xc] = 1, [0xd] = 1,  [0x1c] = 1, [0x1d] = 1,
        [0x1e] = 1, ['#'] = 1, ['.'] = 1, [0xc2] = 1, [0xe2] = 1};
    const struct words_table *t = words_table_get();
    size_t from = 0;
    for (size_t i = 0; i < n;) {
        if (!of_interest[(unsigned char)s[i]]) {
            i++;
            continue;
        }
        size_t k;
        if (s[i] == '#') {
            c->hashes++;
            i++;
        } else if (s[i] == '.') {
            for (k = i; k < n && s[k] == '.'; k++) {
            }
            c->ellipses += (k - i) / 3;
            i = k;
        } else if ((k = rules_line_end(s + i, n - i)) > 0) {
            count_line(t, s, from, i, c);
            from = i += k;
        } else {
            if (n - i >= 3 && memcmp(s + i, "…", 3) == 0) c->ellipses++;
            i++;
        }
    }
    if (from < n) count_line(t, s, from, n, c);
}

/* The same where only newlines end lines and they are known. */
static void count_known_lines(const struct rules_work *w, const char *s, size_t n,
                              struct line_counts *c)
{
    const struct words_table *t = words_table_get();
    size_t from = 0;
    c->ellipses = w->n_dots;
    for (const char *p = w->wide ? s : NULL; p && (p = memchr(p, 0xe2, (size_t)(s + n - p))); p++)
        c->ellipses += s + n - p >= 3 && memcmp(p, "…", 3) == 0;
    c->hashes = w->n_hashes;
    for (size_t k = 0; k <= w->n_nl; k++) {
        size_t to = k < w->n_nl ? w->nl[k] : n;
        if (k == w->n_nl && from == n) break;
        size_t b = from;
        while (b < to && (s[b] == ' ' || s[b] == '\t'))
            b++;
        if (b < to && !c->ellipses && s[b] > ' ' && s[b] != '-')
            c->lines++; /* no bullet, and no ellipsis in all of the text */
        else
            count_line(t, s, from, to, c);
        from = to + 1;
    }
}

/* The bit of a stop word, given the first four bytes of a word of `len` as a
 * number, the first byte lowest.  Products of stop words with `mul` differ in
 * the three highest bits. */
static inline unsigned stop_word(uint32_t x, uint32_t len)
{
    static const uint32_t mul = 0x6ec9d287u, mask[8] = {0, 0, 0xffff, 0xffffff, 0xffffffff};
#define W(a, b, c, d) (a | b << 8 | c << 16 | (uint32_t)d << 24)
    static const uint32_t list[8] = {W('b', 'e', 0, 0), W('t', 'h', 'a', 't'), W('t', 'h', 'e', 0), W('o', 'f', 0, 0), W('w', 'i', 't', 'h'), W('t', 'o', 0, 0), W('h', 'a', 'v', 'e'), W('a', 'n', 'd', 0)};
#undef W
    x &= mask[len < 5 ? len : 5];
    unsigned k = x * mul >> 29;
    return (unsigned)(x == list[k]) << k;
}

static inline uint32_t first_four(const char *s, size_t left)
{
    uint32_t x = 0;
    memcpy(&x, s, left < 4 ? left : 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap32(x);
#endif
    return x;
}

static double share(size_t a, size_t b)
{
    return b ? (double)a / (double)b : 0;
}

void rules_gopher(const struct rules_cfg *cfg, struct rules_work *work, const char *text, size_t n,
                  double *m)
{
    const struct words *w = &work->words;
    struct line_counts c = {0};
    if (rules_fast(cfg) && work->newlines_only)
        count_known_lines(work, text, n, &c);
    else
        count_lines(text, n, &c);
    size_t words = 0, chars = 0, alpha = 0;
    unsigned stops = 0;
    for (size_t i = 0; i < w->n; i++) {
        const struct word *x = &w->v[i];
        size_t counts = x->info >> 1 & 1; /* WORD_SUBSTANCE; no branch, it would be guessed wrong */
        words += counts;
        chars += x->chars & (0 - counts);
        alpha += x->info & WORD_LETTER;
        size_t left = n - x->begin;
        stops |= stop_word(left >= 4 ? first_four(text + x->begin, 4)
                                     : first_four(text + x->begin, left),
                           x->len);
    }
    m[METRIC_WORDS] = (double)words;
    m[METRIC_MEAN_LENGTH] = share(chars, words);
    m[METRIC_HASHES] = share(c.hashes, w->n);
    m[METRIC_ELLIPSES] = share(c.ellipses, w->n);
    m[METRIC_BULLET_LINES] = share(c.bullets, c.lines);
    m[METRIC_ELLIPSIS_LINES] = share(c.end_ellipses, c.lines);
    m[METRIC_ALPHA_WORDS] = share(alpha, w->n);
    m[METRIC_STOP_WORDS] = (double)__builtin_popcount(stops);
}
