/* bind.c - parameters by (layer, role). */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/model/layout.h"

struct bind {
    struct bound *b;
    const struct params *p;
};

static int bind_slot(void *arg, const struct slot *s, struct err *e)
{
    struct bind *w = arg;
    struct param *p = params_find(w->p, s->name);
    if (!p) return err_set(e, ERR_DATA, "the model has no parameter '%s'", s->name);
    bool same = p->ndim == s->ndim;
    for (int i = 0; i < s->ndim; i++) same = same && p->dim[i] == s->dim[i];
    if (!same)
        return err_set(e, ERR_DATA, "parameter '%s' has another shape than the configuration says", s->name);
    w->b->v[(s->layer + 1) * SLOT_N + (int)s->role] = p;
    return 0;
}

int bound_init(struct bound *b, const struct model_config *c, const struct params *p, struct err *e)
{
    *b = (struct bound){.n_layers = c->n_layers};
    size_t n = ((size_t)c->n_layers + 1) * SLOT_N;
    b->v = mem_zalloc(n, sizeof *b->v);
    if (!b->v) return err_oom(e, n * sizeof *b->v, "the parameter table");
    if (layout_walk(c, bind_slot, &(struct bind){b, p}, e)) {
        bound_deinit(b);
        return -1;
    }
    for (int i = 0; i < c->n_layers; i++) {
        int from = model_layer_of_params(c, i);
        if (from != i) memcpy(&b->v[(i + 1) * SLOT_N], &b->v[(from + 1) * SLOT_N], SLOT_N * sizeof *b->v);
    }
    return 0;
}

void bound_deinit(struct bound *b)
{
    free(b->v);
    b->v = NULL;
}
