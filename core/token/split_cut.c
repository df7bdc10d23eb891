/* What is cut out before and behind the words: the reference, one character after the other. */
#include "core/token/split_cut.h"

#include "core/token/split_rule.h"
#include "core/token/unicode.h"

/* A piece begins at `from`; are there others? */
struct walk {
    const struct split_rule *r;
    const uint8_t *s;
    size_t n, from;
    bool bytes; /* each byte is a character, as the byte alphabet spells it */
};

static size_t next(const struct walk *w, size_t i)
{
    return i + (w->bytes ? 1 : uni_next(w->s + i, w->n - i).len);
}

static size_t prev(const struct walk *w, size_t i)
{
    return i - (w->bytes ? 1 : uni_prev(w->s, i).len);
}

static bool in(const struct walk *w, size_t i, int set)
{
    uint8_t all = w->bytes ? w->r->sets->byte[w->s[i]] : split_sets_get(w->r->sets, uni_next(w->s + i, w->n - i).cp);
    return all >> set & 1;
}

static bool border(const struct walk *w, int steps, size_t i);

/* Characters of a run in front of i. */
static size_t run_before(const struct walk *w, int steps, size_t i, int set)
{
    size_t count = 0;
    for (bool more = true; more && in(w, prev(w, i), set); count++) {
        i = prev(w, i);
        more = i > w->from && !border(w, steps, i);
    }
    return count;
}

/* Where a run that goes on at i ends. */
static size_t run_end(const struct walk *w, int steps, size_t i, int set, size_t most, size_t *count)
{
    for (*count = 0; *count < most && i < w->n && in(w, i, set) && (!*count || !border(w, steps, i)); ++*count) i = next(w, i);
    return i;
}

static bool at_group(const struct walk *w, int steps, const struct split_cut *c, size_t i, bool here, bool behind)
{
    size_t before = behind ? run_before(w, steps, i, c->x) : 0, count;
    if (before && before % c->size == 0) return true;
    if (!here) return before % c->size >= c->least;
    if (before % c->size) return false;
    run_end(w, steps, i, c->x, c->least, &count);
    return count == c->least;
}

/* Of y?x+. */
static bool at_run(const struct walk *w, int steps, const struct split_cut *c, size_t i, bool here, bool behind)
{
    if (here) return !behind && !in(w, prev(w, i), c->y);
    size_t after = next(w, i);
    if (behind) return true;
    return in(w, i, c->y) && after < w->n && in(w, after, c->x) && !border(w, steps, after);
}

/* Of groups that are counted from the end of a run. */
static bool at_aligned(const struct walk *w, int steps, const struct split_cut *c, size_t i, bool here, bool behind)
{
    size_t count = 0, end = here ? run_end(w, steps, i, c->x, SIZE_MAX, &count) : i;
    if (end < w->n && in(w, end, c->y)) return false;
    return !here || !behind || count % c->size == 0;
}

/* Whether the first steps cut in front of the character at i. */
static bool border(const struct walk *w, int steps, size_t i)
{
    if (i == w->from || i >= w->n) return true;
    if (steps == 0) return false;
    if (border(w, --steps, i)) return true;
    const struct split_cut *c = &w->r->cut[steps];
    bool here = in(w, i, c->x), behind = in(w, prev(w, i), c->x);
    size_t end, count;
    switch ((enum split_how)c->how) {
    case CUT_EACH: return here || behind;
    case CUT_RUNS: return here != behind;
    case CUT_GROUPS: return (here || behind) && at_group(w, steps, c, i, here, behind);
    case CUT_BEHIND: return at_run(w, steps, c, i, here, behind);
    case CUT_ALIGNED: return (here || behind) && at_aligned(w, steps, c, i, here, behind);
    case CUT_ENDS:
        if (!here || behind) return false;
        end = run_end(w, steps, i, c->x, SIZE_MAX, &count);
        return end == w->n || border(w, steps, end);
    }
    return false;
}

/* Sets with which a cut may be in front of a character whose sets are those of the one before. */
static unsigned inner_cuts(const struct split_rule *r, int steps)
{
    unsigned sets = 0;
    for (int i = 0; i < steps; i++) {
        const struct split_cut *c = &r->cut[i];
        if (c->how == CUT_BEHIND) sets |= 1u << c->y;
        else if (c->how != CUT_RUNS && c->how != CUT_ENDS) sets |= 1u << c->x;
    }
    return sets;
}

/* The first cut behind `from` and before `end`; some more characters decide it. */
static size_t first_cut(const struct walk *w, int steps, size_t end)
{
    unsigned inner = inner_cuts(w->r, steps), before = 0, here;
    for (size_t i = w->from; i < end; before = here) {
        struct uni_char c = uni_next_inline(w->s + i, w->n - i);
        here = split_sets_get(w->r->sets, c.cp);
        if (i > w->from && (here != before || here & inner) && border(w, steps, i)) return i;
        i += c.len;
    }
    return end;
}

/* Whether the word that ends at `end` is inside of a run that CUT_ALIGNED is about.  Then words' groups
 * of digits are of the same size, whoever cut there, and the end of the run, which may be far, need not
 * be known. */
static bool in_groups(const struct walk *w, size_t end)
{
    const struct split_cut *c = &w->r->cut[w->r->n_before - 1];
    if (c->how != CUT_ALIGNED || w->from == 0 || !in(w, prev(w, w->from), c->x)) return false;
    size_t i = w->from;
    while (i < end && in(w, i, c->x)) i = next(w, i);
    return i == end;
}

size_t split_char_start(const uint8_t *s, size_t n, size_t pos)
{
    for (size_t back = 1; back < 4 && back <= pos && uni_cont(s[pos]); back++)
        if (uni_next(s + pos - back, n - pos + back).len > back) return pos - back;
    return pos;
}

/* The end of the first word of what the steps before the words leave. */
static size_t cut_word(const struct walk *w)
{
    enum { NEAR = 64, BEHIND = 2 * 4 }; /* BEHIND: bytes that can make a difference to the word before them */
    /* A long one is not looked at to its end for each of its pieces. */
    for (size_t most = NEAR; w->n - w->from > most; most *= 2) {
        size_t upto = w->from + most, end = split_word(w->s, upto, w->from, w->r);
        if (end + BEHIND <= upto) break;
        size_t cut = first_cut(w, w->r->n_before, upto);
        if (cut < upto) return split_word(w->s, cut, w->from, w->r);
    }
    size_t end = split_word(w->s, w->n, w->from, w->r);
    if (in_groups(w, end)) return end;
    size_t upto = w->n - end < BEHIND ? w->n : end + BEHIND, cut = first_cut(w, w->r->n_before, upto);
    return cut < upto ? split_word(w->s, cut, w->from, w->r) : end;
}

size_t split_next(const uint8_t *s, size_t n, size_t pos, const struct split_rule *r)
{
    if (!r->n_cuts) return split_word(s, n, pos, r);
    size_t from = r->bytes ? split_char_start(s, n, pos) : pos, end;
    struct walk w = {.r = r, .s = s, .n = n, .from = from};
    if (r->no_words) return first_cut(&w, r->n_cuts, n);
    end = r->n_before ? cut_word(&w) : split_word(s, n, from, r);
    if (r->n_before == r->n_cuts) return end;
    struct split_rule behind = *r; /* its steps alone */
    behind.n_cuts = r->n_cuts - r->n_before;
    for (int i = 0; i < behind.n_cuts; i++) behind.cut[i] = r->cut[r->n_before + i];
    w = (struct walk){.r = &behind, .s = s, .n = end, .from = from, .bytes = r->bytes};
    for (size_t i = from; (i = next(&w, i)) < end;)
        if (i > pos && border(&w, behind.n_cuts, i)) return i;
    return end;
}
