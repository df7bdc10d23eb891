#include "core/token/tok_fast.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/token/tok_cut.h"
#include "core/token/tok_part.h"
#include "core/token/tok_scratch.h"
#include "core/token/tok_walk.h"
#include "core/token/unicode.h"

enum {
    DIRECT_MAX = 256,
    TOGETHER = 8, /* so many parts of the last batch that were missed are as many as pay to be walked together */
};

/* ---- one part ---- */

/* A short part of which it is known what the chains make of it; -1: another. */
static int spell(const struct tok_fast *f, const uint8_t *p, size_t n, uint8_t *out)
{
    size_t i = 0, len = 0;
    while (i < n) {
        uint8_t c = p[i];
        if (tok_is_blank(f, c)) {
            if (c == '\n' && f->cut_newlines) return -1;
            bool more = f->one_space && i && tok_is_blank(f, p[i - 1]);
            if (!more) memcpy(out + len, "\xE2\x96\x81", 3);
            len += more ? 0 : 3;
            i++;
            continue;
        }
        if (c < 0x80) {
            bool joined = i + 1 < n && p[i + 1] >= 0x80 && (f->joins[c][(p[i + 1] & 127) >> 6] >> (p[i + 1] & 63) & 1);
            if (!f->neutral[c] || joined) return -1;
            out[len++] = c;
            i++;
            continue;
        }
        struct uni_char u = uni_next(p + i, n - i);
        if (u.cp >= 0x10000 || !(f->still[u.cp >> 6] >> (u.cp & 63) & 1)) return -1; /* or broken */
        for (uint32_t k = 0; k < u.len; k++) out[len++] = p[i++];
    }
    return (int)len;
}

int tok_part_slow(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t begin,
                  size_t end, size_t n, unsigned flags, struct tok_ids *out, struct err *e)
{
    uint8_t direct[3 * DIRECT_MAX];
    int len = -1, ret = t->fast->clip ? tok_clip_part(t, s, (const uint8_t *)text + begin, end - begin, s->offset + begin, out, e) : 1;
    if (ret <= 0) return ret;
    if (t->fast->direct && begin > 0 && end < n && end - begin <= DIRECT_MAX)
        len = spell(t->fast, (const uint8_t *)text + begin, end - begin, direct);
    if (len > 0) return tok_model_word(t, s, direct, (size_t)len, s->offset + begin, out, e);
    return tok_part_chains(t, s, text, begin, end, n, flags, out, e);
}

int tok_part_chains(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t begin,
                    size_t end, size_t n, unsigned flags, struct tok_ids *out, struct err *e)
{
    size_t offset = s->offset;
    s->norm.inner_first = begin > 0 || s->goes_on;
    s->norm.inner_last = end < n;
    bool word = t->pre.n == 2 && tok_is_blank(t->fast, (uint8_t)text[begin]); /* behind white space that is split at */
    s->pre.inside = t->fast->kind == CUT_SPACES && begin > 0 && !word;
    s->offset += begin;
    int ret = tok_segment(t, s, text + begin, end - begin, flags, out, e);
    s->offset = offset;
    s->norm.inner_first = s->norm.inner_last = s->pre.inside = false;
    return ret;
}

/* ---- a segment ---- */

/* One batch: all slots are asked for before the first is looked at. */
static void ask_all(struct tok_scratch *s, const uint8_t *p, size_t n, size_t count)
{
    struct tok_words *w = s->words;
    if (s->t->fast->kind == CUT_SPACES) { /* nothing is between the parts */
        s->batch->ask(&s->cache, p, n, s->begins[0], w->ends, count, &w->keys);
        return;
    }
    w->keys.shift = s->cache.shift;
    for (size_t i = 0; i < count; i++) {
        size_t begin = s->begins[i], len = w->ends[i] - begin;
        struct word_key key;
        if (len <= WORD_KEY_MAX) word_cache_ask(&s->cache, p + begin, len, n - begin, &key);
        else word_batch_ask_long(&s->cache, p + begin, len, &key);
        word_keys_put(&w->keys, i, &s->cache, &key);
    }
}

/* The symbols of a short part, as tok_symbols() gives them of what spell() makes of it; 0: not known. */
static size_t symbols_of(const struct tok_fast *f, const uint8_t *p, size_t n, int32_t *ids)
{
    size_t i = 0, count = 0;
    if (!f->symbol) return 0;
    for (; i < n && tok_is_blank(f, p[i]); i++) {
        if (p[i] == '\n' && f->cut_newlines) return 0;
        if (!i || !f->one_space) ids[count++] = f->mark;
    }
    while (i < n) {
        struct uni_char c = uni_next_inline(p + i, n - i);
        i += c.len;
        bool joined = c.cp < 0x80 && i < n && p[i] >= 0x80 && (f->joins[c.cp][(p[i] & 127) >> 6] >> (p[i] & 63) & 1);
        int32_t symbol = c.cp < 0x10000 && !joined ? f->symbol[c.cp] : 0;
        if (symbol) {
            ids[count++] = symbol - 1;
            continue;
        }
        if (!tok_is_blank(f, p[i - 1]) || (p[i - 1] == '\n' && f->cut_newlines)) return 0;
        if (!f->one_space || !tok_is_blank(f, p[i - 2])) ids[count++] = f->mark;
    }
    return count;
}

/* Whether the part waits to be merged with others: one of which it is known what
 * the chains make of it, and all of whose characters are pieces (of them, and so of
 * symbols, there are not more than bytes). */
static bool put_off(const struct tokenizer *t, struct tok_scratch *s, const struct word_key *key, const uint8_t *word,
                    size_t n, struct tok_ids *out, struct err *e)
{
    uint8_t direct[3 * DIRECT_MAX];
    size_t n_symbols;
    if (!t->fast->direct || t->model != MODEL_BPE || !t->bpe.n_merges || t->ignore_merges || n > BPE_JOB_MAX)
        return false;
    if (tok_ids_room(out, BPE_JOB_MAX, e)) return false; /* it will fail once more */
    if (tok_misses_again(t, s, key, word, n, out)) return true;
    int32_t *ids = tok_misses_symbols(s);
    if ((n_symbols = symbols_of(t->fast, word, n, ids))) {
        tok_misses_add(t, s, key, word, n, n_symbols, out);
        return true;
    }
    int len = spell(t->fast, word, n, direct);
    if (len <= 0 || tok_symbols(t, direct, (size_t)len, 0, ids, &n_symbols, e) || !n_symbols)
        return false;
    for (size_t i = 0; i < n_symbols; i++)
        if (ids[i] == t->unk_id || ids[i] >= t->vocab.n) return false;
    tok_misses_add(t, s, key, word, n, n_symbols, out);
    return true;
}

static int one_part(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t i, size_t n,
                    unsigned flags, struct tok_ids *out, struct err *e)
{
    const struct tok_fast *f = t->fast;
    const struct word_key own = word_keys_get(&s->words->keys, i), *key = &own;
    size_t begin = s->begins[i], end = s->words->ends[i], from = out->n, len = end - begin, n_ids;
    const uint8_t *word = (const uint8_t *)text + begin;
    uint32_t code;
    bool special = (f->first && begin == 0 && !s->goes_on) || (f->last && end == n) || len > WORD_LONG_MAX;
    const int32_t *ids = special || len <= WORD_KEY_MAX ? NULL : tok_part_known(s, word, len, key, &n_ids, &code);
    if (ids) return tok_part_put(ids, n_ids, out, e);
    if (!special && begin > 0 && end < n && put_off(t, s, key, word, len, out, e)) return 0;
    struct unigram_path path;
    bool inside = tok_inside(f, text, begin), walked = f->walk && !special && begin > 0 && end < n && tok_walk(f, word, len, 0, &path);
    if (inside && !(walked && tok_gap_is_wide(f, path.gap, path.steps))) return tok_inside_exactly(t, s, text, i, n, flags, out, e);
    if (walked) {
        if (tok_part_put(path.ids, path.n, out, e)) return -1;
    } else if (tok_part_slow(t, s, text, begin, end, n, flags, out, e)) {
        return -1;
    }
    if (special) return 0;
    word_cache_learn(&s->cache, key, word, len, out->id + from, out->n - from);
    return 0;
}

static int batch(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                 size_t count, unsigned flags, struct tok_ids *out, struct err *e)
{
    const struct tok_fast *f = t->fast;
    struct tok_words *w = s->words;
    size_t i = f->first && s->begins[0] == 0 && !s->goes_on, common = count - (f->last && w->ends[count - 1] == n);
    size_t room = BATCH * (WORD_KEY_MAX + 1) + w->ends[count - 1] - s->begins[0]; /* word_batch_most() of each, and some more */
    if (tok_ids_room(out, room, e)) return -1;
    if (i && one_part(t, s, text, 0, n, flags, out, e)) return -1;
    bool together = s->many && s->missed >= TOGETHER;
    s->missed = 0;
    while (i < count) {
        if (tok_ids_room(out, room, e)) return -1;
        int32_t *to = out->id + out->n; /* as long as nothing is missed */
        if (i < common) i = s->batch->get(&s->cache, (const uint8_t *)text, w->ends, &w->keys, i, common, &to);
        out->n = (size_t)(to - out->id);
        if (i < common && together) {
            tok_many_learn(t, s, (const uint8_t *)text, n, i, common);
            together = false;
            continue;
        }
        s->missed += i < common;
        if (i < count && one_part(t, s, text, i, n, flags, out, e)) return -1;
        i++;
    }
    return 0;
}

bool tok_fast_newlines(const struct tokenizer *t)
{
    const struct tok_fast *f = t->fast;
    return f && f->kind == CUT_SPACES && f->cut_newlines && !f->carry && t->pre.n == 0 && !f->suffix;
}

void tok_fast_let_go(const struct tokenizer *t, struct tok_scratch *s, struct tok_ids *out)
{
    if (!out->count_only || out->n < 1 << 16) return;
    tok_misses_merge(t, s, out);
    out->gone += out->n;
    out->n = 0;
}

/* Where an added token may be in the normalised text, from `at` on; n: nowhere.  found[k]: where the k-th
 * text that tells is, if that is not before `at`. */
static size_t next_tell(const struct tok_fast *f, const char *text, size_t n, size_t at, size_t found[])
{
    size_t least = n;
    for (size_t k = 0; k < f->n_tells; k++) {
        if (at == 0 || found[k] < at) {
            const char *p = memmem(text + at, n - at, f->tell[k], f->tell_len[k]);
            found[k] = p ? (size_t)(p - text) : n;
        }
        if (found[k] < least) least = found[k];
    }
    return least;
}

static int through_chains(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, unsigned flags,
                          struct tok_ids *out, struct err *e)
{
    s->norm.inner_first = s->goes_on;
    int ret = tok_segment(t, s, text, n, flags, out, e);
    s->norm.inner_first = false;
    return ret;
}

/* A text in which such tokens may be, none of which has white space in it: only the words that may be
 * one go through the chains. */
static int tell_words(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, size_t tell, size_t found[],
                      unsigned flags, struct tok_ids *out, struct err *e)
{
    const struct tok_fast *f = t->fast;
    size_t done = 0;
    for (; tell < n; tell = next_tell(f, text, n, done, found)) {
        size_t begin = tell, end = tell;
        while (begin > done && f->class[(uint8_t)text[begin - 1]] != B_SPACE) begin--;
        while (end < n && f->class[(uint8_t)text[end]] != B_SPACE) end++;
        if (tok_fast_stretch(t, s, text, done, begin, n, flags, out, e) || tok_part_chains(t, s, text, begin, end, n, flags, out, e)) return -1;
        done = end;
        if (done == n) return 0;
    }
    return tok_fast_stretch(t, s, text, done, n, n, flags, out, e);
}

int tok_fast_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                     unsigned flags, struct tok_ids *out, struct err *e)
{
    const struct tok_fast *f = t->fast;
    if (f->near) return tok_near_segment(t, s, text, n, flags, out, e);
    if (f->formed) return tok_form_segment(t, s, text, n, out, e);
    size_t found[COUNT_OF(f->tell)], tell = next_tell(f, text, n, 0, found);
    if (tell < n) {
        if (f->tell_words) return tell_words(t, s, text, n, tell, found, flags, out, e);
        return through_chains(t, s, text, n, flags, out, e);
    }
    return tok_fast_stretch(t, s, text, 0, n, n, flags, out, e);
}

int tok_fast_stretch(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t from, size_t to, size_t n,
                     unsigned flags, struct tok_ids *out, struct err *e)
{
    const struct tok_fast *f = t->fast;
    size_t pos = from, words = 0, count;
    int ret = 0;
    word_cache_settle(&s->cache);
    s->sum = 0;
    s->summed = out->n;
    s->word_at = s->summed_at = 0;
    s->sum_there = 0;
    while (ret == 0 && pos < to &&
           (count = tok_cut(f, (const uint8_t *)text, to, &pos, s->begins, s->words->ends, BATCH))) {
        ask_all(s, (const uint8_t *)text, n, count);
        if (f->carry) {
            s->until = s->words->ends[count - 1];
            tok_carry_begin(t, s, out);
        }
        tok_fast_let_go(t, s, out);
        s->summed = out->n;
        ret = tok_stopped(&words, BATCH, e) ? -1
            : f->carry ? tok_carry_batch(t, s, text, n, count, flags, out, e) : batch(t, s, text, n, count, flags, out, e);
        if (f->inside) tok_inside_next(s, text, count);
    }
    if (f->carry && !ret) tok_carry_end(t, s, out);
    s->sum = 0;
    if (ret) tok_misses_drop(&s->misses);
    else tok_misses_merge(t, s, out);
    return ret;
}
