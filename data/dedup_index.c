#include "data/dedup_index.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "data/dedup_internal.h"

static const uint64_t magic = 0x7864696c6d6c6cu; /* "llmlidx" */
enum { VERSION = 1 };

struct dindex {
    char *path;
    struct dindex_foot f;
    struct dblobs names, sets;
};

static int read_foot(const char *path, struct dindex_foot *f, struct err *e)
{
    int64_t size = file_size(path, e);
    if (size < 0) return -1;
    FILE *in = fopen(path, "rb");
    bool got = in && size >= (int64_t)sizeof *f &&
               fseeko(in, (off_t)(size - (int64_t)sizeof *f), SEEK_SET) == 0 &&
               fread(f, sizeof *f, 1, in) == 1;
    if (in) fclose(in);
    if (!got || f->magic != magic)
        return err_set(e, ERR_DATA, "'%s' is no index of llmctl dedup --save-index", path);
    if (f->version != VERSION)
        return err_set(e, ERR_DATA, "'%s' is an index of version %llu, which is not supported yet",
                       path, (unsigned long long)f->version);
    uint64_t end = (uint64_t)size - sizeof *f;
    bool fine = f->hash == hash64(f, sizeof *f - 8) && f->ids_at <= end && f->keys_at <= end &&
                f->n_ids <= (end - f->ids_at) / 32 && f->n_keys <= (end - f->keys_at) / 16 &&
                f->names_end <= end && f->sets_end <= end;
    return fine ? 0 : err_set(e, ERR_DATA, "'%s' is damaged", path);
}

/* Reads it all once: a damaged index would remove the wrong documents. */
static int check_content(const char *path, const struct dindex_foot *f, struct err *e)
{
    enum { PART = 1 << 20 };
    uint64_t left = (uint64_t)file_size(path, e) - sizeof *f;
    struct hash_stream *hash = hash_stream_new();
    char *part = mem_alloc(PART, 1);
    FILE *in = fopen(path, "rb");
    bool fine = hash && part && in;
    while (fine && left) {
        size_t n = left < PART ? (size_t)left : PART;
        fine = fread(part, 1, n, in) == n;
        if (fine) hash_stream_add(hash, part, n);
        left -= n;
    }
    fine = fine && hash_stream_64(hash) == f->content;
    if (in) fclose(in);
    free(part);
    if (hash) hash_stream_free(hash);
    return fine ? 0 : err_set(e, ERR_DATA, "'%s' is damaged", path);
}

/* The index must have been made as it is used. */
static int fits(const struct dindex *x, const struct dedup_cfg *c, struct err *e)
{
    const struct dindex_foot *f = &x->f;
    static const char *const exact[] = {"none", "text", "norm"};
    if (c->exact != DEDUP_NONE && f->exact != (uint64_t)c->exact)
        return err_set(e, ERR_CONFIG, "'%s' was made with --exact %s", x->path,
                       f->exact < COUNT_OF(exact) ? exact[f->exact] : "?");
    if (c->near && !f->near)
        return err_set(e, ERR_CONFIG, "'%s' was made without --near", x->path);
    if (c->near && (f->width != (uint64_t)c->width || f->bands != (uint64_t)c->bands ||
                    f->rows != (uint64_t)c->rows))
        return err_set(e, ERR_CONFIG, "'%s' was made with --minhash %llux%llux%llu", x->path,
                       (unsigned long long)f->width, (unsigned long long)f->bands,
                       (unsigned long long)f->rows);
    return 0;
}

struct dindex *dindex_open(const struct dedup_cfg *cfg, struct err *e)
{
    struct dindex *x = mem_zalloc(1, sizeof *x);
    if (!x) {
        err_oom(e, sizeof *x, "an index");
        return NULL;
    }
    if (!(x->path = mem_strdup(cfg->against)))
        err_oom(e, strlen(cfg->against), "a path");
    else if (!read_foot(x->path, &x->f, e) && !check_content(x->path, &x->f, e) && !fits(x, cfg, e) &&
             !dblobs_open(&x->names, x->path, x->f.names_end, e) &&
             (!x->f.near || !dblobs_open(&x->sets, x->path, x->f.sets_end, e)))
        return x;
    dindex_free(x);
    return NULL;
}

void dindex_free(struct dindex *x)
{
    if (!x) return;
    dblobs_free(&x->names);
    dblobs_free(&x->sets);
    free(x->path);
    free(x);
}

uint64_t dindex_docs(const struct dindex *x)
{
    return x ? x->f.docs : 0;
}

int dindex_read(const struct dindex *x, enum dkind k, uint64_t lo, uint64_t hi, struct dmerge *m,
                struct err *e)
{
    if (k == D_ID) return dmerge_add_file(m, x->path, x->f.ids_at, x->f.n_ids, 4, lo, hi, e);
    return dmerge_add_file(m, x->path, x->f.keys_at, x->f.n_keys, 2, lo, hi, e);
}

int dindex_get(const struct dindex *x, enum dblob_kind k, uint64_t doc, struct buf *scratch,
               const void **p, size_t *n, struct err *e)
{
    int got = dblobs_get(k == B_NAMES ? &x->names : &x->sets, doc, scratch, p, n, e);
    return got ? got : err_set(e, ERR_DATA, "'%s' is damaged: document %llu is missing", x->path,
                               (unsigned long long)doc);
}

/* ---- writing ---- */

struct saving {
    struct dedup *d;
    struct dsort ids, keys;
    struct dblobs names, sets;
    struct dindex_foot f;
    struct hash_stream *hash;
};

static int step(struct dmerge *m, const uint64_t **r, struct err *e)
{
    int got = dmerge_next(m, r, e);
    if (!got) *r = NULL;
    return got < 0 ? -1 : 0;
}

static int add_keys(struct saving *s, const uint64_t *keys, struct err *e)
{
    int bands = s->d->cfg->bands;
    bool words = false;
    for (int b = 0; b < bands; b++)
        words |= keys[b] != 0;
    for (int b = 0; b < bands && words; b++) {
        uint64_t rec[2] = {keys[b], s->f.docs};
        if (dsort_add(&s->keys, rec, 1, e)) return -1;
    }
    return 0;
}

/* Numbers what stays; its documents go to D_WANT for the passes that follow. */
static int number_kept(struct saving *s, struct dmerge *sigs, struct dmerge *fates, struct err *e)
{
    const uint64_t *r, *f;
    if (step(sigs, &r, e) || step(fates, &f, e)) return -1;
    while (r) {
        while (f && f[0] < r[0])
            if (step(fates, &f, e)) return -1;
        if (!f || f[0] != r[0]) {
            uint64_t id[4] = {r[1], r[2], 0, s->f.docs};
            if (dsort_add(&s->ids, id, 1, e) || (s->d->cfg->near && add_keys(s, r + 3, e)) ||
                dsort_add(&s->d->store.sort[D_WANT], r, 1, e))
                return -1;
            s->f.docs++;
        }
        if (step(sigs, &r, e)) return -1;
    }
    return 0;
}

static int copy_old(struct saving *s, struct err *e)
{
    const struct dindex *x = s->d->old;
    static const enum dkind kinds[] = {D_ID, D_KEY};
    struct dsort *to[] = {&s->ids, &s->keys};
    for (int k = 0; k < 2; k++) {
        struct dmerge m = {0};
        const uint64_t *r;
        int got = dindex_read(x, kinds[k], 0, UINT64_MAX, &m, e);
        while (!got && (got = dmerge_next(&m, &r, e)) > 0)
            got = dsort_add(to[k], r, 1, e);
        dmerge_free(&m);
        if (got) return -1;
    }
    struct buf scratch = {0};
    int got = 1;
    for (uint64_t i = 0; i < x->f.docs && got > 0; i++) {
        const void *p;
        size_t n;
        got = dindex_get(x, B_NAMES, i, &scratch, &p, &n, e);
        if (got > 0 && dblobs_add(&s->names, i, p, n, e)) got = -1;
        if (got > 0 && s->f.near) got = dindex_get(x, B_SETS, i, &scratch, &p, &n, e);
        if (got > 0 && s->f.near && dblobs_add(&s->sets, i, p, n, e)) got = -1;
    }
    buf_free(&scratch);
    return got > 0 ? 0 : -1;
}

/* Like dblobs_take, with running numbers. */
static int take(struct dblobs *to, const struct buf *from, struct err *e)
{
    for (size_t at = 0; at < from->len;) {
        uint64_t head[2];
        memcpy(head, from->data + at, sizeof head);
        at += sizeof head;
        if (dblobs_add(to, dblobs_count(to), from->data + at, (size_t)head[1], e)) return -1;
        at += (size_t)head[1];
    }
    return 0;
}

static int names_done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct dedup *d = arg;
    (void)thread;
    return take(&d->saving->names, &s->out[0], e);
}

static int sets_done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct dedup *d = arg;
    (void)thread;
    return take(&d->saving->sets, &s->out[0], e);
}

static int write_records(struct saving *s, struct file_writer *w, struct dsort *from, uint64_t *at,
                         uint64_t *n, struct err *e)
{
    struct pool *pool = s->d->cfg->pool;
    struct dmerge m = {0};
    const uint64_t *r;
    *at = file_offset(w);
    *n = 0;
    int got = dsort_finish(from, pool, e) || dmerge_add_sort(&m, from, 0, UINT64_MAX, e) ? -1 : 0;
    while (!got && (got = dmerge_next(&m, &r, e)) > 0) {
        ++*n;
        hash_stream_add(s->hash, r, (size_t)from->words * 8);
        got = file_write(w, r, (size_t)from->words * 8, e);
    }
    dmerge_free(&m);
    return got;
}

static int write_file(struct saving *s, struct err *e)
{
    struct dindex_foot *f = &s->f;
    struct file_writer *w = file_create(s->d->cfg->save_index, 0, e);
    if (!w) return -1;
    int ret = write_records(s, w, &s->ids, &f->ids_at, &f->n_ids, e) ||
                      write_records(s, w, &s->keys, &f->keys_at, &f->n_keys, e)
                  ? -1
                  : 0;
    if (!ret) ret = dblobs_finish(&s->names, e) || dblobs_write(&s->names, w, s->hash, e) ? -1 : 0;
    f->names_end = file_offset(w);
    if (!ret) ret = dblobs_finish(&s->sets, e) || dblobs_write(&s->sets, w, s->hash, e) ? -1 : 0;
    f->sets_end = file_offset(w);
    f->content = hash_stream_64(s->hash);
    f->hash = hash64(f, sizeof *f - 8);
    if (!ret) ret = file_write(w, f, sizeof *f, e);
    if (!ret) return file_commit(w, e);
    file_abort(w);
    return -1;
}

static int collect(struct saving *s, struct err *e)
{
    struct dedup *d = s->d;
    struct dmerge sigs = {0}, fates = {0};
    if (d->old && copy_old(s, e)) return -1;
    s->f.docs = dindex_docs(d->old);
    dstore_new(&d->store, D_WANT);
    int ret = dstore_read(&d->store, D_SIG, 0, UINT64_MAX, &sigs, e) ||
                      dstore_read(&d->store, D_FATE, 0, UINT64_MAX, &fates, e)
                  ? -1
                  : number_kept(s, &sigs, &fates, e);
    dmerge_free(&sigs);
    dmerge_free(&fates);
    if (!ret) ret = dstore_put(&d->store, D_WANT, d->cfg->pool, e);
    dstore_drop(&d->store, D_SIG);
    if (!ret) ret = dedup_pass_chosen(d, "ids of the index", D_WANT, dedup_name_doc, names_done, e);
    if (!ret && d->cfg->near)
        ret = dedup_pass_chosen(d, "sets of the index", D_WANT, dedup_set_doc, sets_done, e);
    dstore_drop(&d->store, D_WANT);
    return ret;
}

int dindex_save(struct dedup *d, struct err *e)
{
    const struct dedup_cfg *c = d->cfg;
    struct saving s = {.d = d};
    s.f = (struct dindex_foot){.magic = magic,
                               .version = VERSION,
                               .exact = (uint64_t)c->exact,
                               .near = c->near,
                               .width = (uint64_t)c->width,
                               .bands = (uint64_t)c->bands,
                               .rows = (uint64_t)c->rows};
    dsort_init(&s.ids, 4, d->store.mem, d->store.dir);
    dsort_init(&s.keys, 2, d->store.mem, d->store.dir);
    dblobs_init(&s.names, d->store.mem, d->store.dir);
    dblobs_init(&s.sets, d->store.mem, d->store.dir);
    d->saving = &s;
    s.hash = hash_stream_new();
    int ret = s.hash ? collect(&s, e) : err_oom(e, 1 << 10, "a hash");
    if (!ret) ret = write_file(&s, e);
    hash_stream_free(s.hash);
    d->saving = NULL;
    dsort_free(&s.ids);
    dsort_free(&s.keys);
    dblobs_free(&s.names);
    dblobs_free(&s.sets);
    return ret;
}
