/* decode_rwkv.c - RWKV in the pass of the decoder.
 *
 * A sequence has a state of fixed size in each layer (dec_layer.state): the
 * last input of time mixing and of channel mixing [C] each, then what the
 * recurrence keeps.  The kernels are those of training, so a prompt in one pass
 * and token by token gives the same recurrence. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/kernels/wkv.h"
#include "core/model/decode_internal.h"

enum { CHANNELS = 64 }; /* of a slice of the recurrence */

static bool is_rwkv(const struct block_config *k)
{
    return k->mixer >= MIX_RWKV4;
}

/* Floats of the recurrence. */
static size_t memory_floats(const struct block_config *k)
{
    size_t A = (size_t)k->heads * (size_t)k->head_dim;
    return k->mixer == MIX_RWKV4 ? 3 * A : 0;
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

void decode_make_states(struct decoder *d)
{
    size_t M = (size_t)d->rows, C = (size_t)d->c.d_model, A = 0;
    bool any = false;
    for (int i = 0; i < d->n_layers; i++) {
        struct dec_layer *l = &d->layer[i];
        const struct block_config *k = l->k;
        l->state_floats = decode_state_floats(&d->c, k);
        if (!l->state_floats) continue;
        any = true;
        l->state = decode_take(d, l->state_floats * (size_t)d->max_seqs, sizeof *l->state);
        if (is_rwkv(k) && (size_t)k->heads * (size_t)k->head_dim > A) A = (size_t)k->heads * (size_t)k->head_dim;
        if (k->mixer != MIX_RWKV4) continue;
        float *w = decode_take(d, A, sizeof *w);
        if (w) {
            d->k->exp(w, l->vec[SLOT_DECAY], (size_t)k->head_dim);
            d->k->scale(w, -1, w, (size_t)k->head_dim);
        }
        l->decay = w;
    }
    for (int i = 0; i < 6 && any; i++) d->rwkv.mix[i] = decode_take(d, M * C, sizeof(float));
    for (int i = 0; i < 6 && any; i++) d->rwkv.part[i] = decode_take(d, M * (A > C ? A : C), sizeof(float));
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
    int n;
    enum slot_role role[6];
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
        float *y = d->rwkv.mix[i] + (size_t)row * C;
        for (size_t c = 0; c < C; c++) y[c] = x[c] + (j->complement ? 1 - mu[c] : mu[c]) * (prev[c] - x[c]);
    }
}

static void shift(struct decoder *d, int n_spans, int m, const struct shift_job *j)
{
    size_t C = (size_t)d->c.d_model;
    decode_by_row(d, m, shift_row, j);
    for (int i = 0; i < n_spans; i++) {
        const struct dec_span *s = &d->spans[i];
        float *last = j->cmix ? cmix_state(d, j->l, s->seq) : state_of(j->l, s->seq);
        memcpy(last, j->in + (size_t)(s->row + s->n - 1) * C, C * sizeof *last);
    }
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
    struct shift_job s = {l, in, true, false, 3, {SLOT_MIX_R, SLOT_MIX_K, SLOT_MIX_V}};
    shift(d, n_spans, m, &s);
    for (unsigned i = 0; i < 3; i++)
        product(d, m, l, d->rwkv.mix[i], C, SLOT_TR_W + i, NULL, A, d->rwkv.part[i], ACT_NONE);
    struct wkv_job j = {d, l, (A + CHANNELS - 1) / CHANNELS};
    pool_run(d->pool, n_spans * j.blocks, wkv4_slice, &j);
}

/* ---- the sublayers ---- */

void decode_rwkv(struct decoder *d, int n_spans, int m, const struct dec_layer *l, const float *in)
{
    const struct block_config *k = l->k;
    mix_4(d, n_spans, m, l, in);
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
    struct shift_job s = {l, in, k->mixer == MIX_RWKV4 || k->mixer == MIX_RWKV5, true, k->cmix_gate ? 2 : 1,
                          {SLOT_CMIX_K, SLOT_CMIX_R}};
    shift(d, n_spans, m, &s);
    product(d, m, l, d->rwkv.mix[0], C, SLOT_CKEY_W, NULL, k->d_ff, d->ff, ACT_RELU2);
    if (!k->cmix_gate) {
        struct product v = {.d = d, .m = m, .K = k->d_ff, .n_parts = 1, .w = {l->mat[SLOT_CVAL_W - SLOT_MA1_W]}, .n = {C}, .x = d->ff};
        decode_prepare(&v);
        decode_join(d, m, l, &v, SLOT_POST2_W, SLOT_NORM2_W);
        return;
    }
    product(d, m, l, d->ff, k->d_ff, SLOT_CVAL_W, NULL, C, d->rwkv.part[1], ACT_NONE);
    product(d, m, l, d->rwkv.mix[1], C, SLOT_CR_W, NULL, C, d->rwkv.part[0], ACT_NONE);
    decode_by_row(d, m, gate_row, NULL);
}
