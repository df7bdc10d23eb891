/* decode_moe.c - experts in the pass of the decoder.
 *
 * Rows are sorted by expert, so that the weights of an expert are read once for
 * all its rows; a slice is a block of columns of one expert. */
#include <string.h>

#include "core/base/mem.h"
#include "core/model/decode_internal.h"
#include "core/tensor/op_router.h"

/* Slots of the pass at hand; m rows of k slots each. */
struct moe_pass {
    struct decoder *d;
    const struct dec_layer *l;
    struct product p;       /* what all slices share */
    int m, n_active, blocks, columns;
    bool up;                /* the first product, else the second */
};

static void route_row(struct decoder *d, const void *arg, int row)
{
    const struct dec_layer *l = arg;
    const struct moe_config *m = &l->k->moe;
    const struct router_rule rule = {.score = m->score, .experts = m->experts, .top_k = m->top_k, .groups = m->groups,
                                     .topk_groups = m->topk_groups, .renorm = m->renorm, .scale = (float)m->scale};
    float logits[ROUTER_MAX_EXPERTS], p[ROUTER_MAX_EXPERTS];
    d->k->gemv(logits, l->router_w, DT_F32, d->c.d_model, d->moe.in + (int64_t)row * d->c.d_model, d->c.d_model, 0,
               m->experts, l->vec[SLOT_ROUTER_B]);
    router_choose(d->k, &rule, logits, l->vec[SLOT_ROUTER_CORR], p, d->moe.weights + row * m->top_k,
                  d->moe.ids + row * m->top_k);
}

/* A stable counting sort of the slots; returns how many experts have any. */
static int sort_slots(struct decoder *d, const struct moe_config *m, int rows)
{
    struct dec_moe *x = &d->moe;
    int32_t begin[ROUTER_MAX_EXPERTS + 1] = {0}, at = 0;
    int n = 0;
    for (int i = 0; i < rows * m->top_k; i++) begin[x->ids[i]]++;
    for (int e = 0; e < m->experts; e++) {
        int32_t count = begin[e];
        begin[e] = at;
        if (count) x->active[n++] = (struct dec_active){e, at, at + count};
        at += count;
    }
    for (int i = 0; i < rows * m->top_k; i++) x->place[i] = begin[x->ids[i]]++;
    return n;
}

/* Copies a row to its slots, in the types that the products read. */
static void spread_row(struct decoder *d, const void *arg, int row)
{
    const struct moe_config *m = arg;
    size_t C = (size_t)d->c.d_model;
    const float *x = d->moe.in + (size_t)row * C;
    for (int k = 0; k < m->top_k; k++) {
        size_t to = (size_t)d->moe.place[row * m->top_k + k] * C;
        memcpy(d->moe.x + to, x, C * sizeof *x);
        if (d->moe.half && d->packed) d->k->bf16_from_f32(d->moe.half + to, x, C);
    }
}

static void expert_slice(void *arg, int slice, int thread)
{
    const struct moe_pass *w = arg;
    const struct dec_active *a = &w->d->moe.active[slice / w->blocks];
    struct product p = w->p;
    int N = p.n[0], n0 = slice % w->blocks * w->columns, n1 = n0 + w->columns < N ? n0 + w->columns : N;
    size_t el = dtype_size(w->d->dt), rows = (size_t)N * (w->up ? 2 : 1);
    for (int i = 0; i < (w->up ? 2 : 1); i++) { /* gate, up */
        size_t row = (size_t)a->expert * rows + (size_t)(i * N);
        p.w[i] = (const char *)w->p.w[0] + row * (size_t)p.K * el;
        p.b[i] = w->p.b[0] ? w->p.b[0] + row : NULL;
    }
    p.m = a->end - a->first;
    p.x += (int64_t)a->first * p.K;
    p.xg = (const char *)p.xg + (size_t)a->first * (size_t)p.K * el;
    float *y = p.y + (int64_t)a->first * p.ld, *y2 = p.y2 + (int64_t)a->first * p.ld;
    decode_part(&p, 0, y, n0, n1, thread);
    if (!w->up) return;
    decode_part(&p, 1, y2, n0, n1, thread);
    const struct block_config *b = w->l->k;
    for (int i = 0; i < p.m; i++) {
        float *h = y + i * p.ld + n0;
        const float *u = y2 + i * p.ld + n0;
        if (b->glu_limit > 0)
            w->d->k->glu_clamped(h, h, u, (size_t)(n1 - n0), (float)b->glu_limit, (float)b->glu_alpha);
        else
            w->d->k->glu(b->act, h, h, u, (size_t)(n1 - n0));
    }
}

static void run_experts(struct moe_pass *w, int n)
{
    struct decoder *d = w->d;
    int most = d->packed ? DECODE_PANEL : 512;
    w->p.n[0] = n;
    w->columns = (n * w->n_active / (4 * pool_threads(d->pool)) + 15) / 16 * 16;
    if (w->columns > most) w->columns = most;
    if (w->columns < 16) w->columns = 16;
    w->blocks = (n + w->columns - 1) / w->columns;
    pool_run(d->pool, w->n_active * w->blocks, expert_slice, w);
}

static void hidden_to_half(struct decoder *d, const void *arg, int row)
{
    const struct block_config *b = arg;
    size_t n = (size_t)(b->moe.top_k * b->d_ff), at = (size_t)row * n;
    d->k->bf16_from_f32(d->moe.half + at, d->moe.h + at, n);
}

/* t = (the shared experts' output) + the weighted sum of the slots, in their order. */
static void combine_row(struct decoder *d, const void *arg, int row)
{
    const struct moe_config *m = arg;
    size_t C = (size_t)d->c.d_model;
    float *t = d->t + (size_t)row * C;
    if (!m->shared) memset(t, 0, C * sizeof *t);
    for (int k = 0; k < m->top_k; k++) {
        int i = row * m->top_k + k;
        d->k->axpy(t, d->moe.weights[i], d->moe.y + (size_t)d->moe.place[i] * C, C);
    }
}

/* The shared experts' output times its own sigmoid. */
static void weigh_row(struct decoder *d, const void *arg, int row)
{
    const struct dec_layer *l = arg;
    int C = d->c.d_model;
    float z, *t = d->t + (int64_t)row * C;
    d->k->gemv(&z, l->ssig_w, DT_F32, C, d->moe.in + (int64_t)row * C, C, 0, 1, NULL);
    d->k->act(ACT_SIGMOID, &z, &z, 1);
    d->k->scale(t, z, t, (size_t)C);
}

void decode_moe(struct decoder *d, int m, const struct dec_layer *l, const float *in)
{
    const struct block_config *k = l->k;
    const struct moe_config *c = &k->moe;
    if (c->shared) decode_glu(d, m, l, in, l->sgate_w, l->sup_w, l->sdown_w, moe_shared_width(k));
    d->moe.in = in;
    if (c->shared_gate) decode_by_row(d, m, weigh_row, l);
    decode_by_row(d, m, route_row, l);
    struct moe_pass w = {.d = d, .l = l, .m = m, .n_active = sort_slots(d, c, m)};
    decode_by_row(d, m, spread_row, c);
    w.up = true;
    w.p = (struct product){.d = d, .K = d->c.d_model, .w = {l->eup_w}, .b = {l->vec[SLOT_EUP_B]}, .x = d->moe.x,
                           .xg = d->moe.half ? (const void *)d->moe.half : d->moe.x, .y = d->moe.h, .y2 = d->moe.h2,
                           .ld = k->d_ff};
    run_experts(&w, k->d_ff);
    if (d->moe.half && d->packed) decode_by_row(d, m, hidden_to_half, k);
    w.up = false;
    w.p.K = k->d_ff;
    w.p.w[0] = l->edown_w;
    w.p.b[0] = l->vec[SLOT_EDOWN_B];
    w.p.x = d->moe.h;
    if (!d->moe.half) w.p.xg = d->moe.h;
    w.p.y = w.p.y2 = d->moe.y;
    w.p.ld = d->c.d_model;
    run_experts(&w, d->c.d_model);
    decode_by_row(d, m, combine_row, c);
}
