/* families.c - how each family names its parameters; data, and two look-ups. */
#include <string.h>

#include "core/base/mem.h"
#include "core/model/families_rwkv.h"
#include "core/model/layout.h"

const char *const family_names[] = {
    "gpt2", "llama", "qwen2", "qwen3", "gpt_neox", "bert", "roberta", "xlm_roberta", "camembert", "modernbert", "distilbert", "electra", "electra_generator", "t5",
    "mt5", "umt5", "bart", "mbart", "pegasus", "marian", "m2m_100", "blenderbot", "plbart", "bloom", "gemma", "gemma2", "gemma3", "gpt_neo", "opt", "mpt", "falcon", "falcon_two_norms", "phi", "phi3", "olmo",
    "olmo2", "granite", "cohere", "stablelm", "starcoder2", "mixtral", "qwen2_moe", "qwen3_moe", "olmoe", "deepseek_v2",
    "deepseek_v3", "gpt_oss", "smollm3", "cohere2", "olmo3", "gptj", "arcee", "seed_oss", "helium", "ernie4_5", "glm", "glm4",
    "exaone4", "granitemoe", "granitemoeshared", "glm4_moe", "dots1", "nemotron", "xglm", "albert", "mpnet", "megatron_bert",
    "roberta_prelayernorm", "data2vec_text", "rwkv", "rwkv4", "rwkv5", "rwkv6", "rwkv7", NULL};

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

/* Experts: stacked, as transformers 5 holds them. */
#define MOE_SLOTS                                                                    \
    [SLOT_ROUTER_W] = "mlp.gate.weight", [SLOT_ROUTER_B] = "mlp.gate.bias",          \
    [SLOT_ROUTER_CORR] = "mlp.gate.e_score_correction_bias",                         \
    [SLOT_EUP_W] = "mlp.experts.gate_up_proj", [SLOT_EUP_B] = "mlp.experts.gate_up_proj_bias", \
    [SLOT_EDOWN_W] = "mlp.experts.down_proj", [SLOT_EDOWN_B] = "mlp.experts.down_proj_bias",   \
    [SLOT_SGATE_W] = "mlp.shared_experts.gate_proj.weight",                          \
    [SLOT_SUP_W] = "mlp.shared_experts.up_proj.weight",                              \
    [SLOT_SDOWN_W] = "mlp.shared_experts.down_proj.weight", [SLOT_SSIG_W] = "mlp.shared_expert_gate.weight"

/* What a family's own files have no name for: any mixer, position or stack can
 * be combined with any family, it only cannot be exported then. */
static const char *const default_slot[SLOT_N] = {
    [SLOT_EMBED] = "embed_tokens.weight", [SLOT_POS] = "embed_positions.weight", [SLOT_TYPES] = "token_type_embeddings.weight",
    [SLOT_ELN_W] = "embed_norm.weight", [SLOT_ELN_B] = "embed_norm.bias",
    [SLOT_EPROJ_W] = "embed_project.weight", [SLOT_EPROJ_B] = "embed_project.bias",
    [SLOT_ENC_POS] = "encoder.embed_positions.weight", [SLOT_ENC_EMBED] = "encoder.embed_tokens.weight",
    [SLOT_ENC_ELN_W] = "encoder.embed_norm.weight", [SLOT_ENC_ELN_B] = "encoder.embed_norm.bias",
    [SLOT_ENC_FNORM_W] = "encoder.norm.weight", [SLOT_ENC_FNORM_B] = "encoder.norm.bias",
    [SLOT_NORM1_W] = "norm1.weight", [SLOT_NORM1_B] = "norm1.bias", [SLOT_NORM2_W] = "norm2.weight", [SLOT_NORM2_B] = "norm2.bias",
    [SLOT_Q_W] = "attn.q_proj.weight", [SLOT_Q_B] = "attn.q_proj.bias", [SLOT_K_W] = "attn.k_proj.weight",
    [SLOT_K_B] = "attn.k_proj.bias", [SLOT_V_W] = "attn.v_proj.weight", [SLOT_V_B] = "attn.v_proj.bias",
    [SLOT_O_W] = "attn.o_proj.weight", [SLOT_O_B] = "attn.o_proj.bias",
    [SLOT_QNORM] = "attn.q_norm.weight", [SLOT_KNORM] = "attn.k_norm.weight",
    [SLOT_SINK] = "attn.sinks", [SLOT_SHAW_K] = "attn.relative_keys.weight",
    [SLOT_SHAW_V] = "attn.relative_values.weight", [SLOT_T5] = "attn.relative_bias.weight",
    [SLOT_POST1_W] = "attn_output_norm.weight", [SLOT_POST1_B] = "attn_output_norm.bias",
    [SLOT_XNORM_W] = "cross_norm.weight", [SLOT_XNORM_B] = "cross_norm.bias",
    [SLOT_XQ_W] = "cross_attn.q_proj.weight", [SLOT_XQ_B] = "cross_attn.q_proj.bias",
    [SLOT_XK_W] = "cross_attn.k_proj.weight", [SLOT_XK_B] = "cross_attn.k_proj.bias",
    [SLOT_XV_W] = "cross_attn.v_proj.weight", [SLOT_XV_B] = "cross_attn.v_proj.bias",
    [SLOT_XO_W] = "cross_attn.o_proj.weight", [SLOT_XO_B] = "cross_attn.o_proj.bias",
    [SLOT_POSTX_W] = "cross_output_norm.weight", [SLOT_POSTX_B] = "cross_output_norm.bias",
    [SLOT_GATE_W] = "mlp.gate_proj.weight", [SLOT_GATE_B] = "mlp.gate_proj.bias",
    [SLOT_UP_W] = "mlp.up_proj.weight", [SLOT_UP_B] = "mlp.up_proj.bias",
    [SLOT_DOWN_W] = "mlp.down_proj.weight", [SLOT_DOWN_B] = "mlp.down_proj.bias",
    [SLOT_POST2_W] = "mlp_output_norm.weight", [SLOT_POST2_B] = "mlp_output_norm.bias",
    MOE_SLOTS,
    [SLOT_MLA_QA] = "self_attn.q_a_proj.weight", [SLOT_MLA_QNORM] = "self_attn.q_a_layernorm.weight",
    [SLOT_MLA_QB] = "self_attn.q_b_proj.weight", [SLOT_MLA_KVA] = "self_attn.kv_a_proj.weight",
    [SLOT_MLA_KR] = "self_attn.k_rope_proj.weight", [SLOT_MLA_KVNORM] = "self_attn.kv_a_layernorm.weight",
    [SLOT_MLA_KVB] = "self_attn.kv_b_proj.weight", [SLOT_MLA_QA_B] = "self_attn.q_a_proj.bias",
    [SLOT_MLA_KVA_B] = "self_attn.kv_a_proj.bias", [SLOT_MLA_KR_B] = "self_attn.k_rope_proj.bias",
    RWKV_DEFAULT_SLOTS,
    [SLOT_FNORM_W] = "norm.weight", [SLOT_FNORM_B] = "norm.bias",
    [SLOT_HDENSE_W] = "head.dense.weight", [SLOT_HDENSE_B] = "head.dense.bias",
    [SLOT_HNORM_W] = "head.norm.weight", [SLOT_HNORM_B] = "head.norm.bias",
    [SLOT_HEAD_W] = "lm_head.weight", [SLOT_HEAD_B] = "lm_head.bias",
    [SLOT_SDENSE_W] = "score_dense.weight", [SLOT_SDENSE_B] = "score_dense.bias",
    [SLOT_SNORM_W] = "score_norm.weight", [SLOT_SNORM_B] = "score_norm.bias",
    [SLOT_SCORE_W] = "score.weight", [SLOT_SCORE_B] = "score.bias",
};

#define EXPERTS_APART \
    .router = "mlp.gate.weight", .expert = "mlp.experts.%d.", .expert_part = {"gate_proj.weight", "up_proj.weight", "down_proj.weight"}

#define GRANITE_EXPERTS                                                              \
    [SLOT_ROUTER_W] = "block_sparse_moe.router.layer.weight", [SLOT_EUP_W] = "block_sparse_moe.input_linear.weight", \
    [SLOT_EDOWN_W] = "block_sparse_moe.output_linear.weight"

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
    {.name = "mixtral", .base = "model.", .block = "layers.%d.", .router = "block_sparse_moe.gate.weight",
     .expert = "block_sparse_moe.experts.%d.", .expert_part = {"w1.weight", "w3.weight", "w2.weight"}, .slot = {LLAMA_SLOTS}},
    {.name = "qwen3_moe", .base = "model.", .block = "layers.%d.", EXPERTS_APART, .slot = {LLAMA_SLOTS}},
    {.name = "olmoe", .base = "model.", .block = "layers.%d.", EXPERTS_APART, .slot = {LLAMA_SLOTS}},
    {.name = "qwen2_moe", .base = "model.", .block = "layers.%d.", EXPERTS_APART,
     .slot = {LLAMA_SLOTS, [SLOT_SGATE_W] = "mlp.shared_expert.gate_proj.weight",
              [SLOT_SUP_W] = "mlp.shared_expert.up_proj.weight", [SLOT_SDOWN_W] = "mlp.shared_expert.down_proj.weight"}},
    {.name = "deepseek_v2", .base = "model.", .block = "layers.%d.", EXPERTS_APART, .slot = {LLAMA_SLOTS}},
    {.name = "deepseek_v3", .base = "model.", .block = "layers.%d.", EXPERTS_APART, .slot = {LLAMA_SLOTS}}, /* mla: default_slot */
    {.name = "glm4_moe", .base = "model.", .block = "layers.%d.", EXPERTS_APART, .slot = {LLAMA_SLOTS}},
    {.name = "dots1", .base = "model.", .block = "layers.%d.", EXPERTS_APART, .slot = {LLAMA_SLOTS}},
    {.name = "granitemoe", .base = "model.", .block = "layers.%d.", .slot = {LLAMA_SLOTS, GRANITE_EXPERTS}},
    {.name = "granitemoeshared", .base = "model.", .block = "layers.%d.", .shared_gate_up_w = "shared_mlp.input_linear.weight",
     .slot = {LLAMA_SLOTS, GRANITE_EXPERTS, [SLOT_SGATE_W] = "shared_mlp.gate.weight", [SLOT_SUP_W] = "shared_mlp.up.weight",
              [SLOT_SDOWN_W] = "shared_mlp.output_linear.weight"}},
    {.name = "gpt_oss", .base = "model.", .block = "layers.%d.", .experts_transposed = true,
     .slot = {LLAMA_SLOTS, [SLOT_SINK] = "self_attn.sinks", [SLOT_ROUTER_W] = "mlp.router.weight",
              [SLOT_ROUTER_B] = "mlp.router.bias"}},
};

const struct family *family_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(families); i++)
        if (strcmp(families[i].name, name) == 0) return &families[i];
    for (int i = 0; i < n_families_rwkv; i++)
        if (strcmp(families_rwkv[i].name, name) == 0) return &families_rwkv[i];
    for (int i = 0; i < n_families_more; i++)
        if (strcmp(families_more[i].name, name) == 0) return &families_more[i];
    for (int i = 0; i < n_families_encoders; i++)
        if (strcmp(families_encoders[i].name, name) == 0) return &families_encoders[i];
    for (int i = 0; i < n_families_open; i++)
        if (strcmp(families_open[i].name, name) == 0) return &families_open[i];
    return NULL;
}

const char *family_slot(const struct family *f, enum slot_role r, bool encoder, bool glu)
{
    const char *up = encoder ? f->enc_glu_up : f->glu_up;
    if (r == SLOT_UP_W && glu && up) return up;
    if (encoder && f->enc_slot[r]) return f->enc_slot[r];
    return f->slot[r] ? f->slot[r] : default_slot[r];
}
