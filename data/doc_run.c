#include "data/doc_run.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/sig.h"

/* Slots wander through three stations: being read, being worked on, being
 * emitted.  All slots of all stations run in one job of the pool. */
struct station {
    struct doc_slot *v;
    size_t n; /* in use */
};

struct run {
    const struct doc_stage *st;
    struct doc_reader *reader;
    struct station read, work, emit;
    size_t width;
    bool end, failed;
    struct err err;
};

static void read_blocks(struct run *r)
{
    r->read.n = 0;
    while (r->read.n < r->width && !r->end) {
        struct doc_slot *s = &r->read.v[r->read.n];
        for (int i = 0; i < DOC_RUN_BUFS; i++)
            buf_clear(&s->out[i]);
        s->failed = false;
        int got = doc_reader_next(r->reader, &s->block, &r->err);
        if (got < 0) r->failed = true;
        if (got <= 0)
            r->end = true;
        else
            r->read.n++;
    }
}

static void slice(void *arg, int i, int thread)
{
    struct run *r = arg;
    size_t k = (size_t)i;
    if (k == 0) {
        read_blocks(r);
        return;
    }
    k--;
    bool working = k < r->work.n;
    struct doc_slot *s = working ? &r->work.v[k] : &r->emit.v[k - r->work.n];
    doc_run_fn *fn = working ? r->st->work : r->st->emit;
    if (fn && fn(r->st->arg, s, thread, &s->err)) s->failed = true;
}

static int serial(struct run *r, struct station *at, doc_run_fn *fn, struct err *e)
{
    for (size_t i = 0; i < at->n; i++) {
        struct doc_slot *s = &at->v[i];
        if (s->failed) {
            *e = s->err;
            return -1;
        }
        if (fn && fn(r->st->arg, s, 0, e)) return -1;
    }
    return 0;
}

static int alloc_stations(struct run *r, struct err *e)
{
    int threads = pool_threads(r->st->pool);
    r->width = threads == 1 ? 1 : (size_t)threads * 3;
    struct station *all[3] = {&r->read, &r->work, &r->emit};
    for (int i = 0; i < 3; i++)
        if (!(all[i]->v = mem_zalloc(r->width, sizeof *all[i]->v)))
            return err_oom(e, r->width * sizeof *all[i]->v, "the blocks of a run");
    return 0;
}

static void free_stations(struct run *r)
{
    struct station *all[3] = {&r->read, &r->work, &r->emit};
    for (int i = 0; i < 3; i++) {
        for (size_t k = 0; all[i]->v && k < r->width; k++) {
            struct doc_slot *s = &all[i]->v[k];
            if (r->st->drop && s->user) r->st->drop(r->st->arg, s);
            buf_free(&s->block.data);
            buf_free(&s->scratch);
            for (int b = 0; b < DOC_RUN_BUFS; b++)
                buf_free(&s->out[b]);
        }
        free(all[i]->v);
    }
}

static int loop(struct run *r, struct err *e)
{
    struct progress p;
    uint64_t total = 0, done = 0;
    for (size_t i = 0; i < r->st->files->n; i++)
        total += r->st->files->v[i].bytes > 0 ? (uint64_t)r->st->files->v[i].bytes : 0;
    if (r->st->what) progress_start(&p, r->st->what, "MB", (double)total / 1e6, 0);
    int ret = 0;
    read_blocks(r);
    while (!ret && (r->read.n || r->work.n || r->emit.n) && !r->failed) {
        if (sig_stop_requested()) {
            ret = err_set(e, ERR_STOPPED, "stopped by a signal; nothing was written");
            break;
        }
        struct station t = r->emit;
        r->emit = r->work;
        r->work = r->read;
        r->read = t;
        pool_run(r->st->pool, 1 + (int)(r->work.n + r->emit.n), slice, r);
        ret = serial(r, &r->emit, r->st->done, e);
        if (!ret) ret = serial(r, &r->work, r->st->decide, e);
        for (size_t i = 0; i < r->work.n; i++)
            done = r->work.v[i].block.stored_bytes;
        if (r->st->what) progress_update(&p, (double)done / 1e6, "");
        r->emit.n = ret ? r->emit.n : 0;
    }
    if (r->st->what) progress_end(&p);
    if (r->failed && !ret) {
        *e = r->err;
        ret = -1;
    }
    return ret;
}

int doc_run(const struct doc_stage *st, struct doc_run_end *end, struct err *e)
{
    struct run r = {.st = st};
    int ret = -1;
    *end = (struct doc_run_end){0};
    r.reader = doc_reader_open(st->files, st->cfg, e);
    if (r.reader && !alloc_stations(&r, e)) ret = loop(&r, e);
    if (r.reader) {
        const char *first;
        end->n_damaged = doc_reader_damaged(r.reader, &first);
        snprintf(end->damaged, sizeof end->damaged, "%s", first);
    }
    free_stations(&r);
    doc_reader_close(r.reader);
    return ret;
}
