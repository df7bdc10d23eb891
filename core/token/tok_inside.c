/* Unigram by words, where a word is encoded in parts.
 *
 * A word's sum begins at 0, and a part inside of it goes on from what its first parts
 * come to.  Rounding hangs on that sum, so only parts whose way is better than the
 * second best by more than all rounding in the longest of words are remembered.  For
 * the others the sum is made here, as the chains would. */
#include <math.h>

#include "core/token/tok_cut.h"
#include "core/token/tok_fast.h"
#include "core/token/tok_part.h"
#include "core/token/tok_walk.h"

bool tok_inside(const struct tok_fast *f, const char *text, size_t begin)
{
    return f->inside && begin > 0 && !tok_is_blank(f, (uint8_t)text[begin]);
}

/* The last of these parts that does not begin inside a word, or count. */
static size_t last_word(const struct tok_scratch *s, const char *text, size_t count)
{
    size_t i = count;
    while (i-- > 0)
        if (!tok_inside(s->t->fast, text, s->begins[i])) return i;
    return count;
}

void tok_inside_next(struct tok_scratch *s, const char *text, size_t count)
{
    size_t i = last_word(s, text, count);
    if (i < count) s->word_at = s->begins[i];
}

/* Sums what is between the place where the sum is known and `begin`, of the same word. */
static int sum_up(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t i, size_t n, unsigned flags,
                  struct tok_ids *out, struct err *e)
{
    size_t word = last_word(s, text, i), at = word < i ? s->begins[word] : s->word_at, before = out->n;
    bool known = s->summed_at > at;
    s->sum = known ? s->sum_there : 0;
    if (known) at = s->summed_at;
    int ret = at < s->begins[i] ? tok_part_slow(t, s, text, at, s->begins[i], n, flags, out, e) : 0;
    out->n = before;
    if (at < s->begins[i]) s->sum = s->end_sum;
    s->summed_at = s->begins[i];
    s->sum_there = s->sum;
    return ret;
}

int tok_inside_exactly(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t i, size_t n,
                       unsigned flags, struct tok_ids *out, struct err *e)
{
    size_t begin = s->begins[i], end = s->words->ends[i], from;
    const uint8_t *word = (const uint8_t *)text + begin;
    const struct word_key key = word_keys_get(&s->words->keys, i);
    struct unigram_path path;
    int ret = sum_up(t, s, text, i, n, flags, out, e);
    if (ret == 0 && end < n && tok_walk(t->fast, word, end - begin, s->sum, &path)) {
        ret = tok_part_put(path.ids, path.n, out, e);
    } else if (ret == 0) {
        s->gap = (double)INFINITY;
        from = out->n;
        ret = tok_part_slow(t, s, text, begin, end, n, flags, out, e);
        if (ret == 0 && end < n && tok_gap_is_wide(t->fast, s->gap, s->pre.n)) /* which is not shorter than a way */
            word_cache_learn(&s->cache, &key, word, end - begin, out->id + from, out->n - from);
    }
    s->sum = 0;
    return ret;
}
