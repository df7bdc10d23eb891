#include "data/dedup_index.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "data/dedup_internal.h"


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
    if (!got || f->magic != DINDEX_MAGIC)
        return err_set(e, ERR_DATA, "'%s' is no index of llmctl dedup --save-index", path);
    if (f->version != DINDEX_VERSION)
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
