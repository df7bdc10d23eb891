/* init.c - declaring and initialising parameters. */
#include <math.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/kernels/kernels.h"
#include "core/model/init_rwkv.h"
#include "core/model/layout.h"

struct declare {
    struct params *p;
    enum dtype dt;
};

static int declare_slot(void *arg, const struct slot *s, struct err *e)
{
    struct declare *d = arg;
    if ((s->flags & PARAM_AUX) && params_find(d->p, s->name)) return 0; /* shared with the model that it is trained beside */
    struct param *p = params_add(d->p, s->name, s->ndim >= 2 && !s->f32 ? d->dt : DT_F32, s->ndim, s->dim, s->flags, e);
    if (p && s->split) p->split = s->split;
    return p ? 0 : -1;
}

int model_declare(const struct model_config *c, struct params *p, enum dtype dt, struct err *e)
{
    return layout_walk(c, declare_slot, &(struct declare){p, dt}, e);
}

/* The inverse of the normal distribution function by P. J. Acklam's rational
 * approximation (relative error < 1.2e-9): one Philox word makes one number,
 * 85 % of them without a logarithm. */
static double normal_quantile(double p)
{
    static const double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                               1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
    static const double b[] = {-5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02,
                               6.680131188771972e+01, -1.328068155288572e+01};
    static const double c[] = {-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                               -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
    static const double d[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00,
                               3.754408661907416e+00};
    const double low = 0.02425;
    double tail = p < 0.5 ? p : 1 - p;
    if (tail < low) {
        double q = sqrt(-2 * log(tail));
        double x = (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
                   ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
        return p < 0.5 ? x : -x;
    }
    double q = p - 0.5, r = q * q;
    return (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
           (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
}

/* Element i is a function of (key, i) alone: word i of the stream. */
static void fill_normal(float *x, int64_t n, int64_t i0, const struct rng_key *key, double std)
{
    for (int64_t i = 0; i < n;) {
        uint32_t w[4];
        rng_block(key, (uint64_t)(i0 + i) / 4, w);
        for (int64_t k = (i0 + i) % 4; k < 4 && i < n; k++, i++)
            x[i] = (float)(std * normal_quantile((w[k] + 0.5) * 0x1p-32));
    }
}

static void fill(struct param *p, double constant, double std, const struct rng_key *key)
{
    float tmp[1024];
    const struct kernels *kern = kernels_get();
    for (int64_t i = 0; i < p->n; i += 1024) {
        int64_t n = p->n - i < 1024 ? p->n - i : 1024;
        float *x = p->dtype == DT_F32 ? (float *)p->data + i : tmp;
        if (std > 0) fill_normal(x, n, i, key, std);
        else
            for (int64_t k = 0; k < n; k++) x[k] = (float)constant;
        if (p->dtype == DT_BF16) kern->bf16_from_f32((uint16_t *)p->data + i, tmp, (size_t)n);
    }
}

struct init {
    const struct model_config *c;
    struct params *p;
    uint64_t seed;
};

static int fill_rwkv(const struct model_config *c, const struct slot *s, struct param *p, const struct rng_key *key,
                     struct err *e)
{
    if (p->dtype == DT_F32) return rwkv_init(c, s, p->data, key, e);
    float *x = mem_alloc((size_t)p->n, sizeof *x);
    int r = x ? rwkv_init(c, s, x, key, e) : err_oom(e, (size_t)p->n * sizeof *x, "initial values");
    if (r == 0) kernels_get()->bf16_from_f32(p->data, x, (size_t)p->n);
    free(x);
    return r;
}

static int init_slot(void *arg, const struct slot *s, struct err *e)
{
    struct init *w = arg;
    struct param *p = params_find(w->p, s->name);
    if (!p || !p->data) return err_set(e, ERR_INTERNAL, "parameter '%s' is not allocated", s->name);
    double std = 0, constant = s->init == INIT_ONE ? 1 : 0;
    if (s->init == INIT_NORMAL) std = w->c->init_std;
    /* GPT-2: the variance of the residual stream shall not grow with depth. */
    if (s->init == INIT_RESIDUAL) std = w->c->init_std / sqrt(2.0 * w->c->n_layers);
    struct rng_key key = rng_key(w->seed, RNG_INIT, (uint32_t)p->index, 0);
    bool table = (s->role == SLOT_EMBED && w->c->embed_ln) || s->role == SLOT_HEAD_W;
    if (s->init == INIT_RWKV || (table && w->c->block[0].mixer >= MIX_RWKV4)) return fill_rwkv(w->c, s, p, &key, e);
    fill(p, constant, std, &key);
    return 0;
}

int model_init(const struct model_config *c, struct params *p, uint64_t seed, struct err *e)
{
    return layout_walk(c, init_slot, &(struct init){c, p, seed}, e);
}
