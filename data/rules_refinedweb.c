/* The line corrections of RefinedWeb (Penedo et al., arXiv:2306.01116, table 7)
 * as DCLM has them: lines that are capitals, numbers, counters or one word go,
 * stock phrases are cut out of short lines; a document that loses more than a
 * twentieth of its words goes as a whole. */
#include <string.h>
#include <utf8proc.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/rules_internal.h"

static bool blank_char(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

/* Words between white space, no more than `most`. */
static size_t count_words(const struct words_table *t, const char *s, size_t n, size_t most)
{
    size_t words = 0;
    bool inside = false;
    for (size_t i = 0; i < n && words <= most;) {
        uint32_t cp = 0;
        int k = utf8_decode(s + i, n - i, &cp);
        bool space = k > 0 && words_class(t, cp) & WC_SPACE;
        words += !space && !inside;
        inside = !space;
        i += k > 0 ? (size_t)k : 1;
    }
    return words;
}

/* Capitals and digits among the characters of a line. */
static void count_kinds(const char *s, size_t n, size_t *chars, size_t *upper, size_t *digits)
{
    *chars = *upper = *digits = 0;
    for (size_t i = 0; i < n; ++*chars) {
        uint32_t cp = (unsigned char)s[i];
        int k = 1;
        if (cp < 0x80) {
            *upper += cp >= 'A' && cp <= 'Z';
            *digits += cp >= '0' && cp <= '9';
        } else {
            k = utf8_decode(s + i, n - i, &cp);
            utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
            *upper += c == UTF8PROC_CATEGORY_LU;
            *digits += c == UTF8PROC_CATEGORY_ND;
        }
        i += k > 0 ? (size_t)k : 1;
    }
}

/* The same by masks; false when some of [b, e) is not ASCII. */
static bool count_masked(const struct rules_work *w, size_t b, size_t e, size_t *chars, size_t *upper,
                         size_t *digits)
{
    *chars = e - b;
    *upper = *digits = 0;
    for (size_t k = b / 64; k * 64 < e; k++) {
        const struct text_masks *m = &w->masks[k];
        uint64_t here = text_part_of_block(k, b, e), capital = m->letter & ~m->lower & here;
        if ((m->second | m->wide) & here) return false;
        if (capital) *upper += text_count_bits(capital);
        if (m->digit & here) *digits += text_count_bits(m->digit & here);
    }
    return true;
}

static bool word_char(char c)
{
    return (c & 0x80) || (c >= '0' && c <= '9') || c == '_' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static size_t match(const char *s, size_t n, const char *word)
{
    size_t k = 0;
    while (k < n && word[k] && ((s[k] >= 'A' && s[k] <= 'Z') ? s[k] | 0x20 : s[k]) == word[k])
        k++;
    return word[k] ? 0 : k;
}

/* "3 likes", "1.2K views": a number, then what is counted, and no other words. */
static bool counter(const char *s, size_t n)
{
    static const char *const what[] = {"likes",   "shares",    "comments",  "retweets",
                                       "reposts", "quotes",    "bookmarks", "upvotes",
                                       "downvotes", "downloads", "views",   "followers"};
    size_t i = 0, k = 0;
    while (i < n && !word_char(s[i]))
        i++;
    if (i == n || s[i] < '0' || s[i] > '9') return false;
    while (i < n && ((s[i] >= '0' && s[i] <= '9') || s[i] == ',' || s[i] == '.'))
        i++;
    if (i < n && strchr("kKmMbB", s[i])) i++;
    size_t from = i;
    while (i < n && blank_char(s[i]))
        i++;
    if (i == from) return false;
    for (size_t w = 0; w < COUNT_OF(what) && !k; w++)
        k = match(s + i, n - i, what[w]);
    for (i += k; k && i < n; i++)
        if (word_char(s[i])) return false;
    return k != 0;
}

/* Has the line [b, e) fewer words than it must? */
static bool few_words(const struct rules_cfg *c, const struct rules_work *w,
                      const struct words_table *t, const char *text, size_t b, size_t e)
{
    double need = c->limit[RULE_LINE_FEW_WORDS];
    if (rules_masked(c) && need > 0 && need < 1e6) {
        size_t least = (size_t)need + ((double)(size_t)need < need);
        return !rules_has_words(w, t, text, b, e, least);
    }
    return (double)count_words(t, text + b, e - b, (size_t)need) < need;
}

/* The rule that removes the line [b, e) as a whole, or RULE_N. */
static int whole(const struct rules_cfg *c, const struct rules_work *w, const struct words_table *t,
                 const char *text, size_t b, size_t e)
{
    size_t chars, upper, digits, n = e - b;
    const char *s = text + b;
    if (!n) return RULE_N;
    if (c->on[RULE_LINE_UPPER] || c->on[RULE_LINE_NUMERIC]) {
        if (!rules_masked(c) || !count_masked(w, b, e, &chars, &upper, &digits))
            count_kinds(s, n, &chars, &upper, &digits);
        if (c->on[RULE_LINE_UPPER] && (double)upper > c->limit[RULE_LINE_UPPER] * (double)chars)
            return RULE_LINE_UPPER;
        if (c->on[RULE_LINE_NUMERIC] && (double)digits > c->limit[RULE_LINE_NUMERIC] * (double)chars)
            return RULE_LINE_NUMERIC;
    }
    if (c->on[RULE_LINE_COUNTER] && counter(s, n)) return RULE_LINE_COUNTER;
    if (c->on[RULE_LINE_FEW_WORDS] && few_words(c, w, t, text, b, e)) return RULE_LINE_FEW_WORDS;
    return RULE_N;
}

/* Cuts s[b, e) out of the line (with one white space before or behind). */
struct piece {
    size_t begin, end;
};

static bool find_phrase(const char *s, size_t n, struct piece *x)
{
    static const char cart[] = "items in cart", more[] = "read more...", sign[] = "sign-in";
    for (size_t i = 0; i + sizeof cart - 1 <= n; i++)
        if ((s[i] | 0x20) == cart[0] && (s[i + 9] | 0x20) == cart[9] && match(s + i, n - i, cart)) {
            *x = (struct piece){i && blank_char(s[i - 1]) ? i - 1 : i, i + sizeof cart - 1};
            return true;
        }
    if (n >= sizeof more - 1 && match(s + n - (sizeof more - 1), sizeof more - 1, more)) {
        size_t i = n - (sizeof more - 1);
        *x = (struct piece){i && blank_char(s[i - 1]) ? i - 1 : i, n};
        return true;
    }
    if (match(s, n, sign)) {
        size_t i = sizeof sign - 1;
        *x = (struct piece){0, i < n && blank_char(s[i]) ? i + 1 : i};
        return true;
    }
    return false;
}

/* The line without its stock phrases: appended to w->line; true when any was cut. */
static bool cut_phrases(struct rules_work *w, const char *s, size_t n, size_t at)
{
    struct piece x;
    bool any = false;
    buf_clear(&w->line);
    while (find_phrase(s, n, &x)) {
        rules_cut(w, at + x.begin, at + x.end, RULE_LINE_PHRASES);
        buf_add(&w->line, s, x.begin);
        s += x.end;
        n -= x.end;
        at += x.end;
        any = true;
    }
    buf_add(&w->line, s, n);
    return any;
}

int rules_refinedweb(const struct rules_cfg *c, struct rules_work *w, const char *text, size_t n,
                     struct buf *out, bool *changed, struct err *e)
{
    const struct words_table *t = words_table_get();
    bool first = true;
    *changed = false;
    buf_clear(out);
    for (size_t from = 0; from <= n;) {
        const char *nl = memchr(text + from, '\n', n - from);
        size_t to = nl ? (size_t)(nl - text) : n;
        const char *s = text + from;
        size_t len = to - from, cuts = w->n_cuts;
        int r = whole(c, w, t, text, from, to);
        struct piece x;
        if (r == RULE_N && c->on[RULE_LINE_PHRASES] && find_phrase(s, len, &x) &&
            count_words(t, s, len, 10) <= 10 && cut_phrases(w, s, len, from)) {
            s = w->line.data;
            len = w->line.len;
            w->lines_removed[RULE_LINE_PHRASES] += w->n_cuts - cuts;
            *changed = true;
            if (rules_blank(t, s, len)) {
                from = to + 1;
                continue;
            }
        }
        if (r != RULE_N) {
            rules_cut(w, from, nl ? to + 1 : to, r);
            w->lines_removed[r]++;
            *changed = true;
        } else {
            if (!first) buf_addc(out, '\n');
            buf_add(out, s, len);
            first = false;
        }
        from = to + 1;
    }
    if (*changed && out->len) {
        size_t b = 0, end = out->len;
        rules_strip(t, out->data, &b, &end);
        memmove(out->data, out->data + b, end - b);
        out->len = end - b;
    }
    return buf_ok(out, e) || buf_ok(&w->line, e) ? -1 : 0;
}

/* Runs of more than `most` newlines become that many. */
bool rules_squeeze(const char *s, size_t n, size_t most, struct buf *out)
{
    size_t from = 0;
    buf_clear(out);
    for (size_t i = 0; i < n;) {
        const char *nl = memchr(s + i, '\n', n - i);
        if (!nl) break;
        size_t b = (size_t)(nl - s), e = b;
        while (e < n && s[e] == '\n')
            e++;
        if (e - b > most) {
            buf_add(out, s + from, b + most - from);
            from = e;
        }
        i = e;
    }
    if (!from) return false;
    buf_add(out, s + from, n - from);
    return true;
}
