/* count.c - parameters and floating-point operations of a description. */
#include "core/model/layout.h"

static int64_t slot_elements(const struct slot *s)
{
    int64_t n = 1;
    for (int i = 0; i < s->ndim; i++) n *= s->dim[i];
    return n;
}

struct counts {
    const struct model_config *c;
    int64_t all, linear;
};

static int count_slot(void *arg, const struct slot *s, struct err *e)
{
    (void)e;
    struct counts *n = arg;
    n->all += slot_elements(s);
    int64_t used = slot_elements(s);
    if (s->role == SLOT_EUP_W || s->role == SLOT_EDOWN_W) {
        const struct moe_config *m = &model_block(n->c, s->layer)->moe;
        used = used / m->experts * m->top_k; /* a token takes top_k of them */
    }
    if (s->layer >= 0 && model_block(n->c, s->layer)->shared) used *= model_block(n->c, s->layer)->repeat;
    if (s->linear || s->role == SLOT_ROUTER_W) n->linear += used;
    return 0;
}

static struct counts count(const struct model_config *c)
{
    struct counts n = {c, 0, 0};
    struct err ignored;
    (void)layout_walk(c, count_slot, &n, &ignored);
    return n;
}

int64_t model_n_params(const struct model_config *c)
{
    return count(c).all;
}

int64_t model_matmul_params(const struct model_config *c)
{
    return count(c).linear + (c->head == HEAD_RTD || c->head == HEAD_NONE || model_scores(c)
                                  ? 0
                                  : (int64_t)c->vocab * c->embed_dim); /* the head, tied or not */
}

double model_train_flops_per_token(const struct model_config *c, int T)
{
    double flops = 6.0 * (double)model_matmul_params(c);
    for (int i = 0; i < c->n_blocks; i++) {
        const struct block_config *b = &c->block[i];
        /* Keys a query sees on average; the first queries of a window see fewer. */
        double keys = b->causal ? (T + 1) / 2.0 : T, w = b->window;
        if (b->window > 0 && b->window < T && b->causal) keys = w - w * (w - 1) / (2.0 * T);
        flops += 12.0 * b->repeat * keys * b->heads * b->head_dim;
    }
    return flops;
}
