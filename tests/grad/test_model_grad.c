/* Gradients of whole models by finite differences: two layers of every
 * variant, packed documents, the loss with smoothing and z-loss.
 *
 * For each parameter tensor the derivative along a random direction v
 * (|v| = 1) is compared with grad . v, by the five-point formula
 *     (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12 h,   error h^4 f'''''/30.
 * Rounding: the sum of N = 32 losses of about 4 carries 128 * 2^-24 * c of
 * noise, c about 4 for the layers before it; times 18/12h this is 5e-3 at
 * h = 1e-2.  Gradients along v of the order of 1 make that the tolerance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/model/model.h"
#include "tests/unit/model_util.h"

enum { ROWS = 2, T = 16, N = ROWS * T, S = 12, TEXTS = 2 };

static struct model_config config;

struct fixture {
    struct params *p;
    struct model_graph mg;
    struct exec *x;
};

/* Differences cannot go across a change of who is chosen, so all experts are; nor across a limit. */
static void make_smooth(void)
{
    for (int i = 0; i < config.n_blocks; i++) {
        struct moe_config *m = &config.block[i].moe;
        if (config.block[i].clip_qkv > 0) config.block[i].clip_qkv = 100;
        if (config.block[i].ffn != FFN_MOE) continue;
        m->top_k = m->experts;
        m->groups = m->topk_groups = 1;
        if (config.block[i].glu_limit > 0) config.block[i].glu_limit = 100;
    }
}

/* Two sources a row for the two documents; token types by turns. */
static void fill_source(struct exec *x)
{
    int32_t *src = exec_input(x, "src_tokens"), *pos = exec_input(x, "src_positions"), *seg = exec_input(x, "src_seg_start");
    int32_t *lo = exec_input(x, "src_lo"), *hi = exec_input(x, "src_hi"), *types = exec_input(x, "types");
    for (int i = 0; src && i < ROWS * S; i++) {
        int t = i % S, start = t < 7 ? 0 : 7;
        src[i] = (i * 13 + 5) % config.vocab;
        pos[i] = t - start;
        seg[i] = start;
    }
    for (int i = 0; lo && i < N; i++) {
        lo[i] = i % T < 6 ? 0 : 7;
        hi[i] = i % T < 6 ? 7 : S;
    }
    for (int i = 0; types && i < N; i++) types[i] = i / 3 % 2;
}

/* Tokens 0 to 5 of a row are a text, the others a second. */
static void fill_texts(struct exec *x)
{
    int32_t *at = exec_input(x, "target_at"), *end = exec_input(x, "target_end"), *targets = exec_input(x, "targets");
    float *weights = exec_input(x, "weights"), *values = exec_input(x, "values");
    bool pairs = config.score_loss == LOSS_PAIRS;
    for (int i = 0; i < ROWS * TEXTS; i++) {
        int from = i % TEXTS ? 6 : 0, to = i % TEXTS ? T : 6;
        at[i] = config.pool == POOL_LAST ? to - 1 : from;
        if (end) end[i] = to;
        for (int l = 0; values && l < config.labels; l++) values[i * config.labels + l] = 0.5f * (float)(i - l);
        if (pairs && i >= ROWS * TEXTS / 2) continue;
        weights[i] = 1 + 0.5f * (float)i;
        if (targets) targets[i] = pairs ? 1 - i : i % config.labels;
    }
}

static void open(struct fixture *f, const struct model_variant *v, bool recompute, bool all)
{
    struct err e;
    struct model_build b = {.opts = {.compute = DT_F32, .training = true, .rows = ROWS, .T = T, .leaves = 2,
                                     .recompute = recompute ? RECOMPUTE_BLOCK : RECOMPUTE_NONE},
                            .want_loss = true, .label_smoothing = 0.1f, .z_coef = 1e-2f};
    if (model_variant_config(&config, v, &e)) fail_msg("%s: %s", v->name, e.msg);
    if (all) make_smooth();
    if (config.stack == STACK_ENCDEC) b.S = S;
    if (model_scores(&config)) b.targets_per_row = TEXTS;
    f->p = params_new(&e);
    if (model_declare(&config, f->p, DT_F32, &e) || params_alloc(f->p, true, &e) || model_init(&config, f->p, 5, &e) ||
        model_build(&config, f->p, &b, &f->mg, &e) || graph_backward(f->mg.g, f->mg.loss, &e) ||
        graph_plan(f->mg.g, 1, &e) || !(f->x = exec_new(f->mg.g, NULL, &e)))
        fail_msg("%s: %s", v->name, e.msg);
    model_variant_fill(f->p);
    /* Norms and biases off their start values, or their gradients prove little. */
    for (int i = 0; i < f->p->n; i++) {
        struct param *q = f->p->v[i];
        struct rng_key k = rng_key(9, RNG_TEST, (uint32_t)i, 1);
        for (int64_t j = 0; q->ndim == 1 && j < q->n; j++) ((float *)q->data)[j] += 0.2f * rng_normal(&k, (uint64_t)j);
    }
    int32_t *tok = exec_input(f->x, "tokens"), *tgt = exec_input(f->x, "targets"), *seg = exec_input(f->x, "seg_start"),
            *pos = exec_input(f->x, "positions");
    float *w = exec_input(f->x, "weights");
    for (int i = 0; i < N; i++) {
        int t = i % T, start = t < 6 ? 0 : 6; /* two documents a row */
        tok[i] = (i * 11 + 3) % config.vocab;
        seg[i] = start;
        if (pos) pos[i] = t - start;
        if (model_scores(&config)) continue;
        tgt[i] = i % 7 == 2 ? -1 : (i * 5 + 1) % (config.head == HEAD_RTD ? 2 : config.vocab);
        w[i] = tgt[i] < 0 ? 0 : 1;
    }
    if (model_scores(&config)) fill_texts(f->x);
    fill_source(f->x);
}

static void close(struct fixture *f)
{
    exec_free(f->x);
    graph_free(f->mg.g);
    params_free(f->p);
}

static double loss(struct fixture *f, bool grads)
{
    struct err e;
    if (exec_run(f->x, &(struct run_args){.loss_scale = 1, .grads = grads}, &e)) fail_msg("%s", e.msg);
    return (double)((const float *)f->mg.loss->data)[0];
}

static double along(struct fixture *f, struct param *p, const float *saved, const float *v, float h)
{
    for (int64_t i = 0; i < p->n; i++) ((float *)p->data)[i] = saved[i] + h * v[i];
    return loss(f, false);
}

static void check_param(struct fixture *f, const char *variant, struct param *p)
{
    const float h = 1e-2f;
    float *v = mem_alloc((size_t)p->n, sizeof *v), *saved = mem_alloc((size_t)p->n, sizeof *saved);
    double dot = 0, norm = 0;
    struct rng_key k = rng_key(4, RNG_TEST, (uint32_t)p->index, 0);
    memcpy(saved, p->data, (size_t)p->n * sizeof *saved);
    for (int64_t i = 0; i < p->n; i++) v[i] = rng_normal(&k, (uint64_t)i);
    for (int64_t i = 0; i < p->n; i++) norm += (double)v[i] * (double)v[i];
    for (int64_t i = 0; i < p->n; i++) v[i] = (float)((double)v[i] / sqrt(norm));
    for (int64_t i = 0; i < p->n; i++) dot += (double)v[i] * (double)p->grad[i];
    double near = along(f, p, saved, v, h) - along(f, p, saved, v, -h);
    double far = along(f, p, saved, v, 2 * h) - along(f, p, saved, v, -2 * h);
    double got = (8 * near - far) / (12 * (double)h);
    memcpy(p->data, saved, (size_t)p->n * sizeof *saved);
    if (!(fabs(got - dot) <= 5e-3 + 2e-3 * fabs(dot)))
        fail_msg("%s: %s: %.6g by differences, %.6g by the graph", variant, p->name, got, dot);
    free(v);
    free(saved);
}

static void check_variant(const struct model_variant *v)
{
    struct fixture f;
    open(&f, v, false, true);
    loss(&f, true);
    for (int i = 0; i < f.p->n; i++)
        if (f.p->v[i]->grad) check_param(&f, v->name, f.p->v[i]);
    close(&f);
}

static void every_parameter_of_every_variant(void **state)
{
    (void)state;
    for (const struct model_variant *v = model_variants; v->name; v++) check_variant(v);
    for (const struct model_variant *v = encoder_variants; v->name; v++) check_variant(v);
    for (const struct model_variant *v = score_variants; v->name; v++) check_variant(v);
}

static void recompute(const struct model_variant *v)
{
    struct fixture a, b;
    open(&a, v, false, false);
    open(&b, v, true, false);
    assert_true(loss(&a, true) == loss(&b, true));
    for (int i = 0; i < a.p->n; i++)
        if (a.p->v[i]->grad && memcmp(a.p->v[i]->grad, b.p->v[i]->grad, (size_t)a.p->v[i]->n * sizeof(float)))
            fail_msg("%s: %s differs", v->name, a.p->v[i]->name);
    close(&a);
    close(&b);
}

static void recomputation_gives_the_same_bits(void **state)
{
    (void)state;
    for (const struct model_variant *v = model_variants; v->name; v++) recompute(v);
    for (const struct model_variant *v = encoder_variants; v->name; v++) recompute(v);
    for (const struct model_variant *v = score_variants; v->name; v++) recompute(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_parameter_of_every_variant),
        cmocka_unit_test(recomputation_gives_the_same_bits),
    };
    return cmocka_run_group_tests_name("model gradients", tests, NULL, NULL);
}
