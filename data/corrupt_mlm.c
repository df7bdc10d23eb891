/* Masked language modelling, as BERT's create_pretraining_data chooses: a
 * number of tokens fixed by the length of the row, candidates in random order,
 * a word that would exceed the number passed over, and for each chosen token a
 * draw of its own whether it is hidden, replaced or left. */
#include <math.h>
#include <stdlib.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "data/corrupt.h"

struct mlm {
    struct batch_source base; /* first: handed out */
    struct batch_source *in;
    struct mlm_cfg cfg;
    struct group {
        int begin, n;
    } *group;
    int cap;
};

int mlm_max_targets(double rate, int T)
{
    int n = (int)lround(rate * T);
    return n < 1 ? 1 : n > T ? T : n;
}

/* Whole words or single tokens that may be chosen.  A token without a target
 * in the loader's row is padding, or the end of a document that predicts
 * nothing: neither is hidden. */
static int find_groups(struct mlm *m, const struct batch *b, size_t row, int *len)
{
    const struct corrupt_ids *ids = m->cfg.ids;
    int n = 0;
    *len = 0;
    for (int i = 0; i < b->T; i++) {
        size_t at = row + (size_t)i;
        int32_t id = b->tokens[at];
        if (b->weights[at] <= 0) continue;
        (*len)++;
        uint8_t kind = id < ids->n ? ids->kind[id] : ID_SPECIAL;
        if (kind & ID_SPECIAL) continue;
        bool same = m->cfg.whole_word && (kind & ID_CONTINUES) && n && i && b->seg_start[at] != i &&
                    m->group[n - 1].begin + m->group[n - 1].n == i;
        if (same) m->group[n - 1].n++;
        else m->group[n++] = (struct group){i, 1};
    }
    return n;
}

/* Draws are named by the row; with fixed masks by what stands in it. */
static struct rng_key key_of(const struct mlm *m, const struct batch *b, size_t row, uint64_t step, int r, uint32_t part)
{
    uint64_t seed = m->cfg.seed;
    if (m->cfg.copies > 0) {
        uint64_t text = hash64_seed(b->tokens + row, (size_t)b->T * sizeof *b->tokens, seed);
        return rng_key(text, RNG_MASK, (uint32_t)(b->epoch % (uint64_t)m->cfg.copies), part);
    }
    uint64_t name[3] = {seed, step, (uint64_t)r};
    return rng_key(hash64(name, sizeof name), RNG_MASK, 0, part);
}

static int32_t draw_id(const struct corrupt_ids *ids, const struct rng_key *k, uint64_t at)
{
    for (uint64_t i = 0; i < 64; i++) {
        int32_t id = (int32_t)rng_below(k, at * 64 + i, (uint64_t)ids->n);
        if (!(ids->kind[id] & ID_SPECIAL)) return id;
    }
    return ids->mask; /* a vocabulary of special tokens */
}

static void choose(struct mlm *m, struct batch *b, size_t row, uint64_t step, int r)
{
    int len, n = find_groups(m, b, row, &len), want = mlm_max_targets(m->cfg.rate, len), chosen = 0;
    struct rng_key order = key_of(m, b, row, step, r, 1), what = key_of(m, b, row, step, r, 2),
                   drawn = key_of(m, b, row, step, r, 3);
    for (int i = 0; i < b->T; i++) {
        b->targets[row + (size_t)i] = b->weights[row + (size_t)i] > 0 ? -1 : -2;
        b->weights[row + (size_t)i] = 0;
    }
    for (int i = 0; i < n && chosen < want; i++) {
        int k = i + (int)rng_below(&order, (uint64_t)i, (uint64_t)(n - i));
        struct group g = m->group[k];
        m->group[k] = m->group[i];
        if (chosen + g.n > want) continue;
        chosen += g.n;
        for (int j = g.begin; j < g.begin + g.n; j++) {
            size_t at = row + (size_t)j;
            double u = rng_f64(&what, (uint64_t)j);
            b->targets[at] = b->tokens[at];
            b->weights[at] = 1;
            if (u < m->cfg.mask) b->tokens[at] = m->cfg.ids->mask;
            else if (u < m->cfg.mask + m->cfg.random) b->tokens[at] = draw_id(m->cfg.ids, &drawn, (uint64_t)j);
        }
    }
}

static int next(struct batch_source *s, uint64_t step, struct batch *b, struct err *e)
{
    struct mlm *m = (struct mlm *)s;
    if (m->in->next(m->in, step, b, e)) return -1;
    if (m->cap < b->T) {
        struct group *g = mem_resize(m->group, (size_t)b->T, sizeof *g);
        if (!g) return err_oom(e, (size_t)b->T * sizeof *g, "candidates of a row");
        m->group = g;
        m->cap = b->T;
    }
    for (int r = 0; r < b->rows; r++)
        choose(m, b, (size_t)r * (size_t)b->T, step, r);
    b->n_bytes = 0; /* hidden tokens are no text of their own */
    return 0;
}

static int describe(struct batch_source *s, struct buf *json, struct err *e)
{
    struct mlm *m = (struct mlm *)s;
    const struct mlm_cfg *c = &m->cfg;
    buf_printf(json,
               "{\"task\":\"mlm\",\"seed\":\"%llu\",\"rate\":%.17g,\"mask\":%.17g,\"random\":%.17g,\"whole_word\":%s,"
               "\"copies\":%d,\"text\":",
               (unsigned long long)c->seed, c->rate, c->mask, c->random, c->whole_word ? "true" : "false", c->copies);
    if (m->in->describe(m->in, json, e)) return -1;
    buf_addc(json, '}');
    return buf_ok(json, e);
}

static void close_mlm(struct batch_source *s)
{
    struct mlm *m = (struct mlm *)s;
    if (!m) return;
    m->in->close(m->in);
    free(m->group);
    free(m);
}

struct batch_source *mlm_source(struct batch_source *base, const struct mlm_cfg *c, struct err *e)
{
    struct mlm *m = NULL;
    if (c->ids->mask < 0)
        err_set(e, ERR_CONFIG, "the tokenizer has no mask token ([MASK] or <mask>); train it with --special '[MASK]'");
    else if (!(m = mem_zalloc(1, sizeof *m)))
        err_oom(e, sizeof *m, "a batch source");
    if (!m) {
        base->close(base);
        return NULL;
    }
    m->base = (struct batch_source){
        .next = next, .describe = describe, .close = close_mlm, .n_tokens = base->n_tokens, .vocab = base->vocab};
    m->in = base;
    m->cfg = *c;
    return &m->base;
}
