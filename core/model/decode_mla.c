/* decode_mla.c - latent attention in the pass of the decoder: queries, keys and
 * values of all heads are made as in training and laid out as plain attention's,
 * which then takes over with a cache of all heads. */
#include <string.h>

#include "core/model/decode_internal.h"

void decode_make_mla(struct decoder *d)
{
    size_t M = (size_t)d->rows, q = 0, kv = 0, low = 0, kr = 0, v = 0;
    for (int i = 0; i < d->n_layers; i++) {
        const struct block_config *k = d->layer[i].k;
        const struct mla_config *m = &k->mla;
        size_t H = (size_t)k->heads;
        if (k->mixer != MIX_MLA) continue;
        if (H * (size_t)(m->nope_dim + m->rope_dim) > q) q = H * (size_t)(m->nope_dim + m->rope_dim);
        if (H * (size_t)(m->nope_dim + m->v_dim) > kv) kv = H * (size_t)(m->nope_dim + m->v_dim);
        if ((size_t)m->q_rank > low) low = (size_t)m->q_rank;
        if ((size_t)m->kv_rank > low) low = (size_t)m->kv_rank;
        if ((size_t)m->rope_dim > kr) kr = (size_t)m->rope_dim;
        if (H * (size_t)m->v_dim > v) v = H * (size_t)m->v_dim;
    }
    if (!q) return;
    d->mla.q = decode_take(d, M * q, sizeof(float));
    d->mla.kv = decode_take(d, M * kv, sizeof(float));
    d->mla.low = decode_take(d, M * low, sizeof(float));
    d->mla.kr = decode_take(d, M * kr, sizeof(float));
    d->mla.v = decode_take(d, M * v, sizeof(float));
}

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

/* As op_mla_pack: the rotary part first, zeros up to D. */
static void pack_row(struct decoder *d, const void *arg, int row)
{
    const struct block_config *k = ((const struct dec_layer *)arg)->k;
    const struct mla_config *m = &k->mla;
    int H = k->heads, D = k->head_dim, K = m->nope_dim + m->rope_dim;
    size_t rope = (size_t)m->rope_dim * sizeof(float), nope = (size_t)m->nope_dim * sizeof(float);
    float *out = d->qkv + (int64_t)row * 3 * H * D;
    memset(out, 0, (size_t)(3 * H * D) * sizeof *out);
    for (int h = 0; h < H; h++) {
        const float *q = d->mla.q + ((int64_t)row * H + h) * K, *kv = d->mla.kv + ((int64_t)row * H + h) * (m->nope_dim + m->v_dim);
        float *key = out + (int64_t)(H + h) * D, *value = key + (int64_t)H * D, *query = out + (int64_t)h * D;
        memcpy(query, q + m->nope_dim, rope);
        memcpy(query + m->rope_dim, q, nope);
        memcpy(key, d->mla.kr + (int64_t)row * m->rope_dim, rope);
        memcpy(key + m->rope_dim, kv, nope);
        memcpy(value, kv + m->nope_dim, (size_t)m->v_dim * sizeof *value);
    }
}

void decode_mla_qkv(struct decoder *d, int m, const struct dec_layer *l, const float *in)
{
    const struct block_config *k = l->k;
    const struct mla_config *a = &k->mla;
    int C = d->c.d_model, H = k->heads, nq = H * (a->nope_dim + a->rope_dim);
    struct low_norm n = {l->vec[SLOT_MLA_QNORM], a->q_rank, (float)k->mla.norm_eps};
    if (a->q_rank) {
        product(d, m, l->mla_w[0], l->vec[SLOT_MLA_QA_B], in, C, a->q_rank, d->mla.low);
        decode_by_row(d, m, norm_low, &n);
    }
    product(d, m, l->mla_w[1], NULL, a->q_rank ? d->mla.low : in, a->q_rank ? a->q_rank : C, nq, d->mla.q);
    product(d, m, l->mla_w[2], l->vec[SLOT_MLA_KVA_B], in, C, a->kv_rank, d->mla.low);
    n = (struct low_norm){l->vec[SLOT_MLA_KVNORM], a->kv_rank, (float)k->mla.norm_eps};
    decode_by_row(d, m, norm_low, &n);
    product(d, m, l->mla_w[4], NULL, d->mla.low, a->kv_rank, H * (a->nope_dim + a->v_dim), d->mla.kv);
    product(d, m, l->mla_w[3], l->vec[SLOT_MLA_KR_B], in, C, a->rope_dim, d->mla.kr);
    decode_by_row(d, m, pack_row, l);
}

void decode_mla_heads(struct decoder *d, const void *arg, int row)
{
    const struct block_config *k = ((const struct dec_layer *)arg)->k;
    int v = k->mla.v_dim, D = k->head_dim;
    for (int h = 0; h < k->heads; h++)
        memcpy(d->mla.v + ((int64_t)row * k->heads + h) * v, d->att32 + ((int64_t)row * k->heads + h) * D, (size_t)v * sizeof(float));
}
