/* Documents packed into one row against each in a row of its own: the same
 * logits and, added up, the same loss and gradients, for every mixer, position
 * and stack.  Key tiles begin elsewhere, so sums are rounded otherwise: a few
 * 1e-7 a layer; gradients relative to the largest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "core/model/model.h"
#include "tests/unit/model_util.h"

enum { T = 20, CUT = 9, S = 15, SCUT = 6 };

static struct model_config config;

struct side {
    struct params *p;
    struct model_graph mg;
    struct exec *x;
    int rows;
};

static void open(struct side *s, const struct model_variant *v, int rows)
{
    struct err e;
    struct model_build b = {.opts = {.compute = DT_F32, .training = true, .rows = rows, .T = T, .leaves = 1},
                            .want_loss = true, .want_logits = true};
    if (model_variant_config(&config, v, &e)) fail_msg("%s: %s", v->name, e.msg);
    if (config.stack == STACK_ENCDEC) b.S = S;
    *s = (struct side){.p = params_new(&e), .rows = rows};
    if (model_declare(&config, s->p, DT_F32, &e) || params_alloc(s->p, true, &e) || model_init(&config, s->p, 5, &e) ||
        model_build(&config, s->p, &b, &s->mg, &e) || graph_backward(s->mg.g, s->mg.loss, &e) ||
        graph_plan(s->mg.g, 1, &e) || !(s->x = exec_new(s->mg.g, NULL, &e)))
        fail_msg("%s: %s", v->name, e.msg);
}

static void close(struct side *s)
{
    exec_free(s->x);
    graph_free(s->mg.g);
    params_free(s->p);
}

/* Document d lies at [from, to) of its row; token i of it is a function of (d, i). */
static void put_document(struct side *s, int row, int d, int from, int to, int src_from, int src_to)
{
    struct exec *x = s->x;
    int32_t *tok = exec_input(x, "tokens"), *tgt = exec_input(x, "targets"), *seg = exec_input(x, "seg_start"),
            *pos = exec_input(x, "positions");
    int32_t *src = exec_input(x, "src_tokens"), *spos = exec_input(x, "src_positions"),
            *sseg = exec_input(x, "src_seg_start");
    int32_t *lo = exec_input(x, "src_lo"), *hi = exec_input(x, "src_hi"), *types = exec_input(x, "types");
    float *w = exec_input(x, "weights");
    for (int i = 0; i < to - from; i++) {
        int at = row * T + from + i, label = (i * 5 + d * 3 + 1) % (config.head == HEAD_RTD ? 2 : config.vocab);
        tok[at] = (i * 11 + d * 17 + 3) % config.vocab;
        tgt[at] = label;
        w[at] = 1;
        seg[at] = from;
        if (pos) pos[at] = i;
        if (types && !src) types[at] = i / 3 % 2;
        if (lo) lo[at] = src_from, hi[at] = src_to;
    }
    for (int i = 0; src && i < src_to - src_from; i++) {
        int at = row * S + src_from + i;
        src[at] = (i * 7 + d * 5 + 2) % config.vocab;
        spos[at] = i;
        sseg[at] = src_from;
    }
}

/* What is left of a row: no targets, a segment of its own. */
static void put_padding(struct side *s, int row, int from, int src_from)
{
    int32_t *tok = exec_input(s->x, "tokens"), *tgt = exec_input(s->x, "targets"), *seg = exec_input(s->x, "seg_start"),
            *pos = exec_input(s->x, "positions");
    int32_t *src = exec_input(s->x, "src_tokens"), *spos = exec_input(s->x, "src_positions"),
            *sseg = exec_input(s->x, "src_seg_start");
    int32_t *lo = exec_input(s->x, "src_lo"), *hi = exec_input(s->x, "src_hi"), *types = exec_input(s->x, "types");
    float *w = exec_input(s->x, "weights");
    for (int at = row * T + from; at < (row + 1) * T; at++) {
        tok[at] = 1, tgt[at] = -1, w[at] = 0, seg[at] = from;
        if (pos) pos[at] = 0;
        if (types && !src) types[at] = 0;
        if (lo) lo[at] = hi[at] = 0;
    }
    for (int at = row * S + src_from; src && at < (row + 1) * S; at++) src[at] = 1, spos[at] = 0, sseg[at] = src_from;
}

static void run(struct side *s)
{
    struct err e;
    if (exec_run(s->x, &(struct run_args){.loss_scale = 1, .grads = true}, &e)) fail_msg("%s", e.msg);
}

static void compare_logits(const struct model_variant *v, const struct side *a, const struct side *b)
{
    int V = config.head == HEAD_RTD ? 1 : config.vocab;
    const float *packed = a->mg.logits->data, *apart = b->mg.logits->data;
    double m = 0, scale = 0;
    for (int t = 0; t < T; t++) {
        const float *x = packed + t * V, *y = apart + (t < CUT ? t : T + t - CUT) * V;
        for (int i = 0; i < V; i++) {
            m = fmax(m, fabs((double)x[i] - (double)y[i]));
            scale = fmax(scale, fabs((double)y[i]));
        }
    }
    if (!(m <= 5e-6 * scale)) fail_msg("%s: packed logits differ by %g of %g", v->name, m, scale);
}

static void compare_gradients(const struct model_variant *v, const struct side *a, const struct side *b)
{
    double largest = 0, m = 0;
    for (int i = 0; i < a->p->n; i++) {
        const struct param *p = a->p->v[i], *q = b->p->v[i];
        for (int64_t k = 0; p->grad && !(p->flags & PARAM_FROZEN) && k < p->n; k++) {
            largest = fmax(largest, fabs((double)q->grad[k]));
            m = fmax(m, fabs((double)p->grad[k] - (double)q->grad[k]));
        }
    }
    if (!(m <= 2e-5 * largest)) fail_msg("%s: packed gradients differ by %g of %g", v->name, m, largest);
}

static void check(const struct model_variant *v)
{
    struct side a, b;
    open(&a, v, 1);
    open(&b, v, 2);
    put_document(&a, 0, 0, 0, CUT, 0, SCUT);
    put_document(&a, 0, 1, CUT, T, SCUT, S);
    put_document(&b, 0, 0, 0, CUT, 0, SCUT);
    put_document(&b, 1, 1, 0, T - CUT, 0, S - SCUT);
    put_padding(&b, 0, CUT, SCUT);
    put_padding(&b, 1, T - CUT, S - SCUT);
    run(&a);
    run(&b);
    const float *x = a.mg.loss->data, *y = b.mg.loss->data;
    if (!(fabs((double)x[0] / (double)y[0] - 1) < 2e-6))
        fail_msg("%s: packed loss %g, apart %g", v->name, (double)x[0], (double)y[0]);
    assert_true(x[2] == y[2]);
    compare_logits(v, &a, &b);
    compare_gradients(v, &a, &b);
    close(&a);
    close(&b);
}

static bool has_experts(void)
{
    for (int i = 0; i < config.n_blocks; i++)
        if (config.block[i].ffn == FFN_MOE) return true;
    return false;
}

static void packed_equals_apart(void **state)
{
    (void)state;
    struct err e;
    for (const struct model_variant *v = model_variants; v->name; v++) {
        /* Routers count padding, and their losses are of the batch. */
        if (model_variant_config(&config, v, &e)) fail_msg("%s: %s", v->name, e.msg);
        if (!has_experts()) check(v);
    }
    for (const struct model_variant *v = encoder_variants; v->name; v++) check(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(packed_equals_apart)};
    return cmocka_run_group_tests_name("packing", tests, NULL, NULL);
}
