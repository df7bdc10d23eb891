/* op_rwkv7.c - keys, bonus and value residual of RWKV-7; see op_wkv.h. */
#include <math.h>
#include <string.h>

#include "core/tensor/op_wkv.h"
#include "core/tensor/rowgrad.h"

struct heads {
    int D;
};

static const float *row_of(const struct tensor *t, int64_t at)
{
    return (const float *)t->data + at;
}

static float *out_of(const struct tensor *t, int64_t at)
{
    return (float *)t->data + at;
}

static int rows_plan(struct graph *g, struct node *n, struct err *e)
{
    n->tws_bytes = 4 * (size_t)n->out[0]->dim[1] * sizeof(float);
    return node_rows(g, n, n->out[0]->dim[0], 8 * n->out[0]->dim[1], e);
}

/* ---- keys ---- */

enum { IN_K, IN_X, IN_KK, IN_KA };
enum { OUT_K, OUT_REMOVE, OUT_WRITE };

/* u = k k_k and, of each head, 1 / max(|u|, 1e-12). */
static float inverse_norm(const struct kernels *k, const float *u, int D)
{
    float n = sqrtf(k->sumsq(u, (size_t)D));
    return 1 / (n > 1e-12f ? n : 1e-12f);
}

static void keys_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct heads *a = n->attr;
    int64_t C = n->out[0]->dim[1], end = min_i64((slice + 1) * n->rows, n->out[0]->dim[0]);
    const float *kk = n->in[IN_KK]->data, *ka = n->in[IN_KA]->data;
    float *s = (float *)(void *)r->tws, *u = s + C;
    for (int64_t t = slice * n->rows; t < end; t++) {
        const float *k = row_of(n->in[IN_K], t * C);
        float *key = out_of(n->out[OUT_K], t * C), *del = out_of(n->out[OUT_REMOVE], t * C),
              *add = out_of(n->out[OUT_WRITE], t * C);
        r->k->act(ACT_SIGMOID, s, row_of(n->in[IN_X], t * C), (size_t)C);
        r->k->mul(u, k, kk, (size_t)C);
        for (int64_t h = 0; h < C; h += a->D) r->k->scale(u + h, inverse_norm(r->k, u + h, a->D), u + h, (size_t)a->D);
        for (int64_t c = 0; c < C; c++) {
            key[c] = k[c] * (1 + (s[c] - 1) * ka[c]);
            del[c] = -u[c];
            add[c] = u[c] * s[c];
        }
    }
}

enum { BWD_K, BWD_X, BWD_KK, BWD_KA, BWD_DKEY, BWD_DDEL, BWD_DADD };

static void keys_bwd_row(const struct node *n, const struct run *r, int64_t t, float *partial)
{
    const struct heads *a = n->attr;
    int64_t C = n->in[BWD_K]->dim[1];
    const float *k = row_of(n->in[BWD_K], t * C), *kk = n->in[BWD_KK]->data, *ka = n->in[BWD_KA]->data;
    const float *dkey = row_of(n->in[BWD_DKEY], t * C), *ddel = row_of(n->in[BWD_DDEL], t * C),
                *dadd = row_of(n->in[BWD_DADD], t * C);
    float *s = (float *)(void *)r->tws, *u = s + C, *du = u + C, *dk = out_of(n->out[0], t * C),
          *dx = out_of(n->out[1], t * C);
    r->k->act(ACT_SIGMOID, s, row_of(n->in[BWD_X], t * C), (size_t)C);
    r->k->mul(u, k, kk, (size_t)C);
    for (int64_t h = 0; h < C; h += a->D) {
        float inv = inverse_norm(r->k, u + h, a->D);
        r->k->scale(u + h, inv, u + h, (size_t)a->D);
        for (int64_t c = h; c < h + a->D; c++) du[c] = dadd[c] * s[c] - ddel[c];
        float inner = r->k->dot(u + h, du + h, (size_t)a->D);
        for (int64_t c = h; c < h + a->D; c++) du[c] = (du[c] - u[c] * inner) * inv;
    }
    for (int64_t c = 0; c < C; c++) {
        float da = dadd[c] * u[c] + dkey[c] * k[c] * ka[c];
        dk[c] = dkey[c] * (1 + (s[c] - 1) * ka[c]) + du[c] * kk[c];
        dx[c] = da * s[c] * (1 - s[c]);
        if (!partial) continue;
        partial[c] += du[c] * k[c];
        partial[C + c] += dkey[c] * k[c] * (s[c] - 1);
    }
}

static const struct rowgrad keys_rows = {keys_bwd_row, 2};

static int keys_bwd_plan(struct graph *g, struct node *n, struct err *e)
{
    int64_t C = n->in[BWD_K]->dim[1];
    return rowgrad_plan(g, n, 2, C, 3 * (size_t)C * sizeof(float), e);
}

static void keys_bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    rowgrad_run(n, r, &keys_rows, n->in[BWD_K]->dim[1], phase, slice);
}

static const struct op keys_bwd_op = {.name = "keys_bwd", .plan = keys_bwd_plan, .run = keys_bwd_run};

static void keys_vjp(struct graph *g, struct node *n)
{
    struct node *b = node_new(g, &keys_bwd_op, n->attr);
    if (!b) return;
    for (int i = 0; i < 4; i++) node_in(b, n->in[i]);
    for (int i = 0; i < 3; i++) {
        node_in(b, n->out[i]->grad);
        if (!n->out[i]->grad) graph_fail(g, ERR_INTERNAL, "keys: an output is not used");
    }
    for (int i = 0; i < 2; i++) {
        b->grad[i] = grad_param(g, n->in[IN_KK + i]);
        if (b->grad[i]) b->effect = true;
        grad_out(g, b, n->in[i]);
    }
}

static const struct op keys_op = {.name = "keys", .plan = rows_plan, .run = keys_run, .vjp = keys_vjp};

bool op_rwkv7_keys(struct graph *g, struct tensor *k, struct tensor *x, struct tensor *k_k, struct tensor *k_a, int D,
                   struct tensor *out[3])
{
    out[0] = out[1] = out[2] = NULL;
    if (!want_like(g, "keys", k, k) || !want_like(g, "keys", x, k) || !k_k || !k_a ||
        !want_vector(g, "keys", k_k, k->dim[1]) || !want_vector(g, "keys", k_a, k->dim[1]))
        return false;
    struct heads *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &keys_op, a) : NULL;
    if (!n) return false;
    a->D = D;
    node_in(n, k);
    node_in(n, x);
    node_in(n, k_k);
    node_in(n, k_a);
    static const char *const names[] = {"keys", "removal keys", "replacement keys"};
    for (int i = 0; i < 3; i++) node_out(n, out[i] = tensor_2d(g, DT_F32, k->dim[0], k->dim[1], names[i]));
    return !graph_failed(g);
}

/* ---- bonus ---- */

enum { IN_Y, IN_R, IN_KEY, IN_V, IN_RK };

static void bonus_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct heads *a = n->attr;
    int64_t C = n->out[0]->dim[1], end = min_i64((slice + 1) * n->rows, n->out[0]->dim[0]);
    float *p = (float *)(void *)r->tws;
    for (int64_t t = slice * n->rows; t < end; t++) {
        float *y = out_of(n->out[0], t * C);
        const float *in = row_of(n->in[IN_Y], t * C), *v = row_of(n->in[IN_V], t * C);
        r->k->mul(p, row_of(n->in[IN_R], t * C), row_of(n->in[IN_KEY], t * C), (size_t)C);
        if (y != in) memcpy(y, in, (size_t)C * sizeof *y);
        for (int64_t h = 0; h < C; h += a->D)
            r->k->axpy(y + h, r->k->dot(p + h, (const float *)n->in[IN_RK]->data + h, (size_t)a->D), v + h, (size_t)a->D);
    }
}

enum { BB_R, BB_KEY, BB_V, BB_RK, BB_DY };

static void bonus_bwd_row(const struct node *n, const struct run *r, int64_t t, float *partial)
{
    const struct heads *a = n->attr;
    int64_t C = n->in[BB_R]->dim[1];
    size_t D = (size_t)a->D;
    const float *rr = row_of(n->in[BB_R], t * C), *k = row_of(n->in[BB_KEY], t * C), *v = row_of(n->in[BB_V], t * C);
    const float *rk = n->in[BB_RK]->data, *dy = row_of(n->in[BB_DY], t * C);
    float *p = (float *)(void *)r->tws, *dr = out_of(n->out[0], t * C), *dk = out_of(n->out[1], t * C),
          *dv = out_of(n->out[2], t * C);
    r->k->mul(p, rr, k, (size_t)C);
    for (int64_t h = 0; h < C; h += a->D) {
        float s = r->k->dot(p + h, rk + h, D), ds = r->k->dot(dy + h, v + h, D);
        r->k->scale(dv + h, s, dy + h, D);
        for (int64_t c = h; c < h + a->D; c++) {
            dr[c] = ds * k[c] * rk[c];
            dk[c] = ds * rr[c] * rk[c];
            if (partial) partial[c] += ds * p[c];
        }
    }
}

static const struct rowgrad bonus_rows = {bonus_bwd_row, 1};

static int bonus_bwd_plan(struct graph *g, struct node *n, struct err *e)
{
    int64_t C = n->in[BB_R]->dim[1];
    return rowgrad_plan(g, n, 1, C, (size_t)C * sizeof(float), e);
}

static void bonus_bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    rowgrad_run(n, r, &bonus_rows, n->in[BB_R]->dim[1], phase, slice);
}

static const struct op bonus_bwd_op = {.name = "bonus_bwd", .plan = bonus_bwd_plan, .run = bonus_bwd_run};

static void bonus_vjp(struct graph *g, struct node *n)
{
    struct tensor *dy = grad_cast(g, n->out[0]->grad, DT_F32);
    struct node *b = dy ? node_new(g, &bonus_bwd_op, n->attr) : NULL;
    if (!b) return;
    for (int i = IN_R; i <= IN_RK; i++) node_in(b, n->in[i]);
    node_in(b, dy);
    b->grad[0] = grad_param(g, n->in[IN_RK]);
    b->effect = b->grad[0];
    for (int i = IN_R; i <= IN_V; i++) grad_out(g, b, n->in[i]);
    grad_pass(g, n->in[IN_Y], dy, true); /* last: from here on dy may be added to */
}

static const struct op bonus_op = {.name = "bonus", .plan = rows_plan, .run = bonus_run, .vjp = bonus_vjp};

struct tensor *op_rwkv7_bonus(struct graph *g, struct tensor *y, struct tensor *r, struct tensor *key, struct tensor *v,
                              struct tensor *r_k, int D)
{
    if (!want_like(g, "bonus", y, r) || !want_like(g, "bonus", key, r) || !want_like(g, "bonus", v, r) || !r_k ||
        !want_vector(g, "bonus", r_k, r->dim[1]))
        return NULL;
    struct heads *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &bonus_op, a) : NULL;
    if (!n) return NULL;
    a->D = D;
    node_in(n, y);
    node_in(n, r);
    node_in(n, key);
    node_in(n, v);
    node_in(n, r_k);
    n->inplace = IN_Y;
    struct tensor *out = tensor_2d(g, DT_F32, y->dim[0], y->dim[1], "bonus");
    node_out(n, out);
    return out;
}

/* ---- blend ---- */

enum { BL_V, BL_FIRST, BL_X, BL_DY };

static void blend_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    int64_t C = n->out[0]->dim[1], end = min_i64((slice + 1) * n->rows, n->out[0]->dim[0]);
    float *s = (float *)(void *)r->tws;
    for (int64_t t = slice * n->rows; t < end; t++) {
        const float *v = row_of(n->in[BL_V], t * C), *first = row_of(n->in[BL_FIRST], t * C);
        float *y = out_of(n->out[0], t * C);
        r->k->act(ACT_SIGMOID, s, row_of(n->in[BL_X], t * C), (size_t)C);
        for (int64_t c = 0; c < C; c++) y[c] = v[c] + (first[c] - v[c]) * s[c];
    }
}

static void blend_bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    int64_t C = n->out[0]->dim[1], end = min_i64((slice + 1) * n->rows, n->out[0]->dim[0]);
    float *s = (float *)(void *)r->tws;
    for (int64_t t = slice * n->rows; t < end; t++) {
        const float *v = row_of(n->in[BL_V], t * C), *first = row_of(n->in[BL_FIRST], t * C),
                    *dy = row_of(n->in[BL_DY], t * C);
        float *dv = out_of(n->out[0], t * C), *df = out_of(n->out[1], t * C), *dx = out_of(n->out[2], t * C);
        r->k->act(ACT_SIGMOID, s, row_of(n->in[BL_X], t * C), (size_t)C);
        for (int64_t c = 0; c < C; c++) {
            dv[c] = dy[c] * (1 - s[c]);
            df[c] = dy[c] * s[c];
            dx[c] = dy[c] * (first[c] - v[c]) * (s[c] * (1 - s[c]));
        }
    }
}

static const struct op blend_bwd_op = {.name = "blend_bwd", .plan = rows_plan, .run = blend_bwd_run};

static void blend_vjp(struct graph *g, struct node *n)
{
    struct tensor *dy = grad_cast(g, n->out[0]->grad, DT_F32);
    struct node *b = dy ? node_new(g, &blend_bwd_op, n->attr) : NULL;
    if (!b) return;
    for (int i = 0; i < 3; i++) node_in(b, n->in[i]);
    node_in(b, dy);
    for (int i = 0; i < 3; i++) grad_out(g, b, n->in[i]);
}

static const struct op blend_op = {.name = "blend", .plan = rows_plan, .run = blend_run, .vjp = blend_vjp};

struct tensor *op_blend(struct graph *g, struct tensor *v, struct tensor *first, struct tensor *x)
{
    if (!want_like(g, "blend", v, v) || !want_like(g, "blend", first, v) || !want_like(g, "blend", x, v)) return NULL;
    struct node *n = node_new(g, &blend_op, NULL);
    node_in(n, v);
    node_in(n, first);
    node_in(n, x);
    struct tensor *y = tensor_2d(g, DT_F32, v->dim[0], v->dim[1], "values");
    node_out(n, y);
    return y;
}
