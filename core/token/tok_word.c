/* Pieces to ids: the word caches and what happens when they miss. */
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/token/tok_border.h"
#include "core/token/tok_cut.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_part.h"
#include "core/token/tok_pieces.h"
#include "core/token/tok_runs.h"
#include "core/token/tok_scratch.h"

static int32_t single_id(const void *t, const uint8_t *word, size_t n)
{
    return wordpiece_only(t, word, n);
}

struct tok_scratch *tok_scratch_new(const struct tokenizer *t, struct err *e)
{
    struct tok_scratch *s = mem_zalloc(1, sizeof *s);
    if (!s || !(s->words = mem_alloc_aligned(2 * sizeof *s->words))) {
        free(s);
        err_oom(e, sizeof *s, "encoder work space");
        return NULL;
    }
    s->t = t;
    s->batch = word_batch();
    if (t->fast_split) { /* which makes tables that others do not need */
        s->split = split_function(t->split);
        s->by_rule = split_rule_function();
    }
    tok_unknown_init(t, &s->unknown);
    struct word_single single = {single_id, t};
    bool cached = t->fast_split || t->fast || t->cache_words, formed = t->fast && t->fast->formed;
    bool carry = t->fast && t->fast->carry, many = t->fast && t->fast->walk && !carry;
    if (carry) s->carry = tok_carry_new(t, e);
    if (many) s->many = tok_many_new(e);
    s->missed = SIZE_MAX; /* at the beginning, all */
    if ((cached && word_cache_init(&s->cache, e)) || (formed && !(s->forms = word_forms_new(&t->norm, &single, e))) ||
        (carry && !s->carry) || (many && !s->many) || tok_pieces_scratch(t, s, e)) {
        tok_scratch_free(s);
        return NULL;
    }
    if (t->fast && t->fast->carry) s->cache.longest = t->fast->longest;
    s->cache.dense = t->model != MODEL_BPE; /* whose later passes have no time to spare */
    s->cache.replaces = formed && s->unknown.find;
    return s;
}

void tok_scratch_expect(struct tok_scratch *s, uint64_t bytes)
{
    s->cache.all_text = bytes;
}

struct tok_room {
    struct word_room words;
};

struct tok_room *tok_room_new(uint64_t bytes)
{
    struct tok_room *r = mem_zalloc(1, sizeof *r);
    if (r && word_room_new(&r->words, bytes)) return r;
    free(r);
    return NULL;
}

void tok_room_free(struct tok_room *r)
{
    if (!r) return;
    word_room_free(&r->words);
    free(r);
}

void tok_scratch_take(struct tok_scratch *s, struct tok_room *r)
{
    if (!r) return;
    if (s->cache.lines) {
        s->cache.room = r->words;
        r->words = (struct word_room){0};
    }
    tok_room_free(r);
}

void tok_scratch_free(struct tok_scratch *s)
{
    if (!s) return;
    mem_free_aligned(s->words);
    word_cache_free(&s->cache);
    word_forms_free(s->forms);
    for (size_t i = 0; i < COUNT_OF(s->formed); i++) word_run_free(&s->formed[i].run);
    bpe_work_free(&s->work);
    buf_free(&s->text);
    buf_free(&s->spaced);
    norm_free(&s->norm);
    pre_free(&s->pre);
    free(s->origin);
    free(s->lattice);
    free(s->lower);
    free(s->carry);
    free(s->many);
    tok_spans_free(s->spans);
    for (size_t i = 0; i < COUNT_OF(s->side); i++) tok_scratch_free(s->side[i]);
    tok_ids_free(&s->pieces);
    tok_ids_free(&s->spelled);
    free(s);
}

void tok_ids_free(struct tok_ids *ids)
{
    free(ids->id);
    free(ids->span);
    *ids = (struct tok_ids){.want_spans = ids->want_spans};
}

int tok_ids_room(struct tok_ids *out, size_t extra, struct err *e)
{
    size_t need, cap;
    if (ck_add(out->n, extra, &need) && need <= out->cap) return 0;
    if (!ck_add(out->n, extra, &need) || !ck_add(need, need / 2 + 256, &cap))
        return err_oom(e, SIZE_MAX, "token ids");
    int32_t *id = mem_resize(out->id, cap, sizeof *id);
    if (!id) return err_oom(e, cap * sizeof *id, "token ids");
    out->id = id;
    if (out->want_spans) {
        struct tok_span *span = mem_resize(out->span, cap, sizeof *span);
        if (!span) return err_oom(e, cap * sizeof *span, "token spans");
        out->span = span;
    }
    out->cap = cap;
    return 0;
}

/* ---- with the cache ---- */

/* Bytes of words that are not worth cutting, of those that are worth keeping whole, and of those that
 * are where the cache has little of such: so long words hardly come again. */
enum { PIECES = 15, PIECES_KEPT = 64, PIECES_KEPT_FIRST = 512 };

/* Whether the word, which the cache does not know, is merged with others, later. */
static bool put_off(const struct tokenizer *t, struct tok_scratch *s, const struct word_key *key, const uint8_t *word,
                    size_t n, struct tok_ids *out)
{
    if (n > BPE_JOB_MAX || !t->bpe.n_merges) return false;
    if (tok_misses_again(t, s, key, word, n, out)) return true;
    for (size_t i = 0; i < n && !t->bpe.every_byte; i++)
        if (t->byte_id[word[i]] < 0) return false;
    tok_misses_add(t, s, key, word, n, n, out);
    return true;
}

/* A word, or a piece of one, that the cache does not know. */
static int new_word(const struct tokenizer *t, struct tok_scratch *s, const struct word_key *key, const uint8_t *word,
                    size_t n, size_t at, struct tok_ids *out, struct err *e)
{
    size_t before = out->n;
    if (put_off(t, s, key, word, n, out)) return 0;
    if (tok_model_word(t, s, word, n, at, out, e)) return -1;
    word_cache_learn(&s->cache, key, word, n, out->id + before, out->n - before);
    return 0;
}

struct piece {
    struct word_key key;
    size_t from, end; /* in the word */
};

/* The next pieces of word[n], of which the first is word[*from..*end), and the one behind them is at last: they are asked
 * for.  Returns how many. */
static size_t ask_pieces(const struct tokenizer *t, const struct word_cache *c, const uint8_t *word, size_t n, size_t *from,
                         size_t *end, size_t left, struct piece *to, size_t most)
{
    size_t k = 0;
    for (; *from < n && k < most; k++) {
        struct piece *p = &to[k];
        size_t len = *end - *from;
        p->from = *from;
        p->end = *end;
        if (len > WORD_KEY_MAX) word_batch_ask_long(c, word + *from, len, &p->key);
        else word_cache_ask(c, word + *from, len, left - *from, &p->key);
        *from = *end;
        if (*from < n) *end = tok_border_next(t->borders, word, n, *from);
    }
    return k;
}

/* A piece that the cache knows. */
static bool take_piece(struct tok_scratch *s, const struct piece *p, const uint8_t *word, struct tok_ids *out)
{
    size_t n = p->end - p->from;
    if (n > WORD_KEY_MAX) return tok_part_take(s, word + p->from, n, &p->key, out);
    size_t found = word_cache_get(&s->cache, &p->key, out->id + out->n);
    out->n += found;
    return found > 0;
}

/* A word as its pieces, the first of which ends at `end`; `left` bytes are readable. */
static int in_pieces(const struct tokenizer *t, struct tok_scratch *s, const struct word_key *key, const uint8_t *word,
                     size_t n, size_t end, size_t at, size_t left, struct tok_ids *out, struct err *e)
{
    struct piece piece[16];
    size_t before = out->n, rounds = s->misses.rounds, from = 0;
    bool known = true;
    while (from < n) {
        size_t k = ask_pieces(t, &s->cache, word, n, &from, &end, left, piece, COUNT_OF(piece));
        for (const struct piece *p = piece; p < piece + k; p++) {
            if (take_piece(s, p, word, out)) continue;
            known = false;
            if (new_word(t, s, &p->key, word + p->from, p->end - p->from, at + p->from, out, e)) return -1;
        }
    }
    if (n > (word_cache_has_little(&s->cache) ? PIECES_KEPT_FIRST : PIECES_KEPT)) return 0;
    if (known) word_cache_learn(&s->cache, key, word, n, out->id + before, out->n - before);
    else tok_misses_whole(s, key, word, n, before, rounds, out);
    return 0;
}

/* Word i of a batch, which is long, or not in the cache. */
static int other_word(const struct tokenizer *t, struct tok_scratch *s, const struct word_key *key, const uint8_t *word,
                      size_t n, size_t at, size_t left, struct tok_ids *out, struct err *e)
{
    if (n > WORD_KEY_MAX && tok_part_take(s, word, n, key, out)) return 0;
    int32_t id = s->runs ? tok_runs_id(t->runs, word, n) : -1;
    if (id >= 0) {
        out->id[out->n++] = id;
        word_cache_learn(&s->cache, key, word, n, &id, 1);
        return 0;
    }
    if (t->borders && n > PIECES && !(t->ignore_merges && tok_whole_word(t, word, n) >= 0)) {
        size_t end = tok_border_next(t->borders, word, n, 0);
        if (end < n) return in_pieces(t, s, key, word, n, end, at, left, out, e);
    }
    return new_word(t, s, key, word, n, at, out, e);
}

/* The words from `begin` on: cut, and their slots in the cache asked for. */
static void cut_batch(struct tok_scratch *s, const uint8_t *text, size_t n, size_t begin, struct tok_words *w)
{
    const struct tokenizer *t = s->t;
    w->begin = begin;
    w->count = 0;
    if (begin >= n) return;
    const struct split_rule *rule = s->runs ? &t->runs->rule : t->by_rule ? &t->rule : NULL;
    w->count = rule ? s->by_rule(rule, text, n, begin, w->ends, BATCH) : s->split(text, n, begin, w->ends, BATCH);
    s->batch->ask(&s->cache, text, n, begin, w->ends, w->count, &w->keys);
}

/* Whether words that are their own keys are merged by their bytes, all of them. */
static bool merges_bytes(const struct tokenizer *t, const struct tok_scratch *s)
{
    return t->bpe.n_merges && t->bpe.every_byte && !s->runs;
}

static int get_batch(const struct tokenizer *t, struct tok_scratch *s, struct tok_words *w, const uint8_t *text,
                     size_t n, size_t at, struct tok_ids *out, struct err *e)
{
    size_t pos = w->begin;
    /* A word has at most as many ids as bytes; a few more are written of some. */
    if (tok_ids_room(out, w->ends[w->count - 1] - pos + WORD_BATCH_MORE, e)) return -1;
    bool bytes = merges_bytes(t, s);
    for (size_t i = 0; i < w->count; i++) {
        int32_t *to = out->id + out->n;
        size_t from = i;
        i = s->batch->get(&s->cache, text, w->ends, &w->keys, i, w->count, &to);
        out->n = (size_t)(to - out->id);
        if (i > from) pos = w->ends[i - 1];
        if (i == w->count) break;
        size_t len = w->ends[i] - pos;
        const struct word_key key = word_keys_get(&w->keys, i);
        if (bytes && len <= WORD_KEY_MAX) tok_misses_bytes(t, s, &key, text + pos, len, out);
        else if (other_word(t, s, &key, text + pos, len, at + pos, n - pos, out, e)) return -1;
        pos = w->ends[i];
    }
    return 0;
}

/* All slots of a batch are asked for, and the next batch is cut, before the first
 * is looked at, so that the misses of the processor's caches overlap. */
int tok_bytes_fast(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text, size_t n,
                   size_t at, struct tok_ids *out, struct err *e)
{
    struct tok_words *w = &s->words[0], *next = &s->words[1], *swap;
    size_t words = 0;
    word_cache_settle(&s->cache);
    for (cut_batch(s, text, n, 0, w); w->count; swap = w, w = next, next = swap) {
        cut_batch(s, text, n, w->ends[w->count - 1], next);
        if (tok_stopped(&words, BATCH, e) || get_batch(t, s, w, text, n, at, out, e)) {
            tok_misses_drop(&s->misses);
            return -1;
        }
    }
    tok_misses_merge(t, s, out);
    return 0;
}
