/* presets_open.h - descriptions of further public models; included by presets.c
 * only, whose rules they follow. */
#ifndef CORE_MODEL_PRESETS_OPEN_H
#define CORE_MODEL_PRESETS_OPEN_H

// clang-format off

/* top: keys between vocab and blocks; the groups of blocks in full. */
#define OPEN(fam, vocab, d, top, blocks) \
    "{\"family\":\"" fam "\",\"d_model\":" #d ",\"vocab\":" #vocab "," top ",\"blocks\":[" blocks "]}"
#define OPEN_BLOCK(repeat, mixer, ffn, norm) \
    "{\"repeat\":" #repeat ",\"mixer\":{" mixer "},\"ffn\":{" ffn "},\"norm\":{" norm "}}"
#define CTX(n) "\"embed\":{\"max_pos\":" #n "}"
#define LEARNED(n, more) "\"embed\":{\"pos\":\"learned\",\"max_pos\":" #n more "}"
#define TIED "\"tie_embed\":true,"
#define ROPE_POS(theta, more) ",\"pos\":{\"type\":\"rope\",\"theta\":" #theta more "}"
#define MLP(act, ff) "\"type\":\"mlp\",\"act\":\"" act "\",\"d_ff\":" #ff
#define SWIGLU(ff) "\"type\":\"glu\",\"d_ff\":" #ff
#define BIASED ",\"bias\":true"
#define LN_NORM "\"type\":\"ln\""
#define LN_PLAIN LN_NORM ",\"bias\":false"
#define MLA_LITE "\"type\":\"mla\",\"heads\":16,\"kv_rank\":512,\"nope_dim\":128,\"rope_dim\":64,\"v_dim\":128,\"scale\":0.11472138679292612," \
    "\"pos\":{\"type\":\"rope\",\"theta\":10000,\"scaling\":{\"type\":\"yarn\",\"factor\":40,\"original_max_pos\":4096,\"attn_factor\":1}}"
#define RMS(eps) "\"eps\":" #eps
#define ENCODER_TOP(pos) "\"stack\":\"encoder\"," TIED pos ",\"head\":{\"type\":\"mlm\",\"norm\":false,\"bias\":true}," \
    "\"dropout\":{\"embed\":0.1,\"attn\":0.1,\"resid\":0.1}"
#define ENCODER_BLOCK(repeat, eps) \
    OPEN_BLOCK(repeat, "\"heads\":12,\"bias\":\"all\"", MLP("gelu_erf", 3072) BIASED, "\"type\":\"ln\",\"eps\":" #eps ",\"place\":\"post\"")
#define SMOL_FOUR OPEN_BLOCK(3, "\"heads\":16,\"kv_heads\":4" ROPE_POS(5000000, ""), SWIGLU(11008), RMS(1e-6)) "," \
    OPEN_BLOCK(1, "\"heads\":16,\"kv_heads\":4", SWIGLU(11008), RMS(1e-6))
#define NEO_PAIR OPEN_BLOCK(1, "\"heads\":12,\"bias\":\"out\",\"scale\":1", MLP("gelu_tanh", 3072) BIASED, LN_NORM) "," \
    OPEN_BLOCK(1, "\"heads\":12,\"bias\":\"out\",\"scale\":1,\"window\":256", MLP("gelu_tanh", 3072) BIASED, LN_NORM)
/* ModernBERT: every third layer sees all, the others 64 words to each side. */
#define MODERN_BLOCK(repeat, heads, ff, theta, window, norm) \
    OPEN_BLOCK(repeat, "\"heads\":" #heads window ROPE_POS(theta, ""), "\"type\":\"glu\",\"act\":\"gelu_erf\",\"d_ff\":" #ff, LN_PLAIN norm)
#define MODERN_NEAR(repeat, heads, ff) MODERN_BLOCK(repeat, heads, ff, 10000, ",\"window\":65", "")
#define MODERN_FIRST(heads, ff) MODERN_BLOCK(1, heads, ff, 160000, "", ",\"mixer\":false") "," MODERN_NEAR(2, heads, ff)
#define MODERN_THREE(heads, ff) MODERN_BLOCK(1, heads, ff, 160000, "", "") "," MODERN_NEAR(2, heads, ff)
#define MODERN(vocab, d, ctx, pad, blocks) \
    OPEN("modernbert", vocab, d, "\"stack\":\"encoder\"," TIED "\"embed\":{\"max_pos\":" #ctx ",\"ln\":true" pad "}," \
         "\"head\":{\"type\":\"mlm\",\"dense_bias\":false,\"bias\":true}", blocks)
/* gpt-oss: sinks, windows by turns, YaRN. */
#define OSS_LAYER(heads, kv, hd, window, scaling, ff, experts, k) \
    OPEN_BLOCK(1, "\"heads\":" #heads ",\"kv_heads\":" #kv ",\"head_dim\":" #hd ",\"bias\":\"all\",\"sink\":true" window \
               ROPE_POS(150000, scaling), "\"type\":\"moe\",\"d_ff\":" #ff ",\"bias\":true,\"limit\":7,\"moe\":{\"experts\":" #experts \
               ",\"top_k\":" #k ",\"score\":\"topk_softmax\",\"router_bias\":true,\"aux_coef\":0.001,\"aux_norm\":\"model\"}", RMS(1e-5))
#define OSS_YARN ",\"scaling\":{\"type\":\"yarn\",\"factor\":32,\"original_max_pos\":4096,\"truncate\":false}"
#define OSS_PAIR OSS_LAYER(64, 8, 64, ",\"window\":128", OSS_YARN, 2880, 32, 4) "," OSS_LAYER(64, 8, 64, "", OSS_YARN, 2880, 32, 4)
#define OSS_SIX OSS_PAIR "," OSS_PAIR "," OSS_PAIR "," OSS_PAIR "," OSS_PAIR "," OSS_PAIR
#define OSS_SMALL OSS_LAYER(4, 2, 32, ",\"window\":64", "", 128, 8, 2) "," OSS_LAYER(4, 2, 32, "", "", 128, 8, 2)
#define MLA_V3 "\"type\":\"mla\",\"heads\":128,\"q_rank\":1536,\"kv_rank\":512,\"nope_dim\":128,\"rope_dim\":64,\"v_dim\":128," \
    "\"scale\":0.1352337788608801,\"pos\":{\"type\":\"rope\",\"theta\":10000,\"scaling\":{\"type\":\"yarn\",\"factor\":40," \
    "\"original_max_pos\":4096,\"attn_factor\":1}}"
#define MLA_SMALL "\"type\":\"mla\",\"heads\":4,\"q_rank\":64,\"kv_rank\":32,\"nope_dim\":32,\"rope_dim\":16,\"v_dim\":32"
/* Pre- and post-norm encoder-decoders with BART's names. */
#define ENCDEC(fam, vocab, d, embed, start, head, block, layers_block) \
    OPEN(fam, vocab, d, "\"stack\":\"encdec\"," TIED "\"decoder_start\":" #start "," embed ",\"head\":{" head "}," \
         "\"dropout\":{\"embed\":0.1,\"attn\":0.1,\"resid\":0.1},\"encoder\":{\"blocks\":[" block "]}", layers_block)
#define ENCDEC_BLOCK(layers, heads, act, ff, place) \
    OPEN_BLOCK(layers, "\"heads\":" #heads ",\"bias\":\"all\"", MLP(act, ff) BIASED, LN_NORM ",\"place\":\"" place "\"")
#define SINES(ctx, layout, more) "\"embed\":{\"pos\":\"sinusoidal\",\"layout\":\"" layout "\",\"max_pos\":" #ctx ",\"scale\":\"sqrt_d\"" more "}"
#define NLLB(vocab, d, layers, heads, ff) \
    ENCDEC("m2m_100", vocab, d, SINES(1024, "t2t", ",\"pos_offset\":2,\"pad\":1"), 2, "\"bias\":false", \
           ENCDEC_BLOCK(layers, heads, "relu", ff, "pre"), ENCDEC_BLOCK(layers, heads, "relu", ff, "pre"))
#define MT5_BLOCK(layers, heads, ff) \
    OPEN_BLOCK(layers, "\"heads\":" #heads ",\"head_dim\":64,\"scale\":1,\"pos\":{\"type\":\"t5\"}", \
               "\"type\":\"glu\",\"act\":\"gelu_tanh\",\"d_ff\":" #ff, RMS(1e-6))
#define MT5(d, layers, heads, ff) \
    OPEN("mt5", 250112, d, "\"stack\":\"encdec\",\"decoder_start\":0,\"embed\":{\"max_pos\":512}," \
         "\"dropout\":{\"embed\":0.1,\"attn\":0.1,\"resid\":0.1},\"encoder\":{\"blocks\":[" MT5_BLOCK(layers, heads, ff) "]}", \
         MT5_BLOCK(layers, heads, ff))
#define MBART_BLOCK OPEN_BLOCK(12, "\"heads\":16,\"bias\":\"all\"", MLP("gelu_erf", 4096) BIASED, LN_NORM)

#define OPEN_PRESETS(X) \
    X("opt-125m", OPEN("opt", 50272, 768, TIED LEARNED(2048, ",\"pos_offset\":2,\"pad\":1"), \
        OPEN_BLOCK(12, "\"heads\":12,\"bias\":\"all\"", MLP("relu", 3072) BIASED, LN_NORM))) \
    X("gpt-neo-125m", OPEN("gpt_neo", 50257, 768, TIED LEARNED(2048, ""), \
        NEO_PAIR "," NEO_PAIR "," NEO_PAIR "," NEO_PAIR "," NEO_PAIR "," NEO_PAIR)) \
    X("phi-2", OPEN("phi", 51200, 2560, CTX(2048) ",\"head\":{\"bias\":true}", \
        OPEN_BLOCK(32, "\"heads\":32,\"bias\":\"all\"" ROPE_POS(10000, ",\"partial\":0.4"), MLP("gelu_tanh", 10240) BIASED, \
                   LN_NORM ",\"place\":\"parallel_one\""))) \
    X("phi3-mini", OPEN("phi3", 32064, 3072, CTX(4096), \
        OPEN_BLOCK(32, "\"heads\":32,\"window\":2047" ROPE_POS(10000, ""), SWIGLU(8192), RMS(1e-5)))) \
    X("olmo-1b", OPEN("olmo", 50304, 2048, TIED CTX(2048), \
        OPEN_BLOCK(16, "\"heads\":16" ROPE_POS(10000, ""), SWIGLU(8192), LN_NORM ",\"weight\":false"))) \
    X("olmo2-1b", OPEN("olmo2", 100352, 2048, CTX(4096), \
        OPEN_BLOCK(16, "\"heads\":16,\"qk_norm\":\"full_rms\"" ROPE_POS(500000, ""), SWIGLU(8192), RMS(1e-6) ",\"place\":\"out\""))) \
    X("olmoe-1b-7b", OPEN("olmoe", 50304, 2048, CTX(4096), \
        OPEN_BLOCK(16, "\"heads\":16,\"qk_norm\":\"full_rms\"" ROPE_POS(10000, ""), \
                   "\"type\":\"moe\",\"d_ff\":1024,\"moe\":{\"experts\":64,\"top_k\":8,\"aux_coef\":0.01,\"aux_norm\":\"model\"}", RMS(1e-5)))) \
    X("granite-3-2b", OPEN("granite", 49155, 2048, TIED "\"embed\":{\"max_pos\":4096,\"scale\":12},\"head\":{\"logit_scale\":0.125}", \
        "{\"repeat\":40,\"residual_scale\":0.22,\"mixer\":{\"heads\":32,\"kv_heads\":8,\"scale\":0.015625" ROPE_POS(10000, "") "}," \
        "\"ffn\":{" SWIGLU(8192) "},\"norm\":{" RMS(1e-5) "}}")) \
    X("stablelm-2-1.6b", OPEN("stablelm", 100352, 2048, CTX(4096), \
        OPEN_BLOCK(24, "\"heads\":32,\"bias\":\"qkv\"" ROPE_POS(10000, ",\"partial\":0.25"), SWIGLU(5632), LN_NORM))) \
    X("starcoder2-3b", OPEN("starcoder2", 49152, 3072, TIED CTX(16384), \
        OPEN_BLOCK(30, "\"heads\":24,\"kv_heads\":2,\"bias\":\"all\",\"window\":4096" ROPE_POS(999999.4420358813, ""), \
                   MLP("gelu_tanh", 12288) BIASED, LN_NORM))) \
    X("mpt-7b", OPEN("mpt", 50432, 4096, TIED CTX(2048), \
        OPEN_BLOCK(32, "\"heads\":32,\"pos\":{\"type\":\"alibi\"}", MLP("gelu_erf", 16384), LN_PLAIN))) \
    X("falcon-7b", OPEN("falcon", 65024, 4544, TIED CTX(2048), \
        OPEN_BLOCK(32, "\"heads\":71,\"kv_heads\":1" ROPE_POS(10000, ""), MLP("gelu_erf", 18176), LN_NORM ",\"place\":\"parallel_one\""))) \
    X("gpt-j-6b", OPEN("gptj", 50400, 4096, CTX(2048) ",\"head\":{\"bias\":true}", \
        OPEN_BLOCK(28, "\"heads\":16" ROPE_POS(10000, ",\"pairing\":\"interleaved\",\"partial\":0.25"), MLP("gelu_tanh", 16384) BIASED, \
                   LN_NORM ",\"place\":\"parallel_one\""))) \
    X("smollm3-3b", OPEN("smollm3", 128256, 2048, TIED CTX(65536), \
        SMOL_FOUR "," SMOL_FOUR "," SMOL_FOUR "," SMOL_FOUR "," SMOL_FOUR "," SMOL_FOUR "," SMOL_FOUR "," SMOL_FOUR "," SMOL_FOUR)) \
    X("command-r", OPEN("cohere", 256000, 8192, TIED "\"embed\":{\"max_pos\":8192,\"pad\":0},\"head\":{\"logit_scale\":0.0625}", \
        OPEN_BLOCK(40, "\"heads\":64" ROPE_POS(8000000, ",\"pairing\":\"interleaved\""), SWIGLU(22528), \
                   LN_PLAIN ",\"place\":\"parallel_one\""))) \
    X("qwen1.5-moe-a2.7b", OPEN("qwen2_moe", 151936, 2048, CTX(8192), \
        OPEN_BLOCK(24, "\"heads\":16,\"bias\":\"qkv\"" ROPE_POS(1000000, ""), "\"type\":\"moe\",\"d_ff\":1408,\"moe\":{\"experts\":60," \
                   "\"top_k\":4,\"shared\":1,\"shared_ff\":5632,\"shared_gate\":true,\"aux_coef\":0.001,\"aux_norm\":\"model\"}", RMS(1e-6)))) \
    X("deepseek-v2-lite", OPEN("deepseek_v2", 102400, 2048, CTX(163840), \
        OPEN_BLOCK(1, MLA_LITE, SWIGLU(10944), RMS(1e-6)) "," \
        OPEN_BLOCK(26, MLA_LITE, "\"type\":\"moe\",\"d_ff\":1408,\"moe\":{\"experts\":64,\"top_k\":6,\"shared\":2}", RMS(1e-6)))) \
    X("deepseek-v3", OPEN("deepseek_v3", 129280, 7168, CTX(163840), \
        OPEN_BLOCK(3, MLA_V3, SWIGLU(18432), RMS(1e-6)) "," \
        OPEN_BLOCK(58, MLA_V3, "\"type\":\"moe\",\"d_ff\":2048,\"moe\":{\"experts\":256,\"top_k\":8,\"shared\":1,\"score\":\"sigmoid\"," \
                   "\"groups\":8,\"topk_groups\":4,\"scale\":2.5,\"bias_gamma\":0.001}", RMS(1e-6)))) \
    X("mla-nano", OPEN("deepseek_v3", 256, 128, TIED CTX(256), \
        OPEN_BLOCK(1, MLA_SMALL, SWIGLU(352), RMS(1e-6)) "," \
        OPEN_BLOCK(3, MLA_SMALL, "\"type\":\"moe\",\"d_ff\":96,\"moe\":{\"experts\":8,\"top_k\":2,\"shared\":1,\"score\":\"sigmoid\"," \
                   "\"bias_gamma\":0.001}", RMS(1e-6)))) \
    X("gpt-oss-20b", OPEN("gpt_oss", 201088, 2880, CTX(131072), OSS_SIX "," OSS_SIX)) \
    X("gpt-oss-nano", OPEN("gpt_oss", 256, 128, CTX(256), OSS_SMALL "," OSS_SMALL)) \
    X("granite-moe-1b", OPEN("granitemoe", 49155, 1024, TIED "\"embed\":{\"max_pos\":4096,\"scale\":12},\"head\":{\"logit_scale\":0.16666666666666666}", \
        "{\"repeat\":24,\"residual_scale\":0.22,\"mixer\":{\"heads\":16,\"kv_heads\":8,\"scale\":0.015625" ROPE_POS(10000, "") "}," \
        "\"ffn\":{\"type\":\"moe\",\"d_ff\":512,\"moe\":{\"experts\":32,\"top_k\":8,\"score\":\"topk_softmax\",\"aux_coef\":0.01," \
        "\"aux_norm\":\"model\"}},\"norm\":{" RMS(1e-6) "}}")) \
    X("modernbert-base", MODERN(50368, 768, 8192, ",\"pad\":50283", MODERN_FIRST(12, 1152) "," MODERN_THREE(12, 1152) "," \
        MODERN_THREE(12, 1152) "," MODERN_THREE(12, 1152) "," MODERN_THREE(12, 1152) "," MODERN_THREE(12, 1152) "," \
        MODERN_THREE(12, 1152) "," MODERN_BLOCK(1, 12, 1152, 160000, "", ""))) \
    X("modernbert-nano", MODERN(256, 128, 256, "", MODERN_FIRST(4, 192) "," MODERN_BLOCK(1, 4, 192, 160000, "", ""))) \
    X("xlm-roberta-base", OPEN("xlm_roberta", 250002, 768, \
        ENCODER_TOP(LEARNED(512, ",\"pos_offset\":2,\"ln\":true,\"types\":1,\"pad\":1")), ENCODER_BLOCK(12, 1e-5))) \
    X("mpnet-base", OPEN("mpnet", 30527, 768, ENCODER_TOP(LEARNED(512, ",\"pos_offset\":2,\"ln\":true,\"pad\":1")), \
        OPEN_BLOCK(12, "\"heads\":12,\"bias\":\"all\",\"pos\":{\"type\":\"t5\"}", MLP("gelu_erf", 3072) BIASED, \
                   "\"type\":\"ln\",\"eps\":1e-5,\"place\":\"post\""))) \
    X("albert-base", OPEN("albert", 30000, 768, "\"stack\":\"encoder\"," TIED LEARNED(512, ",\"ln\":true,\"types\":2,\"dim\":128,\"pad\":0") \
        ",\"head\":{\"type\":\"mlm\",\"act\":\"gelu_tanh\",\"norm\":false,\"bias\":true}", \
        "{\"repeat\":12,\"shared\":true,\"mixer\":{\"heads\":12,\"bias\":\"all\"},\"ffn\":{" MLP("gelu_tanh", 3072) BIASED "}," \
        "\"norm\":{\"type\":\"ln\",\"eps\":1e-12,\"place\":\"post\"}}")) \
    X("mt5-small", MT5(512, 8, 6, 1024)) \
    X("marian-en-de", ENCDEC("marian", 58101, 512, SINES(512, "concat", ",\"pad\":58100"), 58100, "\"norm\":false,\"bias\":true", \
        ENCDEC_BLOCK(6, 8, "silu", 2048, "post"), ENCDEC_BLOCK(6, 8, "silu", 2048, "post"))) \
    X("nllb-600m", NLLB(256206, 1024, 12, 16, 4096)) \
    X("m2m100-418m", NLLB(128112, 1024, 12, 16, 4096)) \
    X("roberta-base", OPEN("roberta", 50265, 768, \
        ENCODER_TOP(LEARNED(512, ",\"pos_offset\":2,\"ln\":true,\"types\":1,\"pad\":1")), ENCODER_BLOCK(12, 1e-5))) \
    X("distilbert-base", OPEN("distilbert", 30522, 768, \
        ENCODER_TOP(LEARNED(512, ",\"ln\":true,\"pad\":0")), ENCODER_BLOCK(6, 1e-12))) \
    X("mbart-large", OPEN("mbart", 250027, 1024, "\"stack\":\"encdec\"," TIED \
        LEARNED(1024, ",\"pos_offset\":2,\"ln\":true,\"scale\":\"sqrt_d\",\"pad\":1") ",\"head\":{\"bias\":true}," \
        "\"dropout\":{\"embed\":0.1,\"attn\":0,\"resid\":0.1},\"encoder\":{\"blocks\":[" MBART_BLOCK "]}", MBART_BLOCK))

// clang-format on
#endif
