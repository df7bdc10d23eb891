/* decode_rwkv.c - RWKV in the pass of the decoder.
 *
 * A sequence has a state of fixed size in each layer (dec_layer.state): the
 * last input of time mixing and of channel mixing [C] each, then what the
 * recurrence keeps.  The kernels are those of training, so a prompt in one pass
 * and token by token gives the same recurrence. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/kernels/wkv.h"
#include "core/model/decode_internal.h"
#include "core/tensor/op_wkv.h"

enum { CHANNELS = 64 }; /* of a slice of the recurrence */

static bool is_rwkv(const struct block_config *k)
{
    return k->mixer >= MIX_RWKV4;
}

/* Floats of the recurrence. */
static size_t memory_floats(const struct block_config *k)
{
    size_t A = (size_t)k->heads * (size_t)k->head_dim;
    return k->mixer == MIX_RWKV4 ? 3 * A : A * (size_t)wkv_ld(k->head_dim);
}

size_t decode_state_floats(const struct model_config *c, const struct block_config *k)
{
    size_t C = (size_t)c->d_model;
    return (is_rwkv(k) ? C + memory_floats(k) : 0) + (k->ffn == FFN_CMIX ? C : 0);
}

bool decode_recurrent(const struct model_config *c)
{
    for (int i = c->n_enc_blocks; i < c->n_blocks; i++)
        if (decode_state_floats(c, &c->block[i])) return true;
    return false;
}

size_t decode_largest_rank(const struct block_config *k)
{
    const int ranks[] = {k->rwkv.mix_rank, k->rwkv.decay_rank, k->rwkv.a_rank, k->rwkv.v_rank, k->rwkv.gate_rank};
    int most = 0;
    for (size_t i = 0; i < COUNT_OF(ranks); i++)
        if (ranks[i] > most) most = ranks[i];
    return (size_t)most;
}

void decode_make_states(struct decoder *d)
{
    size_t M = (size_t)d->rows, C = (size_t)d->c.d_model, A = 0, rank = 0, ws = 0;
    bool any = false;
    for (int i = 0; i < d->n_layers; i++) {
        struct dec_layer *l = &d->layer[i];
        const struct block_config *k = l->k;
        l->state_floats = decode_state_floats(&d->c, k);
        if (!l->state_floats) continue;
        any = true;
        l->state = decode_take(d, l->state_floats * (size_t)d->max_seqs, sizeof *l->state);
        if (is_rwkv(k) && (size_t)k->heads * (size_t)k->head_dim > A) A = (size_t)k->heads * (size_t)k->head_dim;
        if (decode_largest_rank(k) > rank) rank = decode_largest_rank(k);
        size_t need = k->mixer > MIX_RWKV4 ? (size_t)wkv_ws_floats(1, k->head_dim, 0) : 0;
        if (need > ws) ws = need;
        if (k->mixer != MIX_RWKV4) continue;
        float *w = decode_take(d, A, sizeof *w);
        if (w) {
            d->k->exp(w, l->vec[SLOT_DECAY], (size_t)k->head_dim);
            d->k->scale(w, -1, w, (size_t)k->head_dim);
        }
        l->decay = w;
    }
    for (int i = 0; i < 6 && any; i++) d->rwkv.mix[i] = decode_take(d, M * C, sizeof(float));
    for (int i = 0; i < 9 && any; i++) d->rwkv.part[i] = decode_take(d, M * (A > C ? A : C), sizeof(float));
    if (rank) d->rwkv.low = decode_take(d, M * rank, sizeof(float));
    d->rwkv.ws_floats = ws;
    if (ws) d->rwkv.ws = decode_take(d, ws * (size_t)pool_threads(d->pool), sizeof(float));
}

void decode_bind_rwkv(struct decoder *d, const struct bound *b, int i)
{
    struct dec_layer *l = &d->layer[i - d->first];
    for (int r = SLOT_MA1_W; r <= SLOT_CVAL_W; r++) {
        const struct param *p = bound_at(b, i, (enum slot_role)r);
        if (p && p->ndim == 2) l->mat[r - SLOT_MA1_W] = decode_weight(d, p);
    }
}

void decode_copy_states(struct decoder *d, int from, int to)
{
    for (int i = 0; i < d->n_layers; i++) {
        const struct dec_layer *l = &d->layer[i];
        if (l->state)
            memcpy(l->state + l->state_floats * (size_t)to, l->state + l->state_floats * (size_t)from,
                   l->state_floats * sizeof *l->state);
    }
}

static float *state_of(const struct dec_layer *l, int seq)
{
    return l->state + l->state_floats * (size_t)seq;
}

/* Where channel mixing keeps its last input. */
static float *cmix_state(const struct decoder *d, const struct dec_layer *l, int seq)
{
    return state_of(l, seq) + l->state_floats - (size_t)d->c.d_model;
}

void decode_start_states(struct decoder *d, int seq)
{
    for (int i = 0; i < d->n_layers; i++) {
        const struct dec_layer *l = &d->layer[i];
        if (!l->state) continue;
        float *s = state_of(l, seq);
        memset(s, 0, l->state_floats * sizeof *s);
        if (l->k->mixer != MIX_RWKV4) continue;
        size_t A = (size_t)l->k->head_dim;
        for (size_t c = 0; c < A; c++) s[(size_t)d->c.d_model + 2 * A + c] = -1e38f;
    }
}

/* ---- token shift ---- */

struct shift_job {
    const struct dec_layer *l;
    const float *in;
    bool complement, cmix;
    int n, to;              /* rwkv.mix[to] ... */
    enum slot_role role[6];
    const float *d;         /* [rows, C] added to the mix (n = 1), or NULL */
};

static const float *last_input(struct decoder *d, const struct shift_job *j, int row)
{
    int seq = d->row_seq[row];
    return j->cmix ? cmix_state(d, j->l, seq) : state_of(j->l, seq);
}

static void shift_row(struct decoder *d, const void *arg, int row)
{
    const struct shift_job *j = arg;
    size_t C = (size_t)d->c.d_model;
    const float *x = j->in + (size_t)row * C;
    const float *prev = row > 0 && d->row_seq[row - 1] == d->row_seq[row] ? x - C : last_input(d, j, row);
    for (int i = 0; i < j->n; i++) {
        const float *mu = j->l->vec[j->role[i]];
        float *y = d->rwkv.mix[j->to + i] + (size_t)row * C;
        for (size_t c = 0; c < C; c++) {
            float w = j->complement ? 1 - mu[c] : j->d ? mu[c] + j->d[(size_t)row * C + c] : mu[c];
            y[c] = x[c] + w * (prev[c] - x[c]);
        }
    }
}

/* The last inputs become what the next pass shifts in. */
static void remember(struct decoder *d, int n_spans, const struct shift_job *j)
{
    size_t C = (size_t)d->c.d_model;
    for (int i = 0; i < n_spans; i++) {
        const struct dec_span *s = &d->spans[i];
        float *last = j->cmix ? cmix_state(d, j->l, s->seq) : state_of(j->l, s->seq);
        memcpy(last, j->in + (size_t)(s->row + s->n - 1) * C, C * sizeof *last);
    }
}

static void shift(struct decoder *d, int n_spans, int m, const struct shift_job *j)
{
    decode_by_row(d, m, shift_row, j);
    remember(d, n_spans, j);
}

/* ---- products ---- */

static void product(struct decoder *d, int m, const struct dec_layer *l, const float *x, int K, enum slot_role w,
                    const float *bias, int N, float *y, enum act act)
{
    struct product p = {.d = d, .m = m, .K = K, .n_parts = 1, .w = {l->mat[w - SLOT_MA1_W]}, .b = {bias}, .n = {N},
                        .x = x, .y = y, .ld = N, .act = act};
    decode_prepare(&p);
    decode_product(&p);
}

/* ---- version 4 ---- */

struct wkv_job {
    struct decoder *d;
    const struct dec_layer *l;
    int blocks; /* slices of a span */
};

static void wkv4_slice(void *arg, int slice, int thread)
{
    (void)thread;
    const struct wkv_job *j = arg;
    struct decoder *d = j->d;
    const struct dec_span *s = &d->spans[slice / j->blocks];
    int A = j->l->k->head_dim, c0 = slice % j->blocks * CHANNELS, c1 = c0 + CHANNELS < A ? c0 + CHANNELS : A;
    int64_t at = (int64_t)s->row * A;
    struct wkv4 x = {.T = s->n, .ld = A, .r = d->rwkv.part[0] + at, .k = d->rwkv.part[1] + at, .v = d->rwkv.part[2] + at,
                     .w = j->l->decay, .u = j->l->vec[SLOT_FIRST], .state = state_of(j->l, s->seq) + d->c.d_model,
                     .state_ld = A, .y = d->rwkv.part[3] + at};
    d->k->wkv4_fwd(&x, c0, c1);
}

static void mix_4(struct decoder *d, int n_spans, int m, const struct dec_layer *l, const float *in)
{
    int C = d->c.d_model, A = l->k->head_dim;
    struct shift_job s = {l, in, true, false, 3, 0, {SLOT_MIX_R, SLOT_MIX_K, SLOT_MIX_V}, NULL};
    shift(d, n_spans, m, &s);
    for (unsigned i = 0; i < 3; i++)
        product(d, m, l, d->rwkv.mix[i], C, SLOT_TR_W + i, NULL, A, d->rwkv.part[i], ACT_NONE);
    struct wkv_job j = {d, l, (A + CHANNELS - 1) / CHANNELS};
    pool_run(d->pool, n_spans * j.blocks, wkv4_slice, &j);
}

/* ---- versions 5 to 7 ---- */

enum { P_R, P_K, P_V, P_Y, P_W, P_G, P_A, P_B, P_FIRST }; /* of rwkv.part */

static void low_rank(struct decoder *d, int m, const struct dec_layer *l, const float *x, enum slot_role down,
                     enum slot_role up, int rank, enum act act, const float *bias, int N, float *y)
{
    product(d, m, l, x, d->c.d_model, down, NULL, rank, d->rwkv.low, act);
    product(d, m, l, d->rwkv.low, rank, up, bias, N, y, ACT_NONE);
}

static void head_slice(void *arg, int slice, int thread)
{
    const struct wkv_job *j = arg;
    struct decoder *d = j->d;
    const struct block_config *k = j->l->k;
    const struct dec_span *s = &d->spans[slice / k->heads];
    int D = k->head_dim, h = slice % k->heads, A = k->heads * D;
    int64_t at = (int64_t)s->row * A + (int64_t)h * D;
    bool seven = k->mixer == MIX_RWKV7;
    float *const *p = d->rwkv.part;
    struct wkv x = {.T = s->n, .D = D, .ld = A, .r = p[P_R] + at, .w = p[P_W] + at, .k = p[P_K] + at, .v = p[P_V] + at,
                    .a = seven ? p[P_A] + at : NULL, .b = seven ? p[P_B] + at : NULL,
                    .u = seven ? NULL : j->l->vec[SLOT_FIRST] + h * D,
                    .state = state_of(j->l, s->seq) + d->c.d_model + (int64_t)h * D * wkv_ld(D), .y = p[P_Y] + at};
    d->k->wkv_fwd(&x, d->rwkv.ws + (size_t)thread * d->rwkv.ws_floats);
}

/* w from its logits, in place; P_W is not read by version 5. */
static void decay_row(struct decoder *d, const void *arg, int row)
{
    const struct dec_layer *l = arg;
    size_t A = (size_t)l->k->heads * (size_t)l->k->head_dim;
    float *w = d->rwkv.part[P_W] + (size_t)row * A;
    if (l->k->mixer == MIX_RWKV5) memcpy(w, l->vec[SLOT_DECAY], A * sizeof *w);
    else d->k->add(w, w, l->vec[SLOT_DECAY], A);
    if (l->k->mixer == MIX_RWKV7) d->k->act(ACT_SIGMOID, w, w, A);
    else d->k->exp(w, w, A);
    d->k->scale(w, l->k->mixer == MIX_RWKV7 ? WKV7_DECAY : -1, w, A);
    d->k->exp(w, w, A);
}

/* Keys of version 7 (op_wkv.h), from the logits of a in P_A. */
static void keys_row(struct decoder *d, const void *arg, int row)
{
    const struct dec_layer *l = arg;
    int D = l->k->head_dim, A = l->k->heads * D;
    float *k = d->rwkv.part[P_K] + (int64_t)row * A, *a = d->rwkv.part[P_A] + (int64_t)row * A,
          *b = d->rwkv.part[P_B] + (int64_t)row * A;
    const float *kk = l->vec[SLOT_KK], *ka = l->vec[SLOT_KA];
    d->k->act(ACT_SIGMOID, a, a, (size_t)A);
    d->k->mul(b, k, kk, (size_t)A);
    for (int h = 0; h < A; h += D) {
        float n = sqrtf(d->k->sumsq(b + h, (size_t)D));
        d->k->scale(b + h, 1 / (n > 1e-12f ? n : 1e-12f), b + h, (size_t)D);
    }
    for (int c = 0; c < A; c++) {
        float u = b[c];
        k[c] *= 1 + (a[c] - 1) * ka[c];
        b[c] = u * a[c];
        a[c] = -u;
    }
}

/* v + (v_0 - v) sigmoid(x), x in P_Y. */
static void blend_row(struct decoder *d, const void *arg, int row)
{
    const struct dec_layer *l = arg;
    size_t A = (size_t)l->k->heads * (size_t)l->k->head_dim, at = (size_t)row * A;
    float *v = d->rwkv.part[P_V] + at, *x = d->rwkv.part[P_Y] + at;
    const float *first = d->rwkv.part[P_FIRST] + at;
    d->k->act(ACT_SIGMOID, x, x, A);
    for (size_t c = 0; c < A; c++) v[c] += (first[c] - v[c]) * x[c];
}

/* The heads' norm, version 7's bonus, the gate. */
static void finish_row(struct decoder *d, const void *arg, int row)
{
    const struct dec_layer *l = arg;
    const struct block_config *k = l->k;
    int D = k->head_dim, A = k->heads * D;
    int64_t at = (int64_t)row * A;
    float *y = d->rwkv.part[P_Y] + at, *r = d->rwkv.part[P_R] + at, *g = d->rwkv.part[P_G] + at, mean, rstd;
    for (int h = 0; h < A; h += D)
        d->k->layernorm(y + h, y + h, l->vec[SLOT_LNX_W] + h, l->vec[SLOT_LNX_B] + h, D, (float)k->rwkv.norm_eps, &mean,
                        &rstd);
    if (k->mixer == MIX_RWKV7) {
        d->k->mul(r, r, d->rwkv.part[P_K] + at, (size_t)A);
        for (int h = 0; h < A; h += D)
            d->k->axpy(y + h, d->k->dot(r + h, l->vec[SLOT_RK] + h, (size_t)D), d->rwkv.part[P_V] + at + h, (size_t)D);
        d->k->mul(y, y, g, (size_t)A);
    } else if (k->rwkv.gate) {
        d->k->glu(ACT_SILU, y, g, y, (size_t)A);
    }
}

/* Leaves the inputs of r, k, v, w, g in mix[0..4]. */
static void mixes_5(struct decoder *d, int n_spans, int m, const struct dec_layer *l, const float *in)
{
    struct shift_job s = {
        l, in, true, false, l->k->rwkv.gate ? 4 : 3, 0, {SLOT_MIX_R, SLOT_MIX_K, SLOT_MIX_V, SLOT_MIX_G}, NULL};
    shift(d, n_spans, m, &s);
    float *g = d->rwkv.mix[3];
    d->rwkv.mix[3] = d->rwkv.mix[4];
    d->rwkv.mix[4] = g;
}

static void mixes_6(struct decoder *d, int n_spans, int m, const struct dec_layer *l, const float *in)
{
    static const enum slot_role mu[] = {SLOT_MIX_W, SLOT_MIX_K, SLOT_MIX_V, SLOT_MIX_R, SLOT_MIX_G};
    static const int to[] = {3, 1, 2, 0, 4};
    struct shift_job s = {l, in, false, false, 1, 5, {SLOT_MIX_X}, NULL};
    decode_by_row(d, m, shift_row, &s);
    for (unsigned i = 0; i < 5; i++) {
        low_rank(d, m, l, d->rwkv.mix[5], SLOT_MA1_W + i, SLOT_MA2_W + i, l->k->rwkv.mix_rank, ACT_TANH, NULL, d->c.d_model,
                 d->rwkv.part[P_Y]);
        s = (struct shift_job){l, in, false, false, 1, to[i], {mu[i]}, d->rwkv.part[P_Y]};
        decode_by_row(d, m, shift_row, &s);
    }
    remember(d, n_spans, &s);
}

static void mixes_7(struct decoder *d, int n_spans, int m, const struct dec_layer *l, const float *in)
{
    struct shift_job s = {l, in, false, false, 6, 0,
                          {SLOT_MIX_R, SLOT_MIX_K, SLOT_MIX_V, SLOT_MIX_W, SLOT_MIX_G, SLOT_MIX_A}, NULL};
    shift(d, n_spans, m, &s);
}

static void values_and_keys_7(struct decoder *d, int m, const struct dec_layer *l)
{
    const struct rwkv_config *c = &l->k->rwkv;
    int A = l->k->heads * l->k->head_dim;
    float *const *p = d->rwkv.part;
    if (l->mat[SLOT_V1 - SLOT_MA1_W]) {
        low_rank(d, m, l, d->rwkv.mix[2], SLOT_V1, SLOT_V2, c->v_rank, ACT_NONE, l->vec[SLOT_V0], A, p[P_Y]);
        decode_by_row(d, m, blend_row, l);
    } else {
        memcpy(p[P_FIRST], p[P_V], (size_t)m * (size_t)A * sizeof(float));
    }
    low_rank(d, m, l, d->rwkv.mix[5], SLOT_A1, SLOT_A2, c->a_rank, ACT_NONE, l->vec[SLOT_A0], A, p[P_A]);
    decode_by_row(d, m, keys_row, l);
}

static void mix_heads(struct decoder *d, int n_spans, int m, const struct dec_layer *l, const float *in)
{
    const struct block_config *k = l->k;
    int C = d->c.d_model, A = k->heads * k->head_dim;
    float *const *p = d->rwkv.part, *const *mix = d->rwkv.mix;
    (k->mixer == MIX_RWKV5 ? mixes_5 : k->mixer == MIX_RWKV6 ? mixes_6 : mixes_7)(d, n_spans, m, l, in);
    for (unsigned i = 0; i < 3; i++) product(d, m, l, mix[i], C, SLOT_TR_W + i, NULL, A, p[i], ACT_NONE);
    if (k->mixer != MIX_RWKV5)
        low_rank(d, m, l, mix[3], SLOT_DECAY_A, SLOT_DECAY_B, k->rwkv.decay_rank, ACT_TANH, NULL, A, p[P_W]);
    decode_by_row(d, m, decay_row, l);
    if (k->mixer == MIX_RWKV7) {
        low_rank(d, m, l, mix[4], SLOT_G1, SLOT_G2, k->rwkv.gate_rank, ACT_SIGMOID, NULL, A, p[P_G]);
        values_and_keys_7(d, m, l);
    } else if (k->rwkv.gate) {
        product(d, m, l, mix[4], C, SLOT_TG_W, NULL, A, p[P_G], ACT_NONE);
    }
    struct wkv_job j = {d, l, k->heads};
    pool_run(d->pool, n_spans * k->heads, head_slice, &j);
    decode_by_row(d, m, finish_row, l);
}

/* ---- the sublayers ---- */

void decode_rwkv(struct decoder *d, int n_spans, int m, const struct dec_layer *l, const float *in)
{
    const struct block_config *k = l->k;
    if (k->mixer == MIX_RWKV4) mix_4(d, n_spans, m, l, in);
    else mix_heads(d, n_spans, m, l, in);
    struct product o = {.d = d, .m = m, .K = k->heads * k->head_dim, .n_parts = 1, .w = {l->mat[SLOT_TO_W - SLOT_MA1_W]},
                        .n = {d->c.d_model}, .x = d->rwkv.part[3]};
    decode_prepare(&o);
    decode_join(d, m, l, &o, SLOT_POST1_W, SLOT_NORM1_W);
}

static void gate_row(struct decoder *d, const void *arg, int row)
{
    (void)arg;
    size_t C = (size_t)d->c.d_model, at = (size_t)row * C;
    d->k->glu(ACT_SIGMOID, d->t + at, d->rwkv.part[0] + at, d->rwkv.part[1] + at, C);
    d->k->add(d->x + at, d->x + at, d->t + at, C);
}

void decode_cmix(struct decoder *d, int n_spans, int m, const struct dec_layer *l, const float *in)
{
    const struct block_config *k = l->k;
    int C = d->c.d_model;
    struct shift_job s = {l, in, k->mixer == MIX_RWKV4 || k->mixer == MIX_RWKV5, true, k->cmix_gate ? 2 : 1, 0,
                          {SLOT_CMIX_K, SLOT_CMIX_R}, NULL};
    shift(d, n_spans, m, &s);
    product(d, m, l, d->rwkv.mix[0], C, SLOT_CKEY_W, NULL, k->d_ff, d->ff, ACT_RELU2);
    if (!k->cmix_gate) {
        struct product v = {
            .d = d, .m = m, .K = k->d_ff, .n_parts = 1, .w = {l->mat[SLOT_CVAL_W - SLOT_MA1_W]}, .n = {C}, .x = d->ff};
        decode_prepare(&v);
        decode_join(d, m, l, &v, SLOT_POST2_W, SLOT_NORM2_W);
        return;
    }
    product(d, m, l, d->ff, k->d_ff, SLOT_CVAL_W, NULL, C, d->rwkv.part[1], ACT_NONE);
    product(d, m, l, d->rwkv.mix[1], C, SLOT_CR_W, NULL, C, d->rwkv.part[0], ACT_NONE);
    decode_by_row(d, m, gate_row, NULL);
}
