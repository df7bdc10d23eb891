/* presets.c - descriptions of public models and of small ones to train here.
 * Data, not code: every text goes through model_config_parse().  What a text
 * leaves out is the parser's default (MODEL.md). */
#include "core/model/presets.h"

#include "core/model/presets_open.h"

/* Gemma 2 lists its layers by twos: 6 KB of text, which every compiler here takes. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

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

/* RWKV: no positions; a norm on the embedding. */
#define RWKV(fam, mixer, vocab, ctx, d, layers, ff) \
    "{\"family\":\"" fam "\",\"d_model\":" #d ",\"vocab\":" #vocab ",\"embed\":{\"max_pos\":" #ctx ",\"ln\":true}," \
    "\"blocks\":[{\"repeat\":" #layers ",\"mixer\":{\"type\":\"" mixer "\"}," \
    "\"ffn\":{\"type\":\"rwkv_cmix\",\"d_ff\":" #ff "},\"norm\":{\"type\":\"ln\",\"eps\":1e-5}}]}"

#define LLAMA3_ROPE(factor) "\"theta\":500000,\"scaling\":{\"type\":\"llama3\",\"factor\":" #factor \
    ",\"low_freq_factor\":1,\"high_freq_factor\":4,\"original_max_pos\":8192}"

/* BERT: post-norm, learned positions, token types, a norm on the embedding. */
#define BERT_BODY(vocab, ctx, dim, d, layers, heads, ff, drop) \
    "\"stack\":\"encoder\",\"d_model\":" #d ",\"vocab\":" #vocab ",\"tie_embed\":true," \
    "\"embed\":{\"pos\":\"learned\",\"max_pos\":" #ctx ",\"ln\":true,\"types\":2,\"dim\":" #dim ",\"pad\":0}," \
    "\"blocks\":[{\"repeat\":" #layers ",\"mixer\":{\"heads\":" #heads ",\"bias\":\"all\"}," \
    "\"ffn\":{\"type\":\"mlp\",\"act\":\"gelu_erf\",\"d_ff\":" #ff ",\"bias\":true}," \
    "\"norm\":{\"type\":\"ln\",\"eps\":1e-12,\"place\":\"post\"}}]," \
    "\"dropout\":{\"embed\":" #drop ",\"attn\":" #drop ",\"resid\":" #drop "},"
#define BERT(vocab, ctx, d, layers, heads, ff, drop) \
    "{\"family\":\"bert\"," BERT_BODY(vocab, ctx, d, d, layers, heads, ff, drop) \
    "\"head\":{\"type\":\"mlm\",\"act\":\"gelu_erf\",\"norm\":false,\"bias\":true}}"
#define ELECTRA(vocab, ctx, dim, d, layers, heads, ff, drop) \
    "{\"family\":\"electra\"," BERT_BODY(vocab, ctx, dim, d, layers, heads, ff, drop) \
    "\"head\":{\"type\":\"rtd\",\"act\":\"gelu_erf\",\"norm\":false}}"
#define ELECTRA_GEN(vocab, ctx, dim, d, layers, heads, ff, drop) \
    "{\"family\":\"electra_generator\"," BERT_BODY(vocab, ctx, dim, d, layers, heads, ff, drop) \
    "\"head\":{\"type\":\"mlm\",\"act\":\"gelu_erf\",\"norm\":false,\"bias\":true}}"

/* T5: RMS norm, no biases, scores without a scale, one table of position biases a stack. */
#define T5_STACK(layers, heads, hd, ffn, ff) \
    "\"blocks\":[{\"repeat\":" #layers ",\"mixer\":{\"heads\":" #heads ",\"head_dim\":" #hd ",\"scale\":1," \
    "\"pos\":{\"type\":\"t5\"}},\"ffn\":{" ffn ",\"d_ff\":" #ff "},\"norm\":{\"type\":\"rms\",\"eps\":1e-6}}]"
#define T5(vocab, d, layers, heads, hd, ffn, ff, head, drop) \
    "{\"family\":\"t5\",\"stack\":\"encdec\",\"d_model\":" #d ",\"vocab\":" #vocab ",\"decoder_start\":0," \
    "\"embed\":{\"max_pos\":512},\"encoder\":{" T5_STACK(layers, heads, hd, ffn, ff) "}," \
    T5_STACK(layers, heads, hd, ffn, ff) "," head ",\"dropout\":{\"embed\":" #drop ",\"attn\":" #drop ",\"resid\":" #drop "}}"
#define T5_RELU "\"type\":\"mlp\",\"act\":\"relu\""
#define T5_GEGLU "\"type\":\"glu\",\"act\":\"gelu_tanh\""
#define T5_TIED(scale) "\"tie_embed\":true,\"head\":{\"logit_scale\":" #scale "}"
#define T5_UNTIED "\"tie_embed\":false"

/* Post-norm encoder-decoders: BART, and the Transformer of 2017, which Marian's files can hold (its positions then
 * need layout concat). */
#define POST_STACK(layers, heads, act, ff, eps) \
    "\"blocks\":[{\"repeat\":" #layers ",\"mixer\":{\"heads\":" #heads ",\"bias\":\"all\"}," \
    "\"ffn\":{\"type\":\"mlp\",\"act\":\"" act "\",\"d_ff\":" #ff ",\"bias\":true}," \
    "\"norm\":{\"type\":\"ln\",\"eps\":" #eps ",\"place\":\"post\"}}]"
#define BART(vocab, ctx, d, layers, heads, ff, drop) \
    "{\"family\":\"bart\",\"stack\":\"encdec\",\"d_model\":" #d ",\"vocab\":" #vocab ",\"tie_embed\":true,\"decoder_start\":2," \
    "\"embed\":{\"pos\":\"learned\",\"max_pos\":" #ctx ",\"pos_offset\":2,\"ln\":true,\"pad\":1}," \
    "\"encoder\":{" POST_STACK(layers, heads, "gelu_erf", ff, 1e-5) "}," POST_STACK(layers, heads, "gelu_erf", ff, 1e-5) "," \
    "\"head\":{\"norm\":false,\"bias\":true},\"dropout\":{\"embed\":" #drop ",\"attn\":" #drop ",\"resid\":" #drop "}}"
#define TRANSFORMER(vocab, ctx, d, layers, heads, ff, drop) \
    "{\"family\":\"marian\",\"stack\":\"encdec\",\"d_model\":" #d ",\"vocab\":" #vocab ",\"tie_embed\":true," \
    "\"embed\":{\"pos\":\"sinusoidal\",\"max_pos\":" #ctx ",\"scale\":\"sqrt_d\"}," \
    "\"encoder\":{" POST_STACK(layers, heads, "relu", ff, 1e-6) "}," POST_STACK(layers, heads, "relu", ff, 1e-6) "," \
    "\"head\":{\"norm\":false},\"dropout\":{\"embed\":" #drop ",\"attn\":" #drop ",\"resid\":" #drop "}}"

/* Bloom: ALiBi, a norm on the embedding. */
#define BLOOM(vocab, ctx, d, layers, heads, ff) \
    "{\"family\":\"bloom\",\"d_model\":" #d ",\"vocab\":" #vocab ",\"tie_embed\":true," \
    "\"embed\":{\"max_pos\":" #ctx ",\"ln\":true},\"blocks\":[{\"repeat\":" #layers "," \
    "\"mixer\":{\"heads\":" #heads ",\"bias\":\"all\",\"pos\":{\"type\":\"alibi\"}}," \
    "\"ffn\":{\"type\":\"mlp\",\"act\":\"gelu_tanh\",\"d_ff\":" #ff ",\"bias\":true}," \
    "\"norm\":{\"type\":\"ln\",\"eps\":1e-5}}]}"

/* Gemma: norms stored minus one, tanh-gelu GLU, the embedding times sqrt(d); 2 and 3: sandwich norms, windows by turns. */
#define GEMMA_BLOCK(repeat, mixer, theta, place, ff) \
    "{\"repeat\":" #repeat ",\"mixer\":{" mixer ",\"pos\":{\"type\":\"rope\",\"theta\":" #theta "}}," \
    "\"ffn\":{\"type\":\"glu\",\"act\":\"gelu_tanh\",\"d_ff\":" #ff "}," \
    "\"norm\":{\"type\":\"rms\",\"eps\":1e-6,\"plus_one\":true,\"place\":\"" place "\"}}"
#define GEMMA(fam, vocab, ctx, d, cap, blocks) \
    "{\"family\":\"" fam "\",\"d_model\":" #d ",\"vocab\":" #vocab ",\"tie_embed\":true," \
    "\"embed\":{\"max_pos\":" #ctx ",\"scale\":\"sqrt_d\",\"pad\":0},\"head\":{\"softcap\":" #cap "},\"blocks\":[" blocks "]}"
#define GEMMA2_PAIR(heads, kv, hd, window, ff) \
    GEMMA_BLOCK(1, "\"heads\":" #heads ",\"kv_heads\":" #kv ",\"head_dim\":" #hd ",\"softcap\":50,\"window\":" #window, 10000, "sandwich", ff) "," \
    GEMMA_BLOCK(1, "\"heads\":" #heads ",\"kv_heads\":" #kv ",\"head_dim\":" #hd ",\"softcap\":50", 10000, "sandwich", ff)
#define GEMMA2_2B GEMMA2_PAIR(8, 4, 256, 4096, 9216)
#define TWELVE(x) x "," x "," x "," x "," x "," x "," x "," x "," x "," x "," x "," x
#define GEMMA3_MIXER(heads, kv, hd) "\"heads\":" #heads ",\"kv_heads\":" #kv ",\"head_dim\":" #hd ",\"qk_norm\":\"head_rms\""
#define GEMMA3_SIX(heads, kv, hd, window, ff) \
    GEMMA_BLOCK(5, GEMMA3_MIXER(heads, kv, hd) ",\"window\":" #window, 10000, "sandwich", ff) "," \
    GEMMA_BLOCK(1, GEMMA3_MIXER(heads, kv, hd), 1000000, "sandwich", ff)
#define GEMMA3_1B GEMMA3_SIX(4, 1, 256, 512, 6912)

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
    X("mistral-7b",    LLAMA("llama",  32000, 32768, 4096, 32, "\"heads\":32,\"kv_heads\":8,\"window\":4096", "\"theta\":10000", 14336, 1e-5, false)) \
    X("llama3.2-1b",   LLAMA("llama", 128256, 131072, 2048, 16, "\"heads\":32,\"kv_heads\":8", LLAMA3_ROPE(32), 8192, 1e-5, true)) \
    X("qwen2.5-0.5b",  LLAMA("qwen2", 151936, 32768,  896, 24, "\"heads\":14,\"kv_heads\":2,\"bias\":\"qkv\"", "\"theta\":1000000", 4864, 1e-6, true)) \
    X("qwen3-nano",    LLAMA("qwen3",    256,   256,  128,  4, "\"heads\":4,\"kv_heads\":2,\"qk_norm\":\"head_rms\"", "\"theta\":10000", 352, 1e-6, true)) \
    X("qwen3-0.6b",    LLAMA("qwen3", 151936, 40960, 1024, 28, "\"heads\":16,\"kv_heads\":8,\"head_dim\":128,\"qk_norm\":\"head_rms\"", "\"theta\":1000000", 3072, 1e-6, true)) \
    X("qwen3-1.7b",    LLAMA("qwen3", 151936, 40960, 2048, 28, "\"heads\":16,\"kv_heads\":8,\"head_dim\":128,\"qk_norm\":\"head_rms\"", "\"theta\":1000000", 6144, 1e-6, true)) \
    X("mixtral-nano",  SPARSE("mixtral",   256,   256,  128,  4, "\"heads\":4", "\"theta\":10000", 176, "", "\"experts\":8,\"top_k\":2,\"renorm\":true,\"aux_coef\":0.01,\"z_coef\":0.001", 1e-5, true)) \
    X("deepseek-nano", SPARSE("deepseek_v3", 256,   256,  128,  4, "\"heads\":4", "\"theta\":10000",  96, "", "\"experts\":16,\"top_k\":3,\"shared\":1,\"score\":\"sigmoid\",\"scale\":2.5,\"bias_gamma\":0.001", 1e-6, true)) \
    X("mixtral-8x7b",  SPARSE("mixtral", 32000, 32768, 4096, 32, "\"heads\":32,\"kv_heads\":8", "\"theta\":1000000", 14336, "", "\"experts\":8,\"top_k\":2,\"renorm\":true,\"aux_coef\":0.02,\"aux_norm\":\"model\"", 1e-5, false)) \
    X("qwen3-30b-a3b", SPARSE("qwen3_moe", 151936, 40960, 2048, 48, "\"heads\":32,\"kv_heads\":4,\"head_dim\":128,\"qk_norm\":\"head_rms\"", "\"theta\":1000000", 768, "", "\"experts\":128,\"top_k\":8,\"renorm\":true,\"aux_coef\":0.001,\"aux_norm\":\"model\"", 1e-6, false)) \
    X("rwkv4-nano",    RWKV("rwkv", "rwkv4",   256,  256,  128,  4,  512)) \
    X("rwkv4-169m",    RWKV("rwkv", "rwkv4", 50277, 1024,  768, 12, 3072)) \
    X("rwkv5-nano",    RWKV("rwkv5", "rwkv5",   256,  256,  128,  4,  448)) \
    X("rwkv5-0.4b",    RWKV("rwkv5", "rwkv5", 65536, 4096, 1024, 24, 3584)) \
    X("rwkv6-nano",    RWKV("rwkv6", "rwkv6",   256,  256,  128,  4,  448)) \
    X("rwkv7-nano",    RWKV("rwkv7", "rwkv7",   256,  256,  128,  4,  512)) \
    X("rwkv6-1.6b",    RWKV("rwkv6", "rwkv6", 65536, 4096, 2048, 24, 7168)) \
    X("rwkv7-0.1b",    RWKV("rwkv7", "rwkv7", 65536, 4096,  768, 12, 3072)) \
    X("rwkv4-430m",    RWKV("rwkv", "rwkv4", 50277, 1024, 1024, 24, 4096)) \
    X("pythia-14m",    PYTHIA(50304,  128,  6,  4,  512)) \
    X("pythia-70m",    PYTHIA(50304,  512,  6,  8, 2048)) \
    X("pythia-160m",   PYTHIA(50304,  768, 12, 12, 3072)) \
    X("pythia-410m",   PYTHIA(50304, 1024, 24, 16, 4096)) \
    X("bloom-560m",    BLOOM(250880, 2048, 1024, 24, 16, 4096)) \
    X("bloom-nano",    BLOOM(   256,  256,  128,  4,  4,  512)) \
    X("gemma-2b",      GEMMA("gemma", 256000, 8192, 2048, 0, GEMMA_BLOCK(18, "\"heads\":8,\"kv_heads\":1,\"head_dim\":256", 10000, "pre", 16384))) \
    X("gemma2-2b",     GEMMA("gemma2", 256000, 8192, 2304, 30, TWELVE(GEMMA2_2B) "," GEMMA2_2B)) \
    X("gemma3-1b",     GEMMA("gemma3", 262144, 32768, 1152, 0, GEMMA3_1B "," GEMMA3_1B "," GEMMA3_1B "," GEMMA3_1B "," \
                             GEMMA_BLOCK(2, GEMMA3_MIXER(4, 1, 256) ",\"window\":512", 10000, "sandwich", 6912))) \
    X("gemma3-nano",   GEMMA("gemma3", 256, 256, 128, 0, GEMMA3_SIX(4, 2, 32, 64, 352))) \
    X("bert-base",     BERT(30522, 512, 768, 12, 12, 3072, 0.1)) \
    X("bert-large",    BERT(30522, 512, 1024, 24, 16, 4096, 0.1)) \
    X("bert-tiny",     BERT( 4096, 256, 256,  6,  4, 1024, 0.1)) \
    X("bert-nano",     BERT(  256, 128, 128,  4,  4,  512, 0)) \
    X("electra-small", ELECTRA(30522, 512, 128, 256, 12, 4, 1024, 0.1)) \
    X("electra-small-generator", ELECTRA_GEN(30522, 512, 128, 256, 12, 4, 1024, 0.1)) \
    X("electra-base",  ELECTRA(30522, 512, 768, 768, 12, 12, 3072, 0.1)) \
    X("electra-base-generator", ELECTRA_GEN(30522, 512, 768, 256, 12, 4, 1024, 0.1)) \
    X("electra-nano",  ELECTRA(  256, 128,  64, 128,  4, 4,  512, 0)) \
    X("electra-nano-generator", ELECTRA_GEN(256, 128, 64, 64, 4, 2, 256, 0)) \
    X("t5-small",      T5(32128,  512,  6,  8, 64, T5_RELU,  2048, T5_TIED(0.04419417382415922), 0.1)) \
    X("t5-base",       T5(32128,  768, 12, 12, 64, T5_RELU,  3072, T5_TIED(0.03608439182435161), 0.1)) \
    X("t5-v1.1-small", T5(32128,  512,  8,  6, 64, T5_GEGLU, 1024, T5_UNTIED, 0.1)) \
    X("t5-tiny",       T5( 4096,  256,  4,  4, 64, T5_GEGLU,  704, T5_TIED(0.0625), 0.1)) \
    X("t5-nano",       T5(  256,  128,  2,  4, 32, T5_RELU,   512, T5_TIED(0.08838834764831845), 0)) \
    X("bart-base",     BART(50265, 1024, 768, 6, 12, 3072, 0.1)) \
    X("bart-large",    BART(50265, 1024, 1024, 12, 16, 4096, 0.1)) \
    X("transformer-big",  TRANSFORMER(37000, 512, 1024, 6, 16, 4096, 0.3)) \
    X("transformer-base", TRANSFORMER(37000, 512, 512, 6, 8, 2048, 0.1)) \
    X("transformer-nano", TRANSFORMER(  256, 128, 128, 6, 4,  512, 0))

#define NAME(name, json) name,
#define TEXT(name, json) json,
const char *const preset_names[] = {PRESETS(NAME) OPEN_PRESETS(NAME) 0};
const char *const preset_texts[] = {PRESETS(TEXT) OPEN_PRESETS(TEXT) 0};
// clang-format on
