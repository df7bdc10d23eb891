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

#define W(a, b, c, d) (a | b << 8 | c << 16 | (uint32_t)d << 24)
const struct stop_words rules_stop_words = {
    0x6ec9d287u,
    {W('b', 'e', 0, 0), W('t', 'h', 'a', 't'), W('t', 'h', 'e', 0), W('o', 'f', 0, 0), W('w', 'i', 't', 'h'),
     W('t', 'o', 0, 0), W('h', 'a', 'v', 'e'), W('a', 'n', 'd', 0)}};
#undef W

/* The bit of a stop word, given the first four bytes of a word of `len` as a
 * number, the first byte lowest. */
static inline unsigned stop_word(uint32_t x, uint32_t len)
{
    static const uint32_t mask[8] = {0, 0, 0xffff, 0xffffff, 0xffffffff};
    x &= mask[len < 5 ? len : 5];
    unsigned k = x * rules_stop_words.mul >> 29;
    return (unsigned)(x == rules_stop_words.list[k]) << k;
}

static double share(size_t a, size_t b)
{
    return b ? (double)a / (double)b : 0;
}

size_t rules_count_words_ref(const struct words *w, size_t from, const char *text, size_t n, uint64_t *hash,
                             uint32_t *chars, struct word_counts *c)
{
    struct word_counts k = *c; /* registers */
    for (size_t i = from; i < w->n; i++) {
        const struct word *x = &w->v[i];
        size_t counts = x->info >> 1 & 1; /* WORD_SUBSTANCE; no branch, it would be guessed wrong */
        uint64_t first = 0;
        k.words += counts;
        k.chars += x->chars & (0 - counts);
        k.alpha += x->info & WORD_LETTER;
        hash[i] = rules_word_hash(text + x->begin, x->len, n - x->begin, &first);
        chars[i] = x->chars;
        k.stops |= stop_word((uint32_t)first, x->len);
    }
    *c = k;
    return w->n - from;
}

void rules_count_words(const struct words *w, const char *text, size_t n, uint64_t *hash, uint32_t *chars,
                       struct word_counts *c)
{
    size_t done = 0;
#if defined(__x86_64__)
    if (text_bytes_best() == text_bytes_avx512) done = rules_count_words_avx512(w, text, n, hash, chars, c);
#endif
    rules_count_words_ref(w, done, text, n, hash, chars, c);
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
    if (!rules_words_counted(work, text, n)) return;
    struct word_counts k = work->counts;
    m[METRIC_WORDS] = (double)k.words;
    m[METRIC_MEAN_LENGTH] = share(k.chars, k.words);
    m[METRIC_HASHES] = share(c.hashes, w->n);
    m[METRIC_ELLIPSES] = share(c.ellipses, w->n);
    m[METRIC_BULLET_LINES] = share(c.bullets, c.lines);
    m[METRIC_ELLIPSIS_LINES] = share(c.end_ellipses, c.lines);
    m[METRIC_ALPHA_WORDS] = share(k.alpha, w->n);
    m[METRIC_STOP_WORDS] = (double)__builtin_popcount(k.stops);
}
