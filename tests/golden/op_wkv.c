/* op_wkv.c - RWKV-6's recurrence: output, last state, gradients.  Shapes
 * [B,T,H,D], u [H,D], state [B,H,D,D]; w are decays in (0,1), or logits z of
 * exp(-exp(z)) when some of them cannot be decays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels/wkv.h"
#include "tests/golden/golden.h"

struct wkv_case {
    struct report *r;
    const struct safetensors *s;
    struct graph *g;
    struct exec *x;
    struct params *p;
};

static void compare(struct wkv_case *c, const char *key, const float *got, int64_t n, double tol)
{
    int64_t have;
    float *want = read_f32(c->s, key, &have);
    if (want && have != n) report_fail(c->r, "%s has another size", key);
    else if (want) report_error(c->r, key, rel_error(got, want, n, 0), tol, "");
    free(want);
}

static int fill(struct wkv_case *c, const char *key, void *to, int64_t n, struct err *e)
{
    int64_t have;
    float *x = read_f32(c->s, key, &have);
    int r = x && have == n ? 0 : err_set(e, ERR_DATA, "%s is missing or of another size", key);
    if (r == 0) memcpy(to, x, (size_t)n * sizeof *x);
    free(x);
    return r;
}

/* The state after the last token, by the kernel that decodes; of D = 8, 16, ... */
static void compare_state(struct wkv_case *c, struct tensor *const in[4], const float *u, int B, int T, int H, int D)
{
    float *state = calloc((size_t)(B * H * D * D), sizeof *state), *one = malloc((size_t)(D * wkv_ld(D)) * sizeof *one);
    float *ws = malloc((size_t)wkv_ws_floats(1, D, 0) * sizeof *ws), *y = malloc((size_t)(T * H * D) * sizeof *y);
    for (int i = 0; i < B * H && state && one && ws && y; i++) {
        int64_t at = (int64_t)(i / H) * T * H * D + (int64_t)(i % H) * D;
        memset(one, 0, (size_t)(D * wkv_ld(D)) * sizeof *one);
        struct wkv x = {.T = T,
                        .D = D,
                        .ld = (int64_t)H * D,
                        .r = (float *)in[0]->data + at,
                        .w = (float *)in[1]->data + at,
                        .k = (float *)in[2]->data + at,
                        .v = (float *)in[3]->data + at,
                        .u = u + i % H * D,
                        .state = one,
                        .y = y};
        kernels_get()->wkv_fwd(&x, ws);
        for (int k = 0; k < D; k++) memcpy(state + ((int64_t)i * D + k) * D, one + k * wkv_ld(D), (size_t)D * sizeof *state);
    }
    if (state) compare(c, "state", state, (int64_t)B * H * D * D, tol_forward);
    free(state);
    free(one);
    free(ws);
    free(y);
}

static bool are_logits(struct wkv_case *c)
{
    int64_t n;
    float *w = read_f32(c->s, "in.w", &n);
    bool yes = false;
    for (int64_t i = 0; w && i < n; i++) yes |= w[i] <= 0 || w[i] >= 1;
    free(w);
    return yes;
}

static int run(struct wkv_case *c, struct pool *pool, struct err *e)
{
    static const char *const names[] = {"r", "w", "k", "v"};
    int i = st_find(c->s, "in.r");
    const struct st_tensor *t = i < 0 ? NULL : st_tensor(c->s, i);
    if (!t || t->ndim != 4 || t->dim[3] > WKV_MAX_D) return err_set(e, ERR_DATA, "in.r is no [B,T,H,D]");
    int B = (int)t->dim[0], T = (int)t->dim[1], H = (int)t->dim[2], D = (int)t->dim[3];
    int64_t N = (int64_t)B * T, C = (int64_t)H * D;
    struct graph_opts o = {.compute = DT_F32, .training = true, .rows = B, .T = T, .leaves = 1};
    struct tensor *in[4];
    c->g = graph_new(&o, e);
    c->p = c->g ? params_new(e) : NULL;
    if (!c->p) return -1;
    for (int j = 0; j < 4; j++) {
        in[j] = graph_input(c->g, names[j], DT_F32, 2, (int64_t[]){N, C});
        in[j]->needs_grad = true;
    }
    struct param *u = params_add(c->p, "u", DT_F32, 1, &C, 0, e);
    struct tensor *seg = graph_input(c->g, "seg_start", DT_I32, 1, &N),
                  *dy = graph_input(c->g, "dy", DT_F32, 2, (int64_t[]){N, C});
    if (!u) return -1;
    struct param *zero = params_add(c->p, "zero", DT_F32, 1, &C, PARAM_FROZEN, e);
    struct tensor *w = are_logits(c) && zero ? op_decay(c->g, graph_param(c->g, zero), in[1], false) : in[1];
    struct wkv_spec s = {.r = in[0], .w = w, .k = in[2], .v = in[3], .u = graph_param(c->g, u), .D = D};
    struct tensor *y = op_wkv(c->g, &s, seg);
    graph_output(c->g, y);
    graph_output(c->g, w);
    if (graph_error(c->g, e) || graph_backward_from(c->g, y, dy, e)) return -1;
    for (int j = 0; j < 4; j++) graph_output(c->g, in[j]->grad);
    if (params_alloc(c->p, true, e) || graph_plan(c->g, pool_threads(pool), e) || !(c->x = exec_new(c->g, pool, e)))
        return -1;
    for (int j = 0; j < 4; j++) {
        char key[16];
        snprintf(key, sizeof key, "in.%s", names[j]);
        if (fill(c, key, in[j]->data, N * C, e)) return -1;
    }
    if (fill(c, "in.u", u->data, C, e) || fill(c, "gout", dy->data, N * C, e)) return -1;
    memset(zero->data, 0, (size_t)C * sizeof(float));
    if (exec_run(c->x, &(struct run_args){.loss_scale = 1, .grads = true}, e)) return -1;
    compare(c, "out", y->data, N * C, tol_forward);
    for (int j = 0; j < 4; j++) {
        char key[16];
        snprintf(key, sizeof key, "grad.%s", names[j]);
        compare(c, key, in[j]->grad->data, N * C, tol_grad);
    }
    compare(c, "grad.u", u->grad, C, tol_grad);
    in[1] = w;
    compare_state(c, in, u->data, B, T, H, D);
    return 0;
}

int run_wkv_case(struct report *r, const struct safetensors *s, struct pool *pool, struct err *e)
{
    struct wkv_case c = {.r = r, .s = s};
    int ret = run(&c, pool, e);
    exec_free(c.x);
    graph_free(c.g);
    params_free(c.p);
    return ret;
}
