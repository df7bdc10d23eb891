/* model_util.h - small models for tests: every family, and every option of
 * the description that changes the arithmetic. */
#ifndef TESTS_UNIT_MODEL_UTIL_H
#define TESTS_UNIT_MODEL_UTIL_H

#include <string.h>

#include "core/base/json.h"
#include "core/base/rng.h"
#include "core/model/model.h"

struct model_variant {
    const char *name, *family;
    int heads, kv_heads, width;
    const char *sets[6]; /* --set assignments; or one text, the whole description */
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
    {"one layer's parameters for all", "llama", 4, 2, 32, {"blocks.shared=true"}},
    {"layer norms stored minus one", "nemotron", 4, 2, 32, {"blocks.norm={\"type\":\"ln\",\"plus_one\":true}"}},
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
    {"t5 positions, one table", "gpt2", 4, 4, 32,
     {"embed.pos=none", "blocks.mixer.pos={\"type\":\"t5\",\"buckets\":8,\"max_distance\":12}", "blocks.mixer.scale=1"}},
    {"t5 positions, a table a layer", "llama", 4, 2, 32,
     {"blocks.mixer.pos={\"type\":\"t5\",\"buckets\":6,\"max_distance\":9,\"shared\":\"layer\"}"}},
    {"shaw", "gpt2", 4, 4, 32, {"embed.pos=none", "blocks.mixer.pos={\"type\":\"shaw\",\"clip\":5}"}},
    {"shaw keys only, grouped", "llama", 4, 2, 32, {"blocks.mixer.pos={\"type\":\"shaw\",\"clip\":30,\"shaw_v\":false}"}},
    {"sinks and a window", "llama", 4, 2, 32, {"blocks.mixer.sink=true", "blocks.mixer.window=7"}},
    {"norms stored minus one", "qwen3", 4, 2, 32, {"blocks.norm.plus_one=true", "blocks.norm.place=sandwich", "embed.scale=sqrt_d"}},
    {"norm on the embedding", "gpt2", 4, 4, 32, {"embed.ln=true", "embed.pos=none", "blocks.mixer.pos={\"type\":\"alibi\"}"}},
    {"rwkv4", "rwkv", 1, 1, 35,
     {"blocks.mixer.width=70", "blocks.ffn.d_ff=48"}},
    {"latent attention", "deepseek_v3", 4, 4, 32,
     {"blocks.mixer={\"type\":\"mla\",\"heads\":3,\"q_rank\":20,\"kv_rank\":12,\"nope_dim\":6,\"rope_dim\":4,\"v_dim\":7}"}},
    {"latent attention, wide values", "deepseek_v3", 4, 4, 32,
     {"blocks.mixer={\"type\":\"mla\",\"heads\":2,\"kv_rank\":44,\"nope_dim\":4,\"rope_dim\":6,\"v_dim\":16,\"pos\":{\"type\":\"rope\",\"pairing\":\"half\"}}"}},
    {"latent attention with biases", "deepseek_v2", 4, 4, 32,
     {"blocks.mixer={\"type\":\"mla\",\"heads\":3,\"q_rank\":10,\"kv_rank\":12,\"nope_dim\":6,\"rope_dim\":4,\"v_dim\":7,\"bias\":true,\"norm_eps\":1e-3}",
      "blocks.ffn={\"type\":\"moe\",\"d_ff\":16,\"moe\":{\"experts\":8,\"top_k\":3,\"groups\":4,\"topk_groups\":2,\"scale\":1.5}}"}},
    {"norms behind, one for all heads", "olmo2", 4, 2, 32, {"blocks.norm.place=out", "blocks.mixer.qk_norm=full_rms"}},
    {"one norm for both, interleaved", "cohere", 4, 2, 32,
     {"blocks.norm={\"type\":\"ln\",\"bias\":false,\"place\":\"parallel_one\"}", "blocks.mixer.pos.pairing=interleaved", "head.logit_scale=0.3"}},
    {"norms without weights, scaled residuals", "granite", 4, 4, 32,
     {"blocks.norm={\"type\":\"ln\",\"weight\":false}", "blocks.residual_scale=0.4", "blocks.mixer.scale=0.2"}},
    {"weighed shared expert", "qwen2_moe", 4, 2, 32,
     {"blocks.ffn={\"type\":\"moe\",\"d_ff\":16,\"moe\":{\"experts\":4,\"top_k\":2,\"shared\":1,\"shared_ff\":20,\"shared_gate\":true}}"}},
    {"experts behind norms", "olmoe", 4, 2, 32,
     {"blocks.norm.place=out", "blocks.residual_scale=0.7", "blocks.ffn={\"type\":\"moe\",\"d_ff\":16,\"moe\":{\"experts\":4,\"top_k\":2}}"}},
    {"layer norms of each head", "cohere", 4, 2, 32, {"blocks.mixer.qk_norm=head_ln", "blocks.norm={\"type\":\"ln\",\"bias\":false}"}},
    {"limits behind the norms", "olmoe", 4, 2, 32, {"blocks.mixer.qk_norm=full_rms", "blocks.mixer.clip_qkv=1.5"}},
    {"rwkv5", "rwkv5", 2, 2, 34, {"blocks.ffn.d_ff=48"}},
    {"rwkv5, no gate", "rwkv5", 1, 1, 20, {"blocks.mixer.gate=false", "blocks.mixer.norm_eps=1e-3"}},
    {"rwkv6", "rwkv6", 2, 2, 34, {"blocks.ffn.d_ff=48", "blocks.mixer.mix_rank=5", "blocks.mixer.decay_rank=6"}},
    {"rwkv7", "rwkv7", 2, 2, 34, {"blocks.ffn.d_ff=48", "blocks.mixer.a_rank=5", "blocks.mixer.gate_rank=6"}},
    {0},
};

/* Models with an encoder; whole descriptions.  Vocabulary and sizes as the others'. */
static const struct model_variant encoder_variants[] = {
    {"bert", "", 0, 0, 0, {"{\"family\":\"bert\",\"stack\":\"encoder\",\"d_model\":32,\"vocab\":53,\"tie_embed\":true,"
     "\"embed\":{\"pos\":\"learned\",\"max_pos\":24,\"ln\":true,\"types\":2},\"blocks\":[{\"repeat\":2,"
     "\"mixer\":{\"heads\":4,\"bias\":\"all\"},\"ffn\":{\"d_ff\":64,\"act\":\"gelu_erf\",\"bias\":true},"
     "\"norm\":{\"type\":\"ln\",\"place\":\"post\"}}],\"head\":{\"type\":\"mlm\",\"norm\":false,\"bias\":true}}"}},
    {"electra", "", 0, 0, 0, {"{\"family\":\"electra\",\"stack\":\"encoder\",\"d_model\":32,\"vocab\":53,\"tie_embed\":true,"
     "\"embed\":{\"pos\":\"learned\",\"max_pos\":24,\"ln\":true,\"types\":2,\"dim\":12},\"blocks\":[{\"repeat\":2,"
     "\"mixer\":{\"heads\":4,\"bias\":\"all\"},\"ffn\":{\"d_ff\":48,\"act\":\"gelu_erf\",\"bias\":true},"
     "\"norm\":{\"type\":\"ln\",\"place\":\"post\"}}],\"head\":{\"type\":\"rtd\",\"norm\":false}}"}},
    {"encoder with rope, windows, shaw", "", 0, 0, 0, {"{\"family\":\"llama\",\"stack\":\"encoder\",\"d_model\":32,\"vocab\":53,"
     "\"embed\":{\"max_pos\":24,\"dim\":20},\"blocks\":[{\"mixer\":{\"heads\":4,\"window\":4,\"pos\":{\"type\":\"rope\"}},"
     "\"ffn\":{\"type\":\"glu\",\"d_ff\":48}},{\"mixer\":{\"heads\":4,\"kv_heads\":2,\"sink\":true,\"pos\":{\"type\":\"shaw\",\"clip\":3}},"
     "\"ffn\":{\"type\":\"glu\",\"d_ff\":48}}],\"head\":{\"type\":\"mlm\",\"softcap\":5}}"}},
    {"albert", "", 0, 0, 0, {"{\"family\":\"albert\",\"stack\":\"encoder\",\"d_model\":32,\"vocab\":53,\"tie_embed\":true,"
     "\"embed\":{\"pos\":\"learned\",\"max_pos\":24,\"ln\":true,\"types\":2,\"dim\":12},\"blocks\":[{\"repeat\":3,\"shared\":true,"
     "\"mixer\":{\"heads\":4,\"bias\":\"all\"},\"ffn\":{\"d_ff\":48,\"bias\":true},"
     "\"norm\":{\"type\":\"ln\",\"place\":\"post\"}}],\"head\":{\"type\":\"mlm\",\"norm\":false,\"bias\":true}}"}},
    {"mpnet", "", 0, 0, 0, {"{\"family\":\"mpnet\",\"stack\":\"encoder\",\"d_model\":32,\"vocab\":53,\"tie_embed\":true,"
     "\"embed\":{\"pos\":\"learned\",\"max_pos\":24,\"pos_offset\":2,\"ln\":true},\"blocks\":[{\"repeat\":2,"
     "\"mixer\":{\"heads\":4,\"bias\":\"all\",\"pos\":{\"type\":\"t5\",\"buckets\":8,\"max_distance\":9}},\"ffn\":{\"d_ff\":48,\"bias\":true},"
     "\"norm\":{\"type\":\"ln\",\"place\":\"post\"}}],\"head\":{\"type\":\"mlm\",\"norm\":false,\"bias\":true}}"}},
    {"modernbert", "", 0, 0, 0, {"{\"family\":\"modernbert\",\"stack\":\"encoder\",\"d_model\":32,\"vocab\":53,\"tie_embed\":true,"
     "\"embed\":{\"max_pos\":24,\"ln\":true},\"blocks\":[{\"mixer\":{\"heads\":4,\"pos\":{\"type\":\"rope\",\"theta\":1000}},"
     "\"ffn\":{\"type\":\"glu\",\"act\":\"gelu_erf\",\"d_ff\":48},\"norm\":{\"type\":\"ln\",\"bias\":false,\"mixer\":false}},"
     "{\"mixer\":{\"heads\":4,\"window\":4,\"pos\":{\"type\":\"rope\"}},\"ffn\":{\"type\":\"glu\",\"act\":\"gelu_erf\",\"d_ff\":48},"
     "\"norm\":{\"type\":\"ln\",\"bias\":false}}],\"head\":{\"type\":\"mlm\",\"dense_bias\":false,\"bias\":true}}"}},
    {"t5, gated", "", 0, 0, 0, {"{\"family\":\"t5\",\"stack\":\"encdec\",\"d_model\":32,\"vocab\":53,\"tie_embed\":true,\"decoder_start\":0,"
     "\"encoder\":{\"blocks\":[{\"repeat\":2,\"mixer\":{\"heads\":4,\"scale\":1,\"pos\":{\"type\":\"t5\",\"buckets\":8,\"max_distance\":9}},"
     "\"ffn\":{\"type\":\"glu\",\"act\":\"gelu_tanh\",\"d_ff\":48}}]},"
     "\"blocks\":[{\"repeat\":2,\"mixer\":{\"heads\":4,\"scale\":1,\"pos\":{\"type\":\"t5\",\"buckets\":8,\"max_distance\":12}},"
     "\"ffn\":{\"type\":\"glu\",\"act\":\"gelu_tanh\",\"d_ff\":48}}],\"head\":{\"logit_scale\":0.2}}"}},
    {"bart", "", 0, 0, 0, {"{\"family\":\"bart\",\"stack\":\"encdec\",\"d_model\":32,\"vocab\":53,\"tie_embed\":true,\"decoder_start\":2,"
     "\"embed\":{\"pos\":\"learned\",\"max_pos\":24,\"pos_offset\":2,\"ln\":true},"
     "\"encoder\":{\"blocks\":[{\"repeat\":1,\"mixer\":{\"heads\":4,\"bias\":\"all\"},\"ffn\":{\"act\":\"gelu_erf\",\"d_ff\":64,\"bias\":true},"
     "\"norm\":{\"type\":\"ln\",\"place\":\"post\"}}]},"
     "\"blocks\":[{\"repeat\":2,\"mixer\":{\"heads\":2,\"bias\":\"all\"},\"ffn\":{\"act\":\"gelu_erf\",\"d_ff\":48,\"bias\":true},"
     "\"norm\":{\"type\":\"ln\",\"place\":\"post\"}}],\"head\":{\"norm\":false,\"bias\":true}}"}},
    {"marian with two vocabularies", "", 0, 0, 0, {"{\"family\":\"marian\",\"stack\":\"encdec\",\"d_model\":32,\"vocab\":53,\"tie_embed\":true,\"decoder_start\":2,"
     "\"embed\":{\"pos\":\"sinusoidal\",\"layout\":\"concat\",\"max_pos\":24},"
     "\"encoder\":{\"vocab\":61,\"blocks\":[{\"repeat\":1,\"mixer\":{\"heads\":4,\"bias\":\"all\"},\"ffn\":{\"d_ff\":64,\"bias\":true},"
     "\"norm\":{\"type\":\"ln\",\"place\":\"out\"}}]},"
     "\"blocks\":[{\"repeat\":2,\"mixer\":{\"heads\":4,\"bias\":\"all\"},\"ffn\":{\"d_ff\":48,\"bias\":true},"
     "\"norm\":{\"type\":\"ln\",\"place\":\"out\"}}],\"head\":{\"bias\":true}}"}},
    {"encoder-decoder of rope, sandwich, a block without source", "", 0, 0, 0, {"{\"family\":\"qwen3\",\"stack\":\"encdec\",\"d_model\":32,\"vocab\":53,"
     "\"encoder\":{\"blocks\":[{\"repeat\":1,\"mixer\":{\"heads\":4,\"pos\":{\"type\":\"alibi\"}},\"ffn\":{\"d_ff\":64}}]},"
     "\"blocks\":[{\"mixer\":{\"heads\":4,\"kv_heads\":2,\"qk_norm\":true,\"pos\":{\"type\":\"rope\"}},\"ffn\":{\"type\":\"glu\",\"d_ff\":48},"
     "\"norm\":{\"place\":\"sandwich\"}},{\"cross\":false,\"mixer\":{\"heads\":4},\"ffn\":{\"d_ff\":48}}]}"}},
    {0},
};

/* Models that score whole texts. */
static const struct model_variant score_variants[] = {
    {"classifier of an encoder", "", 0, 0, 0, {"{\"family\":\"bert\",\"stack\":\"encoder\",\"d_model\":32,\"vocab\":53,\"tie_embed\":true,"
     "\"embed\":{\"pos\":\"learned\",\"max_pos\":24,\"ln\":true,\"types\":2},\"blocks\":[{\"repeat\":2,"
     "\"mixer\":{\"heads\":4,\"bias\":\"all\"},\"ffn\":{\"d_ff\":64,\"act\":\"gelu_erf\",\"bias\":true},"
     "\"norm\":{\"type\":\"ln\",\"place\":\"post\"}}],\"head\":{\"type\":\"cls\",\"norm\":false,\"labels\":[\"no\",\"maybe\",\"yes \\\"!\\\"\"]}}"}},
    {"regression on means", "", 0, 0, 0, {"{\"family\":\"electra\",\"stack\":\"encoder\",\"d_model\":32,\"vocab\":53,"
     "\"embed\":{\"max_pos\":24,\"dim\":20},\"blocks\":[{\"repeat\":2,\"mixer\":{\"heads\":4,\"pos\":{\"type\":\"rope\"}},"
     "\"ffn\":{\"type\":\"glu\",\"d_ff\":48}}],\"head\":{\"type\":\"cls\",\"labels\":2,\"pool\":\"mean\",\"act\":\"gelu_erf\",\"loss\":\"mse\"}}"}},
    {"dense layer with a norm", "", 0, 0, 0, {"{\"family\":\"modernbert\",\"stack\":\"encoder\",\"d_model\":32,\"vocab\":53,"
     "\"embed\":{\"max_pos\":24},\"blocks\":[{\"repeat\":2,\"mixer\":{\"heads\":4,\"pos\":{\"type\":\"rope\"}},"
     "\"ffn\":{\"type\":\"glu\",\"d_ff\":48},\"norm\":{\"type\":\"ln\",\"bias\":false}}],"
     "\"head\":{\"type\":\"cls\",\"labels\":3,\"pool\":\"mean\",\"act\":\"gelu_erf\",\"dense_norm\":true,\"dense_bias\":false}}"}},
    {"reward of a decoder", "llama", 4, 2, 32, {"head=reward"}},
    {"classifier of a decoder", "gpt2", 4, 4, 32, {"head={\"type\":\"cls\",\"labels\":5,\"pool\":\"mean\"}"}},
    {0},
};

/* Two layers, 24 positions, a vocabulary of 53, no dropout, spread 0.2. */
static inline int model_variant_config(struct model_config *c, const struct model_variant *v, struct err *e)
{
    if (v->sets[0] && v->sets[0][0] == '{') {
        struct cJSON *j = json_parse(v->sets[0], strlen(v->sets[0]), v->name, NULL, e);
        int r = j ? model_config_parse(c, j, v->name, e) : -1;
        json_free(j);
        return r ? r : model_config_set(c, (const char *[]){"init.std=0.2"}, 1, e);
    }
    struct model_dims d = {.layers = 2, .width = v->width, .heads = v->heads, .kv_heads = v->kv_heads, .context = 24,
                           .vocab = 53};
    if (model_config_depth(c, v->family, 2, e) || model_config_resize(c, &d, e)) return -1;
    for (size_t i = 0; i < 6 && v->sets[i]; i++)
        if (model_config_set(c, &v->sets[i], 1, e)) return -1;
    return model_config_set(c, (const char *[]){"init.std=0.2"}, 1, e);
}

/* What begins as zeros, or as next to nothing, proves nothing: such matrices become small numbers. */
static inline void model_variant_fill(struct params *p)
{
    const struct kernels *k = kernels_get();
    for (int i = 0; i < p->n; i++) {
        const struct param *q = p->v[i];
        struct rng_key key = rng_key(31, RNG_TEST, (uint32_t)i, 0);
        float first = 0;
        if (q->dtype == DT_F32) first = ((const float *)q->data)[0];
        else k->f32_from_bf16(&first, q->data, 1);
        if (q->ndim < 2 || first > 1e-4f || first < -1e-4f) continue;
        for (int64_t j = 0; j < q->n; j++) {
            float x = 0.2f * rng_normal(&key, (uint64_t)j);
            if (q->dtype == DT_F32) ((float *)q->data)[j] = x;
            else k->bf16_from_f32((uint16_t *)q->data + j, &x, 1);
        }
    }
}

#endif
