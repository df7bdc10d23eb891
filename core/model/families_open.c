/* families_open.c - names of further decoders; the third part of families.c's table. */
#include "core/base/mem.h"
#include "core/model/layout.h"

#define PAIR(role, name) [SLOT_##role##_W] = name ".weight", [SLOT_##role##_B] = name ".bias"

/* What Llama's relatives share; then Llama's own names of the rest. */
#define COMMON_SLOTS                                                                 \
    [SLOT_EMBED] = "embed_tokens.weight", PAIR(NORM1, "input_layernorm"),            \
    PAIR(Q, "self_attn.q_proj"), PAIR(K, "self_attn.k_proj"), PAIR(V, "self_attn.v_proj"), \
    [SLOT_QNORM] = "self_attn.q_norm.weight", [SLOT_KNORM] = "self_attn.k_norm.weight", \
    PAIR(HEAD, "lm_head")
#define GLU_SLOTS PAIR(GATE, "mlp.gate_proj"), PAIR(UP, "mlp.up_proj"), PAIR(DOWN, "mlp.down_proj")
#define OUT_SLOTS PAIR(O, "self_attn.o_proj"), PAIR(FNORM, "norm")
#define LAYER_SLOTS COMMON_SLOTS, GLU_SLOTS, OUT_SLOTS, PAIR(NORM2, "post_attention_layernorm")

#define OLMO2_SLOTS COMMON_SLOTS, GLU_SLOTS, OUT_SLOTS, PAIR(NORM2, "mlp_input_layernorm"), PAIR(POST1, "post_attention_layernorm"), \
    PAIR(POST2, "post_feedforward_layernorm")

#define LAYERS(family) .name = family, .base = "model.", .block = "layers.%d."

#define FALCON(family, norms)                                                         \
    {                                                                                \
        .name = family, .base = "transformer.", .block = "h.%d.", .qkv_fused = true, .qkv_per_head = true, \
        .qkv_w = "self_attention.query_key_value.weight", .qkv_b = "self_attention.query_key_value.bias", \
        .slot = {                                                                    \
            [SLOT_EMBED] = "word_embeddings.weight", norms, PAIR(Q, "self_attention.query"), \
            PAIR(K, "self_attention.key"), PAIR(V, "self_attention.value"), PAIR(O, "self_attention.dense"), \
            PAIR(UP, "mlp.dense_h_to_4h"), PAIR(DOWN, "mlp.dense_4h_to_h"), PAIR(FNORM, "ln_f"), PAIR(HEAD, "lm_head"), \
        },                                                                           \
    }
#define IN_TURN PAIR(NORM1, "input_layernorm"), PAIR(NORM2, "post_attention_layernorm")
#define BESIDE PAIR(NORM1, "ln_attn"), PAIR(NORM2, "ln_mlp")

const struct family families_open[] = {
    FALCON("falcon", IN_TURN),
    FALCON("falcon_two_norms", BESIDE),
    {LAYERS("olmo"), .slot = {LAYER_SLOTS}},
    {LAYERS("olmo2"), .slot = {OLMO2_SLOTS}},
    {LAYERS("olmo3"), .slot = {OLMO2_SLOTS}},
    {LAYERS("arcee"), .slot = {LAYER_SLOTS}},
    {LAYERS("seed_oss"), .slot = {LAYER_SLOTS}},
    {LAYERS("helium"), .slot = {LAYER_SLOTS}},
    {LAYERS("ernie4_5"), .slot = {LAYER_SLOTS}},
    {LAYERS("glm"), .gate_up_w = "mlp.gate_up_proj.weight", .slot = {LAYER_SLOTS}},
    {LAYERS("glm4"), .gate_up_w = "mlp.gate_up_proj.weight",
     .slot = {LAYER_SLOTS, PAIR(POST1, "post_self_attn_layernorm"), PAIR(POST2, "post_mlp_layernorm")}},
    {LAYERS("exaone4"), .slot = {OLMO2_SLOTS}},
    {LAYERS("granite"), .slot = {LAYER_SLOTS}},
    {LAYERS("cohere"), .slot = {LAYER_SLOTS}},
    {LAYERS("cohere2"), .slot = {LAYER_SLOTS}},
    {LAYERS("smollm3"), .slot = {LAYER_SLOTS}},
    {LAYERS("stablelm"), .each_head = {"self_attn.q_layernorm.norms.%d.weight", "self_attn.k_layernorm.norms.%d.weight"},
     .slot = {LAYER_SLOTS}},
    {LAYERS("starcoder2"), .slot = {COMMON_SLOTS, OUT_SLOTS, PAIR(NORM2, "post_attention_layernorm"), PAIR(UP, "mlp.c_fc"), PAIR(DOWN, "mlp.c_proj")}},
    {LAYERS("nemotron"), .slot = {LAYER_SLOTS}},
    {
        .name = "xglm", .base = "model.", .block = "layers.%d.",
        .slot = {
            [SLOT_EMBED] = "embed_tokens.weight", PAIR(NORM1, "self_attn_layer_norm"), PAIR(Q, "self_attn.q_proj"),
            PAIR(K, "self_attn.k_proj"), PAIR(V, "self_attn.v_proj"), PAIR(O, "self_attn.out_proj"),
            PAIR(NORM2, "final_layer_norm"), PAIR(UP, "fc1"), PAIR(DOWN, "fc2"), PAIR(FNORM, "layer_norm"), PAIR(HEAD, "lm_head"),
        },
    },
    {LAYERS("phi"), .slot = {COMMON_SLOTS, PAIR(O, "self_attn.dense"), PAIR(UP, "mlp.fc1"), PAIR(DOWN, "mlp.fc2"),
                             PAIR(FNORM, "final_layernorm")}},
    {LAYERS("phi3"), .qkv_fused = true, .qkv_w = "self_attn.qkv_proj.weight", .qkv_b = "self_attn.qkv_proj.bias",
     .gate_up_w = "mlp.gate_up_proj.weight", .slot = {LAYER_SLOTS}},
    {
        .name = "gpt_neo", .base = "transformer.", .block = "h.%d.",
        .slot = {
            [SLOT_EMBED] = "wte.weight", [SLOT_POS] = "wpe.weight", PAIR(NORM1, "ln_1"),
            PAIR(Q, "attn.attention.q_proj"), PAIR(K, "attn.attention.k_proj"), PAIR(V, "attn.attention.v_proj"),
            PAIR(O, "attn.attention.out_proj"), PAIR(NORM2, "ln_2"), PAIR(UP, "mlp.c_fc"), PAIR(DOWN, "mlp.c_proj"),
            PAIR(FNORM, "ln_f"), PAIR(HEAD, "lm_head"),
        },
    },
    {
        .name = "gptj", .base = "transformer.", .block = "h.%d.",
        .slot = {
            [SLOT_EMBED] = "wte.weight", PAIR(NORM1, "ln_1"), PAIR(Q, "attn.q_proj"), PAIR(K, "attn.k_proj"), PAIR(V, "attn.v_proj"),
            PAIR(O, "attn.out_proj"), PAIR(UP, "mlp.fc_in"), PAIR(DOWN, "mlp.fc_out"), PAIR(FNORM, "ln_f"), PAIR(HEAD, "lm_head"),
        },
    },
    {
        .name = "opt", .base = "model.", .block = "decoder.layers.%d.",
        .slot = {
            [SLOT_EMBED] = "decoder.embed_tokens.weight", [SLOT_POS] = "decoder.embed_positions.weight",
            PAIR(NORM1, "self_attn_layer_norm"), PAIR(Q, "self_attn.q_proj"), PAIR(K, "self_attn.k_proj"),
            PAIR(V, "self_attn.v_proj"), PAIR(O, "self_attn.out_proj"), PAIR(NORM2, "final_layer_norm"),
            PAIR(UP, "fc1"), PAIR(DOWN, "fc2"), PAIR(FNORM, "decoder.final_layer_norm"), PAIR(HEAD, "lm_head"),
        },
    },
    {
        .name = "mpt", .base = "transformer.", .block = "blocks.%d.", .qkv_fused = true, .qkv_w = "attn.Wqkv.weight",
        .qkv_b = "attn.Wqkv.bias",
        .slot = {
            [SLOT_EMBED] = "wte.weight", PAIR(NORM1, "norm_1"), PAIR(Q, "attn.Wq"), PAIR(K, "attn.Wk"), PAIR(V, "attn.Wv"),
            PAIR(O, "attn.out_proj"), PAIR(NORM2, "norm_2"), PAIR(UP, "ffn.up_proj"), PAIR(DOWN, "ffn.down_proj"),
            PAIR(FNORM, "norm_f"), PAIR(HEAD, "lm_head"),
        },
    },
};
const int n_families_open = (int)COUNT_OF(families_open);
