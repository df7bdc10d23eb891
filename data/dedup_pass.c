#include <string.h>

#include "data/dedup_internal.h"

int dedup_pass(struct dedup *d, const char *what, doc_run_fn *work, doc_run_fn *decide,
               doc_run_fn *emit, doc_run_fn *done, struct err *e)
{
    struct doc_run_end end;
    struct doc_stage st = {.files = &d->part,
                           .cfg = &d->cfg->docs,
                           .pool = d->cfg->pool,
                           .arg = d,
                           .what = d->cfg->progress ? what : NULL,
                           .work = work,
                           .decide = decide,
                           .emit = emit,
                           .done = done};
    int ret = doc_run(&st, &end, e);
    d->stats->n_damaged = end.n_damaged;
    memcpy(d->stats->damaged, end.damaged, sizeof end.damaged);
    return ret;
}

int dedup_choose_block(struct dedup *d, struct doc_slot *s, int words, struct err *e)
{
    uint64_t first = dedup_doc_number(d, s->block.file, s->block.offset);
    uint64_t end = first + (s->block.bad ? s->block.bad_bytes : s->block.data.len);
    buf_clear(&s->scratch);
    while (d->next && d->next[0] < end) {
        if (d->next[0] < first)
            return err_set(e, ERR_DATA, "'%s' changed while it was read; run again",
                           s->block.file->name);
        buf_add(&s->scratch, d->next, (size_t)words * 8);
        int got = dmerge_next(&d->chosen, &d->next, e);
        if (got < 0) return -1;
        if (!got) d->next = NULL;
    }
    return buf_ok(&s->scratch, e);
}

struct chosen {
    struct dedup *d;
    dedup_doc_fn *fn;
    doc_run_fn *done;
};

static int chosen_decide(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct chosen *c = arg;
    (void)thread;
    return dedup_choose_block(c->d, s, 1, e);
}

static int chosen_emit(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct chosen *c = arg;
    struct dedup_worker *w = &c->d->workers[thread];
    const uint64_t *v = (const uint64_t *)(const void *)s->scratch.data;
    size_t n = s->scratch.len / 8;
    if (!n) return 0;
    uint64_t first = dedup_doc_number(c->d, s->block.file, s->block.offset);
    struct doc doc;
    doc_iter_start(&w->it, &c->d->cfg->docs, &s->block);
    for (size_t i = 0; i < n; i++) {
        doc_iter_seek(&w->it, (size_t)(v[i] - first));
        if (doc_iter_next(&w->it, &doc) != DOC_GOOD ||
            dedup_doc_number(c->d, doc.file, doc.offset) != v[i])
            return err_set(e, ERR_DATA, "'%s' changed while it was read; run again",
                           s->block.file->name);
        if (c->fn(c->d, w, &doc, v[i], s, e)) return -1;
    }
    return buf_ok(&s->out[0], e);
}

static int chosen_done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct chosen *c = arg;
    return c->done(c->d, s, thread, e);
}

int dedup_pass_chosen(struct dedup *d, const char *what, enum dkind k, dedup_doc_fn *fn,
                      doc_run_fn *done, struct err *e)
{
    struct chosen c = {d, fn, done};
    struct doc_run_end end;
    struct doc_stage st = {.files = &d->part,
                           .cfg = &d->cfg->docs,
                           .pool = d->cfg->pool,
                           .arg = &c,
                           .what = d->cfg->progress ? what : NULL,
                           .decide = chosen_decide,
                           .emit = chosen_emit,
                           .done = chosen_done};
    int ret = dstore_read(&d->store, k, d->lo, d->hi, &d->chosen, e);
    if (!ret) {
        int got = dmerge_next(&d->chosen, &d->next, e);
        if (!got) d->next = NULL;
        ret = got < 0 ? -1 : got ? doc_run(&st, &end, e) : 0;
    }
    dmerge_free(&d->chosen);
    if (!ret && d->next) ret = err_set(e, ERR_DATA, "the input changed while it was read; run again");
    return ret;
}
