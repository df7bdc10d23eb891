#include "core/token/split.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/token/isa.h"
#include "core/token/split_leads.h"
#include "core/token/split_rule.h"

/* ---- the reference: one character after the other ---- */

static bool is_newline(uint32_t cp)
{
    return cp == '\n' || cp == '\r';
}

/* First position at or after pos whose character has none of the classes. */
static size_t run(const uint8_t *s, size_t n, size_t pos, unsigned classes)
{
    while (pos < n) {
        struct uni_char c = uni_next(s + pos, n - pos);
        if (!(c.class & classes)) break;
        pos += c.len;
    }
    return pos;
}

/* What goes on a word behind a letter. */
static size_t run_letters(const uint8_t *s, size_t n, size_t pos, const struct split_rule *r)
{
    if (!r->phrases) return run(s, n, pos, r->marks ? UNI_L | UNI_M : UNI_L);
    while (pos < n) {
        struct uni_char c = uni_next(s + pos, n - pos), d = {UNI_BAD, 0, 0};
        if (c.cp == ' ' && pos + 1 < n && split_joint(r->joints, s[pos - 1], s[pos + 1])) d = uni_next(s + pos + 1, n - pos - 1);
        if (!(c.class & (UNI_L | UNI_M)) && !(d.class & UNI_L)) break;
        pos += c.len + d.len;
    }
    return pos;
}

static bool is_other(struct uni_char c, const struct split_rule *r)
{
    if (r->signs) return (c.class & (UNI_P | UNI_S)) != 0;
    return !(c.class & (UNI_L | UNI_N | UNI_SPACE)) && !(r->marks && (c.class & UNI_M));
}

static size_t run_other(const uint8_t *s, size_t n, size_t pos, const struct split_rule *r)
{
    unsigned some = r->signs ? UNI_P | UNI_S : 0, none = r->signs ? 0 : UNI_L | UNI_N | UNI_SPACE | (r->marks ? UNI_M : 0);
    while (pos < n) {
        struct uni_char c = uni_next(s + pos, n - pos);
        if ((c.class & none) || (some && !(c.class & some))) break;
        pos += c.len;
    }
    return pos;
}

static size_t run_digits(const uint8_t *s, size_t n, size_t pos, int max)
{
    for (int i = 0; pos < n && (max == 0 || i < max); i++) {
        struct uni_char c = uni_next(s + pos, n - pos);
        if (!(c.class & UNI_N)) break;
        pos += c.len;
    }
    return pos;
}

static size_t run_tail(const uint8_t *s, size_t n, size_t pos, const struct split_rule *r)
{
    if (r->tail_one) return pos + (pos < n && is_newline(s[pos]));
    while (pos < n && (is_newline(s[pos]) || (r->slashes && s[pos] == '/'))) pos++;
    return pos;
}

/* s[pos] is white space that no other alternative took:
 * \s*[\r\n]+ | \s+(?!\S) | \s+ */
static size_t spaces(const uint8_t *s, size_t n, size_t pos, const struct split_rule *r)
{
    size_t end = pos, last = pos, after_newline = 0;
    while (end < n) {
        struct uni_char c = uni_next(s + end, n - end);
        if (!(c.class & UNI_SPACE)) break;
        last = end;
        end += c.len;
        if (is_newline(c.cp)) after_newline = end;
    }
    if (r->ends_whole && end == n) return n;
    if (r->newlines && after_newline) return after_newline;
    if (end == n || last == pos) return end;
    return last; /* the last space goes with the word that follows */
}

static bool is_han(struct uni_char c, const struct split_rule *r)
{
    return r->han && split_sets_get(r->sets, c.cp) >> r->han_set & 1;
}

static size_t run_han(const uint8_t *s, size_t n, size_t pos, const struct split_rule *r)
{
    while (pos < n) {
        struct uni_char c = uni_next(s + pos, n - pos);
        if (!is_han(c, r)) break;
        pos += c.len;
    }
    return pos;
}

/* Lu Lt Lm Lo M, and Ll Lm Lo M. */
static bool in_upper(struct uni_char c, const struct split_rule *r)
{
    return ((c.class & UNI_M) || ((c.class & UNI_L) && !(c.class & UNI_LOWER))) && !is_han(c, r);
}

static bool in_lower(struct uni_char c, const struct split_rule *r)
{
    return ((c.class & UNI_M) || ((c.class & UNI_L) && !(c.class & UNI_UPPER))) && !is_han(c, r);
}

/* End of upper*lower+ at pos, or 0.  What upper* took is given back until the
 * last of it is of both kinds.  *upper = end of upper+. */
static size_t lower_word(const uint8_t *s, size_t n, size_t pos, const struct split_rule *r, size_t *upper)
{
    size_t both = 0;
    struct uni_char c = {0};
    for (; pos < n; pos += c.len) {
        c = uni_next(s + pos, n - pos);
        if (!in_upper(c, r)) break;
        if (in_lower(c, r)) both = pos + c.len;
    }
    *upper = pos;
    if (pos == n || !in_lower(c, r)) return both;
    for (; pos < n; pos += c.len) {
        c = uni_next(s + pos, n - pos);
        if (!in_lower(c, r)) break;
    }
    return pos;
}

/* prefix? upper*lower+ | prefix? upper+lower*, with a contraction behind; 0 if
 * there is no such word. */
static size_t case_word(const uint8_t *s, size_t n, size_t pos, struct uni_char c,
                        const struct split_rule *r)
{
    bool prefix = !(c.class & (UNI_L | UNI_N)) && !is_newline(c.cp);
    size_t upper_after = 0, upper_here = 0, end = 0;
    if (prefix && pos + c.len < n) end = lower_word(s, n, pos + c.len, r, &upper_after);
    if (!end) end = lower_word(s, n, pos, r, &upper_here);
    if (!end && upper_after > pos + c.len) end = upper_after;
    if (!end && upper_here > pos) end = upper_here;
    if (end && r->suffix && end < n && s[end] == '\'') return split_contraction(s, n, end, r->fold);
    return end;
}

/* The rule of signs where no letter begins: a sign and letters of ASCII, or what no other
 * alternative takes; or 0. */
static size_t signs_word(const uint8_t *s, size_t n, size_t pos, struct uni_char c, struct uni_char d)
{
    enum { ANY = UNI_L | UNI_M | UNI_P | UNI_S | UNI_SPACE };
    size_t end = pos + c.len;
    if (c.cp < 0x80 && (c.class & (UNI_P | UNI_S)) && d.cp < 0x80 && (d.class & UNI_L)) {
        while (end < n && s[end] < 0x80 && (uni_class(s[end]) & UNI_L)) end++;
        return end;
    }
    if (c.class & ANY) return 0;
    for (; end < n; end += c.len) {
        c = uni_next(s + end, n - end);
        if (c.class & ANY) break;
        if (end + c.len < n && uni_next(s + end + c.len, n - end - c.len).class & (UNI_L | UNI_M)) break;
    }
    return end;
}

static bool is_listed(const uint8_t *s, size_t n, size_t pos, size_t *next)
{
    struct uni_char c = uni_next(s + pos, n - pos);
    *next = pos + c.len;
    return (c.class & UNI_SPACE) || split_is_listed(c.cp);
}

static size_t listed_word(const uint8_t *s, size_t n, size_t pos)
{
    size_t end, next;
    bool gap = is_listed(s, n, pos, &end);
    if (gap && s[pos] == ' ' && end < n && !is_listed(s, n, end, &next)) gap = false;
    for (; end < n; end = next) {
        bool listed = is_listed(s, n, end, &next);
        size_t after;
        if (gap != listed || (gap && s[end] == ' ' && next < n && !is_listed(s, n, next, &after))) break;
    }
    return end;
}

/* The same without what is cut out before. */
size_t split_word(const uint8_t *s, size_t n, size_t pos, const struct split_rule *r)
{
    if (r->listed) return listed_word(s, n, pos);
    struct uni_char c = uni_next(s + pos, n - pos), d = {UNI_BAD, 0, 0};
    unsigned letters = r->marks ? UNI_L | UNI_M : UNI_L, no_prefix = r->signs ? UNI_P | UNI_S : 0;
    size_t next = pos + c.len, end;
    if (r->contractions && c.cp == '\'' && (end = split_contraction(s, n, pos, r->fold)) > pos) return end;
    if (is_han(c, r)) return run_han(s, n, next, r);
    if (r->cases && (end = case_word(s, n, pos, c, r))) return end;
    if (!r->cases && (c.class & letters)) return run_letters(s, n, next, r);
    if (next < n) d = uni_next(s + next, n - next);
    if (r->space_prefix) {
        if (c.class & UNI_N) return run_digits(s, n, next, r->max_digits);
        if (c.cp == ' ' && d.len) {
            if (d.class & letters) return run(s, n, next + d.len, letters);
            if (d.class & UNI_N) return run_digits(s, n, next + d.len, r->max_digits);
        }
    } else {
        if ((c.class & UNI_N) && !r->signs) return run_digits(s, n, pos, r->max_digits);
        if (!r->cases && (d.class & letters) && !is_newline(c.cp) && !(c.class & no_prefix)) return run_letters(s, n, next + d.len, r);
        if (r->signs && (end = signs_word(s, n, pos, c, d))) return end;
    }
    if (!(c.class & UNI_SPACE) || (c.cp == ' ' && d.len && is_other(d, r))) {
        end = run_other(s, n, next, r);
        return r->tail ? run_tail(s, n, end, r) : end;
    }
    return spaces(s, n, pos, r);
}

/* ---- the kinds ---- */

static size_t split_none(const uint8_t *s, size_t n, size_t pos, size_t *ends, size_t max)
{
    (void)s;
    if (pos >= n || max == 0) return 0;
    ends[0] = n;
    return 1;
}

#define CASE_WORDS(suffix) \
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+" suffix "|" \
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*" suffix "|"
#define FOLDED "(?i:'s|'t|'re|'ve|'m|'ll|'d)"

static const struct {
    const char *name, *regex;
} kinds[SPLIT_N] = {
    [SPLIT_NONE] = {"none", NULL},
    [SPLIT_GPT2] = {"gpt2",
                    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"
                    "\\s+(?!\\S)|\\s+"},
    [SPLIT_LLAMA3] = {"llama3",
                      FOLDED "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
                      " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
    [SPLIT_QWEN2] = {"qwen2",
                     FOLDED "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
                     " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
    [SPLIT_CL100K] = {"cl100k",
                      "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}|"
                      " ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++\\z|\\s*[\\r\\n]|\\s+(?!\\S)|\\s"},
    [SPLIT_O200K] = {"o200k",
                     CASE_WORDS(FOLDED "?")
                     "\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
    [SPLIT_TEKKEN] = {"tekken",
                      CASE_WORDS("")
                      "\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
    [SPLIT_QWEN35] = {"qwen35",
                      FOLDED "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}|"
                      " ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
};

/* ---- the ways to cut by them ---- */

static bool always(void)
{
    return true;
}

static const struct way {
    bool (*has)(void);
    split_fn *const *kinds;
    split_rule_fn *const *by_rule;
} ways[] = {
    {always, split_many_base, &split_rule_base},
    {token_has_avx2, split_many_avx2bmi, &split_rule_avx2bmi},
    {token_has_vbmi, split_many_avx512vbmi, &split_rule_avx512vbmi},
};

/* NULL: there are not so many. */
static const struct way *find_way(size_t k)
{
    if (k >= COUNT_OF(ways) || !ways[k].has()) return NULL;
    if (k) split_prepare(); /* tables that plain code does not look at */
    return &ways[k];
}

static const struct way *best_way(void)
{
    const struct way *best = NULL, *w;
    for (size_t k = 0; (w = find_way(k)); k++) best = w;
    return best;
}

split_fn *split_function_of(size_t way, enum split_kind kind)
{
    const struct way *w = find_way(way);
    return !w ? NULL : kind == SPLIT_NONE ? split_none : w->kinds[kind];
}

split_rule_fn *split_rule_function_of(size_t way)
{
    const struct way *w = find_way(way);
    return w ? *w->by_rule : NULL;
}

split_fn *split_function(enum split_kind kind)
{
    return kind == SPLIT_NONE ? split_none : best_way()->kinds[kind];
}

split_rule_fn *split_rule_function(void)
{
    return *best_way()->by_rule;
}

const char *split_name(enum split_kind kind)
{
    return kinds[kind].name;
}

const char *split_regex(enum split_kind kind)
{
    return kinds[kind].regex;
}

enum split_kind split_from_regex(const char *regex)
{
    for (int k = 0; k < SPLIT_N; k++)
        if (kinds[k].regex && strcmp(kinds[k].regex, regex) == 0) return (enum split_kind)k;
    return SPLIT_N;
}

/* What tiktoken calls the encodings that have them. */
static const struct { const char *name; enum split_kind kind; } encodings[] = {
    {"r50k_base", SPLIT_GPT2}, {"p50k_base", SPLIT_GPT2}, {"cl100k_base", SPLIT_CL100K}, {"o200k_base", SPLIT_O200K},
};

const char *split_encoding(size_t k, enum split_kind *kind)
{
    if (k >= COUNT_OF(encodings)) return NULL;
    *kind = encodings[k].kind;
    return encodings[k].name;
}

enum split_kind split_from_name(const char *name)
{
    for (size_t k = 0; k < COUNT_OF(encodings); k++)
        if (strcmp(encodings[k].name, name) == 0) return encodings[k].kind;
    for (int k = 0; k < SPLIT_N; k++)
        if (strcmp(kinds[k].name, name) == 0) return (enum split_kind)k;
    return SPLIT_N;
}

const char *split_pattern(const char *name)
{
    enum split_kind kind = split_from_name(name);
    return kind == SPLIT_N ? NULL : split_regex(kind);
}

bool split_is_regex(const char *split)
{
    return strpbrk(split, "\\[](){}|+*?.^$ ") != NULL;
}

const char *split_names(void)
{
    return "gpt2, llama3, qwen2, cl100k, o200k, tekken, qwen35, none";
}
