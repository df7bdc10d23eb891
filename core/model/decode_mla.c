/* decode_mla.c - latent attention in the pass of the decoder.
 *
 * The cache holds a token's latent vector once for all heads: [rank | rotary
 * key], normed and turned.  A step multiplies the query by the matrix that makes
 * keys of latents, and the weighted sum of latents by the one that makes values
 * (arXiv:2405.04434, 2.1.2): no key is ever made.  A prompt makes keys and
 * values of one layer at a time into a scratch, and goes through the attention
 * kernel. */
#include <math.h>
#include <string.h>

#include "core/model/decode_internal.h"

static void grow(size_t *most, size_t n)
{
    if (n > *most) *most = n;
}

void decode_make_mla(struct decoder *d)
{
    size_t M = (size_t)d->rows, q = 0, kv = 0, low = 0, kr = 0, v = 0, wide = 0, keys = 0;
    for (int i = 0; i < d->n_layers; i++) {
        const struct block_config *k = d->layer[i].k;
        const struct mla_config *m = &k->mla;
        size_t H = (size_t)k->heads;
        if (k->mixer != MIX_MLA) continue;
        grow(&q, H * (size_t)(m->nope_dim + m->rope_dim));
        grow(&kv, H * (size_t)(m->nope_dim + m->v_dim));
        grow(&low, (size_t)m->q_rank);
        grow(&low, (size_t)m->kv_rank);
        grow(&kr, (size_t)m->rope_dim);
        grow(&v, H * (size_t)m->v_dim);
        grow(&wide, (size_t)(m->kv_rank + m->rope_dim));
        grow(&keys, H * (size_t)k->head_dim);
    }
    if (!q) return;
    d->mla.q = decode_take(d, M * q, sizeof(float));
    d->mla.kv = decode_take(d, M * kv, sizeof(float));
    d->mla.low = decode_take(d, M * low, sizeof(float));
    d->mla.kr = decode_take(d, M * kr, sizeof(float));
    d->mla.v = decode_take(d, M * v, sizeof(float));
    d->mla.wide = (wide + 15) / 16 * 16;
    d->mla.ws_floats = 3 * d->mla.wide + ((size_t)d->max_len + 15) / 16 * 16;
    d->mla.ws = decode_take(d, d->mla.ws_floats * (size_t)pool_threads(d->pool), sizeof(float));
    for (int i = 0; i < 2; i++) d->mla.keys[i] = decode_take(d, keys * (size_t)d->max_len, dtype_size(d->dt));
}

/* ---- queries and latents ---- */

static void product(struct decoder *d, int m, const void *w, const float *bias, const float *x, int K, int N, float *y)
{
    struct product p = {.d = d, .m = m, .K = K, .n_parts = 1, .w = {w}, .b = {bias}, .n = {N}, .x = x, .y = y, .ld = N};
    decode_prepare(&p);
    decode_product(&p);
}

struct low_norm {
    const float *w;
    int n;
    float eps;
};

static void norm_low(struct decoder *d, const void *arg, int row)
{
    const struct low_norm *j = arg;
    float *x = d->mla.low + (int64_t)row * j->n, rstd;
    d->k->rmsnorm(x, x, j->w, j->n, j->eps, &rstd);
}

static void turn(struct decoder *d, const struct dec_layer *l, float *x, int row)
{
    int64_t at = d->row_pos[row] * (int64_t)(l->rope->n_rot / 2);
    d->k->rope(x, l->rope->cos + at, l->rope->sin + at, l->rope->n_rot, l->k->interleaved, 1);
}

static void store(struct decoder *d, void *dst, int64_t at, const float *src, size_t n)
{
    if (d->dt == DT_F32) memcpy((float *)dst + at, src, n * sizeof *src);
    else d->k->bf16_from_f32((uint16_t *)dst + at, src, n);
}

static void load(const struct decoder *d, float *dst, const void *src, int64_t at, size_t n)
{
    if (d->dt == DT_F32) memcpy(dst, (const float *)src + at, n * sizeof *dst);
    else d->k->f32_from_bf16(dst, (const uint16_t *)src + at, n);
}

/* Turns the rotary parts; the latent goes into the cache. */
static void keep_row(struct decoder *d, const void *arg, int row)
{
    const struct dec_layer *l = arg;
    const struct mla_config *m = &l->k->mla;
    int K = m->nope_dim + m->rope_dim;
    for (int h = 0; h < l->k->heads; h++) turn(d, l, d->mla.q + ((int64_t)row * l->k->heads + h) * K + m->nope_dim, row);
    float *kr = d->mla.kr + (int64_t)row * m->rope_dim;
    turn(d, l, kr, row);
    void *cache = cache_at(d, l, d->row_seq[row], 0, 0);
    int64_t at = (int64_t)d->row_pos[row] * (m->kv_rank + m->rope_dim);
    store(d, cache, at, d->mla.low + (int64_t)row * m->kv_rank, (size_t)m->kv_rank);
    store(d, cache, at + m->kv_rank, kr, (size_t)m->rope_dim);
}

static void make_latents(struct decoder *d, int m, const struct dec_layer *l, const float *in)
{
    const struct block_config *k = l->k;
    const struct mla_config *a = &k->mla;
    int C = d->c.d_model, nq = k->heads * (a->nope_dim + a->rope_dim);
    struct low_norm n = {l->vec[SLOT_MLA_QNORM], a->q_rank, (float)a->norm_eps};
    if (a->q_rank) {
        product(d, m, l->mla_w[0], l->vec[SLOT_MLA_QA_B], in, C, a->q_rank, d->mla.low);
        decode_by_row(d, m, norm_low, &n);
    }
    product(d, m, l->mla_w[1], NULL, a->q_rank ? d->mla.low : in, a->q_rank ? a->q_rank : C, nq, d->mla.q);
    product(d, m, l->mla_w[2], l->vec[SLOT_MLA_KVA_B], in, C, a->kv_rank, d->mla.low);
    n = (struct low_norm){l->vec[SLOT_MLA_KVNORM], a->kv_rank, (float)a->norm_eps};
    decode_by_row(d, m, norm_low, &n);
    product(d, m, l->mla_w[3], l->vec[SLOT_MLA_KR_B], in, C, a->rope_dim, d->mla.kr);
    decode_by_row(d, m, keep_row, l);
}

float decode_mla_scale(const struct block_config *k)
{
    return (float)(k->scale > 0 ? k->scale : 1 / sqrt(k->mla.nope_dim + k->mla.rope_dim));
}

/* ---- a step: over the latents themselves ---- */

struct step_job {
    struct decoder *d;
    const struct dec_layer *l;
};

/* One head of one row; d->mla.v gets its values. */
static void step_slice(void *arg, int slice, int thread)
{
    const struct step_job *j = arg;
    struct decoder *d = j->d;
    const struct block_config *k = j->l->k;
    const struct mla_config *m = &k->mla;
    int row = slice / k->heads, h = slice % k->heads, R = m->kv_rank, L = R + m->rope_dim, n = d->row_pos[row] + 1;
    const float *q = d->mla.q + (int64_t)slice * (m->nope_dim + m->rope_dim);
    const void *latents = cache_at(d, j->l, d->row_seq[row], 0, 0), *w = j->l->mla_w[4];
    int64_t first = (int64_t)h * (m->nope_dim + m->v_dim); /* row of W: keys of this head, then values */
    float *query = d->mla.ws + d->mla.ws_floats * (size_t)thread, *sum = query + d->mla.wide, *tmp = sum + d->mla.wide,
          *p = tmp + d->mla.wide;
    memset(query, 0, (size_t)R * sizeof *query);
    for (int i = 0; i < m->nope_dim; i++) {
        load(d, tmp, w, (first + i) * R, (size_t)R);
        d->k->axpy(query, q[i], tmp, (size_t)R);
    }
    memcpy(query + R, q + m->nope_dim, (size_t)m->rope_dim * sizeof *query);
    d->k->gemv(p, latents, d->dt, L, query, L, 0, n, NULL);
    d->k->scale(p, decode_mla_scale(k), p, (size_t)n);
    d->k->softmax(p, p, (size_t)n);
    memset(sum, 0, (size_t)R * sizeof *sum);
    for (int t = 0; t < n; t++) {
        load(d, tmp, latents, (int64_t)t * L, (size_t)R);
        d->k->axpy(sum, p[t], tmp, (size_t)R);
    }
    d->k->gemv(d->mla.v + (int64_t)slice * m->v_dim,
               (const char *)w + (size_t)((first + m->nope_dim) * R) * dtype_size(d->dt), d->dt, R, sum, R, 0, m->v_dim,
               NULL);
}

/* ---- a prompt: keys and values of all heads ---- */

struct expand {
    const struct dec_layer *l;
    int seq, at;
};

static void latent_row(struct decoder *d, const void *arg, int row)
{
    const struct expand *x = arg;
    const struct mla_config *m = &x->l->k->mla;
    load(d, d->mla.low + (int64_t)row * m->kv_rank, cache_at(d, x->l, x->seq, 0, 0),
         (int64_t)(x->at + row) * (m->kv_rank + m->rope_dim), (size_t)m->kv_rank);
}

/* As op_mla_pack: the rotary part first, zeros up to D. */
static void expand_row(struct decoder *d, const void *arg, int row)
{
    const struct expand *x = arg;
    const struct block_config *k = x->l->k;
    const struct mla_config *m = &k->mla;
    int D = k->head_dim, W = m->nope_dim + m->v_dim;
    float key[256], value[256], rope[256];
    load(d, rope, cache_at(d, x->l, x->seq, 0, 0), (int64_t)(x->at + row) * (m->kv_rank + m->rope_dim) + m->kv_rank,
         (size_t)m->rope_dim);
    memset(key, 0, sizeof key);
    memset(value, 0, sizeof value);
    memcpy(key, rope, (size_t)m->rope_dim * sizeof *key);
    for (int h = 0; h < k->heads; h++) {
        const float *kv = d->mla.kv + ((int64_t)row * k->heads + h) * W;
        int64_t to = ((int64_t)h * d->max_len + x->at + row) * D;
        memcpy(key + m->rope_dim, kv, (size_t)m->nope_dim * sizeof *key);
        memcpy(value, kv + m->nope_dim, (size_t)m->v_dim * sizeof *value);
        store(d, d->mla.keys[0], to, key, (size_t)D);
        store(d, d->mla.keys[1], to, value, (size_t)D);
    }
}

static void query_row(struct decoder *d, const void *arg, int row)
{
    const struct block_config *k = ((const struct dec_layer *)arg)->k;
    const struct mla_config *m = &k->mla;
    int D = k->head_dim, K = m->nope_dim + m->rope_dim;
    float out[256] = {0};
    for (int h = 0; h < k->heads; h++) {
        const float *q = d->mla.q + ((int64_t)row * k->heads + h) * K;
        memcpy(out, q + m->nope_dim, (size_t)m->rope_dim * sizeof *out);
        memcpy(out + m->rope_dim, q, (size_t)m->nope_dim * sizeof *out);
        store(d, d->q, ((int64_t)row * k->heads + h) * D, out, (size_t)D);
    }
}

static void heads_row(struct decoder *d, const void *arg, int row)
{
    const struct block_config *k = ((const struct dec_layer *)arg)->k;
    int v = k->mla.v_dim, D = k->head_dim;
    for (int h = 0; h < k->heads; h++)
        load(d, d->mla.v + ((int64_t)row * k->heads + h) * v, d->att, ((int64_t)row * k->heads + h) * D, (size_t)v);
}

static void expand_keys(struct decoder *d, const struct dec_layer *l, int seq, int n)
{
    const struct mla_config *m = &l->k->mla;
    for (int at = 0; at < n; at += d->rows) {
        int rows = n - at < d->rows ? n - at : d->rows;
        struct expand x = {l, seq, at};
        decode_by_row(d, rows, latent_row, &x);
        product(d, rows, l->mla_w[4], NULL, d->mla.low, m->kv_rank, l->k->heads * (m->nope_dim + m->v_dim), d->mla.kv);
        decode_by_row(d, rows, expand_row, &x);
    }
}

void decode_mla(struct decoder *d, int n_spans, int m, const struct dec_layer *l, const float *in)
{
    make_latents(d, m, l, in);
    if (!d->packed) {
        struct step_job j = {d, l};
        pool_run(d->pool, m * l->k->heads, step_slice, &j);
        return;
    }
    decode_by_row(d, m, query_row, l);
    expand_keys(d, l, d->spans[0].seq, d->spans[0].pos + m);
    decode_attend(d, n_spans, m, l);
    decode_by_row(d, m, heads_row, l);
}
