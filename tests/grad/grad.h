/* grad.h - gradients by finite differences, for the tests of ops.
 *
 * A case builds y from inputs and parameters; the loss is sum(y * r) in double
 * with random r.  The derivative by an element is the five-point difference
 *     (8 (L(h) - L(-h)) - (L(2h) - L(-2h))) / 12 h,   error h^4 L^(5) / 30,
 * with h = 2^-6: 2e-9 L^(5).  Each y_i carries a rounding error of a few ulp,
 * so L one of about k eps sqrt(sum (y_i r_i)^2); that over h is the tolerance,
 * k = 16 covering the depth of an op. */
#ifndef TESTS_GRAD_GRAD_H
#define TESTS_GRAD_GRAD_H

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/tensor/op.h"
#include "core/tensor/ops.h"

enum { GRAD_MAX = 12, GRAD_SAMPLES = 24 };

struct grad_case {
    struct graph_opts opts;
    struct run_args args;
    int threads;
    struct params *params;
    struct graph *g;
    struct exec *x;
    struct pool *pool;
    struct tensor *y, *dy;
    struct tensor *in[GRAD_MAX]; /* inputs with a gradient */
    int n_in;
    uint32_t draws;
};

static void must(int failed, const struct err *e)
{
    if (failed) fail_msg("%s", e->msg);
}

static void fill_normal(float *x, int64_t n, uint32_t stream, float scale)
{
    struct rng_key k = rng_key(1234, RNG_TEST, stream, 0);
    for (int64_t i = 0; i < n; i++) x[i] = scale * rng_normal(&k, (uint64_t)i);
}

static void case_begin(struct grad_case *c)
{
    struct err e;
    if (!c->opts.leaves) c->opts.leaves = 1;
    c->opts.training = true;
    if (c->args.loss_scale == 0) c->args.loss_scale = 1;
    c->args.seed = 7;
    c->args.step = 3;
    c->params = params_new(&e);
    c->g = graph_new(&c->opts, &e);
    if (!c->params || !c->g) fail_msg("%s", e.msg);
}

static int64_t case_tokens(const struct grad_case *c)
{
    return (int64_t)c->opts.rows * c->opts.T;
}

/* A parameter [a] (b = 0) or [a,b], filled by case_ready(). */
static struct tensor *case_param(struct grad_case *c, const char *name, int64_t a, int64_t b)
{
    struct err e;
    struct param *p = params_add(c->params, name, DT_F32, b ? 2 : 1, (int64_t[]){a, b}, 0, &e);
    if (!p) fail_msg("%s", e.msg);
    return graph_param(c->g, p);
}

/* An f32 input [N,C] whose gradient is wanted. */
static struct tensor *case_input(struct grad_case *c, const char *name, int64_t C)
{
    struct tensor *t = graph_input(c->g, name, DT_F32, 2, (int64_t[]){case_tokens(c), C});
    assert_non_null(t);
    t->needs_grad = true;
    return c->in[c->n_in++] = t;
}

static inline struct tensor *case_ids(struct grad_case *c, const char *name)
{
    return graph_input(c->g, name, DT_I32, 1, (int64_t[]){case_tokens(c)});
}

/* Emits backward, plans, allocates, fills parameters and f32 inputs. */
static void case_ready(struct grad_case *c, struct tensor *y)
{
    struct err e;
    must(graph_error(c->g, &e), &e);
    assert_non_null(y);
    c->y = y;
    graph_output(c->g, y);
    c->dy = graph_input(c->g, "dy", DT_F32, y->ndim, y->dim);
    must(graph_backward_from(c->g, y, c->dy, &e), &e);
    for (int i = 0; i < c->n_in; i++) graph_output(c->g, c->in[i]->grad);
    must(graph_plan(c->g, c->threads ? c->threads : 1, &e), &e);
    must(params_alloc(c->params, true, &e), &e);
    c->pool = pool_new(c->threads ? c->threads : 1, &e);
    c->x = exec_new(c->g, c->pool, &e);
    if (!c->pool || !c->x) fail_msg("%s", e.msg);
    for (int i = 0; i < c->params->n; i++)
        fill_normal(c->params->v[i]->data, c->params->v[i]->n, ++c->draws, 0.5f);
    for (int i = 0; i < c->n_in; i++) fill_normal(c->in[i]->data, tensor_n(c->in[i]), ++c->draws, 1.0f);
    fill_normal(c->dy->data, tensor_n(c->dy), ++c->draws, 1.0f);
}

static void case_end(struct grad_case *c)
{
    exec_free(c->x);
    pool_free(c->pool);
    graph_free(c->g);
    params_free(c->params);
}

static float y_at(const struct grad_case *c, int64_t i)
{
    if (c->y->dtype == DT_F32) return ((float *)c->y->data)[i];
    uint32_t w = (uint32_t)((uint16_t *)c->y->data)[i] << 16;
    float f;
    memcpy(&f, &w, sizeof f);
    return f;
}

static double case_loss(struct grad_case *c, bool grads, double *size)
{
    struct err e;
    c->args.grads = grads;
    must(exec_run(c->x, &c->args, &e), &e);
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < tensor_n(c->y); i++) {
        double v = (double)y_at(c, i) * (double)((float *)c->dy->data)[i];
        sum += v;
        squares += v * v;
    }
    if (size) *size = sqrt(squares);
    return sum;
}

static void check_element(struct grad_case *c, float *p, double grad, double tol, const char *name, int64_t i)
{
    const float h = 0x1p-6f;
    float old = *p;
    double L[4], at[4];
    for (int j = 0; j < 4; j++) {
        *p = old + (float[]){h, -h, 2 * h, -2 * h}[j];
        at[j] = (double)*p;
        L[j] = case_loss(c, false, NULL);
    }
    *p = old;
    double h1 = (at[0] - at[1]) / 2;
    double d = (8 * (L[0] - L[1]) - (L[2] - L[3])) / (12 * h1);
    if (!(fabs(d - grad) <= tol + 2e-4 * fabs(grad)))
        fail_msg("d/d %s[%lld]: %.7g by differences, %.7g by vjp (tolerance %.2g)", name, (long long)i, d, grad, tol);
}

static void check_tensor(struct grad_case *c, float *p, const float *grad, int64_t n, double tol, const char *name)
{
    struct rng_key k = rng_key(99, RNG_TEST, 0, 0);
    for (int s = 0; s < GRAD_SAMPLES && s < n; s++) {
        int64_t i = n <= GRAD_SAMPLES ? s : (int64_t)rng_below(&k, (uint64_t)s, (uint64_t)n);
        check_element(c, p + i, (double)grad[i], tol, name, i);
    }
}

/* Every parameter and input of the case. */
static void case_check(struct grad_case *c)
{
    double size;
    case_loss(c, true, &size);
    double tol = 16 * 0x1p-24 * size / 0x1p-6 + 1e-5;
    float *kept[GRAD_MAX];
    for (int i = 0; i < c->n_in; i++) {
        const struct tensor *t = c->in[i];
        kept[i] = malloc(tensor_bytes(t));
        assert_non_null(kept[i]);
        assert_non_null(t->grad);
        assert_int_equal(t->grad->dtype, DT_F32);
        memcpy(kept[i], t->grad->data, tensor_bytes(t));
    }
    for (int i = 0; i < c->params->n; i++) {
        const struct param *p = c->params->v[i];
        check_tensor(c, p->data, p->grad, p->n, tol, p->name);
    }
    for (int i = 0; i < c->n_in; i++) {
        check_tensor(c, c->in[i]->data, kept[i], tensor_n(c->in[i]), tol, c->in[i]->name);
        free(kept[i]);
    }
}

#endif
