#include "core/token/train_bpe.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "core/token/train_pairs.h"

#define HOLE UINT32_MAX
#define NO_WORD UINT32_MAX

/* What one merge does to the pairs with one neighbour. */
struct side {
    uint64_t lost, won; /* of (x, a) and (x, id); on the right: (b, y) and (id, y) */
    uint32_t n, at;     /* places of the new pair; then where they go */
    uint32_t epoch;
};

struct place {
    uint32_t neighbour, pos; /* bit 31 of neighbour: on the right */
};
#define RIGHT 0x80000000u

struct learner {
    struct bpe_corpus *c;
    const struct bpe_rules *rules;
    struct vocab *vocab;
    struct pair_table pairs;
    uint32_t *len;      /* [ids] cells that a token covers */
    struct side *left, *right; /* [ids] */
    size_t ids_cap;
    struct place *place;
    size_t n_place, place_cap;
    uint32_t *touched;  /* neighbours, marked as in struct place */
    size_t n_touched, touched_cap;
    uint32_t epoch;
    struct buf text;
    bool oom;
};

/* ---- words as symbols ---- */

void bpe_corpus_free(struct bpe_corpus *c)
{
    free(c->cell);
    free(c->count);
    memset(c, 0, sizeof *c);
}

int bpe_corpus_start(struct bpe_corpus *c, size_t n_words, size_t n_symbols, struct err *e)
{
    if (n_words >= NO_WORD || n_symbols >= UINT32_MAX - 2)
        return err_set(e, ERR_DATA, "more than 4 billion symbols in distinct words: train on a part "
                                    "of the text");
    c->cell = mem_alloc(n_symbols + 2, sizeof *c->cell);
    c->count = mem_alloc(n_words, sizeof *c->count);
    if (!c->cell || !c->count) return err_oom(e, n_symbols * sizeof *c->cell, "the words' symbols");
    c->cell[0] = (struct bpe_cell){HOLE, NO_WORD};
    return 0;
}

/* Room for what is kept of each of n tokens. */
static bool ids_room(struct learner *l, size_t n)
{
    size_t old = l->ids_cap, cap = old + old / 2 + 1024;
    if (n <= old) return true;
    if (cap < n) cap = n;
    if (!mem_renew(&l->len, cap, sizeof *l->len) || !mem_renew(&l->left, cap, sizeof *l->left) ||
        !mem_renew(&l->right, cap, sizeof *l->right))
        return false;
    memset(l->left + old, 0, (cap - old) * sizeof *l->left);
    memset(l->right + old, 0, (cap - old) * sizeof *l->right);
    l->ids_cap = cap;
    return true;
}

/* ---- texts and ties ---- */

/* The text that a pair would give, into l->text. */
static void pair_text(struct learner *l, uint64_t key)
{
    size_t n, skip = l->rules->prefix ? strlen(l->rules->prefix) : 0;
    const char *s = vocab_text(l->vocab, (int)(key >> 32), &n);
    buf_clear(&l->text);
    buf_add(&l->text, s, n);
    s = vocab_text(l->vocab, (int)(uint32_t)key, &n);
    if (skip && n >= skip && memcmp(s, l->rules->prefix, skip) == 0) {
        s += skip;
        n -= skip;
    }
    buf_add(&l->text, s, n);
}

static bool is_allowed(struct learner *l, uint64_t key)
{
    if (l->rules->max_len && l->len[key >> 32] + l->len[(uint32_t)key] > l->rules->max_len) return false;
    if (!l->rules->allowed) return true;
    pair_text(l, key);
    if (l->text.oom) l->oom = true;
    return !l->oom && l->rules->allowed(l->rules->arg, l->text.data, l->text.len);
}

/* The bytes of a pair's text, piece by piece. */
static int compare_text(const struct vocab *v, uint64_t a, uint64_t b)
{
    size_t na[2], nb[2];
    const char *pa[2], *pb[2];
    pa[0] = vocab_text(v, (int)(a >> 32), &na[0]);
    pa[1] = vocab_text(v, (int)(uint32_t)a, &na[1]);
    pb[0] = vocab_text(v, (int)(b >> 32), &nb[0]);
    pb[1] = vocab_text(v, (int)(uint32_t)b, &nb[1]);
    size_t ia = 0, ib = 0, total_a = na[0] + na[1], total_b = nb[0] + nb[1];
    for (; ia < total_a && ib < total_b; ia++, ib++) {
        uint8_t ca = (uint8_t)(ia < na[0] ? pa[0][ia] : pa[1][ia - na[0]]);
        uint8_t cb = (uint8_t)(ib < nb[0] ? pb[0][ib] : pb[1][ib - nb[0]]);
        if (ca != cb) return ca < cb ? -1 : 1;
    }
    return total_a == total_b ? 0 : total_a < total_b ? -1 : 1;
}

/* Which of two equally frequent pairs comes first. */
static bool tie_before(const void *arg, uint64_t a, uint64_t b)
{
    const struct learner *l = arg;
    if (!l->rules->ties_by_text) return a < b;
    uint32_t na = l->len[a >> 32] + l->len[(uint32_t)a], nb = l->len[b >> 32] + l->len[(uint32_t)b];
    if (na != nb) return na < nb;
    int order = compare_text(l->vocab, a, b);
    return order ? order < 0 : a < b;
}

/* ---- the first count ---- */

static bool count_pairs(struct learner *l)
{
    const struct bpe_cell *cell = l->c->cell + 1;
    size_t n = l->c->n_cells;
    uint64_t last = PAIR_NONE;
    uint32_t at = 0;
    for (int fill = 0; fill < 2; fill++) {
        for (size_t i = 0; i + 1 < n; i++) {
            if (cell[i].word != cell[i + 1].word) continue;
            uint64_t key = (uint64_t)cell[i].id << 32 | cell[i + 1].id;
            if (key != last) {
                at = fill ? pair_find(&l->pairs, key) : pair_get(&l->pairs, key);
                last = key;
                if (at == PAIR_NO_INDEX) return false;
            }
            struct pair *p = &l->pairs.v[at];
            if (fill) {
                p->pos[p->n++] = (uint32_t)i + 1;
            } else {
                p->count += (int64_t)l->c->count[cell[i].word];
                p->n++;
            }
        }
        last = PAIR_NONE;
        for (uint32_t k = 0; !fill && k < l->pairs.n; k++)
            if (!pair_places(&l->pairs, &l->pairs.v[k], l->pairs.v[k].n)) return false;
    }
    for (uint32_t k = 0; k < l->pairs.n; k++) {
        if (!is_allowed(l, l->pairs.v[k].key)) l->pairs.v[k].count = 0;
        if (!pair_push(&l->pairs, &l->pairs.v[k])) return false;
    }
    return !l->oom;
}

/* ---- merging ---- */

static inline struct side *touch(struct learner *l, struct side *v, uint32_t neighbour, uint32_t mark)
{
    struct side *s = &v[neighbour];
    if (s->epoch == l->epoch) return s;
    *s = (struct side){.epoch = l->epoch};
    l->touched[l->n_touched++] = neighbour | mark;
    return s;
}

static inline void add_place(struct learner *l, struct side *s, uint32_t neighbour, uint32_t pos)
{
    s->n++;
    l->place[l->n_place++] = (struct place){neighbour, pos};
}

/* Merges a, b into id at each place; notes what becomes of the neighbours. */
static void merge_places(struct learner *l, const uint32_t *pos, uint32_t n, uint64_t key,
                         uint32_t id)
{
    enum { CELLS_AHEAD = 12 };
    uint32_t a = (uint32_t)(key >> 32), b = (uint32_t)key, len_a = l->len[a], len_b = l->len[b];
    struct bpe_cell *cell = l->c->cell;
    uint32_t merged_end = 0; /* where the last merge of this call ends */
    for (uint32_t i = 0; i < n; i++) {
        if (i + CELLS_AHEAD < n) __builtin_prefetch(&cell[pos[i + CELLS_AHEAD]], 1);
        uint32_t p = pos[i], q = p + len_a;
        if (cell[p].id != a || cell[q].id != b) continue;
        uint32_t word = cell[p].word, r = q + len_b;
        uint64_t by = l->c->count[word];
        if (cell[p - 1].word == word) {
            uint32_t x = cell[p - 1].id;
            if (merged_end == p) {
                /* b a became id a when the left one merged; now it is id id. */
                touch(l, l->right, a, RIGHT)->won -= by;
                struct side *s = touch(l, l->left, id, 0);
                s->won += by;
                add_place(l, s, id, p - l->len[id]);
            } else {
                struct side *s = touch(l, l->left, x, 0);
                s->lost += by;
                s->won += by;
                add_place(l, s, x, p - l->len[x]);
            }
        }
        if (cell[r].word == word) {
            uint32_t y = cell[r].id;
            struct side *s = touch(l, l->right, y, RIGHT);
            s->lost += by;
            s->won += by;
            add_place(l, s, y | RIGHT, p);
        }
        cell[q].id = HOLE;
        cell[p].id = cell[r - 1].id = id;
        merged_end = r;
    }
}

static int by_position(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Room in the new pair for the places that merge_places() found. */
static bool raise_pair(struct learner *l, uint64_t key, struct side *s)
{
    s->at = PAIR_NO_INDEX;
    if ((s->won == 0 && !l->rules->fill_up) || !is_allowed(l, key)) return !l->oom;
    uint32_t at = pair_get(&l->pairs, key);
    if (at == PAIR_NO_INDEX) return false;
    struct pair *p = &l->pairs.v[at];
    p->count += (int64_t)s->won;
    s->at = at;
    return pair_more_places(&l->pairs, p, s->n);
}

/* The pair of token t with a neighbour, which is marked as in struct place. */
static inline uint64_t pair_with(uint64_t t, uint32_t neighbour)
{
    uint64_t x = neighbour & ~RIGHT;
    return neighbour & RIGHT ? t << 32 | x : x << 32 | t;
}

/* Pairs lie all over their table: those of neighbour i are asked for, what has come of the one AHEAD
 * before it is followed, and the one another AHEAD before is returned, which is at hand by now. */
enum { AHEAD = 8 };
static size_t ask_ahead(const struct learner *l, uint64_t key, uint32_t id, size_t i)
{
    uint64_t a = key >> 32, b = (uint32_t)key;
    if (i < l->n_touched) {
        uint32_t x = l->touched[i];
        pair_ask(&l->pairs, pair_with(x & RIGHT ? b : a, x));
        pair_ask(&l->pairs, pair_with(id, x));
    }
    if (i >= AHEAD && i - AHEAD < l->n_touched) {
        uint32_t x = l->touched[i - AHEAD];
        pair_ask_on(&l->pairs, pair_with(x & RIGHT ? b : a, x));
    }
    return i - 2 * AHEAD; /* of the first ones there is none: too large a number */
}

/* What merge_places() noted goes into the pairs with the neighbours. */
static bool settle(struct learner *l, uint64_t key, uint32_t id)
{
    uint64_t a = key >> 32, b = (uint32_t)key;
    for (size_t i = 0; i < l->n_touched + 2 * AHEAD; i++) {
        size_t at = ask_ahead(l, key, id, i);
        if (at >= l->n_touched) continue;
        uint32_t x = l->touched[at];
        struct side *s = x & RIGHT ? &l->right[x & ~RIGHT] : &l->left[x];
        if (s->lost) pair_lower(&l->pairs, pair_with(x & RIGHT ? b : a, x), s->lost);
        if (!raise_pair(l, pair_with(id, x), s)) return false;
    }
    for (size_t i = 0; i < l->n_place; i++) {
        uint32_t x = l->place[i].neighbour & ~RIGHT;
        struct side *s = l->place[i].neighbour & RIGHT ? &l->right[x] : &l->left[x];
        if (s->at == PAIR_NO_INDEX) continue;
        struct pair *p = &l->pairs.v[s->at];
        p->pos[p->n++] = l->place[i].pos;
    }
    for (size_t i = 0; i < l->n_touched; i++) {
        uint32_t x = l->touched[i] & ~RIGHT;
        struct side *s = l->touched[i] & RIGHT ? &l->right[x] : &l->left[x];
        if (s->at == PAIR_NO_INDEX) continue;
        struct pair *p = &l->pairs.v[s->at];
        /* Found by two ways, or known before: not in order. */
        if (p->n != s->n) qsort(p->pos, p->n, sizeof *p->pos, by_position);
        if (!pair_push(&l->pairs, p)) return false;
    }
    return true;
}

static bool merge_everywhere(struct learner *l, struct pair *p, uint32_t id)
{
    uint64_t key = p->key;
    uint32_t n = p->n, *pos = p->pos;
    p->n = 0;
    p->pos = NULL;
    l->epoch++;
    l->n_touched = l->n_place = 0;
    if (!mem_room(&l->place, &l->place_cap, 2 * (size_t)n, sizeof *l->place) ||
        !mem_room(&l->touched, &l->touched_cap, 2 * (size_t)n + 4, sizeof *l->touched))
        return false;
    merge_places(l, pos, n, key, id);
    bool ok = settle(l, key, id);
    struct pair *self = &l->pairs.v[pair_find(&l->pairs, key)];
    self->count = 0;
    return ok;
}

/* The token for a pair: the new one or, for a text that two merges give, the
 * one there is; -2 = drop the pair. */
static int token_for(struct learner *l, uint64_t key, struct err *e)
{
    pair_text(l, key);
    if (buf_ok(&l->text, e)) return -1;
    int id = vocab_find(l->vocab, l->text.data, l->text.len);
    uint32_t len = l->len[key >> 32] + l->len[(uint32_t)key];
    if (id >= 0) {
        /* A special token covers no cells yet.  "#" and "###" give "##" and
         * that with "##a" a text of another length again: not a pair to merge. */
        if (l->len[id] == 0) l->len[id] = len;
        return l->rules->drop_known || l->len[id] != len ? -2 : id;
    }
    id = l->vocab->n;
    if (vocab_add(l->vocab, id, l->text.data, l->text.len, VOCAB_MODEL, e)) return -1;
    if (!ids_room(l, (size_t)id + 1)) return err_oom(e, l->ids_cap, "counting pairs");
    l->len[id] = len;
    return id;
}

static int by_ties(const void *a, const void *b, void *learner)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x == y ? 0 : tie_before(learner, x, y) ? -1 : 1;
}

/* Pairs that have lost all their places. */
static int fill_up(struct learner *l, struct bpe *bpe, struct err *e)
{
    size_t n = 0;
    uint64_t *key = mem_alloc(l->pairs.n, sizeof *key);
    int ret = key ? 0 : err_oom(e, l->pairs.n * sizeof *key, "counting pairs");
    for (uint32_t i = 0; ret == 0 && i < l->pairs.n; i++)
        if (is_allowed(l, l->pairs.v[i].key)) key[n++] = l->pairs.v[i].key;
    if (n) qsort_r(key, n, sizeof *key, by_ties, l);
    for (size_t i = 0; ret == 0 && i < n && l->vocab->n < l->rules->vocab_size; i++) {
        int id = token_for(l, key[i], e);
        if (id == -1 || (id >= 0 && bpe_add(bpe, (int)(key[i] >> 32), (int)(uint32_t)key[i], id, e))) ret = -1;
    }
    free(key);
    return l->oom ? err_oom(e, n * sizeof *key, "counting pairs") : ret;
}

static int learn(struct learner *l, struct bpe *bpe, uint64_t *last_count, struct err *e)
{
    uint64_t least = l->rules->min_count ? l->rules->min_count : 1;
    if (!ids_room(l, (size_t)l->vocab->n + 1)) return err_oom(e, l->ids_cap, "counting pairs");
    memset(l->len, 0, l->ids_cap * sizeof *l->len);
    for (size_t i = 1; i <= l->c->n_cells; i++) l->len[l->c->cell[i].id] = 1;
    l->pairs.tie_before = tie_before;
    l->pairs.tie_arg = l;
    l->pairs.least = (int64_t)least;
    if (!count_pairs(l)) return err_oom(e, l->pairs.cap * sizeof(struct pair), "counting pairs");
    while (l->vocab->n < l->rules->vocab_size) {
        struct pair *best = pair_take_best(&l->pairs);
        if (!best) break;
        if (sig_check(e)) return -1;
        uint64_t key = best->key;
        int64_t count = best->count;
        int id = token_for(l, key, e);
        if (id == -1) return -1;
        if (id == -2) {
            best->count = 0;
            continue;
        }
        *last_count = (uint64_t)count;
        if (bpe_add(bpe, (int)(key >> 32), (int)(uint32_t)key, id, e)) return -1;
        if (!merge_everywhere(l, best, (uint32_t)id))
            return err_oom(e, l->pairs.cap * sizeof(struct pair), "counting pairs");
    }
    return l->rules->fill_up && l->vocab->n < l->rules->vocab_size ? fill_up(l, bpe, e) : 0;
}

int bpe_learn(struct bpe_corpus *c, const struct bpe_rules *rules, struct vocab *vocab,
              struct bpe *bpe, uint64_t *last_count, struct err *e)
{
    struct learner l = {.c = c, .rules = rules, .vocab = vocab};
    c->cell[1 + c->n_cells] = (struct bpe_cell){HOLE, NO_WORD};
    int ret = learn(&l, bpe, last_count, e);
    pair_table_free(&l.pairs);
    free(l.len);
    free(l.left);
    free(l.right);
    free(l.place);
    free(l.touched);
    buf_free(&l.text);
    return ret;
}
