#include "core/token/regex_runs.h"

#include <string.h>

#include "core/token/regex_parse.h"
#include "core/token/uni_props.h"
#include "core/token/unicode.h"

/* Folding makes a set that is slow to ask. */
static bool folds(const struct re_set *s)
{
    if (s->fold || (s->and && folds(s->and))) return true;
    for (size_t i = 0; i < s->n_nested; i++)
        if (folds(s->nested[i])) return true;
    return false;
}

static bool one_char(const struct re_node *n)
{
    return n->kind == N_SET ? !folds(n->set) : n->kind == N_CHAR && !n->fold;
}

/* `of`, repeated. */
static bool run_of(const struct re_node *n, struct regex_runs *out)
{
    out->least = out->most = 1;
    if (n->kind == N_REPEAT) {
        if (n->how == RE_LAZY) return false;
        out->least = n->min;
        out->most = n->max;
        n = n->a;
    }
    out->of = n;
    return one_char(n) && out->least > 0;
}

static bool optional_char(const struct re_node *n)
{
    return n->kind == N_REPEAT && n->how == RE_GREEDY && n->min == 0 && n->max == 1 && one_char(n->a);
}

static bool same_set(const struct re_set *a, const struct re_set *b)
{
    bool plain = !a->n_script && !a->n_prop && !a->n_nested && !a->and && !b->n_script && !b->n_prop && !b->n_nested && !b->and;
    if (!plain || a->categories != b->categories || a->n_range != b->n_range) return false;
    if (a->space != b->space || a->word != b->word || a->word_latin != b->word_latin || a->alpha != b->alpha) return false;
    return a->negate == b->negate && a->fold == b->fold && (!a->n_range || memcmp(a->range, b->range, a->n_range * sizeof *a->range) == 0);
}

bool re_node_same(const struct re_node *a, const struct re_node *b)
{
    return a->kind == b->kind && (a->kind == N_CHAR ? a->cp == b->cp : same_set(a->set, b->set));
}

/* The same character several times, as in [0-9][0-9][0-9]. */
static bool repeated(const struct re_node *n, struct regex_runs *out)
{
    int count = 1;
    const struct re_node *last = n->b;
    if (!one_char(last)) return false;
    for (n = n->a; n->kind == N_CAT; n = n->a, count++)
        if (!one_char(n->b) || !re_node_same(n->b, last)) return false;
    if (!one_char(n) || !re_node_same(n, last)) return false;
    out->of = last;
    out->least = out->most = count + 1;
    return true;
}

/* Whether all characters of a node are word characters. */
static bool all_in_words(const struct re_node *n)
{
    for (uint32_t first = 0; first < 0x20000; first += 64)
        for (uint64_t in = re_node_block(n, first); in; in &= in - 1)
            if (!re_word_has(first + (uint32_t)__builtin_ctzll(in))) return false;
    return !re_node_has(n, UNI_BAD);
}

/* The look-ahead of groups that are counted from the end of a run. */
static bool aligned(const struct re_node *n, struct regex_runs *out)
{
    struct regex_runs group = {.least = 1, .most = 1};
    const struct re_node *ahead = n->b->a;
    if (n->b->how != RE_AHEAD || ahead->kind != N_CAT || ahead->b->kind != N_ASSERT || ahead->b->how != RE_WORD_BORDER) return false;
    const struct re_node *many = ahead->a;
    if (many->kind != N_REPEAT || many->how != RE_GREEDY || many->min != 0 || many->max >= 0) return false;
    if (!run_of(n->a, out) || !(many->a->kind == N_CAT ? repeated(many->a, &group) : run_of(many->a, &group))) return false;
    bool same = group.least == group.most && group.most == out->most && out->least == 1 && re_node_same(group.of, out->of);
    return out->aligned = same && out->most > 1 && all_in_words(out->of);
}

bool regex_runs(const struct regex *r, struct regex_runs *out)
{
    const struct re_node *n = r->tree;
    *out = (struct regex_runs){.least = 1, .most = 1};
    if (n->kind != N_CAT) return run_of(n, out);
    if (n->b->kind == N_LOOK) return aligned(n, out);
    if (n->b->kind == N_ASSERT) {
        out->ends = true;
        return n->b->how == RE_END_LINE && run_of(n->a, out) && out->most < 0;
    }
    if (optional_char(n->a)) {
        out->before = n->a->a;
        return run_of(n->b, out);
    }
    return repeated(n, out);
}

bool re_node_has(const struct re_node *n, uint32_t cp)
{
    return n->kind == N_CHAR ? n->cp == cp : re_set_has(n->set, cp);
}

/* ---- white space ---- */

static uint64_t space_block(uint32_t first)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < 64; i++) bits |= (uint64_t)((uni_class(first + i) & UNI_SPACE) != 0) << i;
    return bits;
}

/* Whether the characters of a node are white space, all or some of them. */
static void spaces_of(const struct re_node *n, bool *some, bool *all)
{
    *some = false;
    *all = true;
    for (uint32_t first = 0; first < 0x10000; first += 64) { /* where all white space is */
        uint64_t bits = re_node_block(n, first), space = space_block(first);
        *some = *some || (bits & space);
        *all = *all && !(bits & ~space);
    }
}

static bool avoids_space(const struct re_node *n)
{
    bool some, all;
    switch (n->kind) {
    case N_CHAR: case N_SET:
        spaces_of(n, &some, &all);
        return !some && !(n->kind == N_SET && folds(n->set));
    case N_CAT: case N_ALT: return avoids_space(n->a) && avoids_space(n->b);
    case N_REPEAT: case N_ATOMIC: return avoids_space(n->a);
    case N_EMPTY: return true;
    default: return false;
    }
}

bool regex_avoids_space(const struct regex *r)
{
    return avoids_space(r->tree) && !re_can_be_empty(r->tree);
}

bool regex_takes_space(const struct regex *r)
{
    struct regex_runs runs;
    bool some, all;
    if (!regex_runs(r, &runs) || runs.before || runs.ends) return false;
    spaces_of(runs.of, &some, &all);
    return some && all && !re_node_has(runs.of, 0x1D7D8) && !re_node_has(runs.of, UNI_BAD); /* nor beyond, or negated */
}

/* ---- bit maps ---- */

static uint64_t of_range(uint32_t first, struct re_range r)
{
    if (r.last < first || r.first > first + 63) return 0;
    uint64_t upto = r.last >= first + 63 ? ~(uint64_t)0 : ((uint64_t)2 << (r.last - first)) - 1;
    return r.first <= first ? upto : upto & ~(((uint64_t)1 << (r.first - first)) - 1);
}

/* Whether only ranges, categories and white space make up the set. */
static bool is_simple(const struct re_set *s)
{
    return !s->word && !s->word_latin && !s->alpha && !s->n_prop && !s->fold && !s->and;
}

uint64_t re_set_block(const struct re_set *s, uint32_t first)
{
    uint64_t bits = 0;
    if (!is_simple(s)) {
        for (uint32_t i = 0; i < 64; i++) bits |= (uint64_t)re_set_has(s, first + i) << i;
        return bits;
    }
    for (size_t i = 0; i < s->n_range; i++) bits |= of_range(first, s->range[i]);
    const uint8_t *of = &uni_category_data[(uint32_t)uni_category_index[first >> 8] * 256 + (first & 255)];
    for (uint32_t i = 0; s->categories && i < 64; i++) bits |= (uint64_t)(s->categories >> of[i] & 1) << i;
    if (s->space) bits |= space_block(first);
    for (size_t i = 0; i < s->n_script; i++) bits |= uni_script_block(s->script[i], first);
    for (size_t i = 0; i < s->n_nested; i++) bits |= re_set_block(s->nested[i], first);
    return s->negate ? ~bits : bits;
}

uint64_t re_node_block(const struct re_node *n, uint32_t first)
{
    return n->kind == N_CHAR ? of_range(first, (struct re_range){n->cp, n->cp}) : re_set_block(n->set, first);
}
