/* Gopher's metrics as dolma and DCLM count them, where they differ from
 * datatrove (and from each other).
 *
 *            | dolma                          | DCLM
 * words      | between white space            | likewise; of their number only those that begin
 *            |                                | with a letter or digit count
 * length     | median                         | mean of all
 * symbols    | words with # or U+2026         | # ... ". . ." U+2026, all of them
 * bullets    | * - at the start of any line   | U+25CF U+2022 * - of lines that are not blank
 * ellipsis   | U+2026 at the end of any line  | ... ". . ." U+2026, of lines that are not blank
 * stop words | all that occur                 | all, in any case
 * repeated   | every occurrence counts, the first too; shares are of the text in words (lines of
 *            | DCLM: of the text in lines), n-grams of words of Unicode without marks for DCLM */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/rules_internal.h"
#include "data/words_internal.h"
#include "data/words_uax29.h"

static bool alnum_first(const char *s, size_t n)
{
    uint32_t cp = (unsigned char)s[0];
    if (cp < 0x80) return (cp | 0x20) - 'a' < 26u || cp - '0' < 10u;
    if (utf8_decode(s, n, &cp) < 1) return false;
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    return (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO) ||
           (c >= UTF8PROC_CATEGORY_ND && c <= UTF8PROC_CATEGORY_NO);
}

/* Words between white space. */
static void space_words(struct words *w, const char *s, size_t n)
{
    const struct words_table *t = words_table_get();
    size_t from = 0;
    w->n = 0;
    for (size_t i = 0; i <= n && !w->oom;) {
        uint32_t cp = ' ';
        int k = i < n ? utf8_decode(s + i, n - i, &cp) : 1;
        if (k < 1) k = 1;
        if (i == n || words_class(t, cp) & WC_SPACE) {
            if (i > from) words_push(w, s, from, i - from);
            from = i + (size_t)k;
        }
        i += (size_t)k;
    }
}

static int find_words(const struct rules_cfg *c, struct rules_work *work, const char *s, size_t n)
{
    struct err e;
    if (rules_masked(c)) return words_space_masked(&work->line_words, s, n, work->masks, &e);
    space_words(&work->line_words, s, n);
    return 0;
}

/* memmem() for what begins with a rare byte. */
static const char *find(const char *s, size_t n, const char *what, size_t m)
{
    for (const char *end = s + n; n >= m && (s = memchr(s, what[0], n - m + 1)); n = (size_t)(end - ++s))
        if (memcmp(s, what, m) == 0) return s;
    return NULL;
}

static size_t occurrences(const char *s, size_t n, const char *what)
{
    size_t m = strlen(what), k = 0;
    for (const char *p = s, *end = s + n; (p = find(p, (size_t)(end - p), what, m)); p += m)
        k++;
    return k;
}

/* ". . ." in a text whose masks are known. */
static size_t spaced_ellipses(const struct rules_work *w, const char *s, size_t n)
{
    size_t found = 0, end = 0;
    uint64_t before = 0;
    for (size_t k = 0; k * 64 < n; k++) {
        uint64_t dot = w->masks[k].dot, last = dot & (dot << 2 | before >> 62) & (dot << 4 | before >> 60);
        for (before = dot; last; last &= last - 1) { /* the last of three full stops, two apart */
            size_t from = k * 64 + (unsigned)__builtin_ctzll(last) - 4;
            if (from < end || memcmp(s + from, ". . .", 5) != 0) continue;
            found++;
            end = from + 5;
        }
    }
    return found;
}

/* What DCLM counts as symbols. */
static size_t symbols_of(const struct rules_cfg *c, const struct rules_work *w, const char *s, size_t n)
{
    if (rules_masked(c))
        return w->n_hashes + w->n_dots + spaced_ellipses(w, s, n) +
               (w->wide ? occurrences(s, n, "\u2026") : 0);
    return occurrences(s, n, "#") + occurrences(s, n, "...") + occurrences(s, n, ". . .") +
           occurrences(s, n, "\u2026");
}

static bool starts(const char *s, size_t n, const char *w)
{
    return n >= strlen(w) && memcmp(s, w, strlen(w)) == 0;
}

static bool ends(const char *s, size_t n, const char *w)
{
    return n >= strlen(w) && memcmp(s + n - strlen(w), w, strlen(w)) == 0;
}

static bool is_stop(const char *s, size_t n, bool any_case)
{
    static const char *const list[] = {"the", "be", "to", "of", "and", "that", "have", "with"};
    for (size_t k = 0; k < COUNT_OF(list); k++) {
        size_t i = 0;
        while (i < n && list[k][i] && (s[i] == list[k][i] || (any_case && s[i] == list[k][i] - 32)))
            i++;
        if (i == n && !list[k][i]) return true;
    }
    return false;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double median(uint64_t *v, size_t n)
{
    if (!n) return 0;
    qsort(v, n, sizeof *v, by_size);
    return n % 2 ? (double)v[n / 2] : (double)(v[n / 2 - 1] + v[n / 2]) / 2;
}

static double share(size_t a, size_t b)
{
    return b ? (double)a / (double)b : 0;
}

/* Room for two numbers a word. */
static bool room(struct rules_work *w, size_t n)
{
    if (2 * n + 2 <= w->cap) return true;
    free(w->hash);
    w->hash = mem_alloc(2 * n + 2, 3 * sizeof *w->hash);
    w->cap = w->hash ? 2 * n + 2 : 0;
    if (!w->hash) w->oom = true;
    return w->hash != NULL;
}

static void line_metrics(bool dclm, const char *s, size_t n, double *m)
{
    const struct words_table *t = words_table_get();
    size_t lines = 0, bullets = 0, open = 0;
    for (size_t from = 0; from <= n;) {
        const char *nl = memchr(s + from, '\n', n - from);
        size_t to = nl ? (size_t)(nl - s) : n, b = from, e = to;
        if (dclm) rules_strip(t, s, &b, &e);
        from = to + 1;
        if (dclm && b == e) continue;
        const char *x = s + b;
        lines++;
        if (starts(x, e - b, "*") || starts(x, e - b, "-") ||
            (dclm && (starts(x, e - b, "\u25cf") || starts(x, e - b, "\u2022"))))
            bullets++;
        if (ends(x, e - b, "\u2026") || (dclm && (ends(x, e - b, "...") || ends(x, e - b, ". . ."))))
            open++;
    }
    m[METRIC_BULLET_LINES] = share(bullets, lines);
    m[METRIC_ELLIPSIS_LINES] = share(open, lines);
}

void rules_gopher_other(const struct rules_cfg *c, struct rules_work *work, const char *s, size_t n,
                        double *m)
{
    bool dclm = c->dialect == RULES_DCLM_DIALECT;
    struct words *w = &work->line_words;
    if (find_words(c, work, s, n) || w->oom || !room(work, w->n)) {
        work->oom = true;
        return;
    }
    size_t counted = 0, chars = 0, alpha = 0, stops = 0, symbols = 0;
    for (size_t i = 0; i < w->n; i++) {
        const struct word *x = &w->v[i];
        const char *p = s + x->begin;
        work->hash[i] = x->chars;
        chars += x->chars;
        counted += !dclm || alnum_first(p, x->len);
        alpha += x->info & WORD_LETTER;
        stops += x->len >= 2 && x->len <= 4 && is_stop(p, x->len, dclm);
        if (!dclm) symbols += memchr(p, '#', x->len) || memmem(p, x->len, "\u2026", 3);
    }
    if (dclm) symbols = symbols_of(c, work, s, n);
    m[METRIC_WORDS] = (double)counted;
    m[METRIC_MEAN_LENGTH] = dclm ? share(chars, w->n) : median(work->hash, w->n);
    m[METRIC_HASHES] = share(symbols, w->n);
    m[METRIC_ELLIPSES] = 0;
    m[METRIC_ALPHA_WORDS] = share(alpha, w->n);
    m[METRIC_STOP_WORDS] = (double)stops;
    line_metrics(dclm, s, n, m);
}

/* ---- repetition ---- */

/* Elements parted by `sep`: shares of elements and of characters in those that
 * occur twice or more. */
static void repeated_elements(bool dclm, struct rules_work *work, const char *s, size_t n,
                              const char *sep, size_t all_chars, double *share_n, double *share_chars)
{
    const struct words_table *t = words_table_get();
    size_t m = strlen(sep), total = 0, dup = 0, chars = 0, dup_chars = 0;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 0 && !rules_table_size(&work->table, occurrences(s, n, sep) + 1)) {
            work->oom = true;
            return;
        }
        for (size_t from = 0; from <= n;) {
            const char *p = find(s + from, n - from, sep, m);
            size_t to = p ? (size_t)(p - s) : n, b = from, e = to;
            if (dclm) rules_strip(t, s, &b, &e);
            from = to + m;
            if (dclm && b == e) continue;
            uint64_t h = hash64(s + b, e - b);
            size_t k = rules_chars(s + b, e - b);
            if (pass == 0) {
                rules_table_count(&work->table, h);
                total++;
                chars += k;
            } else if (rules_table_get(&work->table, h) > 1) {
                dup++;
                dup_chars += k;
            }
        }
    }
    if (dclm && total < 2) dup = dup_chars = 0;
    *share_n = share(dup, total);
    *share_chars = share(dup_chars, dclm ? chars : all_chars);
}

static size_t gram_length(const struct words *w, size_t i, size_t n)
{
    size_t k = 0;
    for (size_t j = i; j < i + n; j++)
        k += w->v[j].chars;
    return k;
}

static double top(bool dclm, struct rules_work *work, const struct words *w, const uint64_t *gram,
                  size_t m, size_t n, size_t chars)
{
    uint32_t most = 0;
    size_t length = 0;
    for (size_t i = 0; i < m; i++) {
        uint32_t c = rules_table_get(&work->table, gram[i]);
        size_t k = gram_length(w, i, n);
        if (c > most || (dclm && c == most && k > length)) length = k;
        if (c > most) most = c;
    }
    return dclm && most < 2 ? 0 : share(length * most, chars);
}

static double repeated(bool dclm, struct rules_work *work, const struct words *w,
                       const uint64_t *gram, size_t m, size_t n, size_t chars)
{
    size_t dup = 0, all = 0, covered = 0;
    for (size_t i = 0; i < m; i++) {
        bool twice = rules_table_get(&work->table, gram[i]) > 1;
        size_t k = dclm ? 0 : gram_length(w, i, n);
        all += k;
        if (!twice) continue;
        dup += k;
        for (size_t j = covered > i ? covered : i; dclm && j < i + n; j++)
            dup += w->v[j].chars;
        covered = i + n;
    }
    return share(dup, dclm ? chars : all);
}

void rules_repetition_other(const struct rules_cfg *c, struct rules_work *work, const char *s,
                            size_t n, double *m)
{
    bool dclm = c->dialect == RULES_DCLM_DIALECT;
    struct words *w = &work->line_words;
    struct err e;
    for (int i = METRIC_CHARS; i <= METRIC_DUP_10; i++)
        m[i] = 0;
    m[METRIC_CHARS] = (double)rules_chars(s, n);
    if (dclm) { /* words of Unicode that begin with a letter or digit */
        size_t kept = 0;
        if (rules_masked(c) ? words_uax29_masked(w, s, n, work->masks, false, &e)
                            : words_cut(WORDS_UAX29_PLAIN, w, s, n, &e))
            work->oom = true;
        for (size_t i = 0; i < w->n; i++)
            if (alnum_first(s + w->v[i].begin, w->v[i].len)) w->v[kept++] = w->v[i];
        w->n = kept;
    } else if (find_words(c, work, s, n)) {
        work->oom = true;
    }
    if (w->oom || work->oom || !room(work, w->n)) {
        work->oom = true;
        return;
    }
    size_t chars = gram_length(w, 0, w->n);
    repeated_elements(dclm, work, s, n, "\n", chars, &m[METRIC_DUP_LINES], &m[METRIC_DUP_LINE_CHARS]);
    if (dclm)
        repeated_elements(true, work, s, n, "\n\n", chars, &m[METRIC_DUP_PARAS],
                          &m[METRIC_DUP_PARA_CHARS]);
    if (rules_masked(c)) {
        if (rules_grams_words(work, w, s, n)) rules_grams_other(work, dclm, (double)chars, m);
        return;
    }
    uint64_t *h = work->hash, *gram = h + w->n + 1;
    for (size_t i = 0; i < w->n; i++)
        gram[i] = h[i] = hash64(s + w->v[i].begin, w->v[i].len);
    for (size_t k = 2; k <= 10 && k <= w->n && !work->oom; k++) {
        size_t count = w->n - k + 1;
        if (!rules_table_size(&work->table, count)) {
            work->oom = true;
            return;
        }
        for (size_t i = 0; i < count; i++) {
            const uint64_t both[2] = {gram[i], h[i + k - 1]};
            rules_table_count(&work->table, gram[i] = hash64(both, sizeof both));
        }
        if (k <= 4)
            m[METRIC_TOP_2 + k - 2] = top(dclm, work, w, gram, count, k, chars);
        else
            m[METRIC_DUP_5 + k - 5] = repeated(dclm, work, w, gram, count, k, chars);
    }
}
