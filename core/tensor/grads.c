/* grads.c - one gradient from several executions, and its norm.
 *
 * Execution i delivers the subtree over its leaves.  A carry stack of gradient
 * sets continues the tree: an even i writes to the set popcount(i) of the
 * stack, an odd i straight to the final place, and is then added to what
 * waits.  So A = 2^k executions need k sets, and the last sum ends up in
 * params->grad.  Every use of a parameter has its own tree; uses are added at
 * the end. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/tensor/op.h"
#include "core/tensor/params.h"

enum { PIECE = 1 << 16 }; /* elements a slice */

struct piece {
    float *final;            /* params->grad, or the own place of a later use */
    int64_t offset;          /* in a set */
    int64_t n;
    float *total;            /* of a later use: params->grad to add to in the end */
    int use;
};

struct grads {
    struct graph *g;
    int accum, levels, last_use;
    int64_t set;             /* elements of a set */
    int64_t second;          /* elements of all uses but the first */
    float *sets;             /* [levels][set], then [second] */
    struct piece *piece;
    int n_pieces;
};

/* ---- destinations ---- */

static void point_to(struct grads *gr, int i)
{
    int64_t at = 0;
    float *own = gr->sets + gr->levels * gr->set;
    for (struct grad_use *u = gr->g->uses; u; u = u->next) {
        float *final = u->use ? own : u->param->grad;
        if (u->use) own += u->param->n;
        u->dst = i & 1 ? final : gr->sets + __builtin_popcount((unsigned)i) * gr->set + at;
        u->accumulate = false;
        at += u->param->n;
    }
}

static void cut(struct grads *gr)
{
    int64_t at = 0;
    float *own = gr->sets + gr->levels * gr->set;
    for (const struct grad_use *u = gr->g->uses; u; u = u->next) {
        int64_t n = u->param->n;
        float *final = u->use ? own : u->param->grad;
        for (int64_t i = 0; i < n; i += PIECE)
            gr->piece[gr->n_pieces++] = (struct piece){final + i, at + i, min_i64(PIECE, n - i),
                                                       u->param->grad + i, u->use};
        if (u->use) own += n;
        at += n;
    }
}

static int allocate(struct grads *gr, struct err *e)
{
    size_t n_pieces = 0, n, bytes;
    for (const struct grad_use *u = gr->g->uses; u; u = u->next) {
        if (!u->param->grad)
            return err_set(e, ERR_INTERNAL, "parameter '%s' has no gradient memory", u->param->name);
        gr->set += u->param->n;
        if (u->use) gr->second += u->param->n;
        if (u->use > gr->last_use) gr->last_use = u->use;
        n_pieces += (size_t)div_up(u->param->n, PIECE);
    }
    if (!ck_mul((size_t)gr->set, (size_t)gr->levels, &n) || !ck_add(n, (size_t)gr->second, &n) ||
        !ck_mul(n, sizeof(float), &bytes))
        return err_set(e, ERR_CONFIG, "gradients for %d accumulation steps are too large", gr->accum);
    gr->sets = mem_alloc_aligned(bytes);
    gr->piece = mem_alloc(n_pieces, sizeof *gr->piece);
    if (!gr->sets || !gr->piece) return err_oom(e, bytes, "gradient accumulation");
    return 0;
}

struct grads *grads_new(struct graph *g, struct params *p, int accum, struct err *e)
{
    (void)p;
    if (accum < 1 || (accum & (accum - 1)) != 0) {
        err_set(e, ERR_CONFIG, "the accumulation must be a power of two, not %d", accum);
        return NULL;
    }
    struct grads *gr = mem_zalloc(1, sizeof *gr);
    if (!gr) {
        err_oom(e, sizeof *gr, "gradient accumulation");
        return NULL;
    }
    gr->g = g;
    gr->accum = accum;
    while (1 << gr->levels < accum) gr->levels++;
    if (accum == 1) return gr; /* the executor's own destinations do */
    if (allocate(gr, e)) {
        grads_free(gr);
        return NULL;
    }
    cut(gr);
    g->grads = gr;
    point_to(gr, 0);
    return gr;
}

void grads_free(struct grads *gr)
{
    if (!gr) return;
    if (gr->g->grads == gr) gr->g->grads = NULL;
    mem_free_aligned(gr->sets);
    free(gr->piece);
    free(gr);
}

int64_t grads_plan_bytes(const struct graph *g, int accum)
{
    int64_t set = 0, second = 0, levels = 0;
    while (1 << levels < accum) levels++;
    for (const struct grad_use *u = g->uses; u; u = u->next) {
        set += u->param->n;
        if (u->use) second += u->param->n;
    }
    return levels ? (levels * set + second) * (int64_t)sizeof(float) : 0;
}

int64_t grads_bytes(const struct grads *gr)
{
    return gr->accum == 1 ? 0 : (gr->levels * gr->set + gr->second) * (int64_t)sizeof(float);
}

/* ---- merging ---- */

struct merge {
    const struct grads *gr;
    const struct kernels *k;
    int i, use;
};

static void merge_piece(void *arg, int slice, int thread)
{
    (void)thread;
    const struct merge *m = arg;
    const struct grads *gr = m->gr;
    const struct piece *p = &gr->piece[slice];
    bool last = m->i == gr->accum - 1;
    int top = __builtin_popcount((unsigned)m->i);
    for (int bits = m->i; bits & 1; bits >>= 1) {
        float *left = gr->sets + --top * gr->set + p->offset;
        /* The sum stays in the final place while more is to be added to it. */
        bool more = (bits >> 1 & 1) || last;
        m->k->add(more ? p->final : left, left, p->final, (size_t)p->n);
    }
}

static void add_use(void *arg, int slice, int thread)
{
    (void)thread;
    const struct merge *m = arg;
    const struct piece *p = &m->gr->piece[slice];
    if (p->use == m->use) m->k->add(p->total, p->total, p->final, (size_t)p->n);
}

void grads_merge(struct grads *gr, int i, struct pool *pool)
{
    if (gr->accum == 1) return;
    struct merge m = {gr, kernels_get(), i, 0};
    if (i & 1) pool_run(pool, gr->n_pieces, merge_piece, &m);
    bool last = i == gr->accum - 1;
    for (m.use = 1; last && m.use <= gr->last_use; m.use++) pool_run(pool, gr->n_pieces, add_use, &m);
    point_to(gr, last ? 0 : i + 1);
}

/* ---- norm ---- */

static void norm_piece(void *arg, int slice, int thread)
{
    (void)thread;
    struct norm_piece *p = &((struct norm_piece *)arg)[slice];
    const struct kernels *k = kernels_get();
    double v[16];
    int top = 0, chunk = 0;
    for (int64_t i = 0; i < p->n; i += NORM_CHUNK, chunk++) {
        v[top] = (double)k->sumsq(p->grad + i, (size_t)min_i64(NORM_CHUNK, p->n - i));
        for (int bits = chunk; bits & 1; bits >>= 1, top--) v[top - 1] += v[top];
        top++;
    }
    while (top > 1) {
        v[top - 2] += v[top - 1];
        top--;
    }
    p->sum = v[0];
}

double grads_norm(const struct params *p, struct pool *pool)
{
    const struct params_store *s = (const struct params_store *)p;
    if (!s->n_pieces) return 0;
    pool_run(pool, s->n_pieces, norm_piece, s->piece);
    double v[48];
    int top = 0;
    for (int i = 0; i < s->n_pieces; i++) {
        v[top] = s->piece[i].sum;
        for (int bits = i; bits & 1; bits >>= 1, top--) v[top - 1] += v[top];
        top++;
    }
    while (top > 1) {
        v[top - 2] += v[top - 1];
        top--;
    }
    return sqrt(v[0]);
}
