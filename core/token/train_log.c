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

void sentence_log_trim(struct sentence_log *l)
{
    if (l->n < 2 * SENTENCE_TAIL) return;
    size_t gone = l->n - SENTENCE_TAIL, runs = 0;
    memmove(l->v, l->v + gone, SENTENCE_TAIL * sizeof *l->v);
    l->n = SENTENCE_TAIL;
    for (size_t i = 0; i < l->n_runs; i++) {
        struct sentence_run r = l->run[i];
        size_t end = r.at + r.n, at = r.at > gone ? r.at : gone;
        if (end > gone) l->run[runs++] = (struct sentence_run){r.order, at - gone, end - at};
    }
    l->n_runs = runs;
}

/* An empty one is exchanged with the last, which goes; so the order of the rest changes. */
size_t sentences_fill(struct sentence *v, size_t n)
{
    for (size_t i = 0; i < n;) {
        if (v[i].first == SENTENCE_EMPTY) v[i] = v[--n];
        else i++;
    }
    return n;
}

/* Once there are only `full` sentences the last stands where it stood, or has been the
 * first behind that place: gaps are filled from the end. */
size_t sentences_last(const struct sentence *v, size_t n, uint64_t full, uint64_t empty)
{
    uint64_t before = full + empty - n; /* sentences that v does not hold */
    if (full == 0 || full - 1 < before) return n;
    size_t i = (size_t)(full - 1 - before);
    while (i < n && v[i].first == SENTENCE_EMPTY) i++;
    return i;
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
    *n_out = total;
    return 0;
}
