/* families_more.c - names of encoders, encoder-decoders, Bloom and Gemma; the
 * second half of families.c's table. */
#include "core/base/mem.h"
#include "core/model/layout.h"

#define PAIR(role, name) [SLOT_##role##_W] = name ".weight", [SLOT_##role##_B] = name ".bias"

#define BERT_EMBED_SLOTS                                                             \
    [SLOT_EMBED] = "embeddings.word_embeddings.weight",                              \
    [SLOT_POS] = "embeddings.position_embeddings.weight",                            \
    [SLOT_TYPES] = "embeddings.token_type_embeddings.weight",                        \
    PAIR(ELN, "embeddings.LayerNorm")

/* BERT's blocks, which ELECTRA and RoBERTa share. */
#define BERT_SLOTS                                                                   \
    BERT_EMBED_SLOTS,                                                                \
    PAIR(Q, "attention.self.query"), PAIR(K, "attention.self.key"), PAIR(V, "attention.self.value"), \
    PAIR(O, "attention.output.dense"), PAIR(NORM1, "attention.output.LayerNorm"),    \
    PAIR(UP, "intermediate.dense"), PAIR(DOWN, "output.dense"), PAIR(NORM2, "output.LayerNorm"), \
    PAIR(GATE, "intermediate.gate")

#define BART_SLOTS                                                                   \
    [SLOT_EMBED] = "shared.weight", [SLOT_POS] = "decoder.embed_positions.weight",   \
    [SLOT_ENC_POS] = "encoder.embed_positions.weight",                               \
    PAIR(ELN, "decoder.layernorm_embedding"), PAIR(ENC_ELN, "encoder.layernorm_embedding"), \
    PAIR(Q, "self_attn.q_proj"), PAIR(K, "self_attn.k_proj"), PAIR(V, "self_attn.v_proj"), \
    PAIR(O, "self_attn.out_proj"), PAIR(NORM1, "self_attn_layer_norm"),              \
    PAIR(XQ, "encoder_attn.q_proj"), PAIR(XK, "encoder_attn.k_proj"), PAIR(XV, "encoder_attn.v_proj"), \
    PAIR(XO, "encoder_attn.out_proj"), PAIR(XNORM, "encoder_attn_layer_norm"),       \
    PAIR(UP, "fc1"), PAIR(DOWN, "fc2"), PAIR(NORM2, "final_layer_norm"),             \
    PAIR(FNORM, "decoder.layer_norm"), PAIR(ENC_FNORM, "encoder.layer_norm"),        \
    [SLOT_HEAD_W] = "lm_head.weight", [SLOT_HEAD_B] = "final_logits_bias"

#define BART_NAMES(family)                                                           \
    {.name = family, .base = "model.", .block = "decoder.layers.%d.", .enc_block = "encoder.layers.%d.", \
     .own_embed = "decoder.embed_tokens.weight", .frozen_head_bias = true, .slot = {BART_SLOTS}}

#define T5_NAMES(family)                                                             \
    {                                                                                \
        .name = family, .base = "", .block = "decoder.block.%d.", .enc_block = "encoder.block.%d.",\
        .glu_up = "layer.2.DenseReluDense.wi_1.weight", .enc_glu_up = "layer.1.DenseReluDense.wi_1.weight",\
        .slot = {                                                                    \
            [SLOT_EMBED] = "shared.weight",                                          \
            [SLOT_NORM1_W] = "layer.0.layer_norm.weight",                            \
            PAIR(Q, "layer.0.SelfAttention.q"), PAIR(K, "layer.0.SelfAttention.k"),  \
            PAIR(V, "layer.0.SelfAttention.v"), PAIR(O, "layer.0.SelfAttention.o"),  \
            [SLOT_T5] = "layer.0.SelfAttention.relative_attention_bias.weight",      \
            [SLOT_XNORM_W] = "layer.1.layer_norm.weight",                            \
            PAIR(XQ, "layer.1.EncDecAttention.q"), PAIR(XK, "layer.1.EncDecAttention.k"),\
            PAIR(XV, "layer.1.EncDecAttention.v"), PAIR(XO, "layer.1.EncDecAttention.o"),\
            [SLOT_NORM2_W] = "layer.2.layer_norm.weight",                            \
            PAIR(GATE, "layer.2.DenseReluDense.wi_0"), PAIR(UP, "layer.2.DenseReluDense.wi"),\
            PAIR(DOWN, "layer.2.DenseReluDense.wo"),                                 \
            [SLOT_FNORM_W] = "decoder.final_layer_norm.weight",                      \
            [SLOT_ENC_FNORM_W] = "encoder.final_layer_norm.weight",                  \
            [SLOT_HEAD_W] = "lm_head.weight",                                        \
        },                                                                           \
        .enc_slot = {                                                                \
            [SLOT_NORM2_W] = "layer.1.layer_norm.weight",                            \
            PAIR(GATE, "layer.1.DenseReluDense.wi_0"), PAIR(UP, "layer.1.DenseReluDense.wi"),\
            PAIR(DOWN, "layer.1.DenseReluDense.wo"),                                 \
        },                                                                           \
    }

#define GEMMA_SLOTS                                                                  \
    [SLOT_EMBED] = "embed_tokens.weight", [SLOT_NORM1_W] = "input_layernorm.weight", \
    PAIR(Q, "self_attn.q_proj"), PAIR(K, "self_attn.k_proj"), PAIR(V, "self_attn.v_proj"), \
    PAIR(O, "self_attn.o_proj"),                                                     \
    [SLOT_QNORM] = "self_attn.q_norm.weight", [SLOT_KNORM] = "self_attn.k_norm.weight", \
    PAIR(GATE, "mlp.gate_proj"), PAIR(UP, "mlp.up_proj"), PAIR(DOWN, "mlp.down_proj"), \
    [SLOT_FNORM_W] = "norm.weight", PAIR(HEAD, "lm_head")

#define GEMMA_SANDWICH                                                               \
    GEMMA_SLOTS, [SLOT_POST1_W] = "post_attention_layernorm.weight",                 \
    [SLOT_NORM2_W] = "pre_feedforward_layernorm.weight", [SLOT_POST2_W] = "post_feedforward_layernorm.weight"

#define ROBERTA(family)                                                              \
    {                                                                                \
        .name = family, .base = "roberta.", .block = "encoder.layer.%d.",            \
        .slot = {                                                                    \
            BERT_SLOTS, PAIR(HDENSE, "lm_head.dense"), PAIR(HNORM, "lm_head.layer_norm"), \
            [SLOT_HEAD_W] = "lm_head.decoder.weight", [SLOT_HEAD_B] = "lm_head.bias", \
            PAIR(SDENSE, "classifier.dense"), PAIR(SCORE, "classifier.out_proj"),    \
        },                                                                           \
    }

const struct family families_more[] = {
    {
        .name = "bert", .base = "bert.", .block = "encoder.layer.%d.",
        .slot = {
            BERT_SLOTS, PAIR(HDENSE, "cls.predictions.transform.dense"),
            PAIR(HNORM, "cls.predictions.transform.LayerNorm"),
            [SLOT_HEAD_W] = "cls.predictions.decoder.weight", [SLOT_HEAD_B] = "cls.predictions.bias",
            PAIR(SDENSE, "bert.pooler.dense"), PAIR(SCORE, "classifier"),
        },
    },
    ROBERTA("roberta"), ROBERTA("xlm_roberta"), ROBERTA("camembert"),
    {
        .name = "modernbert", .base = "model.", .block = "layers.%d.", .qkv_fused = true, .qkv_w = "attn.Wqkv.weight",
        .qkv_b = "attn.Wqkv.bias", .gate_up_w = "mlp.Wi.weight",
        .slot = {
            [SLOT_EMBED] = "embeddings.tok_embeddings.weight", PAIR(ELN, "embeddings.norm"), PAIR(NORM1, "attn_norm"),
            PAIR(Q, "attn.Wq"), PAIR(K, "attn.Wk"), PAIR(V, "attn.Wv"), PAIR(O, "attn.Wo"), PAIR(NORM2, "mlp_norm"),
            PAIR(GATE, "mlp.Wg"), PAIR(UP, "mlp.Wu"), PAIR(DOWN, "mlp.Wo"), PAIR(FNORM, "final_norm"),
            PAIR(HDENSE, "head.dense"), PAIR(HNORM, "head.norm"), PAIR(HEAD, "decoder"),
            PAIR(SDENSE, "head.dense"), PAIR(SNORM, "head.norm"), PAIR(SCORE, "classifier"),
        },
    },
    {
        .name = "distilbert", .base = "distilbert.", .block = "transformer.layer.%d.",
        .slot = {
            BERT_EMBED_SLOTS, PAIR(Q, "attention.q_lin"), PAIR(K, "attention.k_lin"), PAIR(V, "attention.v_lin"),
            PAIR(O, "attention.out_lin"), PAIR(NORM1, "sa_layer_norm"), PAIR(UP, "ffn.lin1"), PAIR(DOWN, "ffn.lin2"),
            PAIR(NORM2, "output_layer_norm"), PAIR(HDENSE, "vocab_transform"), PAIR(HNORM, "vocab_layer_norm"),
            PAIR(HEAD, "vocab_projector"), PAIR(SDENSE, "pre_classifier"), PAIR(SCORE, "classifier"),
        },
    },
    {
        .name = "electra", .base = "electra.", .block = "encoder.layer.%d.",
        .slot = {
            BERT_SLOTS, PAIR(EPROJ, "embeddings_project"), PAIR(HDENSE, "discriminator_predictions.dense"),
            PAIR(HEAD, "discriminator_predictions.dense_prediction"),
            PAIR(SDENSE, "classifier.dense"), PAIR(SCORE, "classifier.out_proj"),
        },
    },
    {
        .name = "electra_generator", .base = "electra.", .block = "encoder.layer.%d.",
        .slot = {
            BERT_SLOTS, PAIR(EPROJ, "embeddings_project"), PAIR(HDENSE, "generator_predictions.dense"),
            PAIR(HNORM, "generator_predictions.LayerNorm"), PAIR(HEAD, "generator_lm_head"),
        },
    },
    T5_NAMES("t5"), T5_NAMES("mt5"), T5_NAMES("umt5"),
    BART_NAMES("bart"), BART_NAMES("mbart"), BART_NAMES("pegasus"), BART_NAMES("marian"), BART_NAMES("m2m_100"),
    BART_NAMES("blenderbot"), BART_NAMES("plbart"),
    {
        .name = "bloom", .base = "transformer.", .block = "h.%d.", .qkv_fused = true, .qkv_per_head = true,
        .qkv_w = "self_attention.query_key_value.weight", .qkv_b = "self_attention.query_key_value.bias",
        .slot = {
            [SLOT_EMBED] = "word_embeddings.weight", PAIR(ELN, "word_embeddings_layernorm"),
            PAIR(NORM1, "input_layernorm"), PAIR(Q, "self_attention.query"), PAIR(K, "self_attention.key"),
            PAIR(V, "self_attention.value"), PAIR(O, "self_attention.dense"),
            PAIR(NORM2, "post_attention_layernorm"), PAIR(UP, "mlp.dense_h_to_4h"), PAIR(DOWN, "mlp.dense_4h_to_h"),
            PAIR(FNORM, "ln_f"), PAIR(HEAD, "lm_head"),
        },
    },
    {.name = "gemma", .base = "model.", .block = "layers.%d.",
     .slot = {GEMMA_SLOTS, [SLOT_NORM2_W] = "post_attention_layernorm.weight"}},
    {.name = "gemma2", .base = "model.", .block = "layers.%d.", .slot = {GEMMA_SANDWICH}},
    {.name = "gemma3", .base = "model.", .block = "layers.%d.", .slot = {GEMMA_SANDWICH}},
};
const int n_families_more = (int)COUNT_OF(families_more);
