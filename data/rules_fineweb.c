/* FineWeb's metrics of lines (Penedo et al., arXiv:2406.17557, section 3.6) as
 * datatrove has them. */
#include <string.h>

#include "core/base/hash.h"
#include "core/base/json.h"
#include "data/rules_internal.h"

static double share(size_t a, size_t b)
{
    return b ? (double)a / (double)b : 0;
}

/* Does the text, which is not empty, end with a mark that ends a sentence? */
static bool ends_sentence(const struct words_table *t, const char *s, size_t n)
{
    size_t p = n - 1;
    uint32_t cp = (unsigned char)s[p];
    if (cp < 0x80) return cp == '.' || cp == '!' || cp == '?';
    while (p && ((unsigned char)s[p] & 0xc0) == 0x80)
        p--;
    return utf8_decode(s + p, n - p, &cp) > 0 && words_class(t, cp) & WC_TERMINAL;
}

void rules_fineweb(struct rules_work *w, const char *text, size_t n, double brief, size_t *n_newlines, double *m)
{
    const struct words_table *t = words_table_get();
    size_t lines = 0, ended = 0, n_brief = 0, newlines = 0;
    for (size_t from = 0; from <= n;) {
        const char *nl = memchr(text + from, '\n', n - from);
        size_t to = nl ? (size_t)(nl - text) : n;
        newlines += nl != NULL;
        if (!rules_blank(t, text + from, to - from)) {
            lines++;
            ended += ends_sentence(t, text + from, to - from);
            n_brief += (double)rules_chars(text + from, to - from) <= brief;
        }
        if (!nl) break;
        from = to + 1;
    }
    struct rules_dups d;
    rules_duplicates(w, text, n, 1, true, &d);
    *n_newlines = newlines;
    m[METRIC_FULL_LINES] = (double)lines;
    m[METRIC_END_PUNCTUATION] = share(ended, lines);
    m[METRIC_SHORT_LINES] = share(n_brief, lines);
    m[METRIC_LINE_REPEATS] = share(d.dup_chars, rules_chars(text, n) - newlines);
}

static inline size_t chars_of(const struct rules_work *w, const char *s, size_t n)
{
    return w->ascii ? n : rules_chars(s, n);
}

/* A character is at most four bytes. */
static inline bool is_short(const struct rules_work *w, const char *s, size_t n, double brief)
{
    return (double)n <= brief ||
           ((double)n <= 4 * brief && !w->ascii && (double)rules_chars(s, n) <= brief);
}

/* Most lines begin with what is not white space. */
static inline bool blank(const struct words_table *t, const char *s, size_t n)
{
    return n == 0 || (s[0] <= ' ' && rules_blank(t, s, n));
}

void rules_fineweb_ends(struct rules_work *w, const char *text, double brief, size_t *n_newlines, double *m)
{
    const struct words_table *t = words_table_get();
    size_t lines = 0, ended = 0, n_brief = 0;
    for (size_t i = w->first_line; i < w->end_line; i++) {
        const char *s = rules_line_text(w, text, &w->lines[i]);
        size_t n = w->lines[i].n;
        if (blank(t, s, n)) continue;
        lines++;
        ended += ends_sentence(t, s, n);
        n_brief += is_short(w, s, n, brief);
    }
    *n_newlines = w->end_line > w->first_line ? w->end_line - w->first_line - 1 : 0;
    m[METRIC_FULL_LINES] = (double)lines;
    m[METRIC_END_PUNCTUATION] = share(ended, lines);
    m[METRIC_SHORT_LINES] = share(n_brief, lines);
}

/* Characters of the lines that are kept; those that follow each other are counted
 * together. */
static size_t kept_chars(const struct rules_work *w, const char *text)
{
    size_t all = 0, i = w->first_line;
    while (i < w->end_line) {
        const struct rules_line *x = &w->lines[i++], *last = x;
        while (i < w->end_line && !w->lines[i].cut && !x->cut && w->lines[i].at == last->at + last->n + 1)
            last = &w->lines[i++];
        size_t n = last->at + last->n - x->at, newlines = (size_t)(last - x);
        all += chars_of(w, rules_line_text(w, text, x), n) - newlines;
    }
    return all;
}

void rules_fineweb_repeats(struct rules_work *w, const char *text, double *m)
{
    const struct words_table *t = words_table_get();
    size_t again = 0;
    if (!rules_table_size(&w->table, w->end_line - w->first_line + 1)) {
        w->oom = true;
        return;
    }
    for (size_t i = w->first_line; i < w->end_line; i++) {
        const char *s = rules_line_text(w, text, &w->lines[i]);
        size_t n = w->lines[i].n;
        if (!blank(t, s, n) && rules_table_count(&w->table, hash64(s, n)) > 1) again += chars_of(w, s, n);
    }
    m[METRIC_LINE_REPEATS] = again ? share(again, kept_chars(w, text)) : 0;
}
