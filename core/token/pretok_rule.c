/* Chains that are a rule of split_rule.h: steps that cut runs of characters out, then perhaps one
 * that cuts the rest into words, then steps that cut those. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/bytemap.h"
#include "core/token/pretok.h"
#include "core/token/regex_runs.h"
#include "core/token/uni_props.h"

bool pre_keeps_pieces(const struct pre_step *s)
{
    return (s->behavior == PRE_ISOLATED && !s->invert) || (s->behavior == PRE_REMOVED && s->invert);
}

bool pre_drops_spaces(const struct pre_step *s)
{
    if (s->kind == PRE_WHITESPACE) return true;
    if (s->kind == PRE_SPLIT_SET) return s->set == SET_SPACE && s->behavior == PRE_REMOVED;
    return s->kind == PRE_SPLIT && s->re && s->behavior == PRE_REMOVED && s->invert && regex_avoids_space(s->re);
}

/* ---- sets ---- */

static uint64_t node_block(const void *arg, uint32_t first)
{
    return re_node_block(arg, first);
}

static bool node_has(const void *arg, uint32_t cp)
{
    return re_node_has(arg, cp);
}

static bool node_same(const void *arg, const void *other)
{
    return re_node_same(arg, other);
}

static int add_node(struct split_sets *t, const struct re_node *n)
{
    return split_sets_add(t, (struct split_source){node_block, node_has, node_same, n});
}

static bool step_has(const void *arg, uint32_t cp)
{
    const struct pre_step *s = arg;
    return cp <= 0x10FFFF && pre_in_set(s, (struct uni_char){cp, 0, uni_class(cp)});
}

static uint64_t step_block(const void *arg, uint32_t first)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < 64; i++) bits |= (uint64_t)step_has(arg, first + i) << i;
    return bits;
}

static bool step_same(const void *arg, const void *other)
{
    const struct pre_step *a = arg, *b = other;
    return a->set == b->set && a->cp == b->cp;
}

static bool word_has(const void *arg, uint32_t cp)
{
    (void)arg;
    return re_word_has(cp);
}

static uint64_t word_block(const void *arg, uint32_t first)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < 64; i++) bits |= (uint64_t)word_has(arg, first + i) << i;
    return bits;
}

static int han(void)
{
    return uni_script(0x4E00);
}

static bool han_has(const void *arg, uint32_t cp)
{
    (void)arg;
    return uni_script(cp) == han();
}

static uint64_t han_block(const void *arg, uint32_t first)
{
    (void)arg;
    return uni_script_block(han(), first);
}

/* ---- steps ---- */

/* How an expression cuts, by the runs that it takes. */
static bool how_of(const struct regex_runs *runs, struct split_cut *c)
{
    bool one = runs->least == 1 && runs->most == 1, any = runs->least == 1 && runs->most < 0;
    c->how = runs->aligned ? CUT_ALIGNED : runs->before ? CUT_BEHIND : runs->ends ? CUT_ENDS : any ? CUT_RUNS : one ? CUT_EACH : CUT_GROUPS;
    if (runs->before || runs->ends) return any;
    if (!any && (runs->most < 0 || runs->most > UINT8_MAX)) return false;
    c->least = (uint8_t)runs->least;
    c->size = (uint8_t)(any ? 0 : runs->most);
    return true;
}

/* The step as a cut, if it is one. */
static bool cut_of(const struct pre_step *s, struct split_sets *t, struct split_cut *c)
{
    struct regex_runs runs;
    int x, y = 0;
    bool joins = s->behavior == PRE_CONTIGUOUS;
    *c = (struct split_cut){.how = joins ? CUT_RUNS : CUT_EACH};
    if (s->invert || (s->behavior != PRE_ISOLATED && !joins)) return false;
    if (s->kind == PRE_SPLIT_SET) {
        x = split_sets_add(t, (struct split_source){step_block, step_has, step_same, s});
    } else {
        if (s->kind != PRE_SPLIT || !s->re || !regex_runs(s->re, &runs) || !how_of(&runs, c)) return false;
        if (joins && c->how != CUT_EACH && c->how != CUT_RUNS) return false;
        if (joins) c->how = CUT_RUNS;
        x = add_node(t, runs.of);
        if (runs.before) y = add_node(t, runs.before);
        if (runs.aligned) y = split_sets_add(t, (struct split_source){.block = word_block, .has = word_has});
    }
    c->x = (uint8_t)x;
    c->y = (uint8_t)y;
    return x >= 0 && y >= 0;
}

static bool add_cut(const struct pre_step *s, struct split_sets *t, struct split_rule *r)
{
    return r->n_cuts < SPLIT_CUTS && cut_of(s, t, &r->cut[r->n_cuts++]);
}

/* Whether the step is the one that cuts words, which go into *r. */
static bool is_words(const struct pre_step *s, struct split_rule *r)
{
    if (s->kind == PRE_BYTE_LEVEL) return *r = (struct split_rule)SPLIT_RULE_GPT2, s->use_regex;
    if (s->kind != PRE_SPLIT || !s->words || !pre_keeps_pieces(s)) return false;
    *r = s->rule;
    return s->behavior == PRE_ISOLATED || !(r->signs || r->listed); /* which do not match everywhere */
}

static bool blank_has(const void *arg, uint32_t cp)
{
    return cp == ((const struct pre_run *)arg)->blank;
}

static uint64_t blank_block(const void *arg, uint32_t first)
{
    uint32_t blank = ((const struct pre_run *)arg)->blank;
    return blank >= first && blank < first + 64 ? (uint64_t)1 << (blank - first) : 0;
}

/* The whole chain, as far as it is of this form, behind the runs. */
static bool read_chain(const struct pre_chain *c, const struct pre_run *runs, int n_runs, struct split_sets *t, struct split_rule *r)
{
    struct split_rule words = {.no_words = true}, found;
    bool bytes = false;
    *r = (struct split_rule){.no_words = true};
    for (int i = 0; i < n_runs; i++) {
        int x = split_sets_add(t, (struct split_source){.block = blank_block, .has = blank_has, .arg = &runs[i]});
        r->cut[r->n_cuts++] = (struct split_cut){.how = CUT_GROUPS, .x = (uint8_t)x, .least = 2, .size = runs[i].most};
    }
    for (size_t i = 0; i < c->n; i++) {
        const struct pre_step *s = &c->step[i];
        if (s->bytes != bytes) return false;
        if (is_words(s, &found)) {
            if (!words.no_words) return false;
            words = found;
            r->n_before = r->n_cuts;
        } else if (s->kind != PRE_BYTE_LEVEL && !add_cut(s, t, r)) {
            return false;
        }
        bytes = bytes || s->kind == PRE_BYTE_LEVEL;
    }
    words.n_before = words.no_words ? r->n_cuts : r->n_before;
    words.n_cuts = r->n_cuts;
    words.bytes = c->step[c->n - 1].bytes;
    if (words.han) words.han_set = split_sets_add(t, (struct split_source){.block = han_block, .has = han_has});
    memcpy(words.cut, r->cut, sizeof words.cut);
    *r = words;
    return bytes && words.han_set >= 0;
}

/* ---- what goes together ---- */

/* Whether all characters of a set are numbers. */
static bool are_numbers(const struct split_sets *t, int x)
{
    for (uint32_t cp = 0; cp < SPLIT_TABLE; cp++)
        if (t->of[cp] >> x & 1 && !(uni_class(cp) & UNI_N)) return false;
    return !(t->broken >> x & 1);
}

/* Whether a set is the space or the tab: a run of either is one word, if it is all of a piece. */
static bool is_blank(const struct split_sets *t, int x)
{
    int n = 0;
    for (uint32_t cp = 0; cp < SPLIT_TABLE; cp++) n += t->of[cp] >> x & 1;
    return n == 1 && ((t->of[' '] | t->of['\t']) >> x & 1) && !(t->broken >> x & 1);
}

static bool has_all_numbers(const struct split_sets *t, int x)
{
    for (uint32_t cp = 0; cp < SPLIT_TABLE; cp++)
        if (uni_class(cp) & UNI_N && !(t->of[cp] >> x & 1)) return false;
    return true;
}

/* Whether a set holds none or all of the characters of another. */
static bool keeps_whole(const struct split_sets *t, int set, int x)
{
    bool some = false, all = true;
    for (uint32_t cp = 0; cp < SPLIT_TABLE; cp++) {
        if (!(t->of[cp] >> x & 1)) continue;
        some = some || (t->of[cp] >> set & 1);
        all = all && (t->of[cp] >> set & 1);
    }
    return !some || all;
}

/* Groups are counted from the beginning of a run, or of a group: nothing behind the step may cut inside of
 * one, but for a step that cuts all its characters apart or into such groups. */
static bool counts_hold(const struct split_rule *r, int i)
{
    const struct split_cut *c = &r->cut[i];
    if (c->how != CUT_GROUPS) return true;
    for (int k = i + 1; k < r->n_cuts; k++) {
        const struct split_cut *next = &r->cut[k];
        if (!keeps_whole(r->sets, next->x, c->x)) return false;
        if (next->how == CUT_GROUPS && next->x == c->x && next->size != c->size) return false;
    }
    if (is_blank(r->sets, c->x)) return i < r->n_before;
    if (!are_numbers(r->sets, c->x)) return false;
    return i >= r->n_before || r->max_digits == 0 || r->max_digits >= c->size;
}

/* Nothing but runs of spaces may be cut out before such groups, and words must have groups of the
 * same size (split_next()). */
static bool aligned_hold(const struct split_rule *r, int i)
{
    if (r->cut[i].how != CUT_ALIGNED) return true;
    for (int k = 0; k < i; k++)
        if (!is_blank(r->sets, r->cut[k].x)) return false;
    return r->n_before == i + 1 && !r->no_words && r->max_digits == r->cut[i].size && are_numbers(r->sets, r->cut[i].x);
}

/* `$` is the end of a piece where newlines have been cut out. */
static bool ends_hold(const struct split_rule *r, int i)
{
    bool apart = false;
    if (r->cut[i].how != CUT_ENDS) return true;
    for (int k = 0; k < i; k++) apart = apart || (r->cut[k].how == CUT_EACH && r->sets->of['\n'] >> r->cut[k].x & 1);
    return r->no_words && apart;
}

/* Words that the masks join on without a look at cuts must not have any inside. */
static bool words_hold(const struct split_rule *r)
{
    bool numbers = false;
    if (r->n_before && (r->ends_whole || r->listed || r->phrases)) return false;
    if (!r->signs) return true;
    for (int i = 0; i < r->n_before; i++) {
        int x = r->cut[i].x;
        bool all = r->cut[i].how == CUT_EACH || r->cut[i].how == CUT_RUNS || (r->cut[i].how == CUT_GROUPS && r->cut[i].least == 1);
        numbers = numbers || (all && has_all_numbers(r->sets, x));
        for (int c = 0; c < 0x80 && !is_blank(r->sets, x); c++)
            if (r->sets->of[c] >> x & 1 && !(uni_class((uint32_t)c) & UNI_N)) return false;
    }
    return numbers;
}

/* Whether a contraction has been taken apart before there are words. */
static bool quotes_are_apart(const struct split_rule *r)
{
    for (int i = 0; i < r->n_before; i++) {
        int x = r->cut[i].x;
        bool apart = r->cut[i].how == CUT_RUNS || r->cut[i].how == CUT_EACH;
        for (uint32_t c = 'a'; c <= 'z' && apart; c++) apart = !(r->sets->of[c] >> x & 1);
        if (apart && r->sets->of['\''] >> x & 1) return true;
    }
    return false;
}

/* A piece that begins inside of a word must go on as that does.  BLOOM's words may be cut anywhere;
 * GPT-2's at bytes that the alphabet spells as numbers, which are digits or behind the first of a
 * character that is not white space. */
static bool behind_holds(const struct split_rule *r)
{
    if (r->n_before == r->n_cuts) return true;
    if (r->bytes ? !(r->space_prefix && quotes_are_apart(r)) : !r->listed) return false;
    for (int i = r->n_before; i < r->n_cuts; i++) {
        if (r->cut[i].how == CUT_BEHIND || r->cut[i].how == CUT_ENDS) return false;
        for (unsigned b = 0; r->bytes && b < 256; b++)
            if (r->sets->byte[b] >> r->cut[i].x & 1 && !(uni_class(bytemap_char((uint8_t)b)) & UNI_N)) return false;
    }
    return true;
}

int pre_rule(const struct pre_chain *c, const struct pre_run *runs, int n_runs, struct split_rule *r, struct split_sets **sets, struct err *e)
{
    struct split_sets *t = mem_zalloc(1, sizeof *t);
    if (!t) return err_oom(e, sizeof *t, "a pre-tokenizer");
    bool possible = read_chain(c, runs, n_runs, t, r);
    if (possible) split_sets_finish(t);
    r->sets = t;
    possible = possible && (!r->no_words || r->n_cuts) && words_hold(r) && behind_holds(r);
    for (int i = 0; possible && i < r->n_cuts; i++) possible = counts_hold(r, i) && ends_hold(r, i) && aligned_hold(r, i);
    *sets = possible && (r->n_cuts || r->han) ? t : NULL;
    r->sets = *sets;
    if (!*sets) free(t);
    return possible;
}
