/* config_print.c - struct model_config -> canonical JSON. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/model/config_names.h"
#include "core/model/model.h"

/* The shortest decimal that reads back as the same double. */
void config_num(struct buf *out, const char *key, double v)
{
    char s[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(s, sizeof s, "%.*g", digits, v);
        if (strtod(s, NULL) == v) break;
    }
    buf_printf(out, "\"%s\": %s", key, s);
}

static const char *yes(bool b)
{
    return b ? "true" : "false";
}

static void print_scaling(const struct block_config *b, struct buf *out)
{
    buf_printf(out, ", \"scaling\": {\"type\": \"%s\"", choice_name(choice_scaling, (int)b->scaling));
    if (b->scaling != ROPE_PLAIN) {
        buf_adds(out, ", ");
        config_num(out, "factor", b->factor);
    }
    if (b->scaling == ROPE_LLAMA3) {
        buf_adds(out, ", ");
        config_num(out, "low_freq_factor", b->low_freq);
        buf_adds(out, ", ");
        config_num(out, "high_freq_factor", b->high_freq);
    }
    if (b->scaling == ROPE_LLAMA3 || b->scaling == ROPE_YARN || b->scaling == ROPE_DYNAMIC || b->scaling == ROPE_LONG) {
        buf_adds(out, ", ");
        config_num(out, "original_max_pos", b->original_max_pos);
    }
    if (b->scaling == ROPE_LONG) {
        buf_adds(out, ", ");
        config_num(out, "attn_factor", b->attn_factor);
    }
    if (b->scaling == ROPE_YARN) {
        buf_adds(out, ", ");
        config_num(out, "beta_fast", b->beta_fast);
        buf_adds(out, ", ");
        config_num(out, "beta_slow", b->beta_slow);
        buf_adds(out, ", ");
        config_num(out, "attn_factor", b->attn_factor);
        buf_printf(out, ", \"truncate\": %s", yes(b->yarn_truncate));
    }
    buf_addc(out, '}');
}

void config_print_rope(const struct block_config *b, struct buf *out)
{
    buf_adds(out, "\"pos\": {\"type\": \"rope\", ");
    config_num(out, "theta", b->theta);
    buf_printf(out, ", \"pairing\": \"%s\"", choice_name(choice_pairing, b->interleaved));
    if (b->mixer != MIX_MLA) {
        buf_adds(out, ", ");
        config_num(out, "partial", b->partial);
    }
    print_scaling(b, out);
    buf_addc(out, '}');
}

static void print_mixer(const struct block_config *b, struct buf *out)
{
    if (b->mixer != MIX_ATTN) {
        mixer_print_other(b, out);
        return;
    }
    buf_printf(out,
               "      \"mixer\": {\"type\": \"attn\", \"heads\": %d, \"kv_heads\": %d, \"head_dim\": %d, "
               "\"bias\": \"%s\", \"qk_norm\": \"%s\",\n        ",
               b->heads, b->kv_heads, b->head_dim,
               choice_name(choice_bias, (b->qkv_bias ? 1 : 0) | (b->out_bias ? 2 : 0)),
               choice_name(choice_qk_norm, (int)b->qk_norm));
    config_num(out, "scale", b->scale);
    buf_adds(out, ", ");
    config_num(out, "softcap", b->softcap);
    buf_printf(out, ", \"window\": %d, \"causal\": %s,", b->window, yes(b->causal));
    if (b->sink) buf_adds(out, " \"sink\": true,");
    if (b->clip_qkv > 0) {
        buf_addc(out, ' ');
        config_num(out, "clip_qkv", b->clip_qkv);
        buf_addc(out, ',');
    }
    buf_adds(out, "\n        ");
    if (b->pos == POS_ROPE) {
        config_print_rope(b, out);
        buf_adds(out, "},\n");
        return;
    }
    buf_printf(out, "\"pos\": {\"type\": \"%s\"", choice_name(choice_pos, (int)b->pos));
    if (b->pos == POS_SHAW) buf_printf(out, ", \"clip\": %d, \"shaw_v\": %s", b->clip, yes(b->shaw_v));
    if (b->pos == POS_T5)
        buf_printf(out, ", \"buckets\": %d, \"max_distance\": %d, \"shared\": \"%s\"", b->buckets, b->max_distance,
                   choice_name(choice_shared, b->pos_shared));
    buf_adds(out, "}},\n");
}

/* `cross`: what the stack's blocks have by default. */
static void print_block(const struct block_config *b, bool cross, struct buf *out)
{
    buf_printf(out, "    {\"repeat\": %d,", b->repeat);
    if (b->cross != cross) buf_printf(out, " \"cross\": %s,", yes(b->cross));
    if (b->shared) buf_adds(out, " \"shared\": true,");
    buf_adds(out, "\n");
    print_mixer(b, out);
    buf_printf(out, "      \"ffn\": {\"type\": \"%s\", \"act\": \"%s\", \"d_ff\": %d, \"bias\": %s",
               choice_name(choice_ffn, (int)b->ffn), choice_name(choice_act, (int)b->act), b->d_ff,
               yes(b->ffn_bias));
    if (b->glu_limit > 0) {
        buf_adds(out, ", ");
        config_num(out, "limit", b->glu_limit);
        buf_adds(out, ", ");
        config_num(out, "alpha", b->glu_alpha);
    }
    if (b->ffn == FFN_CMIX) buf_printf(out, ", \"gate\": %s", yes(b->cmix_gate));
    if (b->ffn == FFN_MOE) moe_print(b, out);
    buf_adds(out, "},\n");
    buf_printf(out, "      \"norm\": {\"type\": \"%s\", ", choice_name(choice_norm, (int)b->norm));
    config_num(out, "eps", b->norm_eps);
    buf_printf(out, ", \"bias\": %s, \"place\": \"%s\"", yes(b->norm_bias), choice_name(choice_place, (int)b->place));
    if (b->norm_plus_one) buf_adds(out, ", \"plus_one\": true");
    if (!b->norm_weight) buf_adds(out, ", \"weight\": false");
    if (!b->norm_mixer) buf_adds(out, ", \"mixer\": false");
    buf_addc(out, '}');
    if (b->residual_scale != 1) {
        buf_adds(out, ", ");
        config_num(out, "residual_scale", b->residual_scale);
    }
    buf_addc(out, '}');
}

static void print_blocks(const struct model_config *c, int from, int to, bool cross, struct buf *out)
{
    buf_adds(out, "\"blocks\": [\n");
    for (int i = from; i < to; i++) {
        print_block(&c->block[i], cross, out);
        buf_adds(out, i + 1 < to ? ",\n" : "\n");
    }
    buf_adds(out, "  ]");
}

void model_config_print(const struct model_config *c, struct buf *out)
{
    buf_adds(out, "{\n  \"family\": ");
    buf_printf(out, "\"%s\", \"stack\": \"%s\", \"d_model\": %d, \"vocab\": %d, \"tie_embed\": %s,\n", c->family,
               choice_name(choice_stack, (int)c->stack), c->d_model, c->vocab, yes(c->tie_embed));
    if (c->decoder_start >= 0) buf_printf(out, "  \"decoder_start\": %d,\n", c->decoder_start);
    buf_printf(out, "  \"embed\": {\"pos\": \"%s\", \"max_pos\": %d",
               choice_name(choice_embed_pos, (int)c->embed_pos), c->max_pos);
    if (c->embed_pos != POS_NONE) buf_printf(out, ", \"pos_offset\": %d", c->pos_offset);
    if (c->embed_pos == POS_SINUSOIDAL)
        buf_printf(out, ", \"layout\": \"%s\"", choice_name(choice_sin, (int)c->sin_layout));
    buf_adds(out, ", ");
    config_num(out, "scale", c->embed_scale);
    if (c->embed_ln) buf_adds(out, ", \"ln\": true");
    if (c->embed_pad >= 0) buf_printf(out, ", \"pad\": %d", c->embed_pad);
    if (c->embed_types) buf_printf(out, ", \"types\": %d", c->embed_types);
    if (c->embed_dim != c->d_model) buf_printf(out, ", \"dim\": %d", c->embed_dim);
    buf_adds(out, "},\n  ");
    if (c->stack == STACK_ENCDEC) {
        buf_adds(out, "\"encoder\": {");
        if (c->enc_vocab) buf_printf(out, "\"vocab\": %d, ", c->enc_vocab);
        print_blocks(c, 0, c->n_enc_blocks, false, out);
        buf_adds(out, "},\n  ");
    }
    print_blocks(c, c->n_enc_blocks, c->n_blocks, c->stack == STACK_ENCDEC, out);
    buf_adds(out, ",\n");
    head_print(c, out);
    longrope_print(c, out);
    buf_adds(out, "  \"init\": {");
    config_num(out, "std", c->init_std);
    buf_adds(out, "},\n  \"dropout\": {");
    config_num(out, "embed", c->dropout_embed);
    buf_adds(out, ", ");
    config_num(out, "attn", c->dropout_attn);
    buf_adds(out, ", ");
    config_num(out, "resid", c->dropout_resid);
    buf_adds(out, "}\n}\n");
}
