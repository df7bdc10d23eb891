/* decode_tables.c - positions of the layers of a decoder. */
#include "core/model/decode_internal.h"

static int make_positions(struct decoder *d, struct err *e)
{
    const struct model_config *c = &d->c;
    for (int i = c->n_enc_blocks; i < c->n_blocks; i++) {
        const struct block_config *k = &c->block[i];
        d->rope_of[i] = i;
        for (int j = c->n_enc_blocks; j < i; j++)
            if (rope_same(&c->block[j], k)) d->rope_of[i] = d->rope_of[j];
        if (k->pos != POS_ROPE || d->rope_of[i] != i) continue;
        if (rope_build(&d->rope[i], &d->c.longrope, k, d->max_len, e)) return -1;
    }
    for (int i = c->n_enc_blocks, layer = 0; i < c->n_blocks; i++)
        for (int r = 0; r < c->block[i].repeat; r++)
            d->layer[layer++].rope = c->block[i].pos == POS_ROPE ? &d->rope[d->rope_of[i]] : NULL;
    if (c->embed_pos == POS_SINUSOIDAL) {
        d->sinusoid = decode_take(d, (size_t)d->max_len * (size_t)c->d_model, sizeof(float));
        if (d->sinusoid) sinusoidal_fill(d->sinusoid, c->sin_layout, c->pos_offset, d->max_len, c->d_model);
    }
    return 0;
}

/* T5's bias of each head by distance, for every pair of places in the cache. */
static const float *expand_t5(struct decoder *d, const struct block_config *k, const struct param *table)
{
    const float *w = decode_f32(d, table, 0);
    float *rel = decode_take(d, (size_t)d->rel_ld * (size_t)k->heads, sizeof *rel);
    for (int h = 0; w && rel && h < k->heads; h++)
        for (int64_t i = 0; i < d->rel_ld; i++)
            rel[h * d->rel_ld + i] = w[(int64_t)t5_bucket(d->rel_zero - (int)i, true, k->buckets, k->max_distance) * k->heads + h];
    return rel;
}

int decode_make_tables(struct decoder *d, const struct bound *b, struct err *e)
{
    d->rel_zero = attn_rel_zero(d->max_len);
    d->rel_ld = attn_rel_size(d->max_len, d->max_len, 0);
    for (int i = 0; i < d->n_layers; i++) {
        struct dec_layer *l = &d->layer[i];
        const struct param *t5 = bound_at(b, d->first + i, SLOT_T5);
        if (t5) l->rel = expand_t5(d, l->k, t5);
        else if (l->k->pos == POS_T5) l->rel = d->layer[0].rel;
        l->shaw_k = decode_f32(d, bound_at(b, d->first + i, SLOT_SHAW_K), 0);
        l->shaw_v = decode_f32(d, bound_at(b, d->first + i, SLOT_SHAW_V), 0);
    }
    return make_positions(d, e);
}
