/* Parameters: names, flags, initialisation, Hugging Face layouts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/model/layout.h"
#include "core/model/model.h"
#include "tests/unit/model_util.h"

static struct model_config config;

static struct params *make(const char *family, enum dtype dt)
{
    struct err e;
    if (model_config_depth(&config, family, 2, &e) ||
        model_config_resize(&config, &(struct model_dims){.vocab = 500, .width = 96, .heads = 3}, &e))
        fail_msg("%s", e.msg);
    struct params *p = params_new(&e);
    if (model_declare(&config, p, dt, &e) || params_alloc(p, false, &e)) fail_msg("%s", e.msg);
    return p;
}

static struct param *find(struct params *p, const char *name)
{
    struct param *q = params_find(p, name);
    if (!q) fail_msg("no parameter %s", name);
    return q;
}

static void names_and_flags_are_the_family_s(void **state)
{
    (void)state;
    struct params *p = make("gpt2", DT_F32);
    assert_int_equal(find(p, "transformer.wte.weight")->flags, PARAM_DECAY);
    assert_int_equal(find(p, "transformer.h.1.attn.c_attn.k.weight")->flags, PARAM_DECAY | PARAM_MATRIX);
    assert_int_equal(find(p, "transformer.h.0.mlp.c_fc.bias")->flags, 0);
    assert_int_equal(find(p, "transformer.ln_f.weight")->flags, 0);
    assert_null(params_find(p, "lm_head.weight")); /* tied */
    assert_int_equal(p->n_elements, model_n_params(&config));
    params_free(p);
    p = make("gpt_neox", DT_BF16);
    assert_int_equal(find(p, "gpt_neox.layers.0.attention.query.weight")->dtype, DT_BF16);
    assert_int_equal(find(p, "gpt_neox.layers.0.attention.query.bias")->dtype, DT_F32);
    params_free(p);
    p = make("qwen3", DT_F32);
    assert_int_equal(find(p, "model.layers.1.self_attn.q_norm.weight")->n, 32);
    params_free(p);
}

/* Heads of tokens and of whole texts: no model has both, so ModernBERT's share names. */
static bool exclude(enum slot_role q, enum slot_role r)
{
    return q >= SLOT_HDENSE_W && q <= SLOT_HNORM_B && r >= SLOT_SDENSE_W && r <= SLOT_SNORM_B;
}

/* Families can be combined with parts that their own files do not have: each
 * part then has a name, and no two of a model the same. */
static void every_part_of_every_family_has_its_own_name(void **state)
{
    (void)state;
    for (int k = 0; family_names[k]; k++) {
        const struct family *f = family_find(family_names[k]);
        if (!f) continue; /* read from files only */
        for (enum slot_role r = 0; r < SLOT_N; r++) {
            const char *name = family_slot(f, r, false, false);
            if (!name) fail_msg("%s: no name for part %d", f->name, (int)r);
            for (enum slot_role q = 0; q < r; q++)
                if (!exclude(q, r) && strcmp(name, family_slot(f, q, false, false)) == 0)
                    fail_msg("%s: parts %d and %d are both %s", f->name, (int)q, (int)r, name);
        }
    }
}

struct moments {
    double mean, std, kurtosis;
};

static struct moments moments(const struct param *p)
{
    const float *x = p->data;
    double s = 0, s2 = 0, s4 = 0, n = (double)p->n;
    for (int64_t i = 0; i < p->n; i++) s += (double)x[i];
    for (int64_t i = 0; i < p->n; i++) {
        double d = (double)x[i] - s / n;
        s2 += d * d;
        s4 += d * d * d * d;
    }
    return (struct moments){s / n, sqrt(s2 / n), s4 / n / (s2 / n * s2 / n)};
}

static void initialisation_has_the_spread_of_gpt2(void **state)
{
    (void)state;
    struct err e;
    struct params *p = make("gpt2", DT_F32);
    assert_int_equal(model_init(&config, p, 1, &e), 0);
    const struct param *wte = find(p, "transformer.wte.weight"), *proj = find(p, "transformer.h.1.mlp.c_proj.weight");
    /* Standard errors: std / sqrt(n) of the mean, std / sqrt(2n) of the spread, sqrt(24/n) of the kurtosis. */
    struct moments m = moments(wte);
    double n = (double)wte->n;
    assert_true(fabs(m.mean) < 4 * 0.02 / sqrt(n));
    assert_true(fabs(m.std / 0.02 - 1) < 4 / sqrt(2 * n));
    assert_true(fabs(m.kurtosis - 3) < 4 * sqrt(24 / n));
    m = moments(proj); /* 2 layers: 1/sqrt(4) */
    assert_true(fabs(m.std / 0.01 - 1) < 4 / sqrt(2.0 * (double)proj->n));
    const float *ln = find(p, "transformer.ln_f.weight")->data, *b = find(p, "transformer.ln_f.bias")->data;
    assert_true(ln[0] == 1 && ln[95] == 1 && b[0] == 0 && b[95] == 0);
    params_free(p);
}

static void initialisation_is_a_function_of_seed_and_index(void **state)
{
    (void)state;
    struct err e;
    struct params *a = make("llama", DT_F32), *b = make("llama", DT_F32), *h = make("llama", DT_BF16);
    model_init(&config, a, 7, &e);
    model_init(&config, b, 7, &e);
    model_init(&config, h, 7, &e);
    for (int i = 0; i < a->n; i++) assert_memory_equal(a->v[i]->data, b->v[i]->data, (size_t)a->v[i]->n * 4);
    /* bf16 parameters are the rounded f32 ones. */
    uint16_t half[96];
    kernels_get()->bf16_from_f32(half, find(a, "model.embed_tokens.weight")->data, 96);
    assert_memory_equal(half, find(h, "model.embed_tokens.weight")->data, sizeof half);
    model_init(&config, b, 8, &e);
    assert_memory_not_equal(a->v[0]->data, b->v[0]->data, (size_t)a->v[0]->n * 4);
    assert_memory_not_equal(find(a, "model.layers.0.self_attn.q_proj.weight")->data,
                            find(a, "model.layers.1.self_attn.q_proj.weight")->data, 96 * 96 * 4);
    params_free(a);
    params_free(b);
    params_free(h);
}

/* Element (r, c) of the stacked rows holds r * 1000 + c before export. */
static int number_rows(void *arg, const struct hf_tensor *t, struct param *const *parts, int n_parts, struct err *e)
{
    int *seen = arg;
    int64_t n = parts[0]->ndim == 2 ? parts[0]->dim[1] : 1, r = 0, total = 1;
    for (int i = 0; i < n_parts; i++)
        for (int64_t k = 0; k < parts[i]->dim[0]; k++, r++)
            for (int64_t c = 0; c < n; c++) ((float *)parts[i]->data)[k * n + c] = (float)(r * 1000 + c);
    for (int i = 0; i < t->ndim; i++) total *= t->dim[i];
    assert_int_equal(total, r * n);
    float *disk = mem_alloc((size_t)total, sizeof *disk);
    if (model_hf_export(&config, t, parts, n_parts, disk, e)) return -1;
    if (t->layout == HF_TRANSPOSED && strstr(t->name, "h.0.attn.c_attn.weight")) {
        assert_int_equal(t->dim[0], 96);
        assert_int_equal(t->dim[1], 288);
        assert_true(disk[5 * 288 + 200] == 200 * 1000 + 5); /* disk [in, out]: row 200 of ours, column 5 */
        ++*seen;
    }
    if (t->layout == HF_PER_HEAD && n > 1) {
        /* 3 heads of 32: disk row of head 1, v, element 4 is row 2*96 + 32 + 4 of ours. */
        assert_true(disk[(1 * 96 + 2 * 32 + 4) * n + 7] == (2 * 96 + 32 + 4) * 1000 + 7);
        ++*seen;
    }
    /* And back. */
    for (int i = 0; i < n_parts; i++) memset(parts[i]->data, 0, (size_t)parts[i]->n * 4);
    if (model_hf_import(&config, t, parts, n_parts, disk, e)) return -1;
    r = 0;
    for (int i = 0; i < n_parts; i++)
        for (int64_t k = 0; k < parts[i]->dim[0]; k++, r++)
            for (int64_t c = 0; c < n; c++)
                assert_true(((float *)parts[i]->data)[k * n + c] == (float)(r * 1000 + c));
    free(disk);
    return 0;
}

static void hugging_face_layouts_are_permutations(void **state)
{
    (void)state;
    static const char *const families[] = {"gpt2", "llama", "gpt_neox"};
    static const int special[] = {1, 0, 2};
    struct err e;
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        int seen = 0;
        struct params *p = make(families[i], DT_F32);
        if (model_hf_visit(&config, p, number_rows, &seen, &e)) fail_msg("%s", e.msg);
        assert_int_equal(seen, special[i]);
        params_free(p);
    }
}

static void loaders_may_skip_masks_and_tied_heads_only(void **state)
{
    (void)state;
    struct params *p = make("gpt2", DT_F32);
    params_free(p);
    assert_true(model_hf_ignored(&config, "h.3.attn.bias"));
    assert_true(model_hf_ignored(&config, "transformer.h.3.attn.masked_bias"));
    assert_true(model_hf_ignored(&config, "lm_head.weight"));
    assert_false(model_hf_ignored(&config, "transformer.h.3.attn.c_attn.bias"));
    config.tie_embed = false;
    assert_false(model_hf_ignored(&config, "lm_head.weight"));
}

/* Every variant can be built, run and differentiated; positions that the
 * model lacks are refused. */
static void every_variant_builds(void **state)
{
    (void)state;
    struct err e;
    for (const struct model_variant *v = model_variants; v->name; v++) {
        struct model_graph mg;
        struct model_build b = {.opts = {.compute = DT_F32, .training = true, .rows = 1, .T = 8, .leaves = 1},
                                .want_loss = true};
        if (model_variant_config(&config, v, &e)) fail_msg("%s: %s", v->name, e.msg);
        struct params *p = params_new(&e);
        if (model_declare(&config, p, DT_F32, &e) || params_alloc(p, true, &e) || model_build(&config, p, &b, &mg, &e) ||
            graph_backward(mg.g, mg.loss, &e) || graph_plan(mg.g, 1, &e))
            fail_msg("%s: %s", v->name, e.msg);
        graph_free(mg.g);
        b.opts.T = 25;
        int r = model_build(&config, p, &b, &mg, &e);
        assert_int_equal(r, config.embed_pos == POS_LEARNED ? -1 : 0);
        graph_free(mg.g);
        params_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_flags_are_the_family_s),
        cmocka_unit_test(every_part_of_every_family_has_its_own_name),
        cmocka_unit_test(initialisation_has_the_spread_of_gpt2),
        cmocka_unit_test(initialisation_is_a_function_of_seed_and_index),
        cmocka_unit_test(hugging_face_layouts_are_permutations),
        cmocka_unit_test(loaders_may_skip_masks_and_tied_heads_only),
        cmocka_unit_test(every_variant_builds),
    };
    return cmocka_run_group_tests_name("model parameters", tests, NULL, NULL);
}
