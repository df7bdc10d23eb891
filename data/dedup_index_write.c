/* --save-index, in two phases: each shard collects what stays of its part, the
 * first one joins them.  Documents are counted from 0: those of the old index,
 * then those of each shard; until the shards are joined, a document's number is
 * its shard and its place there, which sorts alike. */
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "data/dedup_index.h"
#include "data/dedup_internal.h"

enum { PLACE_BITS = 44 };

static int step(struct dmerge *m, const uint64_t **r, struct err *e)
{
    int got = dmerge_next(m, r, e);
    if (!got) *r = NULL;
    return got < 0 ? -1 : 0;
}

static int add_keys(struct dedup *d, const uint64_t *keys, uint64_t doc, struct err *e)
{
    bool words = false;
    for (int b = 0; b < d->cfg->bands; b++)
        words |= keys[b] != 0;
    for (int b = 0; b < d->cfg->bands && words; b++) {
        uint64_t rec[2] = {keys[b], doc};
        if (dsort_add(&d->store.sort[D_NEW_KEY], rec, 1, e)) return -1;
    }
    return 0;
}

/* Numbers what stays; its documents go to D_STAY for the passes that follow. */
static int number_kept(struct dedup *d, struct dmerge *sigs, struct dmerge *fates, struct err *e)
{
    const uint64_t *r, *f;
    uint64_t number = DOC_NEW | (uint64_t)d->cfg->shard << PLACE_BITS;
    if (step(sigs, &r, e) || step(fates, &f, e)) return -1;
    while (r) {
        while (f && f[0] < r[0])
            if (step(fates, &f, e)) return -1;
        if (!f || f[0] != r[0]) {
            uint64_t id[4] = {r[1], r[2], 0, number};
            if (dsort_add(&d->store.sort[D_NEW_ID], id, 1, e) ||
                (d->cfg->near && add_keys(d, r + 3, number, e)) ||
                dsort_add(&d->store.sort[D_STAY], r, 1, e))
                return -1;
            number++;
        }
        if (step(sigs, &r, e)) return -1;
    }
    return 0;
}

static int names_done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct dedup *d = arg;
    (void)thread;
    return dblobs_take(&d->store.blobs[B_NEW_NAMES], &s->out[0], e);
}

static int sets_done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct dedup *d = arg;
    (void)thread;
    return dblobs_take(&d->store.blobs[B_NEW_SETS], &s->out[0], e);
}

int dindex_collect(struct dedup *d, struct err *e)
{
    struct dstore *st = &d->store;
    struct pool *pool = d->cfg->pool;
    struct dmerge sigs = {0}, fates = {0};
    dstore_new(st, D_NEW_ID);
    dstore_new(st, D_NEW_KEY);
    dstore_new(st, D_STAY);
    dstore_new_blobs(st, B_NEW_NAMES);
    dstore_new_blobs(st, B_NEW_SETS);
    int ret = dstore_read(st, D_SIG, d->lo, d->hi, &sigs, e) ||
                      dstore_read(st, D_FATE, d->lo, d->hi, &fates, e)
                  ? -1
                  : number_kept(d, &sigs, &fates, e);
    dmerge_free(&sigs);
    dmerge_free(&fates);
    dstore_drop(st, D_SIG);
    if (!ret) ret = dstore_put(st, D_STAY, pool, e);
    if (!ret) ret = dedup_pass_chosen(d, "ids of the index", D_STAY, dedup_name_doc, names_done, e);
    if (!ret && d->cfg->near)
        ret = dedup_pass_chosen(d, "sets of the index", D_STAY, dedup_set_doc, sets_done, e);
    dstore_drop(st, D_STAY);
    return ret || dstore_put(st, D_NEW_ID, pool, e) || dstore_put(st, D_NEW_KEY, pool, e) ||
                   dstore_put_blobs(st, B_NEW_NAMES, e) || dstore_put_blobs(st, B_NEW_SETS, e)
               ? -1
               : 0;
}

/* ---- joining ---- */

struct joining {
    struct dedup *d;
    uint64_t *first; /* of each shard: its first document's number */
    struct dindex_foot f;
    struct hash_stream *hash;
};

static int write_records(struct joining *j, struct file_writer *w, enum dkind from, enum dkind old, int words,
                         uint64_t *n, struct err *e)
{
    struct dmerge m = {0};
    const uint64_t *r;
    int got = dstore_read(&j->d->store, from, 0, UINT64_MAX, &m, e);
    if (!got && j->d->old) got = dindex_read(j->d->old, old, 0, UINT64_MAX, &m, e);
    while (!got && (got = dmerge_next(&m, &r, e)) > 0) {
        uint64_t rec[4] = {0}, doc = r[words - 1];
        memcpy(rec, r, (size_t)words * 8);
        if (doc & DOC_NEW)
            rec[words - 1] = j->first[(doc & ~DOC_NEW) >> PLACE_BITS] + (doc & (((uint64_t)1 << PLACE_BITS) - 1));
        ++*n;
        hash_stream_add(j->hash, rec, (size_t)words * 8);
        got = file_write(w, rec, (size_t)words * 8, e);
    }
    dmerge_free(&m);
    return got;
}

/* The old index's, then those of the shards. */
static int write_blobs(struct joining *j, struct file_writer *w, enum dblob_kind from, enum dblob_kind old,
                       struct err *e)
{
    struct dedup *d = j->d;
    struct dblobs all;
    struct buf scratch = {0};
    const void *p;
    size_t n;
    int got = 1;
    dblobs_init(&all, d->store.mem, d->store.dir);
    bool none = from == B_NEW_SETS && !j->f.near;
    for (uint64_t i = 0; i < dindex_docs(d->old) && got > 0 && !none; i++) {
        got = dindex_get(d->old, old, i, &scratch, &p, &n, e);
        if (got > 0 && dblobs_add(&all, i, p, n, e)) got = -1;
    }
    for (int s = 0; s < d->cfg->shards && !none; s++) {
        const struct dblobs *b = dstore_blobs(&d->store, from, s);
        for (uint64_t i = 0; i < dblobs_count(b) && got > 0; i++) {
            got = dblobs_at(b, i, &scratch, &p, &n, e);
            if (got > 0 && dblobs_add(&all, dblobs_count(&all), p, n, e)) got = -1;
        }
    }
    buf_free(&scratch);
    int ret = got < 0 || dblobs_finish(&all, e) || dblobs_write(&all, w, j->hash, e) ? -1 : 0;
    dblobs_free(&all);
    return ret;
}

static int write_file(struct joining *j, struct err *e)
{
    struct dindex_foot *f = &j->f;
    struct file_writer *w = file_create(j->d->cfg->save_index, 0, e);
    if (!w) return -1;
    f->ids_at = file_offset(w);
    int ret = write_records(j, w, D_NEW_ID, D_ID, 4, &f->n_ids, e);
    f->keys_at = file_offset(w);
    if (!ret) ret = write_records(j, w, D_NEW_KEY, D_KEY, 2, &f->n_keys, e);
    if (!ret) ret = write_blobs(j, w, B_NEW_NAMES, B_NAMES, e);
    f->names_end = file_offset(w);
    if (!ret) ret = write_blobs(j, w, B_NEW_SETS, B_SETS, e);
    f->sets_end = file_offset(w);
    f->content = hash_stream_64(j->hash);
    f->hash = hash64(f, sizeof *f - 8);
    if (!ret) ret = file_write(w, f, sizeof *f, e);
    if (!ret) return file_commit(w, e);
    file_abort(w);
    return -1;
}

int dindex_join(struct dedup *d, struct err *e)
{
    const struct dedup_cfg *c = d->cfg;
    struct joining j = {.d = d};
    if (c->shard) return 0;
    j.f = (struct dindex_foot){.magic = DINDEX_MAGIC,
                               .version = DINDEX_VERSION,
                               .exact = (uint64_t)c->exact,
                               .near = c->near,
                               .width = (uint64_t)c->width,
                               .bands = (uint64_t)c->bands,
                               .rows = (uint64_t)c->rows,
                               .docs = dindex_docs(d->old)};
    j.hash = hash_stream_new();
    j.first = mem_alloc((size_t)c->shards, sizeof *j.first);
    int ret = j.hash && j.first ? 0 : err_oom(e, (size_t)c->shards * 8, "an index");
    if (!ret) ret = dstore_open_blobs(&d->store, B_NEW_NAMES, e) || dstore_open_blobs(&d->store, B_NEW_SETS, e) ? -1 : 0;
    for (int s = 0; s < c->shards && !ret; s++) {
        j.first[s] = j.f.docs;
        j.f.docs += dblobs_count(dstore_blobs(&d->store, B_NEW_NAMES, s));
    }
    if (!ret) ret = write_file(&j, e);
    if (j.hash) hash_stream_free(j.hash);
    free(j.first);
    return ret;
}
