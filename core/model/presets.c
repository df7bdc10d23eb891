/* presets.c - descriptions of public models and of small ones to train here.
 * Data, not code: every text goes through model_config_parse().  What a text
 * leaves out is the parser's default (MODEL.md). */
#include "core/model/presets.h"

// clang-format off

/* GPT-2: learned positions, pre-LN, biases everywhere, tied head. */
#define GPT2(vocab, ctx, d, layers, heads, ff, drop) \
    "{\"family\":\"gpt2\",\"d_model\":" #d ",\"vocab\":" #vocab ",\"tie_embed\":true," \
    "\"embed\":{\"pos\":\"learned\",\"max_pos\":" #ctx "},\"blocks\":[{\"repeat\":" #layers "," \
    "\"mixer\":{\"type\":\"attn\",\"heads\":" #heads ",\"bias\":\"all\"}," \
    "\"ffn\":{\"type\":\"mlp\",\"act\":\"gelu_tanh\",\"d_ff\":" #ff ",\"bias\":true}," \
    "\"norm\":{\"type\":\"ln\",\"eps\":1e-5}}]," \
    "\"dropout\":{\"embed\":" #drop ",\"attn\":" #drop ",\"resid\":" #drop "}}"

/* Llama and relatives: RMS norm, RoPE, SwiGLU, no biases but where said. */
#define LLAMA(fam, vocab, ctx, d, layers, mixer, rope, ff, eps, tied) \
    "{\"family\":\"" fam "\",\"d_model\":" #d ",\"vocab\":" #vocab ",\"tie_embed\":" #tied "," \
    "\"embed\":{\"max_pos\":" #ctx "},\"blocks\":[{\"repeat\":" #layers "," \
    "\"mixer\":{\"type\":\"attn\"," mixer ",\"pos\":{\"type\":\"rope\"," rope "}}," \
    "\"ffn\":{\"type\":\"glu\",\"act\":\"silu\",\"d_ff\":" #ff "}," \
    "\"norm\":{\"type\":\"rms\",\"eps\":" #eps "}}]}"

/* Pythia (GPT-NeoX): parallel residual, a quarter of each head turns. */
#define PYTHIA(vocab, d, layers, heads, ff) \
    "{\"family\":\"gpt_neox\",\"d_model\":" #d ",\"vocab\":" #vocab "," \
    "\"embed\":{\"max_pos\":2048},\"blocks\":[{\"repeat\":" #layers "," \
    "\"mixer\":{\"type\":\"attn\",\"heads\":" #heads ",\"bias\":\"all\"," \
    "\"pos\":{\"type\":\"rope\",\"theta\":10000,\"partial\":0.25}}," \
    "\"ffn\":{\"type\":\"mlp\",\"act\":\"gelu_erf\",\"d_ff\":" #ff ",\"bias\":true}," \
    "\"norm\":{\"type\":\"ln\",\"eps\":1e-5,\"place\":\"parallel\"}}]}"

/* Sparse layers: experts are GLUs of width ff; the rest is Llama's. */
#define SPARSE(fam, vocab, ctx, d, layers, mixer, rope, ff, keys, moe, eps, tied) \
    "{\"family\":\"" fam "\",\"d_model\":" #d ",\"vocab\":" #vocab ",\"tie_embed\":" #tied "," \
    "\"embed\":{\"max_pos\":" #ctx "},\"blocks\":[{\"repeat\":" #layers "," \
    "\"mixer\":{\"type\":\"attn\"," mixer ",\"pos\":{\"type\":\"rope\"," rope "}}," \
    "\"ffn\":{\"type\":\"moe\",\"d_ff\":" #ff keys ",\"moe\":{" moe "}}," \
    "\"norm\":{\"type\":\"rms\",\"eps\":" #eps "}}]}"

#define LLAMA3_ROPE(factor) "\"theta\":500000,\"scaling\":{\"type\":\"llama3\",\"factor\":" #factor \
    ",\"low_freq_factor\":1,\"high_freq_factor\":4,\"original_max_pos\":8192}"

#define PRESETS(X) \
    X("gpt2",          GPT2(50257, 1024,  768, 12, 12, 3072, 0.1)) \
    X("gpt2-medium",   GPT2(50257, 1024, 1024, 24, 16, 4096, 0.1)) \
    X("gpt2-large",    GPT2(50257, 1024, 1280, 36, 20, 5120, 0.1)) \
    X("gpt2-xl",       GPT2(50257, 1024, 1600, 48, 25, 6400, 0.1)) \
    X("gpt2-nano",     GPT2(  256,   64,  128,  4,  4,  512, 0)) \
    X("gpt2-tiny",     GPT2(  256,  256,  384,  6,  6, 1536, 0.2)) \
    X("llama-nano",    LLAMA("llama",    256,   256,  128,  4, "\"heads\":4", "\"theta\":10000",  352, 1e-5, true)) \
    X("llama-tiny",    LLAMA("llama",   4096,   512,  256,  6, "\"heads\":4", "\"theta\":10000",  704, 1e-5, true)) \
    X("llama-15m",     LLAMA("llama",  32000,   256,  288,  6, "\"heads\":6", "\"theta\":10000",  768, 1e-5, true)) \
    X("llama-42m",     LLAMA("llama",  32000,  1024,  512,  8, "\"heads\":8", "\"theta\":10000", 1376, 1e-5, true)) \
    X("llama-110m",    LLAMA("llama",  32000,  1024,  768, 12, "\"heads\":12", "\"theta\":10000", 2048, 1e-5, true)) \
    X("llama2-7b",     LLAMA("llama",  32000,  4096, 4096, 32, "\"heads\":32", "\"theta\":10000", 11008, 1e-5, false)) \
    X("llama3-8b",     LLAMA("llama", 128256,  8192, 4096, 32, "\"heads\":32,\"kv_heads\":8", "\"theta\":500000", 14336, 1e-5, false)) \
    X("llama3.1-8b",   LLAMA("llama", 128256, 131072, 4096, 32, "\"heads\":32,\"kv_heads\":8", LLAMA3_ROPE(8), 14336, 1e-5, false)) \
    X("llama3.2-1b",   LLAMA("llama", 128256, 131072, 2048, 16, "\"heads\":32,\"kv_heads\":8", LLAMA3_ROPE(32), 8192, 1e-5, true)) \
    X("qwen2.5-0.5b",  LLAMA("qwen2", 151936, 32768,  896, 24, "\"heads\":14,\"kv_heads\":2,\"bias\":\"qkv\"", "\"theta\":1000000", 4864, 1e-6, true)) \
    X("qwen3-nano",    LLAMA("qwen3",    256,   256,  128,  4, "\"heads\":4,\"kv_heads\":2,\"qk_norm\":\"head_rms\"", "\"theta\":10000", 352, 1e-6, true)) \
    X("qwen3-0.6b",    LLAMA("qwen3", 151936, 40960, 1024, 28, "\"heads\":16,\"kv_heads\":8,\"head_dim\":128,\"qk_norm\":\"head_rms\"", "\"theta\":1000000", 3072, 1e-6, true)) \
    X("qwen3-1.7b",    LLAMA("qwen3", 151936, 40960, 2048, 28, "\"heads\":16,\"kv_heads\":8,\"head_dim\":128,\"qk_norm\":\"head_rms\"", "\"theta\":1000000", 6144, 1e-6, true)) \
    X("mixtral-nano",  SPARSE("mixtral",   256,   256,  128,  4, "\"heads\":4", "\"theta\":10000", 176, "", "\"experts\":8,\"top_k\":2,\"renorm\":true,\"aux_coef\":0.01,\"z_coef\":0.001", 1e-5, true)) \
    X("deepseek-nano", SPARSE("deepseek_v3", 256,   256,  128,  4, "\"heads\":4", "\"theta\":10000",  96, "", "\"experts\":16,\"top_k\":3,\"shared\":1,\"score\":\"sigmoid\",\"scale\":2.5,\"bias_gamma\":0.001", 1e-6, true)) \
    X("mixtral-8x7b",  SPARSE("mixtral", 32000, 32768, 4096, 32, "\"heads\":32,\"kv_heads\":8", "\"theta\":1000000", 14336, "", "\"experts\":8,\"top_k\":2,\"renorm\":true,\"aux_coef\":0.02,\"aux_norm\":\"model\"", 1e-5, false)) \
    X("qwen3-30b-a3b", SPARSE("qwen3_moe", 151936, 40960, 2048, 48, "\"heads\":32,\"kv_heads\":4,\"head_dim\":128,\"qk_norm\":\"head_rms\"", "\"theta\":1000000", 768, "", "\"experts\":128,\"top_k\":8,\"renorm\":true,\"aux_coef\":0.001,\"aux_norm\":\"model\"", 1e-6, false)) \
    X("pythia-14m",    PYTHIA(50304,  128,  6,  4,  512)) \
    X("pythia-70m",    PYTHIA(50304,  512,  6,  8, 2048)) \
    X("pythia-160m",   PYTHIA(50304,  768, 12, 12, 3072)) \
    X("pythia-410m",   PYTHIA(50304, 1024, 24, 16, 4096))

#define NAME(name, json) name,
#define TEXT(name, json) json,
const char *const preset_names[] = {PRESETS(NAME) 0};
const char *const preset_texts[] = {PRESETS(TEXT) 0};
// clang-format on
