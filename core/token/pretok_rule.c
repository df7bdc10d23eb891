/* Chains that are a rule of split_rule.h. */
#include "core/token/pretok.h"

bool pre_keeps_pieces(const struct pre_step *s)
{
    return (s->behavior == PRE_ISOLATED && !s->invert) || (s->behavior == PRE_REMOVED && s->invert);
}

/* A step that cuts some characters out, each of another kind than those before. */
static bool adds_cut(const struct pre_step *s, struct split_rule *r)
{
    if (s->invert || (s->behavior != PRE_ISOLATED && s->kind != PRE_SPLIT_SET)) return false;
    if (s->kind == PRE_SPLIT_SET) {
        if (r->cut_digits || s->set != SET_NUMERIC || (s->behavior != PRE_ISOLATED && s->behavior != PRE_CONTIGUOUS)) return false;
        r->cut_digits = s->behavior == PRE_ISOLATED ? 1 : -1;
        r->cut_numeric = true;
        return true;
    }
    if (s->kind == PRE_SPLIT && s->part == SPLIT_PART_DIGITS && !r->cut_digits) return r->cut_digits = s->rule.cut_digits, true;
    if (s->kind == PRE_SPLIT && s->part == SPLIT_PART_WIDE && !r->cut_wide) return r->cut_wide = true, true;
    return false;
}

bool pre_rule(const struct pre_chain *c, struct split_rule *r)
{
    struct split_rule cuts = {0};
    const struct pre_step *last = &c->step[c->n - 1], *words = last->use_regex ? last : &c->step[c->n - 2];
    *r = (struct split_rule)SPLIT_RULE_GPT2;
    if (words != last && (words->kind != PRE_SPLIT || words->part != SPLIT_PART_WORDS || !pre_keeps_pieces(words))) return false;
    if (words != last && (words->rule.signs || words->rule.listed) && words->behavior != PRE_ISOLATED) return false; /* it does not match everywhere */
    if (words != last) *r = words->rule;
    for (const struct pre_step *s = c->step; s < words; s++)
        if (!adds_cut(s, &cuts)) return false;
    r->cut_digits = cuts.cut_digits;
    r->cut_numeric = cuts.cut_numeric;
    r->cut_wide = cuts.cut_wide;
    /* The words are also made of what was cut out. */
    if (r->cut_digits < 0 && r->max_digits) r->cut_digits = r->max_digits;
    if (r->max_digits && r->cut_digits > r->max_digits) return false;
    if (r->signs && (!r->cut_digits || r->cut_numeric)) return false;
    return !((r->cut_digits || r->cut_wide) && (r->ends_whole || r->listed)) && !(r->cut_wide && r->cases);
}
