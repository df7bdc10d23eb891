/* The rules of C4 (Raffel et al., arXiv:1910.10683, section 2.2) as datatrove
 * applies them: lines are judged one by one, then what is left of them. */
#include <math.h>
#include <string.h>
#include <utf8proc.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/rules_internal.h"

/* Finds an ASCII phrase in any case. */
static bool mentions(const char *s, size_t n, const char *phrase)
{
    size_t m = strlen(phrase);
    for (size_t i = 0; i + m <= n; i++) {
        if ((s[i] | 0x20) != phrase[0]) continue;
        size_t k = 1;
        while (k < m && (s[i + k] == phrase[k] ||
                         (s[i + k] >= 'A' && s[i + k] <= 'Z' && (s[i + k] | 0x20) == phrase[k])))
            k++;
        if (k == m) return true;
    }
    return false;
}

/* Length of a citation mark at s: [12], [edit], [citation needed]. */
static size_t citation(const char *s, size_t n)
{
    static const char *const fixed[] = {"[edit]", "[citation needed]"};
    for (size_t i = 0; i < COUNT_OF(fixed); i++)
        if (n >= strlen(fixed[i]) && memcmp(s, fixed[i], strlen(fixed[i])) == 0)
            return strlen(fixed[i]);
    size_t i = 1;
    while (i < n && s[i] != ']') {
        uint32_t cp;
        int k = utf8_decode(s + i, n - i, &cp);
        if (k < 1 || utf8proc_category((utf8proc_int32_t)cp) != UTF8PROC_CATEGORY_ND) return 0;
        i += (size_t)k;
    }
    return i < n ? i + 1 : 0;
}

void rules_cut(struct rules_work *w, size_t begin, size_t end, int rule)
{
    if (w->again) return;
    if (!mem_room(&w->cut, &w->cuts_cap, w->n_cuts + 1, sizeof *w->cut)) {
        w->oom = true;
        return;
    }
    w->cut[w->n_cuts++] = (struct rules_cut){begin, end, rule};
}

/* Words between white space, and the characters of the longest. */
static size_t plain_words(const struct words_table *t, const char *s, size_t n, size_t *longest)
{
    size_t words = 0, chars = 0;
    *longest = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp = (unsigned char)s[i];
        int k = 1;
        if (cp >= 128 && (k = utf8_decode(s + i, n - i, &cp)) < 1) k = 1;
        if (words_class(t, cp) & WC_SPACE) {
            chars = 0;
        } else {
            if (chars++ == 0) words++;
            if (chars > *longest) *longest = chars;
        }
        i += (size_t)k;
    }
    return words;
}

/* Masks tell, unless characters that have to be decoded might part words. */
bool rules_has_words(const struct rules_work *w, const struct words_table *t, const char *text,
                     size_t b, size_t e, size_t need)
{
    uint64_t before = 0, wide = 0; /* before: was the byte before the block no white space? */
    size_t left = need, longest;
    for (size_t k = b / 64; k * 64 < e; k++) {
        uint64_t here = text_part_of_block(k, b, e), solid = ~w->masks[k].space & here;
        wide |= w->masks[k].wide & here;
        uint64_t starts = solid & ~(solid << 1 | before) & ~w->masks[k].wide;
        for (; starts; starts &= starts - 1)
            if (left-- <= 1) return true;
        before = solid >> 63;
    }
    return wide && plain_words(t, text + b, e - b, &longest) >= need;
}

/* Are all stretches without ASCII white space in [b, e) of at most `most` bytes,
 * which are more than a block? */
static bool no_long_word(const struct rules_work *w, size_t b, size_t e, double most)
{
    size_t from = b; /* of the stretch at hand */
    for (size_t k = b / 64; k * 64 < e; k++) {
        uint64_t space = w->masks[k].space & text_part_of_block(k, b, e);
        if (!space) continue;
        if ((double)(k * 64 + (size_t)__builtin_ctzll(space)) - (double)from > most) return false;
        from = k * 64 + 64 - (size_t)__builtin_clzll(space);
    }
    return (double)(e - from) <= most;
}

static bool ends_sentence(const char *s, size_t n, bool dolma)
{
    if (!n || !memchr(".?!\"'", s[n - 1], dolma ? 4 : 5)) return false;
    if (dolma) return true;
    return !(n >= 3 && memcmp(s + n - 3, "...", 3) == 0);
}

/* Ends a sentence for spaCy's sentencizer, which knows fewer than datatrove. */
static bool stops(const struct words_table *t, uint32_t cp)
{
    static const uint32_t unknown[][2] = {
        {0x61d, 0x61e},     {0x837, 0x837},     {0x839, 0x839},     {0x83d, 0x83e},
        {0x17d4, 0x17d6},   {0x17d9, 0x17da},   {0x1b7d, 0x1b7e},   {0x2e53, 0x2e54},
        {0x10f55, 0x10f59}, {0x10f86, 0x10f89}, {0x11944, 0x11944}, {0x11946, 0x11946},
        {0x11ef7, 0x11ef8}, {0x11f43, 0x11f44}, {0x16e98, 0x16e98}};
    if (!(words_class(t, cp) & WC_TERMINAL)) return false;
    for (size_t i = 0; i < COUNT_OF(unknown); i++)
        if (cp >= unknown[i][0] && cp <= unknown[i][1]) return false;
    return true;
}

/* Unicode punctuation only? */
static bool punctuation(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0;
        int k = utf8_decode(s + i, n - i, &cp);
        if (k < 1) return false;
        utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
        if (c < UTF8PROC_CATEGORY_PC || c > UTF8PROC_CATEGORY_PO) return false;
        i += (size_t)k;
    }
    return true;
}

/* A sentence begins at the first word that is no punctuation behind one that
 * ends a sentence; more white space than one blank counts as a word. */
static size_t sentences(const struct words_table *t, const struct words *w, const char *s)
{
    size_t n = 1;
    bool stopped = false;
    for (size_t i = 0; i < w->n; i++) {
        const struct word *x = &w->v[i];
        size_t before = i ? w->v[i - 1].begin + w->v[i - 1].len : 0, gap = x->begin - before;
        if (stopped && gap && !(gap == 1 && s[before] == ' ')) {
            n++;
            stopped = false;
        }
        uint32_t cp = 0;
        bool stop = x->chars == 1 && utf8_decode(s + x->begin, x->len, &cp) > 0 && stops(t, cp);
        if (stop) {
            stopped = true;
        } else if (stopped && !punctuation(s + x->begin, x->len)) {
            n++;
            stopped = false;
        }
    }
    return n;
}

/* The line [begin, begin + n) of the text without its citation marks. */
static void cut_citations(struct rules_work *w, const char *s, size_t n, size_t begin)
{
    struct buf *out = &w->line;
    buf_clear(out);
    for (size_t i = 0; i < n;) {
        const char *p = memchr(s + i, '[', n - i);
        size_t to = p ? (size_t)(p - s) : n, k = 0;
        buf_add(out, s + i, to - i);
        if (!p) return;
        k = citation(s + to, n - to);
        if (k)
            rules_cut(w, begin + to, begin + to + k, RULE_LINE_CITATIONS);
        else
            buf_addc(out, '[');
        i = to + (k ? k : 1);
    }
}

/* Is it a word of its own between white space? */
static bool word_javascript(const char *s, size_t n)
{
    enum { N = 10 };
    for (size_t i = 0; i + N <= n; i++)
        if (mentions(s + i, N, "javascript") && (i == 0 || (unsigned char)s[i - 1] <= ' ') &&
            (i + N == n || (unsigned char)s[i + N] <= ' '))
            return true;
    return false;
}

/* The line rule that removes the line, or RULE_N.  few: has fewer words than it must. */
static int line_rule(const struct rules_cfg *c, const char *s, size_t n, bool few, bool phrases)
{
    static const char *const policy[] = {"terms of use", "privacy policy", "cookie policy",
                                         "uses cookies", "use of cookies", "use cookies"};
    if (c->on[RULE_LINE_PUNCTUATION] && !ends_sentence(s, n, c->dialect == RULES_DOLMA)) return RULE_LINE_PUNCTUATION;
    if (few) return RULE_LINE_WORDS;
    if (!phrases) return RULE_N;
    if (c->on[RULE_LINE_JAVASCRIPT] && mentions(s, n, "javascript") &&
        (c->dialect != RULES_DOLMA || word_javascript(s, n)))
        return RULE_LINE_JAVASCRIPT;
    for (size_t i = 0; i < COUNT_OF(policy) && c->on[RULE_LINE_POLICY]; i++)
        if (mentions(s, n, policy[i])) return RULE_LINE_POLICY;
    return RULE_N;
}

/* Bytes at which a line may end. */
static const uint8_t may_end[256] = {[0xa] = 1,  [0xb] = 1,  [0xc] = 1,  [0xd] = 1, [0x1c] = 1,
                                     [0x1d] = 1, [0x1e] = 1, [0xc2] = 1, [0xe2] = 1};

struct c4 {
    const char *text;
    size_t n;
    const struct rules_cfg *c;
    struct rules_work *w;
    const struct words_table *t;
    double *m;
    size_t line_no;
    size_t begin, end;       /* of the line at hand, within the text */
    size_t need_words;       /* in a line */
    bool fast;               /* masks and newlines of the text are known */
    const char *bracket, *brace; /* the next [ and { not before the line; NULL = none */
    bool phrases;            /* lines have to be searched for them */
};

/* The line at hand goes; marks cut out of it do not count any more. */
static void drop_line(struct c4 *x, size_t cuts, int rule)
{
    x->w->n_cuts = cuts;
    rules_cut(x->w, x->begin, x->end, rule);
    x->w->lines_removed[rule]++;
}

/* The next c in the text, remembered from line to line. */
static const char *next_of(const struct c4 *x, const char *known, const char *from, char c)
{
    if (!known || known >= from) return known;
    return memchr(from, c, (size_t)(x->text + x->n - from));
}

static bool has_brace(struct c4 *x, const char *s, size_t n)
{
    if (s < x->text || s >= x->text + x->n) return memchr(s, '{', n) != NULL; /* a copy */
    x->brace = next_of(x, x->brace, s, '{');
    return x->brace && x->brace < s + n;
}

/* Notes what removes the whole document; true when the rest need not be read. */
static bool finds_forbidden(struct c4 *x, const char *s, size_t n, int r)
{
    const struct rules_cfg *c = x->c;
    if (r == RULE_LINE_PUNCTUATION || r == RULE_LINE_WORDS) return false;
    bool stop = false;
    if (x->phrases && x->m[METRIC_LOREM_IPSUM] <= 0 && mentions(s, n, "lorem ipsum")) {
        x->m[METRIC_LOREM_IPSUM] = (double)x->line_no;
        stop = c->on[RULE_LOREM_IPSUM];
    }
    if ((!stop || c->all) && r != RULE_LINE_JAVASCRIPT && x->m[METRIC_CURLY_BRACKET] <= 0 && has_brace(x, s, n)) {
        x->m[METRIC_CURLY_BRACKET] = (double)x->line_no;
        stop = c->on[RULE_CURLY_BRACKET];
    }
    return stop && !c->all;
}

/* A line without its end and stripped; true when it removes the document. */
static bool take_line(struct c4 *x, const char *s, size_t n)
{
    struct rules_work *w = x->w;
    size_t longest = 0, cuts = w->n_cuts, at = (size_t)(s - x->text), len = n;
    double most = x->c->limit[RULE_LINE_WORD_LENGTH];
    bool few, cut = false;
    if (x->fast && ((double)n <= most || (most >= 64 && no_long_word(w, at, at + n, most))))
        few = x->need_words && !(n && rules_has_words(w, x->t, x->text, at, at + n, x->need_words));
    else
        few = plain_words(x->t, s, n, &longest) < x->need_words;
    few = few && x->c->on[RULE_LINE_WORDS];
    if (x->c->on[RULE_LINE_WORD_LENGTH] && (double)longest > most) {
        drop_line(x, cuts, RULE_LINE_WORD_LENGTH);
        return false;
    }
    x->bracket = next_of(x, x->bracket, s, '[');
    if (x->c->on[RULE_LINE_CITATIONS] && x->bracket && x->bracket < s + n) {
        cut_citations(w, s, n, at);
        cut = w->line.len != n;
        if (cut) s = buf_text(&w->line);
        n = w->line.len;
    }
    bool phrases = x->phrases;
    if (phrases && !text_phrases_best()(s, n)) x->phrases = false; /* not in this line */
    int r = line_rule(x->c, s, n, few, x->phrases);
    bool forbidden = finds_forbidden(x, s, n, r);
    x->phrases = phrases;
    if (forbidden) return true;
    if (r != RULE_N) {
        drop_line(x, cuts, r);
        return false;
    }
    w->lines_removed[RULE_LINE_CITATIONS] += w->n_cuts - cuts;
    rules_keep_line(w, at, len, cut ? s : NULL, n);
    return false;
}

/* Parts [*b, *t) from white space at its ends, which few lines have. */
static inline void strip(const struct c4 *x, size_t *b, size_t *t)
{
    if (*b < *t && x->text[*b] > ' ' && x->text[*t - 1] > ' ') return;
    rules_strip(x->t, x->text, b, t);
}

int rules_c4(const struct rules_cfg *c, struct rules_work *w, const char *text, size_t n, double *m,
             struct err *e)
{
    double need = ceil(c->limit[RULE_LINE_WORDS]);
    struct c4 x = {.text = text,
                   .n = n,
                   .fast = rules_fast(c),
                   .need_words = need < 1e9 ? (size_t)need : (size_t)1000000000,
                   .bracket = memchr(text, '[', n),
                   .brace = memchr(text, '{', n),
                   .c = c,
                   .w = w,
                   .t = words_table_get(),
                   .m = m};
    bool stop = false;
    x.phrases = text_phrases_best()(text, n); /* most hold none */
    rules_keep_none(w);
    m[METRIC_LOREM_IPSUM] = m[METRIC_CURLY_BRACKET] = 0;
    bool known = x.fast && w->newlines_only;
    size_t nl = 0;
    for (size_t from = 0; from < n && !stop;) {
        size_t to = from, end = 0;
        if (known) {
            to = nl < w->n_nl ? w->nl[nl++] : n;
            end = to < n;
        } else {
            while (to < n &&
                   !(may_end[(unsigned char)text[to]] && (end = rules_line_end(text + to, n - to))))
                to++;
        }
        size_t b = from, t = to;
        strip(&x, &b, &t);
        x.line_no++;
        x.begin = from;
        x.end = to + end;
        stop = take_line(&x, text + b, t - b);
        from = to + end;
    }
    rules_keep_trim(w, x.t, text);
    return buf_ok(&w->line, e) || buf_ok(&w->kept, e) ? -1 : 0;
}

/* Few lines are decoded: characters are no more than bytes. */
double rules_c4_third_line(const char *text, size_t n)
{
    size_t longest[3] = {0};
    for (size_t i = 0; i <= n;) {
        const char *nl = i < n ? memchr(text + i, '\n', n - i) : NULL;
        size_t end = nl ? (size_t)(nl - text) : n, chars = 0;
        for (size_t k = i; k < end && end - i > longest[2]; k++)
            chars += ((unsigned char)text[k] & 0xc0) != 0x80;
        for (int k = 0; k < 3; k++)
            if (chars > longest[k]) {
                size_t less = longest[k];
                longest[k] = chars;
                chars = less;
            }
        i = end + 1;
    }
    return (double)longest[2];
}

/* The words of the text that lie in a line; *at: the first that does not come before it. */
static struct words words_of(const struct words *all, size_t *at, const struct rules_line *line)
{
    while (*at < all->n && all->v[*at].begin < line->begin)
        ++*at;
    struct words w = {.v = all->v + *at};
    while (*at < all->n && all->v[*at].begin < line->begin + line->len)
        ++*at;
    w.n = (size_t)(all->v + *at - w.v);
    return w;
}

int rules_c4_words(const struct rules_cfg *c, struct rules_work *w, const char *text,
                   const struct words *all, size_t *n_words, double *m, struct err *e)
{
    const struct words_table *t = words_table_get();
    size_t found = 0, at = 0, stay = 0;
    double limit = c->limit[RULE_SENTENCES];
    for (size_t i = 0; i < w->n_lines; i++) {
        const struct rules_line *line = &w->lines[i];
        bool count = c->all || (c->on[RULE_SENTENCES] && (double)found < limit);
        if (!count && !(all && n_words)) break;
        const char *s = text;
        struct words these;
        if (all && !line->cut) { /* the words of a whole line are known */
            these = words_of(all, &at, line);
        } else {
            s = rules_line_text(w, text, line);
            if (words_cut(c->words, &w->line_words, s, line->n, e)) return -1;
            these = w->line_words;
        }
        stay += these.n;
        if (count) found += sentences(t, &these, s);
    }
    m[METRIC_SENTENCES] = (double)found;
    if (n_words) *n_words = all ? stay : SIZE_MAX;
    return 0;
}
