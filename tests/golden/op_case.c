/* op_case.c - single operations.  The kind and its settings stand in the
 * file's name: op_attn_gqa_window6_docmask, op_linear_ce_zloss1e-2_ls0.1.
 * Operations run through the graph, so that the vjp is what is compared. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/model/rope.h"
#include "core/train/muon.h"
#include "tests/golden/golden.h"

struct op_case {
    struct report *r;
    const struct safetensors *s;
    struct pool *pool;
    char words[256];        /* settings, '_' replaced by NUL, ended by an empty word */
    struct params *p;
    struct graph *g;
    struct exec *x;
};

/* The number behind a setting ("eps1e-6"), or `def`. */
static double setting(const struct op_case *c, const char *key, double def)
{
    size_t n = strlen(key);
    for (const char *w = c->words; *w; w += strlen(w) + 1) {
        char *end;
        if (strncmp(w, key, n)) continue;
        double v = strtod(w + n, &end);
        if (end != w + n && !*end) return v;
    }
    return def;
}

static bool has(const struct op_case *c, const char *word)
{
    for (const char *w = c->words; *w; w += strlen(w) + 1)
        if (strcmp(w, word) == 0) return true;
    return false;
}

static const struct st_tensor *need(struct op_case *c, const char *name, int ndim)
{
    int i = st_find(c->s, name);
    const struct st_tensor *t = i < 0 ? NULL : st_tensor(c->s, i);
    if (t && (ndim == 0 || t->ndim == ndim)) return t;
    report_fail(c->r, t ? "%s has another number of dimensions" : "%s is missing", name);
    return NULL;
}

static int begin(struct op_case *c, int rows, int T, struct err *e)
{
    struct graph_opts o = {.compute = DT_F32, .training = true, .rows = rows, .T = T, .leaves = 1};
    c->p = params_new(e);
    c->g = c->p ? graph_new(&o, e) : NULL;
    return c->g ? 0 : -1;
}

static struct param *add_param(struct op_case *c, const char *name, int64_t rows, int64_t cols, struct err *e)
{
    return params_add(c->p, name, DT_F32, cols ? 2 : 1, (int64_t[]){rows, cols}, 0, e);
}

/* A parameter [N, C] as an activation: row i of the table for token i. */
static struct tensor *as_activation(struct op_case *c, struct param *p)
{
    struct tensor *ids = graph_input(c->g, "ids", DT_I32, 1, p->dim);
    return op_embed(c->g, ids, graph_param(c->g, p), 1, NULL, NULL, 0);
}

static int run_graph(struct op_case *c, struct tensor *loss, struct tensor *out, struct tensor *gout, struct err *e)
{
    if (out) graph_output(c->g, out);
    if (graph_error(c->g, e)) return -1;
    if (loss ? graph_backward(c->g, loss, e) : graph_backward_from(c->g, out, gout, e)) return -1;
    if (graph_plan(c->g, pool_threads(c->pool), e)) return -1;
    c->x = exec_new(c->g, c->pool, e);
    if (!c->x) return -1;
    int32_t *ids = exec_input(c->x, "ids");
    for (int i = 0; ids && i < (int)c->p->v[0]->dim[0]; i++) ids[i] = i;
    return 0;
}

static int go(struct op_case *c, double loss_scale, struct err *e)
{
    return exec_run(c->x, &(struct run_args){.loss_scale = (float)loss_scale, .grads = true}, e);
}

static int fill_param(struct op_case *c, struct param *p, const char *name, struct err *e)
{
    int64_t n;
    float *x = read_f32(c->s, name, &n);
    if (!x || n != p->n) {
        free(x);
        return err_set(e, ERR_DATA, "%s is missing or of another size", name);
    }
    memcpy(p->data, x, (size_t)n * sizeof *x);
    free(x);
    return 0;
}

static void compare(struct op_case *c, const char *key, const float *got, int64_t n, double tol)
{
    int64_t have;
    float *want = read_f32(c->s, key, &have);
    if (want && have != n) report_fail(c->r, "%s has another size", key);
    else if (want) report_error(c->r, key, rel_error(got, want, n, 0), tol, "");
    free(want);
}

/* ---- kinds ---- */

/* name: after "act_". */
static int run_act(struct op_case *c, const char *name, struct err *e)
{
    static const struct {
        const char *name;
        enum act act;
    } acts[] = {{"gelu_erf", ACT_GELU_ERF}, {"gelu_tanh", ACT_GELU_TANH}, {"silu", ACT_SILU}, {"relu", ACT_RELU},
                {"relu2", ACT_RELU2},       {"sigmoid", ACT_SIGMOID},     {"tanh", ACT_TANH}, {"gelu", ACT_GELU_ERF}};
    enum act act = ACT_NONE;
    for (size_t i = 0; i < COUNT_OF(acts); i++)
        if (strcmp(acts[i].name, name) == 0) act = acts[i].act;
    if (act == ACT_NONE) {
        report_skip(c->r, "activation %s is not supported yet", name);
        return 0;
    }
    const struct st_tensor *t = need(c, "in.x", 0);
    if (!t) return 0;
    int64_t C = t->ndim > 0 ? t->dim[t->ndim - 1] : 1, N = C ? t->n / C : 0;
    if (begin(c, 1, (int)N, e)) return -1;
    struct param *x = add_param(c, "x", N, C, e);
    if (!x || params_alloc(c->p, true, e) || fill_param(c, x, "in.x", e)) return -1;
    struct tensor *out = op_act(c->g, as_activation(c, x), act);
    struct tensor *gout = graph_input(c->g, "gout", DT_F32, 2, x->dim);
    if (run_graph(c, NULL, out, gout, e)) return -1;
    float *g = read_f32(c->s, "gout", NULL);
    if (g) memcpy(exec_input(c->x, "gout"), g, (size_t)x->n * sizeof *g);
    free(g);
    if (go(c, 1, e)) return -1;
    compare(c, "out", out->data, x->n, tol_forward);
    compare(c, "grad.x", x->grad, x->n, tol_grad);
    return 0;
}

static int run_norm(struct op_case *c, enum norm_kind kind, struct err *e)
{
    const struct st_tensor *t = need(c, "in.x", 0);
    if (!t || t->ndim < 1) return 0;
    int64_t C = t->dim[t->ndim - 1], N = C ? t->n / C : 0;
    bool bias = st_find(c->s, "in.b") >= 0;
    if (begin(c, 1, (int)N, e)) return -1;
    struct param *x = add_param(c, "x", N, C, e), *w = add_param(c, "w", C, 0, e);
    struct param *b = bias ? add_param(c, "b", C, 0, e) : NULL;
    if (!x || !w || (bias && !b) || params_alloc(c->p, true, e) || fill_param(c, x, "in.x", e) ||
        fill_param(c, w, "in.w", e) || (b && fill_param(c, b, "in.b", e)))
        return -1;
    struct tensor *out = op_norm(c->g, kind, as_activation(c, x), graph_param(c->g, w), b ? graph_param(c->g, b) : NULL,
                                 (float)setting(c, "eps", 1e-5), true);
    struct tensor *gout = graph_input(c->g, "gout", DT_F32, 2, x->dim);
    if (run_graph(c, NULL, out, gout, e)) return -1;
    float *g = read_f32(c->s, "gout", NULL);
    if (g) memcpy(exec_input(c->x, "gout"), g, (size_t)x->n * sizeof *g);
    free(g);
    if (go(c, 1, e)) return -1;
    compare(c, "out", out->data, x->n, tol_forward);
    compare(c, "grad.x", x->grad, x->n, tol_grad);
    compare(c, "grad.w", w->grad, w->n, tol_grad);
    if (b) compare(c, "grad.b", b->grad, b->n, tol_grad);
    return 0;
}

/* [B,H,T,D] <-> columns [at, at + H D) of rows [B T] of width `width`. */
static void pack_heads(float *rows, int64_t width, int64_t at, float *x, int B, int H, int T, int D, bool out)
{
    for (int b = 0; b < B; b++)
        for (int h = 0; h < H; h++)
            for (int t = 0; t < T; t++) {
                float *r = rows + ((int64_t)b * T + t) * width + at + (int64_t)h * D;
                float *v = x + (((int64_t)b * H + h) * T + t) * D;
                memcpy(out ? v : r, out ? r : v, (size_t)D * sizeof *v);
            }
}

struct attn_shape {
    int B, H, Hk, T, D;
};

static bool attn_settings(struct op_case *c, struct attn_spec *a)
{
    static const char *const plain[] = {"gqa", "mha", "mqa",   "docmask", "causal", "bidir",
                                        "doc", "f64", "alibi", "sink",    "sinks",  "clip"};
    static const char *const numbers[] = {"window", "softcap", "clip", "prefix"};
    for (const char *w = c->words; *w; w += strlen(w) + 1) {
        bool ok = false;
        for (size_t i = 0; i < COUNT_OF(plain); i++) ok |= strcmp(w, plain[i]) == 0;
        for (size_t i = 0; i < COUNT_OF(numbers); i++) ok |= strncmp(w, numbers[i], strlen(numbers[i])) == 0;
        if (ok) continue;
        report_skip(c->r, "attention with %s is not supported yet", w);
        return false;
    }
    a->window = (int)setting(c, "window", 0);
    a->softcap = (float)setting(c, "softcap", 0);
    a->causal = !has(c, "bidir");
    a->scale = (float)(1 / sqrt(a->D));
    return true;
}

/* Segments as the first token of each, from a `doc` number per position. */
static void fill_segments(struct op_case *c, int32_t *seg, const struct attn_shape *h)
{
    int64_t n = 0;
    float *doc = read_f32(c->s, "doc", &n);
    for (int64_t i = 0; i < (int64_t)h->B * h->T; i++) {
        int at = (int)(i % h->T);
        seg[i] = at == 0 ? 0 : !doc || doc[i % n] == doc[(i - 1) % n] ? seg[i - 1] : at;
    }
    free(doc);
}

/* The log-sum-exp, which the op keeps to itself, from the kernel. */
static void compare_lse(struct op_case *c, const struct attn_spec *s, const struct attn_shape *h, const float *qkv,
                        const int32_t *seg)
{
    const struct kernels *k = kernels_get();
    int64_t width = (int64_t)(h->H + 2 * h->Hk) * h->D, n = (int64_t)h->B * h->H * h->T;
    float *lse = mem_zalloc((size_t)n, sizeof *lse), *out = mem_alloc((size_t)(n * h->D), sizeof *out);
    void *ws = mem_alloc_aligned(k->attn_ws_bytes(h->T, h->T, h->D, 0, false));
    for (int b = 0; b < h->B && lse && out && ws; b++) {
        const float *row = qkv + (int64_t)b * h->T * width;
        struct attn a = {.Tq = h->T, .Tk = h->T, .H = h->H, .Hk = h->Hk, .D = h->D, .dt = DT_F32, .q = row,
                         .k = row + h->H * h->D, .v = row + (h->H + h->Hk) * h->D, .q_stride = width,
                         .k_stride = width, .v_stride = width, .out = out, .o_stride = h->H * h->D,
                         .lse = lse + (int64_t)b * h->H * h->T, .seg_start = seg + (int64_t)b * h->T,
                         .scale = s->scale, .softcap = s->softcap, .window = s->window, .causal = s->causal};
        for (int i = 0; i < h->H; i++) k->attn_fwd(&a, i, 0, h->T, ws);
    }
    if (lse) compare(c, "lse", lse, n, tol_forward);
    free(lse);
    free(out);
    mem_free_aligned(ws);
}

/* Tables of Shaw and sinks, as parameters; what the file has. */
static int add_tables(struct op_case *c, struct attn_spec *s, struct param *table[3], struct err *e)
{
    static const char *const key[] = {"in.ek", "in.ev", "in.sink"};
    for (int i = 0; i < 3; i++) {
        int at = st_find(c->s, key[i]);
        if (i == 2 && at < 0) at = st_find(c->s, "in.sinks");
        if (at < 0) continue;
        const struct st_tensor *t = st_tensor(c->s, at);
        if (t->ndim != (i < 2 ? 2 : 1)) return err_set(e, ERR_DATA, "%s has another number of dimensions", key[i]);
        if (i < 2) s->clip = (int)(t->dim[0] - 1) / 2;
        if (!(table[i] = add_param(c, key[i] + 3, t->dim[0], i < 2 ? t->dim[1] : 0, e))) return -1;
    }
    return 0;
}

static int fill_tables(struct op_case *c, struct attn_spec *s, struct param *const table[3], struct err *e)
{
    struct tensor **slot[] = {&s->shaw_k, &s->shaw_v, &s->sink};
    for (int i = 0; i < 3; i++) {
        char key[16];
        if (!table[i]) continue;
        snprintf(key, sizeof key, "in.%s", table[i]->name);
        if (st_find(c->s, key) < 0) snprintf(key, sizeof key, "in.sinks");
        if (fill_param(c, table[i], key, e)) return -1;
        *slot[i] = graph_param(c->g, table[i]);
    }
    return 0;
}

static int compare_attn(struct op_case *c, const struct attn_shape *h, struct tensor *out, struct param *qkv,
                        struct err *e)
{
    static const char *const key[] = {"grad.q", "grad.k", "grad.v"};
    int64_t width = qkv->dim[1], n = (int64_t)h->B * h->H * h->T * h->D;
    float *x = mem_alloc((size_t)n, sizeof *x);
    if (!x) return err_oom(e, (size_t)n * 4, "attention");
    pack_heads(out->data, h->H * h->D, 0, x, h->B, h->H, h->T, h->D, true);
    compare(c, "out", x, n, tol_forward);
    for (int i = 0, at = 0; i < 3; i++) {
        int heads = i ? h->Hk : h->H;
        pack_heads(qkv->grad, width, at, x, h->B, heads, h->T, h->D, true);
        compare(c, key[i], x, (int64_t)h->B * heads * h->T * h->D, tol_grad);
        at += heads * h->D;
    }
    free(x);
    return 0;
}

static int run_attn(struct op_case *c, struct err *e)
{
    const struct st_tensor *q = need(c, "in.q", 4), *k = need(c, "in.k", 4);
    if (!q || !k) return 0;
    struct attn_shape h = {(int)q->dim[0], (int)q->dim[1], (int)k->dim[1], (int)q->dim[2], (int)q->dim[3]};
    struct attn_spec s = {.H = h.H, .Hk = h.Hk, .D = h.D};
    if (!attn_settings(c, &s)) return 0;
    if (k->dim[2] != h.T) {
        report_skip(c->r, "attention over another length is not supported yet");
        return 0;
    }
    int64_t N = (int64_t)h.B * h.T, width = (int64_t)(h.H + 2 * h.Hk) * h.D;
    if (begin(c, h.B, h.T, e)) return -1;
    struct param *qkv = add_param(c, "qkv", N, width, e);
    struct param *table[3] = {NULL};
    if (!qkv || add_tables(c, &s, table, e) || params_alloc(c->p, true, e) || fill_tables(c, &s, table, e)) return -1;
    float slopes[4096];
    if (has(c, "alibi")) {
        alibi_slopes(slopes, h.H);
        s.alibi = slopes;
    }
    static const char *const key[] = {"in.q", "in.k", "in.v"};
    for (int i = 0, at = 0; i < 3; i++) {
        int heads = i ? h.Hk : h.H;
        int64_t n;
        float *x = read_f32(c->s, key[i], &n);
        if (x && n == N * heads * h.D) pack_heads(qkv->data, width, at, x, h.B, heads, h.T, h.D, false);
        else report_fail(c->r, "%s is missing or of another size", key[i]);
        free(x);
        at += heads * h.D;
    }
    struct tensor *seg = graph_input(c->g, "seg_start", DT_I32, 1, &N);
    struct tensor *out = op_attn(c->g, as_activation(c, qkv), seg, &s);
    struct tensor *gout = graph_input(c->g, "gout", DT_F32, 2, (int64_t[]){N, h.H * h.D});
    if (run_graph(c, NULL, out, gout, e)) return -1;
    float *g = read_f32(c->s, "gout", NULL);
    if (g) pack_heads(exec_input(c->x, "gout"), h.H * h.D, 0, g, h.B, h.H, h.T, h.D, false);
    free(g);
    fill_segments(c, exec_input(c->x, "seg_start"), &h);
    if (go(c, 1, e)) return -1;
    for (int i = 0; i < 3; i++) {
        char name[16];
        if (!table[i]) continue;
        snprintf(name, sizeof name, "grad.%s", table[i]->name);
        compare(c, name, table[i]->grad, table[i]->n, tol_grad);
    }
    if (!s.shaw_k && !s.sink && !s.alibi) compare_lse(c, &s, &h, qkv->data, exec_input(c->x, "seg_start"));
    return compare_attn(c, &h, out, qkv, e);
}

static int run_linear_ce(struct op_case *c, struct err *e)
{
    const struct st_tensor *x = need(c, "in.x", 2), *w = need(c, "in.w", 2);
    bool bias = st_find(c->s, "in.b") >= 0;
    if (!x || !w) return 0;
    int64_t N = x->dim[0], n_y;
    float *y = read_f32(c->s, "y", &n_y);
    if (!y) y = read_f32(c->s, "in.y", &n_y);
    if (!y || n_y != N) {
        free(y);
        return err_set(e, ERR_DATA, "targets y are missing");
    }
    if (begin(c, 1, (int)N, e)) return -1;
    struct param *px = add_param(c, "x", N, x->dim[1], e), *pw = add_param(c, "w", w->dim[0], w->dim[1], e);
    struct param *pb = bias ? add_param(c, "b", w->dim[0], 0, e) : NULL;
    if (!px || !pw || params_alloc(c->p, true, e) || fill_param(c, px, "in.x", e) || fill_param(c, pw, "in.w", e) ||
        (pb && fill_param(c, pb, "in.b", e)))
        return -1;
    struct tensor *targets = graph_input(c->g, "targets", DT_I32, 1, &N);
    struct tensor *weights = graph_input(c->g, "weights", DT_F32, 1, &N);
    struct ce_spec s = {.w = graph_param(c->g, pw), .b = pb ? graph_param(c->g, pb) : NULL,
                        .label_smoothing = (float)setting(c, "ls", 0), .z_coef = (float)setting(c, "zloss", 0),
                        .softcap = (float)setting(c, "softcap", 0)};
    struct tensor *loss = op_linear_ce(c->g, as_activation(c, px), targets, weights, &s);
    if (run_graph(c, loss, NULL, NULL, e)) return -1;
    int32_t *t = exec_input(c->x, "targets");
    float *wt = exec_input(c->x, "weights");
    double sum = 0;
    for (int64_t i = 0; i < N; i++) {
        t[i] = y[i] < 0 ? -1 : (int32_t)y[i];
        wt[i] = y[i] < 0 ? 0 : 1;
        sum += (double)wt[i];
    }
    free(y);
    if (go(c, 1 / sum, e)) return -1;
    float out = (float)((double)((const float *)loss->data)[0] / sum);
    compare(c, "out", &out, 1, tol_forward);
    compare(c, "grad.x", px->grad, px->n, tol_grad);
    compare(c, "grad.w", pw->grad, pw->n, tol_grad);
    if (pb) compare(c, "grad.b", pb->grad, pb->n, tol_grad);
    return 0;
}

/* p0, g0 -> p1, g1 -> p2 ...: each step is compared. */
static int run_optimizer(struct op_case *c, bool muon, struct err *e)
{
    const struct st_tensor *p0 = need(c, "p0", muon ? 2 : 0);
    if (!p0) return 0;
    int64_t n = p0->n, rows = p0->dim[0], cols = muon ? p0->dim[1] : 1;
    double lr = setting(c, "lr", muon ? 0.02 : 1e-2), wd = setting(c, "wd", 0.1), mu = setting(c, "m", 0.95);
    float b1 = (float)setting(c, "b1", 0.9), b2 = (float)setting(c, "b2", 0.95);
    float *p = read_f32(c->s, "p0", NULL), *m = mem_zalloc((size_t)n + 1, 4), *v = mem_zalloc((size_t)n + 1, 4);
    struct muon_ws ws = {0};
    int r = -1, t = 0;
    if (setting(c, "ns", 5) != 5) {
        report_skip(c->r, "muon with other than 5 steps is not supported yet");
        r = 0;
        goto out;
    }
    if (muon && muon_ws_init(&ws, rows < cols ? rows : cols, rows < cols ? cols : rows, n, e)) goto out;
    for (;; t++) {
        char key[24];
        int64_t have;
        snprintf(key, sizeof key, "g%d", t);
        float *g = read_f32(c->s, key, &have);
        if (!g || have != n || !p || !m || !v) {
            free(g);
            break;
        }
        if (muon) muon_update(&ws, p, m, g, rows, cols, 1, lr, mu, wd);
        else
            kernels_get()->adamw(p, m, v, g, (size_t)n, 1, (float)lr, b1, b2, (float)setting(c, "eps", 1e-8), (float)wd,
                                 (float)(1 - pow((double)b1, t + 1)), (float)(1 - pow((double)b2, t + 1)));
        free(g);
        snprintf(key, sizeof key, "p%d", t + 1);
        compare(c, key, p, n, tol_forward);
    }
    r = t ? 0 : err_set(e, ERR_DATA, "there is no g0");
out:
    muon_ws_free(&ws);
    free(p);
    free(m);
    free(v);
    return r;
}

/* ---- by name ---- */

static bool takes(struct op_case *c, const char *name, const char *kind)
{
    size_t n = strlen(kind);
    if (strncmp(name, kind, n) || (name[n] && name[n] != '_')) return false;
    memset(c->words, 0, sizeof c->words);
    snprintf(c->words, sizeof c->words - 2, "%s", name[n] ? name + n + 1 : "");
    for (char *p = c->words; *p || p[1]; p++)
        if (*p == '_') *p = '\0';
    return true;
}

static int dispatch(struct op_case *c, const char *name, struct err *e)
{
    if (takes(c, name, "act")) return run_act(c, name + 4, e);
    if (takes(c, name, "layernorm")) return run_norm(c, NORM_LN, e);
    if (takes(c, name, "rmsnorm")) return run_norm(c, NORM_RMS, e);
    if (takes(c, name, "attn") || takes(c, name, "shaw")) return run_attn(c, e);
    if (takes(c, name, "linear_ce")) return run_linear_ce(c, e);
    if (takes(c, name, "opt_adamw") || takes(c, name, "adamw")) return run_optimizer(c, false, e);
    if (takes(c, name, "muon") || takes(c, name, "opt_muon")) return run_optimizer(c, true, e);
    if (takes(c, name, "wkv6")) return run_wkv_case(c->r, c->s, c->pool, e);
    if (takes(c, name, "router")) return run_router_case(c->r, c->s, name + 7, c->pool, e);
    report_skip(c->r, "operation %s is not supported yet", name);
    return 0;
}

void run_op_case(const char *path, const char *name, struct pool *pool, struct report *r)
{
    struct err e;
    struct op_case *c = mem_zalloc(1, sizeof *c);
    struct safetensors *s = c ? st_open(path, &e) : NULL;
    if (!s) {
        report_fail(r, "%s", c ? e.msg : "out of memory");
    } else {
        c->r = r;
        c->s = s;
        c->pool = pool;
        if (dispatch(c, strncmp(name, "op_", 3) ? name : name + 3, &e)) report_fail(r, "%s", e.msg);
        exec_free(c->x);
        graph_free(c->g);
        params_free(c->p);
    }
    st_close(s);
    free(c);
}
