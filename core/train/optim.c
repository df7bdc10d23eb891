#include "core/train/optim.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/kernels/kernels.h"
#include "core/train/muon.h"

#define SLICE 32768 /* elements of an AdamW slice: 128 KiB each of p, m, v, g */

struct slice {
    struct param *p;
    int64_t at;
    int64_t n; /* 0 = a whole matrix, by Muon */
};

struct optim {
    struct optim_cfg cfg;
    struct slice *slice;
    int n_slices, n_threads;
    struct muon_ws *ws; /* one a thread, for Muon */
    int64_t bytes;
    /* of the step under way */
    float gscale, lr, bc1, bc2;
    double muon_lr;
};

bool optim_uses_muon(const struct optim_cfg *c, const struct param *p)
{
    return c->kind == OPTIM_MUON && (p->flags & PARAM_MATRIX) && p->ndim >= 2;
}

double optim_clip_scale(double norm, double clip)
{
    if (clip <= 0) return 1;
    double s = clip / (norm + 1e-6); /* torch.nn.utils.clip_grad_norm_ */
    return s < 1 ? s : 1;
}

/* Matrices that lie one below the other in p. */
static int n_matrices(const struct param *p)
{
    return p->split > 0 ? p->split : 1;
}

/* Fills out (or only counts, when NULL) the slices; big matrices come first,
 * since they take longest and should not start last. */
static int make_slices(const struct optim_cfg *c, const struct params *p, struct slice *out)
{
    int n = 0;
    for (int i = 0; i < p->n; i++) {
        struct param *q = p->v[i];
        if ((q->flags & PARAM_FROZEN) || !optim_uses_muon(c, q)) continue;
        for (int k = 0; k < n_matrices(q); k++, n++)
            if (out) out[n] = (struct slice){q, q->n / n_matrices(q) * k, 0};
    }
    for (int i = 0; i < p->n; i++) {
        struct param *q = p->v[i];
        if ((q->flags & PARAM_FROZEN) || optim_uses_muon(c, q)) continue;
        for (int64_t at = 0; at < q->n; at += SLICE, n++)
            if (out) out[n] = (struct slice){q, at, q->n - at < SLICE ? q->n - at : SLICE};
    }
    return n;
}

/* Of one of p's matrices. */
static int64_t muon_cols(const struct param *p)
{
    return p->dim[p->ndim - 1];
}

static int64_t muon_rows(const struct param *p)
{
    return p->n / n_matrices(p) / muon_cols(p);
}

static int cmp_muon(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    int64_t nx = x->p->n / n_matrices(x->p), ny = y->p->n / n_matrices(y->p);
    if (nx != ny) return nx > ny ? -1 : 1;
    if (x->p->index != y->p->index) return x->p->index < y->p->index ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static int sort_and_alloc_ws(struct optim *o, struct err *e)
{
    int n_muon = 0;
    while (n_muon < o->n_slices && o->slice[n_muon].n == 0) n_muon++;
    if (!n_muon) return 0;
    qsort(o->slice, (size_t)n_muon, sizeof *o->slice, cmp_muon);
    o->ws = mem_zalloc((size_t)o->n_threads, sizeof *o->ws);
    if (!o->ws) return err_oom(e, sizeof *o->ws, "Muon");
    int64_t most_r = 0, most_c = 0, most = 0;
    for (int i = 0; i < n_muon; i++) {
        int64_t rows = muon_rows(o->slice[i].p), cols = muon_cols(o->slice[i].p);
        int64_t r = rows < cols ? rows : cols, c = rows < cols ? cols : rows;
        if (r > most_r) most_r = r;
        if (c > most_c) most_c = c;
        if (r * c > most) most = r * c;
    }
    for (int t = 0; t < o->n_threads; t++) {
        if (muon_ws_init(&o->ws[t], most_r, most_c, most, e)) return -1;
        o->bytes += o->ws[t].bytes;
    }
    return 0;
}

struct optim *optim_new(const struct optim_cfg *c, const struct params *p, int n_threads, struct err *e)
{
    struct optim *o = mem_zalloc(1, sizeof *o);
    if (!o) {
        err_oom(e, sizeof *o, "optimizer");
        return NULL;
    }
    o->cfg = *c;
    o->n_threads = n_threads;
    o->n_slices = make_slices(c, p, NULL);
    o->slice = mem_alloc((size_t)o->n_slices, sizeof *o->slice);
    if (!o->slice) {
        err_oom(e, (size_t)o->n_slices * sizeof *o->slice, "optimizer");
        optim_free(o);
        return NULL;
    }
    make_slices(c, p, o->slice);
    if (sort_and_alloc_ws(o, e)) {
        optim_free(o);
        return NULL;
    }
    return o;
}

void optim_free(struct optim *o)
{
    if (!o) return;
    for (int t = 0; o->ws && t < o->n_threads; t++) muon_ws_free(&o->ws[t]);
    free(o->ws);
    free(o->slice);
    free(o);
}

static void run_slice(void *arg, int i, int thread)
{
    struct optim *o = arg;
    const struct slice *s = &o->slice[i];
    struct param *p = s->p;
    double wd = p->flags & PARAM_DECAY ? o->cfg.weight_decay : 0;
    if (s->n == 0) {
        muon_update(&o->ws[thread], (float *)p->data + s->at, p->m + s->at, p->grad + s->at, muon_rows(p), muon_cols(p),
                    o->gscale, o->muon_lr, o->cfg.muon_momentum, wd);
        return;
    }
    kernels_get()->adamw((float *)p->data + s->at, p->m + s->at, p->v + s->at, p->grad + s->at,
                         (size_t)s->n, o->gscale, o->lr, (float)o->cfg.beta1, (float)o->cfg.beta2,
                         (float)o->cfg.eps, (float)wd, o->bc1, o->bc2);
}

/* b^t by squaring: no libm, so the same bits everywhere. */
static double power(double b, int64_t t)
{
    double r = 1;
    for (; t > 0; t >>= 1, b *= b)
        if (t & 1) r *= b;
    return r;
}

void optim_step(struct optim *o, struct pool *pool, int64_t t, double lr, double muon_lr, double gscale)
{
    o->gscale = (float)gscale;
    o->lr = (float)lr;
    o->muon_lr = muon_lr;
    o->bc1 = (float)(1 - power(o->cfg.beta1, t));
    o->bc2 = (float)(1 - power(o->cfg.beta2, t));
    pool_run(pool, o->n_slices, run_slice, o);
}

int64_t optim_bytes(const struct optim *o)
{
    return o->bytes + (int64_t)o->n_slices * (int64_t)sizeof *o->slice;
}
