/* config_check.c - what a description must satisfy beyond single keys: every
 * combination that cannot be built is refused here, by the name of its key. */
#include <stdio.h>

#include "core/model/config_names.h"
#include "core/model/layout.h"

/* `at` is the group in messages: blocks[0], encoder.blocks[2]. */
static int check_rope(const struct block_config *b, const char *at, struct err *e)
{
    int n = (int)(b->head_dim * b->partial);
    if (2 * ((n + 1) / 2) > b->head_dim)
        return err_set(e, ERR_CONFIG, "%s.mixer.head_dim %d is odd: rope turns pairs", at, b->head_dim);
    if (n < 1)
        return err_set(e, ERR_CONFIG, "%s.mixer.pos.partial %g leaves nothing of head_dim %d to turn", at, b->partial,
                       b->head_dim);
    if (b->scaling == ROPE_LLAMA3 && b->low_freq >= b->high_freq)
        return err_set(e, ERR_CONFIG, "%s.mixer.pos.scaling.low_freq_factor must be below high_freq_factor", at);
    if ((b->scaling == ROPE_NTK || b->scaling == ROPE_DYNAMIC) && n <= 2)
        return err_set(e, ERR_CONFIG, "%s.mixer.pos.scaling.type %s needs more than 2 turning elements", at,
                       choice_name(choice_scaling, (int)b->scaling));
    return 0;
}

/* Half of the buckets (a quarter when both directions have their own) are
 * exact distances, the others logarithmic up to max_distance. */
static int check_t5(const struct block_config *b, const char *at, struct err *e)
{
    int side = b->causal ? b->buckets : b->buckets / 2;
    if (b->buckets < (b->causal ? 2 : 4) || b->buckets % 2)
        return err_set(e, ERR_CONFIG, "%s.mixer.pos.buckets %d: must be even and at least %d", at, b->buckets,
                       b->causal ? 2 : 4);
    if (b->max_distance <= side / 2)
        return err_set(e, ERR_CONFIG, "%s.mixer.pos.max_distance %d must be above the %d exact distances of %d buckets",
                       at, b->max_distance, side / 2, b->buckets);
    return 0;
}

static int check_ffn(const struct block_config *b, const char *at, int i, struct err *e)
{
    if ((b->glu_limit > 0 || b->glu_alpha > 0) && !(b->ffn == FFN_MOE && b->act == ACT_SILU))
        return err_set(e, ERR_CONFIG, "%s.ffn.limit and alpha belong to ffn.type moe with act silu", at);
    if (b->ffn == FFN_CMIX && (b->act != ACT_RELU2 || b->ffn_bias))
        return err_set(e, ERR_CONFIG, "%s.ffn.type rwkv_cmix has act relu2 and no bias", at);
    return b->ffn == FFN_MOE ? moe_check(b, i, e) : 0;
}

/* i: index of the group in its list. */
static int check_block(const struct model_config *c, const struct block_config *b, bool encoder, const char *at, int i,
                       struct err *e)
{
    if (check_ffn(b, at, i, e)) return -1;
    if (b->mixer != MIX_ATTN || b->ffn == FFN_CMIX) {
        const char *key = b->mixer != MIX_ATTN ? "mixer.type" : "ffn.type";
        if (encoder || b->cross) return err_set(e, ERR_CONFIG, "%s.%s: mla and rwkv go with stack decoder only", at, key);
    }
    if (b->shared && (b->mixer >= MIX_RWKV4 || b->ffn == FFN_CMIX || b->ffn == FFN_MOE))
        return err_set(e, ERR_CONFIG, "%s.shared: layers with rwkv or experts cannot share their parameters", at);
    if (b->mixer != MIX_ATTN) return mixer_check_other(b, i, e);
    if (b->heads % b->kv_heads)
        return err_set(e, ERR_CONFIG, "%s.mixer.kv_heads %d does not divide heads %d", at, b->kv_heads, b->heads);
    if (b->head_dim < 1 || b->head_dim > 1024)
        return err_set(e, ERR_CONFIG, "%s.mixer.head_dim %d is not within 1 and 1024", at, b->head_dim);
    if (!b->causal && !encoder)
        return err_set(e, ERR_CONFIG, "%s.mixer.causal false needs stack encoder", at);
    if (b->cross && (encoder || c->stack != STACK_ENCDEC))
        return err_set(e, ERR_CONFIG, "%s.cross: only decoder blocks of stack encdec have a source to attend to", at);
    if (b->cross && (b->place == PLACE_PARALLEL || b->place == PLACE_PARALLEL_ONE))
        return err_set(e, ERR_CONFIG, "%s.norm.place parallel has no place for cross-attention", at);
    if (b->norm == NORM_RMS && b->norm_bias)
        return err_set(e, ERR_CONFIG, "%s.norm.bias: norm.type rms has no bias", at);
    if (!b->norm_mixer && (c->stack != STACK_ENCODER || b->place != PLACE_PRE))
        return err_set(e, ERR_CONFIG, "%s.norm.mixer false needs stack encoder and norm.place pre", at);
    if (!b->norm_weight && (b->norm_bias || b->norm_plus_one))
        return err_set(e, ERR_CONFIG, "%s.norm.%s: norm.weight false has no parameters", at,
                       b->norm_bias ? "bias" : "plus_one");
    if (b->pos == POS_T5 && check_t5(b, at, e)) return -1;
    return b->pos == POS_ROPE ? check_rope(b, at, e) : 0;
}

/* One table for a stack: its first layer has it, and all shapes agree. */
static int check_shared(const struct block_config *first, const struct block_config *b, const char *at, struct err *e)
{
    if (b->pos != POS_T5 || !b->pos_shared) return 0;
    if (first->pos != POS_T5 || !first->pos_shared)
        return err_set(e, ERR_CONFIG, "%s.mixer.pos.shared stack: the first layer of the stack has no such table", at);
    if (b->heads != first->heads || b->buckets != first->buckets || b->max_distance != first->max_distance ||
        b->causal != first->causal)
        return err_set(
            e, ERR_CONFIG,
            "%s.mixer.pos.shared stack: heads, buckets, max_distance and causal must be those of the first layer", at);
    return 0;
}

/* The routers' statistics and losses are of all layers together. */
static int check_experts(const struct model_config *c, struct err *e)
{
    const struct moe_config *m = NULL;
    for (int i = 0; i < c->n_blocks; i++) {
        const struct moe_config *o = &c->block[i].moe;
        if (c->block[i].ffn != FFN_MOE) continue;
        if (!m) m = o;
        const char *key = o->experts != m->experts                                         ? "experts"
                          : o->top_k != m->top_k                                           ? "top_k"
                          : o->aux_norm != m->aux_norm                                     ? "aux_norm"
                          : o->aux_coef < m->aux_coef || o->aux_coef > m->aux_coef         ? "aux_coef"
                          : o->z_coef < m->z_coef || o->z_coef > m->z_coef                 ? "z_coef"
                          : o->bias_gamma < m->bias_gamma || o->bias_gamma > m->bias_gamma ? "bias_gamma"
                                                                                           : NULL;
        if (key) return err_set(e, ERR_CONFIG, "blocks[%d].ffn.moe.%s differs from that of an earlier group", i, key);
    }
    return 0;
}

static int check_embed(const struct model_config *c, struct err *e)
{
    if (c->embed_pos == POS_SINUSOIDAL && c->embed_dim % 2)
        return err_set(e, ERR_CONFIG, "%s %d is odd: embed.pos sinusoidal needs pairs",
                       c->embed_dim == c->d_model ? "d_model" : "embed.dim", c->embed_dim);
    if (c->embed_pos == POS_NONE && c->pos_offset)
        return err_set(e, ERR_CONFIG, "embed.pos_offset without embed.pos");
    if (c->embed_pad >= c->vocab)
        return err_set(e, ERR_CONFIG, "embed.pad %d is outside of the vocab of %d", c->embed_pad, c->vocab);
    if (c->decoder_start >= c->vocab)
        return err_set(e, ERR_CONFIG, "decoder_start %d is outside of the vocab of %d", c->decoder_start, c->vocab);
    return 0;
}

int model_config_check(const struct model_config *c, struct err *e)
{
    int n = 0, n_enc = 0;
    if (c->n_blocks < 1 || c->n_blocks > MODEL_MAX_BLOCKS || c->n_enc_blocks < 0 || c->n_enc_blocks >= c->n_blocks)
        return err_set(e, ERR_CONFIG, "blocks must have 1 to %d groups", MODEL_MAX_BLOCKS);
    if ((c->n_enc_blocks > 0) != (c->stack == STACK_ENCDEC))
        return err_set(e, ERR_CONFIG, "encoder.blocks and stack encdec belong together");
    for (int i = 0; i < c->n_blocks; i++) {
        bool enc = i < c->n_enc_blocks;
        int first = enc ? 0 : c->n_enc_blocks;
        char at[40];
        snprintf(at, sizeof at, "%sblocks[%d]", enc ? "encoder." : "", i - first);
        if (check_block(c, &c->block[i], enc || c->stack == STACK_ENCODER, at, i - first, e) ||
            check_shared(&c->block[first], &c->block[i], at, e))
            return -1;
        n += c->block[i].repeat;
        if (enc) n_enc = n;
        if (n > MODEL_MAX_LAYERS) return err_set(e, ERR_CONFIG, "blocks add up to more than %d layers", MODEL_MAX_LAYERS);
    }
    if (n != c->n_layers || n_enc != c->n_enc_layers)
        return err_set(e, ERR_CONFIG, "blocks add up to %d layers, not %d", n, c->n_layers);
    return check_embed(c, e) || head_check(c, e) || longrope_check(c, e) || check_experts(c, e) ? -1 : 0;
}
