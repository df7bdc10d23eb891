/* Unigram over a whole text: its sums go on from part to part.  The ids of a part
 * hold as long as the way that was taken is better than the second best by more than
 * all the rounding that another beginning of the sum can make. */
#include <math.h>
#include <string.h>

#include "core/token/tok_cut.h"
#include "core/token/tok_fast.h"
#include "core/token/tok_part.h"
#include "core/token/tok_walk.h"

/* An id -k stands for k unknown characters side by side, which are one token, until the
 * sums behind them are known. */

/* What the cache keeps of a part: codes are in the order of last places, which they are of exactly. */
static uint32_t place_code(double place)
{
    float f = (float)place;
    uint32_t code;
    memcpy(&code, &f, sizeof code);
    return code;
}

/* The second best way was worse by `gap`, after n additions at most. */
static uint32_t gap_code(const struct tokenizer *t, double gap, size_t n)
{
    return place_code((double)tok_gap_width(gap, n, t->fast->max_step, t->spm_floats));
}

static float go_on_floats(const struct tokenizer *t, float sum, int32_t *ids, size_t n)
{
    const float unknown = (float)t->unk_score; /* a sum of two floats in a double, rounded, is that of floats */
    for (size_t i = 0; i < n; i++) {
        if (ids[i] >= 0) {
            sum += (float)t->score[ids[i]];
            continue;
        }
        for (int32_t k = ids[i]; k < 0; k++) sum += unknown;
        ids[i] = t->unk_id;
    }
    return sum;
}

static double go_on_doubles(const struct tokenizer *t, double sum, int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (ids[i] >= 0) {
            sum += t->score[ids[i]];
            continue;
        }
        for (int32_t k = ids[i]; k < 0; k++) sum += t->unk_score;
        ids[i] = t->unk_id;
    }
    return sum;
}

/* Adds up the sum at the end of the ids. */
static void add_up(const struct tokenizer *t, struct tok_scratch *s, const struct tok_ids *out)
{
    if (out->n <= s->summed) return;
    int32_t *ids = out->id + s->summed;
    if (t->spm_floats) s->sum = (double)go_on_floats(t, (float)s->sum, ids, out->n - s->summed);
    else s->sum = go_on_doubles(t, s->sum, ids, out->n - s->summed);
    s->summed = out->n;
}

/* Sums are only bounded while that is enough; here the one at place `at` is added
 * up, and how far it can come until the end of the batch. */
static void settle(const struct tokenizer *t, struct tok_scratch *s, size_t at, const struct tok_ids *out)
{
    double step = t->fast->max_step, left;
    add_up(t, s, out);
    left = UNIGRAM_REBASE + s->sum;
    s->narrow = place_code(tok_last_place(fabs(s->sum) + (double)(s->until - at) * step, t->spm_floats));
    s->safe = at;
    if (!t->spm_floats || step * (double)(s->until - at) < left) s->safe = s->until;
    else if (left > 0) s->safe += (size_t)(left / step);
}

static inline bool gap_is_wide(const struct tok_scratch *s, uint32_t code)
{
    return code > s->narrow;
}

/* If not, the sum at `begin` is added up. */
static bool gap_holds(const struct tokenizer *t, struct tok_scratch *s, uint32_t code, size_t begin, size_t len,
                      const struct tok_ids *out)
{
    if (gap_is_wide(s, code)) return true;
    settle(t, s, begin, out);
    return code > place_code(tok_last_place(fabs(s->sum) + (double)len * t->fast->max_step, t->spm_floats));
}

static bool plain_ids(const struct tokenizer *t, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == t->unk_id || (t->vocab.v[ids[i]].flags & (VOCAB_USER | VOCAB_ADDED)) ||
            tok_byte_of(t, ids[i]) >= 0)
            return false;
    return true;
}

/* Runs of unknown characters become one each; returns the number of ids. */
static size_t melt(const struct tokenizer *t, int32_t *ids, size_t n)
{
    size_t count = 0;
    bool any = false;
    for (size_t i = 0; i < n; i++) any |= ids[i] == t->unk_id;
    if (!any) return n;
    for (size_t i = 0; i < n; i++) {
        bool unknown = ids[i] == t->unk_id, more = unknown && count && ids[count - 1] < 0;
        if (more) ids[count - 1]--;
        else ids[count++] = unknown ? -1 : ids[i];
    }
    return count;
}

static void remember(struct tok_scratch *s, const uint8_t *word, size_t len, const struct word_key *key,
                     const int32_t *ids, size_t n, uint32_t code)
{
    if (len <= WORD_KEY_MAX) word_cache_add_code(&s->cache, key, ids, n, code);
    else if (len <= WORD_LONG_MAX) word_cache_add_long(&s->cache, key, word, len, ids, n, code);
}

/* A part that the cache knows, but whose gap is not wide, from the sum itself. */
static bool walked_on(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word, size_t len,
                      struct unigram_path *path)
{
    if (!t->fast->walk || !tok_walk(t->fast, word, len, s->sum, path)) return false;
    path->n = melt(t, path->buf + (path->ids - path->buf), path->n);
    return true;
}

/* A part that the cache does not know, from sum 0, for the cache; false: through the chains. */
static bool walked(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text, size_t begin, size_t len,
                   const struct word_key *key, const struct tok_ids *out, struct unigram_path *path)
{
    if (!t->fast->walk || !tok_walk(t->fast, text + begin, len, 0, path)) return false;
    int32_t *ids = path->buf + (path->ids - path->buf);
    uint32_t code = gap_code(t, path->gap, path->steps);
    path->n = melt(t, ids, path->n);
    remember(s, text + begin, len, key, ids, path->n, code);
    return gap_holds(t, s, code, begin, len, out) || walked_on(t, s, text + begin, len, path);
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
    struct unigram_path path;
    if (ids && walked_on(t, s, word, len, &path)) return tok_part_put(path.ids, path.n, out, e);
    if (ids) return exactly(t, s, text, begin, end, n, flags, out, e);
    if (walked(t, s, (const uint8_t *)text, begin, len, key, out, &path)) return tok_part_put(path.ids, path.n, out, e);
    settle(t, s, begin, out);
    double sum = s->sum; /* from 0, for the cache */
    s->sum = 0;
    if (tok_part_slow(t, s, text, begin, end, n, flags, out, e)) return -1;
    code = gap_code(t, s->gap, 2 * len + 2); /* symbols may be more than bytes */
    if (tok_ids_room(out, WORD_KEY_MAX, e)) return -1; /* that may be read */
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

/* ---- a batch ---- */

/* The word that waits and is the same as part i, or UNIGRAM_WORDS. */
static size_t waiting_as(const struct tok_scratch *s, const uint8_t *text, size_t i, size_t len)
{
    const struct tok_carry *c = s->carry;
    const struct word_key *key = &s->words->keys[i];
    for (size_t w = c->last[key->hash >> 32 & (CARRY_HASH - 1)]; w > 0; w = c->wait[w - 1].before) {
        size_t other = c->wait[w - 1].part, at = s->begins[other];
        const struct word_key *k = &s->words->keys[other];
        if (((k->k[0] ^ key->k[0]) | (k->k[1] ^ key->k[1])) != 0) continue;
        if (len <= WORD_KEY_MAX || word_bytes_equal(text + at, text + s->begins[i], len)) return w - 1;
    }
    return UNIGRAM_WORDS;
}

/* Part i is to be walked with others, if all its characters are certain: which word that is, or
 * UNIGRAM_WORDS. */
static size_t wait(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text, size_t i, size_t len)
{
    struct tok_carry *c = s->carry;
    size_t word = waiting_as(s, text, i, len), before = c->words.n;
    if (word < UNIGRAM_WORDS || !tok_walk_add(t->fast, text + s->begins[i], len, &c->words)) return word;
    uint8_t *last = &c->last[s->words->keys[i].hash >> 32 & (CARRY_HASH - 1)];
    word = c->words.n_words - 1;
    c->wait[word] = (struct tok_wait){.part = (uint16_t)i, .before = *last, .n_symbols = (uint16_t)(c->words.n - 1 - before)};
    *last = (uint8_t)c->words.n_words;
    return word;
}

/* Where the ids of left[0..n) are: of those that are known, and whose gap is wide, in
 * c->known; others wait to be walked; and those that have to be looked at alone have
 * none.  Returns for how many there was room, which are some at least. */
static size_t look_up(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text, const struct word_left *left,
                      size_t n)
{
    struct tok_carry *c = s->carry;
    size_t k = 0, used = 0, n_ids;
    uint32_t code;
    bool first = left == c->left; /* nothing has been learned since they were looked at */
    unigram_words_clear(&c->words);
    memset(c->last, 0, sizeof c->last);
    for (; k < n && !unigram_words_full(&c->words) && used + WORD_LONG_MAX <= CARRY_KNOWN; k++) {
        size_t i = left[k].word, begin = s->begins[i], len = s->words->ends[i] - begin;
        const int32_t *ids = NULL;
        c->put[k] = (struct tok_put){NULL, 0, UNIGRAM_WORDS};
        if (len > t->fast->longest) continue;
        if (!first || !left[k].absent) ids = tok_part_known(s, text + begin, len, &s->words->keys[i], &n_ids, &code);
        if (ids && gap_is_wide(s, code)) {
            memcpy(c->known + used, ids, n_ids * sizeof *ids); /* the cache's may move */
            c->put[k] = (struct tok_put){c->known + used, n_ids, UNIGRAM_WORDS};
            used += n_ids;
        } else if (!ids && t->fast->walk) {
            c->put[k].word = wait(t, s, text, i, len);
        }
    }
    return k;
}

/* Walks those that wait, from sum 0, and adds them to the cache; then put[0..n) have their ids. */
static void learn(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text, size_t n)
{
    struct tok_carry *c = s->carry;
    struct unigram_words *w = &c->words;
    if (!w->n_words) return;
    unigram_walk_words(t->fast->walk, w);
    for (size_t k = 0; k < w->n_words; k++) {
        size_t i = c->wait[k].part, begin = s->begins[i], len = s->words->ends[i] - begin;
        uint32_t code = gap_code(t, (double)w->gap[k], c->wait[k].n_symbols);
        int32_t *ids = w->ids + w->begin[k];
        size_t n_ids = (size_t)(w->begin[k + 1] - w->begin[k] - 1);
        if (w->unknown) n_ids = melt(t, ids, n_ids);
        remember(s, text + begin, len, &s->words->keys[i], ids, n_ids, code);
        c->wait[k].n_ids = (uint16_t)n_ids;
        c->wait[k].wide = gap_is_wide(s, code);
    }
    for (size_t k = 0; k < n; k++) {
        size_t word = c->put[k].word;
        if (word < UNIGRAM_WORDS && c->wait[word].wide)
            c->put[k] = (struct tok_put){w->ids + w->begin[word], c->wait[word].n_ids, UNIGRAM_WORDS};
    }
}

/* Up to CARRY_SLACK ids more are read and written: how many there are cannot be guessed. */
static inline int32_t *copy(int32_t *to, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i += CARRY_SLACK) memcpy(to + i, ids + i, CARRY_SLACK * sizeof *ids);
    return to + n;
}

/* Ids of c->taken from *at on, and between them those of left[0..n). */
static int put_together(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n_text,
                        const struct word_left *left, size_t n, size_t *at, unsigned flags, struct tok_ids *out, struct err *e)
{
    const struct tok_carry *c = s->carry;
    size_t from = *at, more = CARRY_SLACK + left[n - 1].at - from;
    for (size_t k = 0; k < n; k++) more += c->put[k].n;
    for (size_t k = 0; k < n; k++) {
        if (tok_ids_room(out, more, e)) return -1;
        int32_t *to = out->id + out->n;
        for (; k < n; k++) {
            to = copy(to, c->taken + from, left[k].at - from);
            from = left[k].at;
            if (!c->put[k].ids) break;
            to = copy(to, c->put[k].ids, c->put[k].n);
        }
        out->n = (size_t)(to - out->id);
        size_t i = k < n ? left[k].word : 0;
        if (k < n && carried(t, s, text, s->begins[i], s->words->ends[i], n_text, &s->words->keys[i], flags, out, e)) return -1;
    }
    *at = from;
    return 0;
}

/* Parts i to end - 1, whose ids may be the cache's. */
static int take(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, size_t i, size_t end,
                unsigned flags, struct tok_ids *out, struct err *e)
{
    struct tok_carry *c = s->carry;
    const struct word_left *left = c->left;
    size_t n_ids, n_left = s->batch->take(&s->cache, s->words->keys, i, end, s->narrow, c->taken, &n_ids, c->left), at = 0;
    while (n_left) {
        size_t count = look_up(t, s, (const uint8_t *)text, left, n_left);
        learn(t, s, (const uint8_t *)text, count);
        if (put_together(t, s, text, n, left, count, &at, flags, out, e)) return -1;
        left += count;
        n_left -= count;
    }
    return tok_part_put(c->taken + at, n_ids - at, out, e);
}

/* The parts from i on that the cache may know end before this one. */
static size_t last_safe(const struct tok_scratch *s, size_t n, size_t i, size_t count)
{
    const size_t *ends = s->words->ends;
    size_t most = s->safe < n ? s->safe : n - 1, end = count;
    if (s->begins[i] == 0) return i;
    while (i < end && ends[end - 1] > most) {
        size_t middle = i + (end - i) / 2;
        if (ends[middle] > most) end = middle;
        else i = middle + 1;
    }
    return end;
}

void tok_carry_end(const struct tokenizer *t, struct tok_scratch *s, const struct tok_ids *out)
{
    add_up(t, s, out);
}

int tok_carry_batch(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, size_t count,
                    unsigned flags, struct tok_ids *out, struct err *e)
{
    const size_t *begins = s->begins, *ends = s->words->ends;
    for (size_t i = 0; i < count; i++) {
        size_t end = last_safe(s, n, i, count);
        if (end > i && take(t, s, text, n, i, end, flags, out, e)) return -1;
        i = end;
        if (i < count && carried(t, s, text, begins[i], ends[i], n, &s->words->keys[i], flags, out, e)) return -1;
    }
    return 0;
}
