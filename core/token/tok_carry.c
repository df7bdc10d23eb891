/* Unigram over a whole text: its sums go on from part to part.  The ids of a part
 * hold as long as the way that was taken is better than the second best by more than
 * all the rounding that another beginning of the sum can make. */
#include <math.h>
#include <string.h>

#include "core/token/tok_cut.h"
#include "core/token/tok_fast.h"
#include "core/token/tok_part.h"
#include "core/token/tok_walk.h"

/* How far the second best way was, for the cache. */
static uint32_t gap_code(double gap)
{
    float f = (float)gap;
    uint32_t code;
    memcpy(&code, &f, sizeof code);
    return code;
}

static inline void go_on(const struct tokenizer *t, struct tok_scratch *s, const int32_t *ids, size_t n)
{
    if (t->spm_floats) { /* a sum of two floats in a double, rounded, is that of floats */
        float sum = (float)s->sum;
        for (size_t i = 0; i < n; i++) sum += (float)t->score[ids[i]];
        s->sum = (double)sum;
        return;
    }
    for (size_t i = 0; i < n; i++) s->sum += t->score[ids[i]];
}

/* Sums are only bounded while that is enough; here the one at place `at` is added
 * up, and how far it can come until the end of the batch. */
static void settle(const struct tokenizer *t, struct tok_scratch *s, size_t at, const struct tok_ids *out)
{
    double step = t->fast->max_step, left;
    if (out->n > s->summed) go_on(t, s, out->id + s->summed, out->n - s->summed);
    s->summed = out->n;
    left = UNIGRAM_REBASE + s->sum;
    s->last_place = tok_last_place(fabs(s->sum) + (double)(s->until - at) * step, t->spm_floats);
    s->safe = at;
    if (!t->spm_floats || step * (double)(s->until - at) < left) s->safe = s->until;
    else if (left > 0) s->safe += (size_t)(left / step);
}

static inline bool gap_is_wide(const struct tok_scratch *s, uint32_t code, size_t len)
{
    float gap;
    memcpy(&gap, &code, sizeof gap);
    return (double)gap > (double)(2 * len + 2) * s->last_place;
}

/* If not, the sum at `begin` is added up. */
static bool gap_holds(const struct tokenizer *t, struct tok_scratch *s, uint32_t code, size_t begin, size_t len,
                      const struct tok_ids *out)
{
    float gap;
    if (gap_is_wide(s, code, len)) return true;
    settle(t, s, begin, out);
    memcpy(&gap, &code, sizeof gap);
    return tok_gap_holds((double)gap, len, s->sum, t->fast->max_step, t->spm_floats);
}

static bool plain_ids(const struct tokenizer *t, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == t->unk_id || (t->vocab.v[ids[i]].flags & (VOCAB_USER | VOCAB_ADDED)) ||
            tok_byte_of(t, ids[i]) >= 0)
            return false;
    return true;
}

static void remember(struct tok_scratch *s, const uint8_t *word, size_t len, const struct word_key *key,
                     const int32_t *ids, size_t n, uint32_t code)
{
    if (len <= WORD_KEY_MAX) word_cache_add_code(&s->cache, key, ids, n, code);
    else if (len <= WORD_LONG_MAX) word_cache_add_long(&s->cache, key, word, len, ids, n, code);
}

/* A part that the cache does not know, from sum 0, for the cache; false: through the chains. */
static bool walked(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text, size_t begin, size_t len,
                   const struct word_key *key, const struct tok_ids *out, struct unigram_path *path)
{
    if (!t->fast->walk || !tok_walk(t->fast, text + begin, len, 0, path)) return false;
    uint32_t code = gap_code(path->gap);
    remember(s, text + begin, len, key, path->ids, path->n, code);
    if (!gap_holds(t, s, code, begin, len, out)) tok_walk(t->fast, text + begin, len, s->sum, path);
    return true;
}

/* A part by a way that goes on from the sum itself. */
static int exactly(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t begin, size_t end,
                   size_t n, unsigned flags, struct tok_ids *out, struct err *e)
{
    bool walk = t->fast->walk && end - begin > t->fast->longest;
    settle(t, s, begin, out);
    if (walk ? tok_walk_long(t, s, text, begin, end, n, flags, tok_part_slow, out, e) : tok_part_slow(t, s, text, begin, end, n, flags, out, e))
        return -1;
    s->summed = out->n;
    settle(t, s, end, out);
    return 0;
}

/* Sums go on: the ids of a part hold while its gap is larger than the rounding. */
static int carried(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t begin,
                   size_t end, size_t n, const struct word_key *key, unsigned flags, struct tok_ids *out, struct err *e)
{
    const uint8_t *word = (const uint8_t *)text + begin;
    size_t from = out->n, len = end - begin, n_ids;
    uint32_t code;
    if (len > t->fast->longest || begin == 0 || end == n) return exactly(t, s, text, begin, end, n, flags, out, e);
    /* Near the sum where SentencePiece begins again the way has to be walked. */
    if (end > s->safe) settle(t, s, begin, out);
    if (end > s->safe) return exactly(t, s, text, begin, end, n, flags, out, e);
    const int32_t *ids = tok_part_known(s, word, len, key, &n_ids, &code);
    if (ids && gap_holds(t, s, code, begin, len, out)) return tok_part_put(ids, n_ids, out, e);
    if (ids) return exactly(t, s, text, begin, end, n, flags, out, e);
    struct unigram_path path;
    if (walked(t, s, (const uint8_t *)text, begin, len, key, out, &path)) return tok_part_put(path.ids, path.n, out, e);
    settle(t, s, begin, out);
    double sum = s->sum; /* from 0, for the cache */
    s->sum = 0;
    if (tok_part_slow(t, s, text, begin, end, n, flags, out, e)) return -1;
    code = gap_code(s->gap);
    bool plain = plain_ids(t, out->id + from, out->n - from);
    if (plain) remember(s, word, len, key, out->id + from, out->n - from, code);
    s->sum = sum;
    size_t more = out->n - from;
    out->n = from;
    if (!plain || !gap_holds(t, s, code, begin, len, out)) return exactly(t, s, text, begin, end, n, flags, out, e);
    out->n += more;
    return 0;
}

void tok_carry_begin(const struct tokenizer *t, struct tok_scratch *s, const struct tok_ids *out)
{
    settle(t, s, s->begins[0], out);
}

int tok_carry_batch(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, size_t count,
                    unsigned flags, struct tok_ids *out, struct err *e)
{
    const size_t *begins = s->begins, *ends = s->words->ends;
    const struct word_key *keys = s->words->keys;
    for (size_t i = 0; i < count; i++) {
        if (tok_ids_room(out, BATCH * (WORD_KEY_MAX + 1), e)) return -1;
        int32_t *to = out->id + out->n; /* as long as nothing is missed */
        for (; i < count; i++) {
            size_t len = ends[i] - begins[i], n_ids;
            uint32_t code;
            if (len > WORD_KEY_MAX || begins[i] == 0 || ends[i] == n || ends[i] > s->safe) break;
            const int32_t *ids = word_cache_ids(&s->cache, &keys[i], &n_ids, &code);
            if (!ids || !gap_is_wide(s, code, len)) break;
            memcpy(to, ids, WORD_INLINE * sizeof *ids); /* so much is always there */
            if (n_ids > WORD_INLINE) memcpy(to, ids, n_ids * sizeof *ids);
            to += n_ids;
        }
        out->n = (size_t)(to - out->id);
        if (i < count && carried(t, s, text, begins[i], ends[i], n, &keys[i], flags, out, e)) return -1;
    }
    return 0;
}
