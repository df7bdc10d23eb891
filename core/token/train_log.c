#include "core/token/train_log.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

void sentence_log_free(struct sentence_log *l)
{
    free(l->v);
    free(l->run);
    memset(l, 0, sizeof *l);
}

bool sentence_log_add(struct sentence_log *l, uint64_t order, uint64_t hash, uint32_t first)
{
    if (l->n_runs == 0 || l->run[l->n_runs - 1].order != order) {
        if (!mem_room(&l->run, &l->runs_cap, l->n_runs + 1, sizeof *l->run)) return false;
        l->run[l->n_runs++] = (struct sentence_run){order, l->n, 0};
    }
    if (!mem_room(&l->v, &l->cap, l->n + 1, sizeof *l->v)) return false;
    l->v[l->n++] = (struct sentence){{(uint32_t)hash, (uint32_t)(hash >> 32)}, first};
    l->run[l->n_runs - 1].n++;
    return true;
}

struct piece {
    uint64_t order;
    const struct sentence *v;
    size_t n;
};

static int by_order(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* An empty one is exchanged with the last, which goes; so the order of the rest changes. */
static size_t fill_gaps(struct sentence *v, size_t n)
{
    for (size_t i = 0; i < n;) {
        if (v[i].first == SENTENCE_EMPTY) v[i] = v[--n];
        else i++;
    }
    return n;
}

int sentence_log_join(const struct sentence_log *const *logs, size_t n, struct sentence **out, size_t *n_out,
                      struct err *e)
{
    size_t n_runs = 0, total = 0, at = 0;
    for (size_t k = 0; k < n; k++) n_runs += logs[k]->n_runs, total += logs[k]->n;
    struct piece *p = mem_alloc(n_runs + 1, sizeof *p);
    *out = mem_alloc(total + 1, sizeof **out);
    if (!p || !*out) {
        free(p);
        free(*out);
        *out = NULL;
        return err_oom(e, total * sizeof **out, "the order of sentences");
    }
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < logs[k]->n_runs; i++) {
            const struct sentence_run *r = &logs[k]->run[i];
            p[at++] = (struct piece){r->order, logs[k]->v + r->at, r->n};
        }
    qsort(p, n_runs, sizeof *p, by_order);
    at = 0;
    for (size_t i = 0; i < n_runs; i++) {
        memcpy(*out + at, p[i].v, p[i].n * sizeof **out);
        at += p[i].n;
    }
    free(p);
    *n_out = fill_gaps(*out, total);
    return 0;
}
