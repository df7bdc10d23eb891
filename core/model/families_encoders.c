/* families_encoders.c - names of encoders beyond BERT, RoBERTa and ELECTRA; a part of families.c's table. */
#include "core/base/mem.h"
#include "core/model/layout.h"

#define PAIR(role, name) [SLOT_##role##_W] = name ".weight", [SLOT_##role##_B] = name ".bias"

#define EMBED_SLOTS                                                                  \
    [SLOT_EMBED] = "embeddings.word_embeddings.weight",                              \
    [SLOT_POS] = "embeddings.position_embeddings.weight",                            \
    [SLOT_TYPES] = "embeddings.token_type_embeddings.weight", PAIR(ELN, "embeddings.LayerNorm")
#define SELF_SLOTS                                                                   \
    PAIR(Q, "attention.self.query"), PAIR(K, "attention.self.key"), PAIR(V, "attention.self.value"), \
    PAIR(O, "attention.output.dense"), PAIR(UP, "intermediate.dense"), PAIR(DOWN, "output.dense"), \
    PAIR(GATE, "intermediate.gate")
#define BERT_HEAD                                                                    \
    PAIR(HDENSE, "cls.predictions.transform.dense"), PAIR(HNORM, "cls.predictions.transform.LayerNorm"), \
    [SLOT_HEAD_W] = "cls.predictions.decoder.weight", [SLOT_HEAD_B] = "cls.predictions.bias"
#define ROBERTA_HEAD                                                                 \
    PAIR(HDENSE, "lm_head.dense"), PAIR(HNORM, "lm_head.layer_norm"),                \
    [SLOT_HEAD_W] = "lm_head.decoder.weight", [SLOT_HEAD_B] = "lm_head.bias",        \
    PAIR(SDENSE, "classifier.dense"), PAIR(SCORE, "classifier.out_proj")

const struct family families_encoders[] = {
    {
        .name = "albert", .base = "albert.", .block = "encoder.albert_layer_groups.%d.albert_layers.0.", .by_group = true,
        .slot = {
            EMBED_SLOTS, PAIR(EPROJ, "encoder.embedding_hidden_mapping_in"), PAIR(Q, "attention.query"),
            PAIR(K, "attention.key"), PAIR(V, "attention.value"), PAIR(O, "attention.dense"), PAIR(NORM1, "attention.LayerNorm"),
            PAIR(UP, "ffn"), PAIR(DOWN, "ffn_output"), PAIR(NORM2, "full_layer_layer_norm"), PAIR(GATE, "ffn_gate"),
            PAIR(HDENSE, "predictions.dense"), PAIR(HNORM, "predictions.LayerNorm"),
            [SLOT_HEAD_W] = "predictions.decoder.weight", [SLOT_HEAD_B] = "predictions.bias",
            PAIR(SDENSE, "albert.pooler"), PAIR(SCORE, "classifier"),
        },
    },
    {
        .name = "mpnet", .base = "mpnet.", .block = "encoder.layer.%d.", .t5_table = "encoder.relative_attention_bias.weight",
        .slot = {
            EMBED_SLOTS, PAIR(Q, "attention.attn.q"), PAIR(K, "attention.attn.k"), PAIR(V, "attention.attn.v"),
            PAIR(O, "attention.attn.o"), PAIR(NORM1, "attention.LayerNorm"), PAIR(UP, "intermediate.dense"),
            PAIR(DOWN, "output.dense"), PAIR(NORM2, "output.LayerNorm"), PAIR(GATE, "intermediate.gate"), ROBERTA_HEAD,
        },
    },
    {
        .name = "megatron_bert", .base = "bert.", .block = "encoder.layer.%d.",
        .slot = {
            EMBED_SLOTS, SELF_SLOTS, PAIR(NORM1, "attention.ln"), PAIR(NORM2, "ln"), PAIR(FNORM, "encoder.ln"), BERT_HEAD,
            PAIR(SDENSE, "bert.pooler.dense"), PAIR(SCORE, "classifier"),
        },
    },
    {
        .name = "roberta_prelayernorm", .base = "roberta_prelayernorm.", .block = "encoder.layer.%d.",
        .slot = {
            EMBED_SLOTS, SELF_SLOTS, PAIR(NORM1, "attention.LayerNorm"), PAIR(NORM2, "intermediate.LayerNorm"),
            PAIR(FNORM, "LayerNorm"), ROBERTA_HEAD,
        },
    },
    {
        .name = "data2vec_text", .base = "data2vec_text.", .block = "encoder.layer.%d.",
        .slot = {
            EMBED_SLOTS, SELF_SLOTS, PAIR(NORM1, "attention.output.LayerNorm"), PAIR(NORM2, "output.LayerNorm"), ROBERTA_HEAD,
        },
    },
};
const int n_families_encoders = (int)COUNT_OF(families_encoders);
