/* The model description: presets, round trips, refusals, sizes, tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/model/rope.h"

static struct model_config config; /* large: kept off the stack */

static const char minimal[] = "{\"d_model\":64,\"vocab\":100,\"blocks\":[{\"repeat\":2,"
                              "\"mixer\":{\"heads\":4},\"ffn\":{\"d_ff\":128}}]}";

static int parse(const char *text, struct err *e)
{
    struct cJSON *j = json_parse(text, strlen(text), "test", NULL, e);
    if (!j) return -1;
    int r = model_config_parse(&config, j, "test", e);
    json_free(j);
    return r;
}

static void preset(const char *name)
{
    struct err e;
    if (model_config_preset(&config, name, &e)) fail_msg("%s: %s", name, e.msg);
}

static void every_preset_survives_printing_and_parsing(void **state)
{
    (void)state;
    struct err e;
    for (const char *const *name = model_preset_names(); *name; name++) {
        struct buf a = {0}, b = {0};
        preset(*name);
        model_config_print(&config, &a);
        if (parse(a.data, &e)) fail_msg("%s: %s", *name, e.msg);
        model_config_print(&config, &b);
        assert_string_equal(a.data, b.data);
        buf_free(&a);
        buf_free(&b);
    }
}

static void parameter_counts_are_those_of_the_public_models(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t n;
    } known[] = {
        {"gpt2", 124439808},       {"gpt2-medium", 354823168},   {"gpt2-large", 774030080},
        {"gpt2-xl", 1557611200},   {"llama2-7b", 6738415616},    {"llama3-8b", 8030261248},
        {"llama3.1-8b", 8030261248}, {"llama3.2-1b", 1235814400}, {"qwen2.5-0.5b", 494032768},
        {"qwen3-0.6b", 596049920}, {"qwen3-1.7b", 1720574976},   {"pythia-14m", 14067712},
        {"pythia-70m", 70426624},  {"pythia-160m", 162322944},   {"pythia-410m", 405334016},
        {"bloom-560m", 559214592}, {"gemma-2b", 2506172416},     {"gemma2-2b", 2614341888},
        {"gemma3-1b", 999885952},  {"bert-base", 109514298},     {"electra-small", 13549057},
        {"t5-small", 60506624},    {"t5-v1.1-small", 76961152},  {"bart-base", 139470681},
        {"opt-125m", 125239296},   {"gpt-neo-125m", 125198592},  {"phi-2", 2779683840},
        {"phi3-mini", 3821079552}, {"olmo-1b", 1176764416},      {"olmo2-1b", 1484916736},
        {"olmoe-1b-7b", 6919161856}, {"granite-3-2b", 2533531648}, {"stablelm-2-1.6b", 1644515328},
        {"gpt-j-6b", 6050882784},   {"smollm3-3b", 3075098624},  {"starcoder2-3b", 3030371328}, {"mpt-7b", 6649286656},   {"falcon-7b", 6921720704},
        {"command-r", 34980831232}, {"qwen1.5-moe-a2.7b", 14315784192}, {"deepseek-v2-lite", 15706484224},
        {"albert-base", 11221680}, {"mistral-7b", 7241732096},   {"modernbert-base", 149655232},
        {"bert-large", 335174458}, {"electra-base", 109483009},  {"mpnet-base", 109518527},
        {"xlm-roberta-base", 278295186}, {"nllb-600m", 615073792}, {"m2m100-418m", 483905536},
        {"mt5-small", 300176768},  {"bart-large", 406291456 + 50265}, {"marian-en-de", 73886208 + 58101},
        {"gpt-oss-20b", 20914757184}, {"granite-moe-1b", 1334628352}, {"deepseek-v3", 671026404352 + 58 * 256},
        {"roberta-base", 124697433}, {"distilbert-base", 66985530}, {"mbart-large", 610851840 + 250027},
    };
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        preset(known[i].name);
        if (model_n_params(&config) != known[i].n)
            fail_msg("%s: %lld parameters, want %lld", known[i].name, (long long)model_n_params(&config),
                     (long long)known[i].n);
    }
}

static void flops_follow_the_formula(void **state)
{
    (void)state;
    preset("gpt2");
    /* 12 (4 d^2 + 8 d^2) + V d, and 12 L d (T + 1)/2 for causal attention. */
    int64_t n = 12LL * 12 * 768 * 768 + 50257LL * 768;
    assert_int_equal(model_matmul_params(&config), n);
    double want = 6.0 * (double)n + 12.0 * 12 * 768 * (1024 + 1) / 2;
    assert_true(fabs(model_train_flops_per_token(&config, 1024) / want - 1) < 1e-12);
    config.block[0].window = 1; /* one key each */
    want = 6.0 * (double)n + 12.0 * 12 * 768;
    assert_true(fabs(model_train_flops_per_token(&config, 1024) / want - 1) < 1e-12);
}

static void refused(const char *text, const char *part)
{
    struct err e;
    if (parse(text, &e) == 0) fail_msg("accepted: %s", text);
    assert_int_equal(e.code, ERR_CONFIG);
    if (!strstr(e.msg, part)) fail_msg("'%s' is not in: %s", part, e.msg);
}

#define TOP "\"d_model\":64,\"vocab\":100"
#define FFN "\"ffn\":{\"d_ff\":128}"
#define EXPERTS(keys) "\"ffn\":{\"type\":\"moe\",\"d_ff\":4,\"moe\":{" keys "}}"
#define MOE(keys) "{" TOP ",\"blocks\":[{\"mixer\":{\"heads\":4}," EXPERTS(keys) "}]}"
#define ONE(mixer, rest) "{" TOP ",\"blocks\":[{\"mixer\":{" mixer "}," FFN rest "}]}"

static void depth_is_for_decoders(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(model_config_depth(&config, "bert", 4, &e), -1);
    assert_non_null(strstr(e.msg, "take a preset"));
}

static void what_is_not_built_or_impossible_is_refused_by_name(void **state)
{
    (void)state;
    refused(ONE("\"type\":\"rwkv7\"", ""), "norm.type must be ln");
    refused(ONE("\"type\":\"rwkv7\",\"heads\":4", ""), "heads");
    refused(ONE("\"type\":\"rwkv7\",\"head_dim\":48", ""), "head_dim 48 does not divide the width 64");
    refused(ONE("\"type\":\"rwkv4\",\"head_dim\":16", ""), "head_dim");
    refused(ONE("\"type\":\"rwkv6\",\"a_rank\":16", ""), "a_rank does not belong");
    refused(ONE("\"type\":\"rwkv7\",\"gate\":true", ""), "gate");
    refused(ONE("\"type\":\"rwkv4\"", ",\"norm\":{\"type\":\"ln\",\"place\":\"post\"}"), "norm.place must be pre");
    refused("{" TOP ",\"blocks\":[{\"mixer\":{\"heads\":4},\"ffn\":{\"type\":\"glu\",\"d_ff\":4,\"gate\":true}}]}", "gate belongs to");
    refused(ONE("\"type\":\"mla\",\"heads\":4", ""), "kv_rank");
    refused(ONE("\"type\":\"mla\",\"heads\":4,\"kv_rank\":8,\"nope_dim\":8,\"rope_dim\":3,\"v_dim\":8", ""), "rope_dim 3 is odd");
    refused(ONE("\"type\":\"mla\",\"heads\":4,\"kv_rank\":8,\"nope_dim\":8,\"rope_dim\":4,\"v_dim\":8,\"pos\":{\"type\":\"alibi\"}", ""), "must be rope");
    refused(ONE("\"heads\":4,\"pos\":{\"type\":\"shaw\",\"clip\":0}", ""), "clip");
    refused(ONE("\"heads\":4", ",\"norm\":{\"type\":\"ln\",\"bias\":false,\"weight\":false,\"plus_one\":true}"), "norm.plus_one");
    refused("{" TOP ",\"stack\":\"encoder\",\"head\":\"lm\",\"blocks\":[{\"mixer\":{\"heads\":4}," FFN "}]}", "head.type lm does not go with stack encoder");
    refused("{" TOP ",\"stack\":\"encoder\",\"blocks\":[{\"mixer\":{\"heads\":4,\"pos\":{\"type\":\"t5\",\"buckets\":2}}," FFN "}]}", "buckets 2");
    refused("{" TOP ",\"stack\":\"encoder\",\"blocks\":[{\"mixer\":{\"heads\":4},\"cross\":true," FFN "}]}", "blocks[0].cross");
    refused("{" TOP ",\"stack\":\"encdec\",\"encoder\":{\"blocks\":[{\"mixer\":{\"heads\":5}," FFN "}]},\"blocks\":[{\"mixer\":{\"heads\":4}," FFN "}]}",
            "encoder.blocks[0].mixer.heads 5 does not divide");
    refused("{" TOP ",\"stack\":\"encdec\",\"encoder\":{\"blocks\":[{\"mixer\":{\"heads\":4}," FFN "}]},\"blocks\":[{\"mixer\":{\"heads\":4}," FFN
            "},{\"mixer\":{\"heads\":4,\"pos\":{\"type\":\"t5\"}}," FFN "}]}",
            "blocks[1].mixer.pos.shared stack: the first layer");
    refused(ONE("\"heads\":4", ",\"cross\":true"), "cross: only decoder blocks");
    refused("{" TOP ",\"blocks\":[{\"mixer\":{\"heads\":4},\"ffn\":{\"type\":\"moe\",\"d_ff\":4}}]}",
            "moe is missing");
    refused(MOE("\"experts\":4,\"top_k\":5"), "moe.top_k 5 is above experts 4");
    refused(MOE("\"experts\":6,\"top_k\":2,\"groups\":4,\"score\":\"sigmoid\""), "moe.groups 4 does not divide experts 6");
    refused(MOE("\"experts\":8,\"top_k\":2,\"groups\":4,\"score\":\"topk_softmax\""), "moe.groups needs score sigmoid");
    refused(MOE("\"experts\":8,\"top_k\":2,\"shared_gate\":true"), "moe.shared_gate needs shared");
    refused(MOE("\"experts\":8,\"top_k\":2,\"shared_ff\":9"), "moe.shared_ff needs shared");
    refused(MOE("\"experts\":8,\"top_k\":2,\"groups\":4,\"topk_groups\":5,\"score\":\"sigmoid\""), "moe.topk_groups 5 is above groups 4");
    refused(MOE("\"experts\":8,\"top_k\":5,\"groups\":4,\"topk_groups\":2,\"score\":\"sigmoid\""), "moe.top_k 5 is above the 4 experts");
    refused(MOE("\"experts\":8,\"top_k\":2,\"groups\":8,\"score\":\"sigmoid\""), "fewer than two experts a group");
    refused(MOE("\"experts\":4,\"top_k\":2,\"correction_bias\":true"), "moe.correction_bias needs score sigmoid");
    refused(MOE("\"experts\":4,\"top_k\":2,\"bias_gamma\":0.1"), "moe.bias_gamma needs correction_bias");
    refused(MOE("\"experts\":4,\"top_k\":2,\"score\":\"topk_softmax\",\"renorm\":true"), "moe.renorm");
    refused(MOE("\"experts\":4"), "top_k");
    refused(MOE("\"expert\":4"), "experts");
    refused("{" TOP ",\"blocks\":[{\"mixer\":{\"heads\":4},\"ffn\":{\"type\":\"glu\",\"d_ff\":4,\"moe\":{\"experts\":2,\"top_k\":1}}}]}",
            "moe belongs to ffn.type moe");
    refused("{" TOP ",\"blocks\":[{\"mixer\":{\"heads\":4}," EXPERTS("\"experts\":2,\"top_k\":1") "},{\"mixer\":{\"heads\":4}," EXPERTS("\"experts\":4,\"top_k\":1") "}]}",
            "moe.experts differs");
    refused("{\"stack\":\"encdec\"," TOP "}", "needs encoder.blocks");
    refused("{" TOP ",\"head\":\"mlm\",\"blocks\":[{\"mixer\":{\"heads\":4}," FFN "}]}", "head.type mlm does not go with stack decoder");
    refused(ONE("\"heads\":4,\"pos\":{\"type\":\"t5\",\"buckets\":0}", ""), "buckets");
    refused(ONE("\"heads\":4,\"pos\":{\"type\":\"t5\",\"buckets\":33}", ""), "buckets");
    refused(ONE("\"heads\":4,\"pos\":{\"type\":\"t5\",\"max_distance\":16}", ""), "max_distance 16");
    refused(ONE("\"heads\":4,\"pos\":{\"clip\":4}", ""), "belong to shaw");
    refused("{" TOP ",\"decoder_start\":100,\"blocks\":[{\"mixer\":{\"heads\":4}," FFN "}]}", "decoder_start");
    refused("{" TOP ",\"tie_embed\":true,\"embed\":{\"dim\":32},\"blocks\":[{\"mixer\":{\"heads\":4}," FFN "}]}", "embed.dim");
    refused(ONE("\"heads\":4,\"causal\":false", ""), "causal");
    refused(ONE("\"haeds\":4", ""), "heads");
    refused(ONE("\"heads\":4,\"pos\":{\"type\":\"rop\"}", ""), "rope");
    refused(ONE("\"heads\":5", ""), "does not divide d_model");
    refused("{\"d_model\":2048,\"vocab\":9,\"blocks\":[{\"mixer\":{\"heads\":1}," FFN "}]}", "head_dim 2048 is not within");
    refused(ONE("\"heads\":4,\"kv_heads\":3", ""), "kv_heads 3 does not divide heads 4");
    refused(ONE("\"heads\":4,\"head_dim\":7,\"pos\":{\"type\":\"rope\"}", ""), "odd");
    refused(ONE("\"heads\":4,\"pos\":{\"theta\":5}", ""), "theta");
    refused(ONE("\"heads\":4,\"pos\":{\"type\":\"rope\",\"scaling\":{\"type\":\"linear\"}}", ""), "factor is missing");
    refused(ONE("\"heads\":4", ",\"norm\":{\"type\":\"rms\",\"bias\":true}"), "norm.bias");
    refused("{" TOP ",\"blocks\":[]}", "blocks");
    refused("{" TOP ",\"block\":[]}", "blocks");
    refused("{\"d_model\":0,\"vocab\":100}", "d_model");
    refused("{\"family\":\"lama\"," TOP "}", "llama");
    refused("[1]", "object");
    refused("{" TOP ",\"embed\":3}", "embed");
    refused("{" TOP ",\"blocks\":[{\"repeat\":1000,\"mixer\":{\"heads\":4}," FFN "},{\"repeat\":1000,\"mixer\":{\"heads\":4}," FFN "}]}",
            "layers");
}

static void set_reaches_one_group_or_all(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(parse("{" TOP ",\"blocks\":[{\"mixer\":{\"heads\":4}," FFN "},{\"mixer\":{\"heads\":4}," FFN "}]}", &e), 0);
    assert_int_equal(model_config_set(&config, (const char *[]){"blocks.mixer.window=7"}, 1, &e), 0);
    assert_int_equal(config.block[0].window, 7);
    assert_int_equal(config.block[1].window, 7);
    assert_int_equal(model_config_set(&config, (const char *[]){"blocks[1].ffn.act=relu2"}, 1, &e), 0);
    assert_int_equal(config.block[0].act, ACT_GELU_TANH);
    assert_int_equal(config.block[1].act, ACT_RELU2);
    assert_int_equal(model_config_set(&config, (const char *[]){"tie_embed=true"}, 1, &e), 0);
    assert_true(config.tie_embed);
    assert_int_equal(model_config_set(&config, (const char *[]){"blocks.mixer.pos={\"type\":\"rope\",\"theta\":5e5}"}, 1, &e), 0);
    assert_true(config.block[1].theta == 5e5);
    static const char *const bad[] = {"vocabb=3", "blocks[2].repeat=1", "blocks.mixer.heads=0", "=3", "vocab", "a..b=1",
                                      "vocab.x=1", "d_model[0].x=1", "blocks[-1].repeat=2", "blocks=3", "blocks[x].y=1"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (model_config_set(&config, &bad[i], 1, &e) == 0) fail_msg("accepted %s", bad[i]);
        assert_int_equal(e.code, ERR_CONFIG);
    }
    assert_int_equal(config.vocab, 100); /* a refused value changes nothing */
}

static void set_all(const char *const *list, size_t n)
{
    struct err e;
    if (model_config_set(&config, list, n, &e)) fail_msg("%s: %s", list[0], e.msg);
}
#define SET(...) set_all((const char *[]){__VA_ARGS__}, COUNT_OF(((const char *[]){__VA_ARGS__})))

/* Values that are only possible together, in any order; a new type is not held to what the old one said. */
static void sets_are_taken_together(void **state)
{
    (void)state;
    preset("llama-nano");
    SET("blocks.mixer.heads=8", "blocks.mixer.kv_heads=2", "blocks.mixer.head_dim=16");
    assert_int_equal(config.block[0].kv_heads, 2);
    SET("blocks.mixer.pos.type=alibi");
    assert_int_equal(config.block[0].pos, POS_ALIBI);
    SET("blocks.mixer.pos.type=shaw", "blocks.mixer.pos.clip=9");
    assert_int_equal(config.block[0].clip, 9);
    SET("blocks.norm.type=ln", "blocks.ffn.type=mlp", "blocks.norm.place=post");
    assert_true(config.block[0].norm_bias);
    assert_int_equal(config.block[0].d_ff, 352);
    SET("stack=encoder", "head=mlm", "blocks.mixer.causal=false");
    assert_int_equal(config.stack, STACK_ENCODER);
    preset("llama-nano");
    SET("blocks.mixer.type=rwkv7", "blocks.norm.type=ln", "blocks.ffn.type=rwkv_cmix");
    assert_int_equal(config.block[0].mixer, MIX_RWKV7);
    SET("blocks.mixer.type=attn", "blocks.mixer.heads=4", "blocks.ffn.type=moe", "blocks.ffn.moe.experts=4", "blocks.ffn.moe.top_k=1");
    assert_int_equal(config.block[0].moe.experts, 4);
    assert_int_equal(config.block[0].heads, 4);
}

static void the_dials_give_consistent_sizes(void **state)
{
    (void)state;
    static const char *const families[] = {"gpt2", "llama", "qwen2", "qwen3", "gpt_neox"};
    struct err e;
    for (size_t f = 0; f < COUNT_OF(families); f++)
        for (int depth = 1; depth <= 40; depth++) {
            if (model_config_depth(&config, families[f], depth, &e)) fail_msg("%s: %s", families[f], e.msg);
            assert_int_equal(config.n_layers, depth);
            assert_int_equal(config.block[0].heads * config.block[0].head_dim, config.d_model);
        }
    preset("gpt2");
    struct model_dims d = {.layers = 4, .width = 128, .heads = 4, .context = 64, .vocab = 65};
    assert_int_equal(model_config_resize(&config, &d, &e), 0);
    assert_int_equal(config.block[0].d_ff, 512);
    assert_int_equal(config.block[0].head_dim, 32);
    assert_int_equal(config.block[0].kv_heads, 4);
    preset("llama3-8b");
    assert_int_equal(model_config_resize(&config, &(struct model_dims){.width = 256, .heads = 8}, &e), 0);
    assert_int_equal(config.block[0].kv_heads, 2); /* the group size stays */
    assert_int_equal(model_config_resize(&config, &(struct model_dims){.width = 100, .heads = 7}, &e), -1);
    assert_int_equal(config.d_model, 256);
}

static struct block_config rope_block(const char *scaling)
{
    char text[512];
    struct err e;
    snprintf(text, sizeof text,
             "{" TOP ",\"embed\":{\"max_pos\":64},\"blocks\":[{\"mixer\":{\"heads\":2,\"head_dim\":16,\"pos\":{\"type\":\"rope\","
             "\"theta\":10000%s%s}}," FFN "}]}", *scaling ? ",\"scaling\":" : "", scaling);
    if (parse(text, &e)) fail_msg("%s", e.msg);
    return config.block[0];
}

/* Values computed with transformers 5.23 (ROPE_INIT_FUNCTIONS, head_dim 16, theta 10000). */
static void rope_frequencies_match_the_reference(void **state)
{
    (void)state;
#include "rope_values.inc"
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct block_config b = rope_block(rows[i].scaling);
        double f[8];
        double m = rope_frequencies(NULL, &b, rows[i].seq_len, f);
        for (int k = 0; k < 8; k++)
            if (fabs(f[k] / rows[i].f[k] - 1) > 3e-6) /* the reference is f32 */
                fail_msg("%s: frequency %d is %.9g, want %.9g", rows[i].scaling, k, f[k], rows[i].f[k]);
        assert_true(fabs(m / rows[i].factor - 1) < 1e-6);
    }
}

static void ntk_stretches_the_longest_wave_by_the_factor(void **state)
{
    (void)state;
    double f[8], g[8];
    struct block_config b = rope_block(""), n = rope_block("{\"type\":\"ntk\",\"factor\":4}");
    rope_frequencies(NULL, &b, 64, f);
    rope_frequencies(NULL, &n, 64, g);
    assert_true(fabs(g[0] - f[0]) < 1e-12);
    assert_true(fabs(f[7] / g[7] - 4) < 1e-9);
}

static void an_odd_share_turns_one_more_element(void **state)
{
    (void)state;
    struct block_config b = rope_block("");
    b.head_dim = 12;
    b.partial = 0.25; /* 3 elements: frequencies 1 and theta^(-2/3), 4 elements turn */
    double f[8];
    assert_int_equal(rope_n_rot(&b), 4);
    rope_frequencies(NULL, &b, 64, f);
    assert_true(fabs(f[1] / pow(10000, -2.0 / 3) - 1) < 1e-12);
}

static void rope_tables_hold_cos_and_sin_of_the_angle(void **state)
{
    (void)state;
    struct err e;
    struct rope_table t;
    struct block_config b = rope_block("{\"type\":\"yarn\",\"factor\":4,\"original_max_pos\":16}");
    double f[8], m = rope_frequencies(NULL, &b, 50, f);
    assert_int_equal(rope_build(&t, NULL, &b, 50, &e), 0);
    assert_true(m > 1.13 && m < 1.14); /* 0.1 ln 4 + 1 */
    for (int p = 0; p < 50; p += 7)
        for (int i = 0; i < 8; i++) {
            assert_true(fabs((double)t.cos[p * 8 + i] - m * cos(p * f[i])) < 1e-7);
            assert_true(fabs((double)t.sin[p * 8 + i] - m * sin(p * f[i])) < 1e-7);
        }
    rope_free(&t);
}

#define LONG_BLOCK ONE_LONG("\"heads\":4,\"head_dim\":4,\"pos\":{\"type\":\"rope\",\"scaling\":{\"type\":\"longrope\",\"factor\":4,\"original_max_pos\":16}}")
#define ONE_LONG(mixer) ",\"blocks\":[{\"mixer\":{" mixer "}," FFN "}]}"

static void longrope_takes_short_or_long_factors(void **state)
{
    (void)state;
    struct err e;
    double f[2];
    struct buf a = {0}, b = {0};
    refused("{" TOP LONG_BLOCK, "longrope.short has 0 factors, the heads of blocks[0] turn 2 pairs");
    refused("{" TOP ",\"longrope\":{\"short\":[1,2,3],\"long\":[1,2,3]}" LONG_BLOCK, "longrope.short has 3 factors");
    refused("{" TOP ",\"longrope\":{\"short\":[1,2],\"long\":[1]}" LONG_BLOCK, "longrope.long must be a list of as many");
    refused("{" TOP ",\"longrope\":{\"short\":[1,0],\"long\":[1,2]}" LONG_BLOCK, "longrope.short[1] is no number within");
    refused("{" TOP ",\"longrope\":{\"short\":[1],\"long\":[2]}" ONE_LONG("\"heads\":4"), "longrope without a block");
    if (parse("{" TOP ",\"longrope\":{\"short\":[1,2.5],\"long\":[4,8]}" LONG_BLOCK, &e)) fail_msg("%s", e.msg);
    model_config_print(&config, &a);
    assert_int_equal(parse(a.data, &e), 0);
    model_config_print(&config, &b);
    assert_string_equal(a.data, b.data);
    double m = rope_frequencies(&config.longrope, &config.block[0], 16, f);
    assert_true(fabs(m - sqrt(1 + log(4) / log(16))) < 1e-12);
    assert_true(fabs(f[0] - 1) < 1e-12 && fabs(f[1] - 0.01 / 2.5) < 1e-12);
    rope_frequencies(&config.longrope, &config.block[0], 17, f);
    assert_true(fabs(f[0] - 0.25) < 1e-12 && fabs(f[1] - 0.01 / 8) < 1e-12);
    buf_free(&a);
    buf_free(&b);
}

static void alibi_slopes_match_the_paper(void **state)
{
    (void)state;
    static const float twelve[] = {.5f, .25f, .125f, .0625f, .03125f, .015625f, .0078125f, .00390625f,
                                   .70710678f, .35355339f, .17677670f, .08838835f};
    static const float six[] = {.25f, .0625f, .015625f, .00390625f, .5f, .125f};
    float s[12];
    alibi_slopes(s, 12);
    for (int i = 0; i < 12; i++) assert_true(fabsf(s[i] - twelve[i]) < 1e-7f);
    alibi_slopes(s, 6);
    for (int i = 0; i < 6; i++) assert_true(fabsf(s[i] - six[i]) < 1e-7f);
}

static void sinusoidal_layouts_differ_as_documented(void **state)
{
    (void)state;
    float x[3 * 8];
    sinusoidal_fill(x, SIN_INTERLEAVED, 0, 3, 8);
    assert_true(fabs((double)x[2 * 8 + 2] - sin(2 * pow(10000, -2.0 / 8))) < 1e-7);
    assert_true(fabs((double)x[2 * 8 + 3] - cos(2 * pow(10000, -2.0 / 8))) < 1e-7);
    sinusoidal_fill(x, SIN_CONCAT, 1, 3, 8);
    assert_true(fabs((double)x[1 * 8 + 1] - sin(2 * pow(10000, -2.0 / 8))) < 1e-7);
    assert_true(fabs((double)x[1 * 8 + 5] - cos(2 * pow(10000, -2.0 / 8))) < 1e-7);
    sinusoidal_fill(x, SIN_T2T, 0, 3, 8);
    assert_true(fabs((double)x[2 * 8 + 1] - sin(2 * pow(10000, -1.0 / 3))) < 1e-7);
}

/* config.json: our presets of every family survive the trip. */
static void hugging_face_configs_round_trip(void **state)
{
    (void)state;
    static const char *const names[] = {"gpt2", "llama3-8b", "llama3.2-1b", "qwen2.5-0.5b", "qwen3-0.6b", "pythia-70m",
                                        "opt-125m", "gpt-neo-125m", "phi-2", "phi3-mini", "olmo-1b", "olmo2-1b", "gpt-j-6b", "smollm3-3b", "olmoe-1b-7b",
                                        "granite-3-2b", "stablelm-2-1.6b", "starcoder2-3b", "mpt-7b", "falcon-7b", "command-r",
                                        "qwen1.5-moe-a2.7b", "deepseek-v2-lite", "roberta-base", "distilbert-base", "mbart-large",
                                        "bert-base", "t5-v1.1-small", "bart-base", "gemma3-1b", "mixtral-8x7b", "qwen3-30b-a3b"};
    struct err e;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct buf hf = {0}, a = {0}, b = {0};
        preset(names[i]);
        model_config_print(&config, &a);
        if (model_config_to_hf(&config, &hf, &e)) fail_msg("%s: %s", names[i], e.msg);
        struct cJSON *j = json_parse(hf.data, hf.len, "config.json", NULL, &e);
        assert_non_null(j);
        assert_int_equal(model_config_from_hf(&config, j, "config.json", &e), 0);
        model_config_print(&config, &b);
        assert_string_equal(a.data, b.data);
        json_free(j);
        buf_free(&hf);
        buf_free(&a);
        buf_free(&b);
    }
}

static void what_a_family_cannot_say_is_not_exported(void **state)
{
    (void)state;
    static const char *const sets[] = {"blocks.mixer.softcap=30", "blocks.norm.place=sandwich", "blocks.mixer.qk_norm=head_rms",
                                       "head.logit_scale=0.5", "blocks.mixer.pos.pairing=interleaved"};
    struct err e;
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        struct buf out = {0};
        preset("llama-15m");
        if (model_config_set(&config, &sets[i], 1, &e)) fail_msg("%s: %s", sets[i], e.msg);
        if (model_config_to_hf(&config, &out, &e) == 0) fail_msg("exported %s", sets[i]);
        assert_int_equal(e.code, ERR_CONFIG);
        assert_int_equal(out.len, 0);
        buf_free(&out);
    }
}

static int from_hf(const char *text, struct err *e)
{
    struct cJSON *j = json_parse(text, strlen(text), "config.json", NULL, e);
    if (!j) return -1;
    int r = model_config_from_hf(&config, j, "config.json", e);
    json_free(j);
    return r;
}

#define HF_LLAMA "\"vocab_size\":100,\"hidden_size\":64,\"num_attention_heads\":4,\"num_hidden_layers\":3," \
                 "\"intermediate_size\":96,\"max_position_embeddings\":128"

static void both_generations_of_rope_keys_are_read(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(from_hf("{\"model_type\":\"llama\"," HF_LLAMA ",\"rope_theta\":5e5,\"rope_scaling\":{\"type\":\"linear\",\"factor\":2.0}}", &e), 0);
    assert_true(config.block[0].theta == 5e5 && config.block[0].scaling == ROPE_LINEAR && config.block[0].factor == 2);
    assert_int_equal(from_hf("{\"model_type\":\"llama\"," HF_LLAMA ",\"rope_parameters\":{\"rope_theta\":7e5,\"rope_type\":\"yarn\",\"factor\":4,"
                             "\"mscale\":0.5,\"mscale_all_dim\":1}}", &e), 0);
    assert_true(config.block[0].theta == 7e5 && config.block[0].original_max_pos == 128);
    assert_true(fabs(config.block[0].attn_factor - (0.05 * log(4) + 1) / (0.1 * log(4) + 1)) < 1e-12);
    assert_int_equal(from_hf("{\"model_type\":\"gpt_neox\"," HF_LLAMA ",\"rotary_pct\":0.5,\"rotary_emb_base\":100}", &e), 0);
    assert_true(config.block[0].partial == 0.5 && config.block[0].theta == 100);
    assert_int_equal(from_hf("{\"model_type\":\"gpt_neox\"," HF_LLAMA "}", &e), 0);
    assert_true(config.block[0].partial == 0.25);
    assert_int_equal(from_hf("{\"model_type\":\"llama\"," HF_LLAMA ",\"rope_scaling\":{\"type\":\"longrope\",\"factor\":2}}", &e), -1);
    assert_non_null(strstr(e.msg, "rope_parameters.short_factor must be a list"));
}

static void windows_become_groups_of_blocks(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(from_hf("{\"model_type\":\"qwen2\"," HF_LLAMA ",\"use_sliding_window\":true,\"sliding_window\":9,\"max_window_layers\":1}", &e), 0);
    assert_int_equal(config.n_blocks, 2);
    assert_int_equal(config.block[0].repeat, 1);
    assert_int_equal(config.block[0].window, 0);
    assert_int_equal(config.block[1].window, 9);
    assert_true(config.block[1].qkv_bias && !config.block[1].out_bias);
    assert_int_equal(from_hf("{\"model_type\":\"qwen3\"," HF_LLAMA ",\"use_sliding_window\":true,\"sliding_window\":9,"
                             "\"layer_types\":[\"sliding_attention\",\"full_attention\",\"sliding_attention\"]}", &e), 0);
    assert_int_equal(config.n_blocks, 3);
    assert_int_equal(config.block[2].window, 9);
    assert_int_equal(config.block[2].head_dim, 128);
    assert_int_equal(from_hf("{\"model_type\":\"mistral\"," HF_LLAMA ",\"sliding_window\":5}", &e), 0);
    assert_int_equal(config.block[0].window, 5);
    assert_int_equal(from_hf("{\"model_type\":\"qwen2\"," HF_LLAMA ",\"sliding_window\":9}", &e), 0);
    assert_int_equal(config.block[0].window, 0);
    static const char *const refused_keys[][2] = {
        {"{\"model_type\":\"llama\"," HF_LLAMA ",\"architectures\":[\"LlamaForTokenClassification\"]}", "architectures LlamaForTokenClassification is not"},
        {"{\"model_type\":\"llama\"," HF_LLAMA ",\"rope_parameters\":{\"partial_rotary_factor\":0.5}}", "partial_rotary_factor is not supported yet"},
        {"{\"model_type\":\"modernbert\"," HF_LLAMA ",\"norm_bias\":true}", "classifier_bias other than norm_bias"},
        {"{\"model_type\":\"modernbert\"," HF_LLAMA ",\"classifier_pooling\":\"max\"}", "classifier_pooling max"},
        {"{\"model_type\":\"smollm3\"," HF_LLAMA ",\"no_rope_layers\":[1]}", "no_rope_layers must be a list of"},
        {"{\"model_type\":\"cohere2\"," HF_LLAMA ",\"layer_types\":[\"full_attention\"]}", "layer_types must be a list of"},
        {"{\"model_type\":\"gptj\",\"vocab_size\":9,\"n_embd\":8,\"n_layer\":1,\"n_head\":2,\"n_positions\":8,\"rotary_dim\":6}", "head_dim 4"},
        {"{\"model_type\":\"llama\"," HF_LLAMA ",\"clip_qkv\":8}", "clip_qkv is not supported yet"},
        {"{\"model_type\":\"phi\"," HF_LLAMA ",\"qk_layernorm\":true}", "qk_layernorm true is not supported yet"},
        {"{\"model_type\":\"starcoder2\"," HF_LLAMA ",\"hidden_act\":\"xielu\"}", "hidden_act xielu is not supported yet"},
        {"{\"model_type\":\"mpt\",\"vocab_size\":9,\"d_model\":8,\"n_layers\":1,\"n_heads\":2,\"max_seq_len\":8,"
         "\"attn_config\":{\"alibi\":false}}", "alibi false is not supported yet"},
        {"{\"model_type\":\"opt\",\"vocab_size\":9,\"hidden_size\":8}", "num_hidden_layers"},
    };
    for (size_t i = 0; i < COUNT_OF(refused_keys); i++) {
        assert_int_equal(from_hf(refused_keys[i][0], &e), -1);
        if (!strstr(e.msg, refused_keys[i][1])) fail_msg("'%s' is not in: %s", refused_keys[i][1], e.msg);
    }
    assert_int_equal(from_hf("{\"model_type\":\"mamba\"," HF_LLAMA "}", &e), -1);
    assert_non_null(strstr(e.msg, "model_type mamba is not supported yet"));
}

static void the_defaults_are_a_small_llama(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(parse(minimal, &e), 0);
    assert_string_equal(config.family, "llama");
    assert_int_equal(config.n_layers, 2);
    assert_int_equal(config.block[0].head_dim, 16);
    assert_int_equal(config.block[0].norm, NORM_RMS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_a_small_llama),
        cmocka_unit_test(every_preset_survives_printing_and_parsing),
        cmocka_unit_test(parameter_counts_are_those_of_the_public_models),
        cmocka_unit_test(flops_follow_the_formula),
        cmocka_unit_test(what_is_not_built_or_impossible_is_refused_by_name),
        cmocka_unit_test(depth_is_for_decoders),
        cmocka_unit_test(set_reaches_one_group_or_all),
        cmocka_unit_test(sets_are_taken_together),
        cmocka_unit_test(the_dials_give_consistent_sizes),
        cmocka_unit_test(rope_frequencies_match_the_reference),
        cmocka_unit_test(ntk_stretches_the_longest_wave_by_the_factor),
        cmocka_unit_test(an_odd_share_turns_one_more_element),
        cmocka_unit_test(rope_tables_hold_cos_and_sin_of_the_angle),
        cmocka_unit_test(longrope_takes_short_or_long_factors),
        cmocka_unit_test(alibi_slopes_match_the_paper),
        cmocka_unit_test(sinusoidal_layouts_differ_as_documented),
        cmocka_unit_test(hugging_face_configs_round_trip),
        cmocka_unit_test(what_a_family_cannot_say_is_not_exported),
        cmocka_unit_test(both_generations_of_rope_keys_are_read),
        cmocka_unit_test(windows_become_groups_of_blocks),
    };
    return cmocka_run_group_tests_name("model config", tests, NULL, NULL);
}
