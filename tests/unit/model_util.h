/* model_util.h - small models for tests: every family, and every option of
 * the description that changes the arithmetic. */
#ifndef TESTS_UNIT_MODEL_UTIL_H
#define TESTS_UNIT_MODEL_UTIL_H

#include "core/model/model.h"

struct model_variant {
    const char *name, *family;
    int heads, kv_heads, width;
    const char *sets[6]; /* --set assignments */
};

/* Ended by a NULL name. */
static const struct model_variant model_variants[] = {
    {"gpt2", "gpt2", 3, 3, 48, {NULL}},
    {"llama, grouped, untied", "llama", 6, 2, 48, {"tie_embed=false"}},
    {"qwen2", "qwen2", 4, 2, 40, {NULL}},
    {"qwen3, wide heads", "qwen3", 4, 2, 32, {"blocks.mixer.head_dim=16"}},
    {"gpt_neox", "gpt_neox", 4, 4, 64, {"tie_embed=false"}},
    {"window and softcap", "llama", 4, 4, 32, {"blocks.mixer.window=5", "blocks.mixer.softcap=2", "head.softcap=3"}},
    {"interleaved yarn", "llama", 2, 1, 32,
     {"blocks.mixer.pos.pairing=interleaved",
      "blocks.mixer.pos.scaling={\"type\":\"yarn\",\"factor\":4,\"original_max_pos\":16}"}},
    {"post norm, sinusoidal", "llama", 4, 4, 32,
     {"blocks.norm.place=post", "embed.pos=sinusoidal", "embed.scale=sqrt_d", "head.norm=false", "blocks.mixer.pos={}"}},
    {"sandwich, layer norm", "qwen3", 4, 4, 32,
     {"blocks.norm={\"type\":\"ln\",\"place\":\"sandwich\"}", "blocks.mixer.bias=all", "head.bias=true", "head.logit_scale=0.5"}},
    {"alibi, relu2", "gpt2", 6, 6, 48, {"embed.pos=none", "blocks.mixer.pos={\"type\":\"alibi\"}", "blocks.ffn.act=relu2"}},
    {"odd sizes", "gpt2", 5, 5, 35, {"vocab=61"}},
    {"odd rotary share", "gpt_neox", 3, 3, 36, {"blocks.norm.place=pre"}},
    {"experts, renormalised", "mixtral", 4, 2, 32,
     {"blocks.ffn={\"type\":\"moe\",\"d_ff\":24,\"moe\":{\"experts\":5,\"top_k\":2,\"renorm\":true}}"}},
    {"experts in groups, shared ones", "qwen3_moe", 4, 2, 32,
     {"blocks.ffn={\"type\":\"moe\",\"d_ff\":16,\"moe\":{\"experts\":8,\"top_k\":3,\"shared\":2,\"score\":\"sigmoid\","
      "\"groups\":4,\"topk_groups\":2,\"scale\":2.5}}"}},
    {"experts with biases and limits", "gpt_oss", 4, 2, 32,
     {"blocks.ffn={\"type\":\"moe\",\"d_ff\":16,\"bias\":true,\"limit\":0.5,\"moe\":{\"experts\":4,\"top_k\":2,"
      "\"score\":\"topk_softmax\",\"router_bias\":true}}"}},
    {"experts in sandwich norms", "qwen3_moe", 4, 4, 32,
     {"blocks.norm.place=sandwich", "blocks.ffn={\"type\":\"moe\",\"d_ff\":24,\"moe\":{\"experts\":3,\"top_k\":1}}"}},
    {0},
};

/* Two layers, 24 positions, a vocabulary of 53, no dropout, spread 0.2. */
static inline int model_variant_config(struct model_config *c, const struct model_variant *v, struct err *e)
{
    struct model_dims d = {.layers = 2, .width = v->width, .heads = v->heads, .kv_heads = v->kv_heads, .context = 24,
                           .vocab = 53};
    if (model_config_depth(c, v->family, 2, e) || model_config_resize(c, &d, e)) return -1;
    for (size_t i = 0; i < 6 && v->sets[i]; i++)
        if (model_config_set(c, v->sets[i], e)) return -1;
    return model_config_set(c, "init.std=0.2", e);
}

#endif
