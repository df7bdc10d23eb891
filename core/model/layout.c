#include "core/model/layout.h"

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"

const char *const family_names[] = {"gpt2", "llama", "qwen2", "qwen3", "gpt_neox", NULL};

/* The names that llama, qwen2 and qwen3 share. */
#define LLAMA_SLOTS                                                                  \
    [SLOT_EMBED] = "embed_tokens.weight", [SLOT_POS] = "embed_positions.weight",     \
    [SLOT_NORM1_W] = "input_layernorm.weight", [SLOT_NORM1_B] = "input_layernorm.bias", \
    [SLOT_Q_W] = "self_attn.q_proj.weight", [SLOT_Q_B] = "self_attn.q_proj.bias",    \
    [SLOT_K_W] = "self_attn.k_proj.weight", [SLOT_K_B] = "self_attn.k_proj.bias",    \
    [SLOT_V_W] = "self_attn.v_proj.weight", [SLOT_V_B] = "self_attn.v_proj.bias",    \
    [SLOT_QNORM] = "self_attn.q_norm.weight", [SLOT_KNORM] = "self_attn.k_norm.weight", \
    [SLOT_O_W] = "self_attn.o_proj.weight", [SLOT_O_B] = "self_attn.o_proj.bias",    \
    [SLOT_POST1_W] = "attn_output_layernorm.weight",                                 \
    [SLOT_POST1_B] = "attn_output_layernorm.bias",                                   \
    [SLOT_NORM2_W] = "post_attention_layernorm.weight",                              \
    [SLOT_NORM2_B] = "post_attention_layernorm.bias",                                \
    [SLOT_GATE_W] = "mlp.gate_proj.weight", [SLOT_GATE_B] = "mlp.gate_proj.bias",    \
    [SLOT_UP_W] = "mlp.up_proj.weight", [SLOT_UP_B] = "mlp.up_proj.bias",            \
    [SLOT_DOWN_W] = "mlp.down_proj.weight", [SLOT_DOWN_B] = "mlp.down_proj.bias",    \
    [SLOT_POST2_W] = "mlp_output_layernorm.weight",                                  \
    [SLOT_POST2_B] = "mlp_output_layernorm.bias",                                    \
    [SLOT_FNORM_W] = "norm.weight", [SLOT_FNORM_B] = "norm.bias",                    \
    [SLOT_HEAD_W] = "lm_head.weight", [SLOT_HEAD_B] = "lm_head.bias"

static const struct family families[] = {
    {
        .name = "gpt2", .base = "transformer.", .block = "h.%d.", .conv1d = true,
        .qkv_fused = true, .qkv_w = "attn.c_attn.weight", .qkv_b = "attn.c_attn.bias",
        .slot = {
            [SLOT_EMBED] = "wte.weight", [SLOT_POS] = "wpe.weight",
            [SLOT_NORM1_W] = "ln_1.weight", [SLOT_NORM1_B] = "ln_1.bias",
            [SLOT_Q_W] = "attn.c_attn.q.weight", [SLOT_Q_B] = "attn.c_attn.q.bias",
            [SLOT_K_W] = "attn.c_attn.k.weight", [SLOT_K_B] = "attn.c_attn.k.bias",
            [SLOT_V_W] = "attn.c_attn.v.weight", [SLOT_V_B] = "attn.c_attn.v.bias",
            [SLOT_QNORM] = "attn.q_norm.weight", [SLOT_KNORM] = "attn.k_norm.weight",
            [SLOT_O_W] = "attn.c_proj.weight", [SLOT_O_B] = "attn.c_proj.bias",
            [SLOT_POST1_W] = "ln_1_post.weight", [SLOT_POST1_B] = "ln_1_post.bias",
            [SLOT_NORM2_W] = "ln_2.weight", [SLOT_NORM2_B] = "ln_2.bias",
            [SLOT_GATE_W] = "mlp.c_gate.weight", [SLOT_GATE_B] = "mlp.c_gate.bias",
            [SLOT_UP_W] = "mlp.c_fc.weight", [SLOT_UP_B] = "mlp.c_fc.bias",
            [SLOT_DOWN_W] = "mlp.c_proj.weight", [SLOT_DOWN_B] = "mlp.c_proj.bias",
            [SLOT_POST2_W] = "ln_2_post.weight", [SLOT_POST2_B] = "ln_2_post.bias",
            [SLOT_FNORM_W] = "ln_f.weight", [SLOT_FNORM_B] = "ln_f.bias",
            [SLOT_HEAD_W] = "lm_head.weight", [SLOT_HEAD_B] = "lm_head.bias",
        },
    },
    {.name = "llama", .base = "model.", .block = "layers.%d.", .slot = {LLAMA_SLOTS}},
    {.name = "qwen2", .base = "model.", .block = "layers.%d.", .slot = {LLAMA_SLOTS}},
    {.name = "qwen3", .base = "model.", .block = "layers.%d.", .slot = {LLAMA_SLOTS}},
    {
        .name = "gpt_neox", .base = "gpt_neox.", .block = "layers.%d.",
        .qkv_fused = true, .qkv_per_head = true,
        .qkv_w = "attention.query_key_value.weight", .qkv_b = "attention.query_key_value.bias",
        .slot = {
            [SLOT_EMBED] = "embed_in.weight", [SLOT_POS] = "embed_positions.weight",
            [SLOT_NORM1_W] = "input_layernorm.weight", [SLOT_NORM1_B] = "input_layernorm.bias",
            [SLOT_Q_W] = "attention.query.weight", [SLOT_Q_B] = "attention.query.bias",
            [SLOT_K_W] = "attention.key.weight", [SLOT_K_B] = "attention.key.bias",
            [SLOT_V_W] = "attention.value.weight", [SLOT_V_B] = "attention.value.bias",
            [SLOT_QNORM] = "attention.q_norm.weight", [SLOT_KNORM] = "attention.k_norm.weight",
            [SLOT_O_W] = "attention.dense.weight", [SLOT_O_B] = "attention.dense.bias",
            [SLOT_POST1_W] = "attention_output_layernorm.weight",
            [SLOT_POST1_B] = "attention_output_layernorm.bias",
            [SLOT_NORM2_W] = "post_attention_layernorm.weight",
            [SLOT_NORM2_B] = "post_attention_layernorm.bias",
            [SLOT_GATE_W] = "mlp.dense_gate.weight", [SLOT_GATE_B] = "mlp.dense_gate.bias",
            [SLOT_UP_W] = "mlp.dense_h_to_4h.weight", [SLOT_UP_B] = "mlp.dense_h_to_4h.bias",
            [SLOT_DOWN_W] = "mlp.dense_4h_to_h.weight", [SLOT_DOWN_B] = "mlp.dense_4h_to_h.bias",
            [SLOT_POST2_W] = "mlp_output_layernorm.weight",
            [SLOT_POST2_B] = "mlp_output_layernorm.bias",
            [SLOT_FNORM_W] = "final_layer_norm.weight", [SLOT_FNORM_B] = "final_layer_norm.bias",
            [SLOT_HEAD_W] = "embed_out.weight", [SLOT_HEAD_B] = "embed_out.bias",
        },
    },
};

const struct family *family_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(families); i++)
        if (strcmp(families[i].name, name) == 0) return &families[i];
    return NULL;
}

const struct block_config *model_block(const struct model_config *c, int layer)
{
    int i = 0;
    while (i + 1 < c->n_blocks && layer >= c->block[i].repeat) layer -= c->block[i++].repeat;
    return &c->block[i];
}

struct walk {
    const struct model_config *c;
    const struct family *f;
    slot_fn *fn;
    void *arg;
    struct err *e;
    int layer;
};

static int emit(struct walk *w, enum slot_role role, int64_t rows, int64_t cols, unsigned flags,
                enum slot_init init)
{
    struct slot s = {.role = role, .layer = w->layer, .flags = flags, .init = init};
    s.ndim = cols ? 2 : 1;
    s.dim[0] = rows;
    s.dim[1] = cols;
    s.linear = w->layer >= 0 && cols;
    const char *base = role == SLOT_HEAD_W || role == SLOT_HEAD_B ? "" : w->f->base;
    char block[32] = "";
    if (w->layer >= 0) {
        /* "h." or "layers.": the format's only conversion is the number. */
        const char *at = strchr(w->f->block, '%');
        snprintf(block, sizeof block, "%.*s%d.", (int)(at - w->f->block), w->f->block, w->layer);
    }
    snprintf(s.name, sizeof s.name, "%s%s%s", base, block, w->f->slot[role]);
    return w->fn(w->arg, &s, w->e);
}

/* A weight [out, in] and its bias; a bias follows its weight by `step` roles. */
static int emit_linear(struct walk *w, enum slot_role role, enum slot_role bias_role, int64_t out,
                       int64_t in, bool bias, enum slot_init init)
{
    if (emit(w, role, out, in, PARAM_DECAY | PARAM_MATRIX, init)) return -1;
    return bias ? emit(w, bias_role, out, 0, 0, INIT_ZERO) : 0;
}

static int emit_norm(struct walk *w, enum slot_role role, int64_t n, bool bias)
{
    if (emit(w, role, n, 0, 0, INIT_ONE)) return -1;
    return bias ? emit(w, role + 1, n, 0, 0, INIT_ZERO) : 0;
}

static int walk_attn(struct walk *w, const struct block_config *b)
{
    int64_t C = w->c->d_model, q = (int64_t)b->heads * b->head_dim,
            kv = (int64_t)b->kv_heads * b->head_dim;
    if (emit_linear(w, SLOT_Q_W, SLOT_Q_B, q, C, b->qkv_bias, INIT_NORMAL) ||
        emit_linear(w, SLOT_K_W, SLOT_K_B, kv, C, b->qkv_bias, INIT_NORMAL) ||
        emit_linear(w, SLOT_V_W, SLOT_V_B, kv, C, b->qkv_bias, INIT_NORMAL))
        return -1;
    if (b->qk_norm && (emit(w, SLOT_QNORM, b->head_dim, 0, 0, INIT_ONE) ||
                       emit(w, SLOT_KNORM, b->head_dim, 0, 0, INIT_ONE)))
        return -1;
    return emit_linear(w, SLOT_O_W, SLOT_O_B, C, q, b->out_bias, INIT_RESIDUAL);
}

static int walk_ffn(struct walk *w, const struct block_config *b)
{
    int64_t C = w->c->d_model, F = b->d_ff;
    if (b->ffn == FFN_GLU &&
        emit_linear(w, SLOT_GATE_W, SLOT_GATE_B, F, C, b->ffn_bias, INIT_NORMAL))
        return -1;
    if (emit_linear(w, SLOT_UP_W, SLOT_UP_B, F, C, b->ffn_bias, INIT_NORMAL)) return -1;
    return emit_linear(w, SLOT_DOWN_W, SLOT_DOWN_B, C, F, b->ffn_bias, INIT_RESIDUAL);
}

static int walk_block(struct walk *w, const struct block_config *b)
{
    int64_t C = w->c->d_model;
    bool nb = b->norm_bias, sandwich = b->place == PLACE_SANDWICH;
    if (emit_norm(w, SLOT_NORM1_W, C, nb) || walk_attn(w, b)) return -1;
    if (sandwich && emit_norm(w, SLOT_POST1_W, C, nb)) return -1;
    if (emit_norm(w, SLOT_NORM2_W, C, nb) || walk_ffn(w, b)) return -1;
    return sandwich ? emit_norm(w, SLOT_POST2_W, C, nb) : 0;
}

int layout_walk(const struct model_config *c, slot_fn *fn, void *arg, struct err *e)
{
    struct walk w = {.c = c, .f = family_find(c->family), .fn = fn, .arg = arg, .e = e, .layer = -1};
    if (!w.f) return err_set(e, ERR_CONFIG, "family '%s' is unknown", c->family);
    int64_t C = c->d_model;
    if (emit(&w, SLOT_EMBED, c->vocab, C, PARAM_DECAY, INIT_NORMAL)) return -1;
    if (c->embed_pos == POS_LEARNED &&
        emit(&w, SLOT_POS, c->max_pos + c->pos_offset, C, PARAM_DECAY, INIT_NORMAL))
        return -1;
    for (int i = 0; i < c->n_layers; i++) {
        w.layer = i;
        if (walk_block(&w, model_block(c, i))) return -1;
    }
    w.layer = -1;
    if (c->head_norm && emit_norm(&w, SLOT_FNORM_W, C, c->block[c->n_blocks - 1].norm_bias)) return -1;
    if (!c->tie_embed && emit(&w, SLOT_HEAD_W, c->vocab, C, PARAM_DECAY, INIT_NORMAL)) return -1;
    return c->head_bias ? emit(&w, SLOT_HEAD_B, c->vocab, 0, 0, INIT_ZERO) : 0;
}
