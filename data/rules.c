#include "data/rules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/opt.h"
#include "data/words_class.h"

/* Order is precedence: the first that fails is the reason.  Gopher: Rae et al.,
 * arXiv:2112.11446, table A1, with the details of datatrove 0.10. */
const struct rule rules_table[RULE_N] = {
    [RULE_MIN_WORDS] = {"gopher.min_words", "gopher_short_doc", METRIC_WORDS, true, 50,
                        "Fewest words, not counting pure punctuation"},
    [RULE_MAX_WORDS] = {"gopher.max_words", "gopher_long_doc", METRIC_WORDS, false, 100000,
                        "Most words, not counting pure punctuation"},
    [RULE_MIN_LENGTH] = {"gopher.min_mean_length", "gopher_below_avg_threshold", METRIC_MEAN_LENGTH, true, 3,
                         "Smallest mean length of words"},
    [RULE_MAX_LENGTH] = {"gopher.max_mean_length", "gopher_above_avg_threshold", METRIC_MEAN_LENGTH, false, 10,
                         "Largest mean length of words"},
    [RULE_HASHES] = {"gopher.max_hashes", "gopher_too_many_hashes", METRIC_HASHES, false, 0.1, "Most '#' a word"},
    [RULE_ELLIPSES] = {"gopher.max_ellipses", "gopher_too_many_ellipsis", METRIC_ELLIPSES, false, 0.1,
                       "Most ellipses a word"},
    [RULE_BULLETS] = {"gopher.max_bullet_lines", "gopher_too_many_bullets", METRIC_BULLET_LINES, false, 0.9,
                      "Largest share of lines that begin with a bullet"},
    [RULE_END_ELLIPSIS] = {"gopher.max_ellipsis_lines", "gopher_too_many_end_ellipsis", METRIC_ELLIPSIS_LINES, false,
                           0.3, "Largest share of lines that end in an ellipsis"},
    [RULE_ALPHA] = {"gopher.min_alpha_words", "gopher_below_alpha_threshold", METRIC_ALPHA_WORDS, true, 0.8,
                    "Smallest share of words with a letter"},
    [RULE_STOP_WORDS] = {"gopher.min_stop_words", "gopher_enough_stop_words", METRIC_STOP_WORDS, true, 2,
                         "How many of the be to of and that have with must occur"},
};

void rules_preset(struct rules_cfg *c, enum rules_preset p)
{
    for (int r = 0; r < RULE_N; r++) {
        c->on[r] = p == RULES_GOPHER;
        c->limit[r] = rules_table[r].limit;
    }
}

bool rules_any(const struct rules_cfg *c)
{
    for (int r = 0; r < RULE_N; r++)
        if (c->on[r]) return true;
    return false;
}

int rules_set(struct rules_cfg *c, const char *assignment, struct err *e)
{
    const char *eq = strchr(assignment, '=');
    size_t n = eq ? (size_t)(eq - assignment) : strlen(assignment);
    const char *keys[RULE_N];
    for (int r = 0; r < RULE_N; r++) {
        keys[r] = rules_table[r].key;
        if (strlen(keys[r]) != n || memcmp(keys[r], assignment, n) != 0) continue;
        if (!eq) return err_set(e, ERR_USAGE, "--set %s: want %s=NUMBER or %s=off", assignment, keys[r], keys[r]);
        if (strcmp(eq + 1, "off") == 0) {
            c->on[r] = false;
            return 0;
        }
        char *end;
        double v = strtod(eq + 1, &end);
        if (end == eq + 1 || *end || !isfinite(v) || v < 0)
            return err_set(e, ERR_USAGE, "--set %s: '%s' is neither a number >= 0 nor 'off'", keys[r], eq + 1);
        c->on[r] = true;
        c->limit[r] = v;
        return 0;
    }
    char word[64];
    if (n < sizeof word) {
        memcpy(word, assignment, n);
        word[n] = '\0';
        const char *near = opt_nearest(word, keys, RULE_N);
        if (near) return err_set(e, ERR_USAGE, "--set: no rule '%s'; did you mean '%s'?", word, near);
    }
    return err_set(e, ERR_USAGE, "--set: no rule '%.*s'; 'llmctl clean --rules' lists them", (int)n, assignment);
}

/* ---- metrics ---- */

struct line_counts {
    size_t hashes, ellipses, lines, bullets, end_ellipses;
};

/* A line [b,e) without its end. */
static void count_line(const struct words_table *t, const char *s, size_t b, size_t e, struct line_counts *c)
{
    c->lines++;
    uint32_t cp = 0;
    int k;
    while (b < e && (k = utf8_decode(s + b, e - b, &cp)) > 0 && words_class(t, cp) & WC_SPACE) b += (size_t)k;
    if (b == e) return;
    if (s[b] == '-' || (e - b >= 3 && memcmp(s + b, "•", 3) == 0)) c->bullets++;
    while (e > b) { /* back over white space, one character at a time */
        size_t p = e - 1;
        while (p > b && ((unsigned char)s[p] & 0xc0) == 0x80) p--;
        if (utf8_decode(s + p, e - p, &cp) < 1 || !(words_class(t, cp) & WC_SPACE)) break;
        e = p;
    }
    if (e - b >= 3 && (memcmp(s + e - 3, "...", 3) == 0 || memcmp(s + e - 3, "…", 3) == 0)) c->end_ellipses++;
}

/* Length of the line end at s (which begins with a byte that may start one). */
static size_t line_end(const char *s, size_t n)
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
        [0xa] = 1, [0xb] = 1, [0xc] = 1, [0xd] = 1, [0x1c] = 1, [0x1d] = 1, [0x1e] = 1, ['#'] = 1, ['.'] = 1,
        [0xc2] = 1, [0xe2] = 1};
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
            for (k = i; k < n && s[k] == '.'; k++) {}
            c->ellipses += (k - i) / 3;
            i = k;
        } else if ((k = line_end(s + i, n - i)) > 0) {
            count_line(t, s, from, i, c);
            from = i += k;
        } else {
            if (n - i >= 3 && memcmp(s + i, "…", 3) == 0) c->ellipses++;
            i++;
        }
    }
    if (from < n) count_line(t, s, from, n, c);
}

static unsigned stop_word(const char *s, size_t n)
{
    static const char list[8][5] = {"the", "be", "to", "of", "and", "that", "have", "with"};
    for (unsigned k = 0; k < 8; k++)
        if (s[0] == list[k][0] && n == strlen(list[k]) && memcmp(s, list[k], n) == 0) return 1u << k;
    return 0;
}

static double share(size_t a, size_t b)
{
    return b ? (double)a / (double)b : 0;
}

void rules_metrics(const char *text, size_t n, const struct words *w, double m[METRIC_N])
{
    struct line_counts c = {0};
    count_lines(text, n, &c);
    size_t words = 0, chars = 0, alpha = 0;
    unsigned stops = 0;
    for (size_t i = 0; i < w->n; i++) {
        const struct word *x = &w->v[i];
        if (x->info & WORD_SUBSTANCE) {
            words++;
            chars += x->chars;
        }
        alpha += x->info & WORD_LETTER;
        if (x->len >= 2 && x->len <= 4) stops |= stop_word(text + x->begin, x->len);
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

unsigned rules_apply(const struct rules_cfg *c, const double m[METRIC_N])
{
    unsigned failed = 0;
    for (int r = 0; r < RULE_N; r++) {
        const struct rule *x = &rules_table[r];
        if (c->on[r] && (x->below ? m[x->metric] < c->limit[r] : m[x->metric] > c->limit[r])) failed |= 1u << r;
    }
    return failed;
}
