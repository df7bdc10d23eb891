#include "data/dedup_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/mem.h"

static const struct {
    const char *name;
    int words;
    bool unique;
} kinds[D_KINDS] = {
    [D_ID] = {"ids", 4, false},     [D_SIG] = {"signatures", 3, false},
    [D_GONE] = {"gone", 2, false},  [D_KEY] = {"keys", 2, false},
    [D_PAIR] = {"pairs", 2, true},  [D_WANT] = {"wanted", 1, true},
    [D_EDGE] = {"edges", 4, false}, [D_FATE] = {"fates", 3, false},
    [D_NAME] = {"named", 1, true},  [D_GROUP] = {"groups", 4, false},
    [D_STAY] = {"staying", 1, true}, [D_NEW_ID] = {"index-ids", 4, false},
    [D_NEW_KEY] = {"index-keys", 2, false}, [D_PICK] = {"picked", 4, false},
    [D_SHOW] = {"shown", 1, true},  [D_BLOCK] = {"blocks", 6, false},
};
static const char *const blob_names[B_KINDS] = {"sets", "names", "index-names", "index-sets", "sources",
                                                 "texts"};

enum { COLLECTIONS = 6 }; /* in memory at the same time, at most */

static const uint64_t magic = 0x31646572646c6cu; /* "lldred1" */
struct head {
    uint64_t magic, words, count, hash; /* XXH3 of what precedes */
};

/* A file in the shard's directory; caller frees; NULL when out of memory. */
static char *path_in(const struct dstore *s, int shard, const char *name)
{
    struct buf b = {0};
    buf_printf(&b, "%s/shard-%05d/%s", s->dir, shard, name);
    return buf_steal(&b);
}

char *dstore_file(const struct dstore *s, int by, const char *what, int shard, struct err *e)
{
    char name[64];
    snprintf(name, sizeof name, "%s-%05d", what, shard);
    char *path = path_in(s, by, name);
    if (!path) err_oom(e, strlen(s->dir), "a path");
    return path;
}

int dstore_damaged(const char *path, struct err *e)
{
    err_set(e, ERR_DATA, "'%s' is damaged", path);
    return err_hint(e, "remove the work directory and run again");
}

/* DIR/run.json holds what the directory is for. */
static int check_print(const struct dstore *s, const char *print, struct err *e)
{
    char *path = path_join(s->dir, "run.json");
    struct buf old = {0};
    int ret = -1;
    if (!path) return err_oom(e, strlen(s->dir), "a path");
    if (!file_exists(path) && file_write_all(path, print, strlen(print), e)) goto out;
    if (file_read_all(path, 64 << 20, &old, e)) goto out;
    if (old.len != strlen(print) || memcmp(old.data, print, old.len) != 0) {
        err_set(e, ERR_CONFIG, "'%s' holds work on other inputs or with other options", s->dir);
        err_hint(e, "its run.json tells which; give the same again, or another --workdir");
        goto out;
    }
    ret = 0;
out:
    buf_free(&old);
    free(path);
    return ret;
}

int dstore_open(struct dstore *s, const struct dedup_cfg *cfg, const char *print, struct err *e)
{
    *s = (struct dstore){.dir = cfg->workdir, .shard = cfg->shard, .shards = cfg->shards,
                         .mem = cfg->mem / COLLECTIONS};
    if (!s->dir) return 0;
    char *own = path_in(s, s->shard, "");
    int ret = own ? 0 : err_oom(e, strlen(s->dir), "a path");
    if (!ret) ret = dir_make(own, e);
    if (!ret) ret = check_print(s, print, e);
    if (!ret && !(s->lock = run_lock(own, e))) ret = -1;
    free(own);
    return ret;
}

void dstore_close(struct dstore *s)
{
    for (int k = 0; k < D_KINDS; k++)
        dstore_drop(s, (enum dkind)k);
    for (int k = 0; k < B_KINDS; k++) {
        dblobs_free(&s->blobs[k]);
        for (int i = 0; i < s->shards && s->read[k]; i++)
            dblobs_free(&s->read[k][i]);
        free(s->read[k]);
    }
    run_unlock(s->lock);
}

struct dsort *dstore_new(struct dstore *s, enum dkind k)
{
    dsort_free(&s->sort[k]);
    dsort_init(&s->sort[k], kinds[k].words, s->mem, s->dir);
    s->sort[k].unique = kinds[k].unique;
    return &s->sort[k];
}

void dstore_drop(struct dstore *s, enum dkind k)
{
    dsort_free(&s->sort[k]);
}

static int save(const struct dstore *s, const struct dsort *from, const char *path, struct err *e)
{
    struct dmerge m = {0};
    struct head h = {magic, (uint64_t)from->words, 0, 0};
    const uint64_t *rec;
    int got = -1;
    struct buf part = {0};
    struct file_writer *w = file_create(path, 0, e);
    (void)s;
    if (w && !dmerge_add_sort(&m, from, 0, UINT64_MAX, e))
        while ((got = dmerge_next(&m, &rec, e)) > 0) {
            buf_add(&part, rec, (size_t)from->words * 8);
            h.count++;
            if (part.len < 1 << 20) continue;
            if (buf_ok(&part, e) || file_write(w, part.data, part.len, e)) break;
            buf_clear(&part);
        }
    h.hash = hash64(&h, 24);
    int ret = got == 0 && !buf_ok(&part, e) && !file_write(w, part.data, part.len, e) &&
                      !file_write(w, &h, sizeof h, e)
                  ? 0
                  : -1;
    buf_free(&part);
    dmerge_free(&m);
    if (!ret) return file_commit(w, e);
    file_abort(w);
    return -1;
}

int dstore_put(struct dstore *s, enum dkind k, struct pool *pool, struct err *e)
{
    if (dsort_finish(&s->sort[k], pool, e)) return -1;
    if (!s->dir) return 0;
    char *path = path_in(s, s->shard, kinds[k].name);
    int ret = path ? save(s, &s->sort[k], path, e) : err_oom(e, strlen(s->dir), "a path");
    free(path);
    dstore_drop(s, k);
    return ret;
}

static int add_file(struct dmerge *m, const char *path, uint64_t lo, uint64_t hi, struct err *e)
{
    struct head h;
    struct buf b = {0};
    int64_t size = file_size(path, e);
    if (size < 0) return -1;
    FILE *f = fopen(path, "rb");
    if (!f) return err_errno(e, errno, "cannot open", path);
    bool fine = size >= (int64_t)sizeof h && !fseeko(f, (off_t)(size - (int64_t)sizeof h), SEEK_SET) &&
                fread(&h, sizeof h, 1, f) == 1;
    fclose(f);
    buf_free(&b);
    fine = fine && h.magic == magic && h.hash == hash64(&h, 24) && h.words &&
           h.words <= DSORT_MAX_WORDS &&
           h.count == ((uint64_t)size - sizeof h) / (h.words * 8) &&
           ((uint64_t)size - sizeof h) % (h.words * 8) == 0;
    if (!fine) return dstore_damaged(path, e);
    return dmerge_add_file(m, path, 0, h.count, (int)h.words, lo, hi, e);
}

int dstore_read(const struct dstore *s, enum dkind k, uint64_t lo, uint64_t hi, struct dmerge *m,
                struct err *e)
{
    m->unique |= kinds[k].unique;
    if (!s->dir) return s->sort[k].words ? dmerge_add_sort(m, &s->sort[k], lo, hi, e) : 0;
    for (int i = 0; i < s->shards; i++) {
        char *path = path_in(s, i, kinds[k].name);
        int ret = !path               ? err_oom(e, strlen(s->dir), "a path")
                  : file_exists(path) ? add_file(m, path, lo, hi, e)
                                      : 0; /* a shard without such a phase */
        free(path);
        if (ret) return -1;
    }
    return 0;
}

struct dblobs *dstore_new_blobs(struct dstore *s, enum dblob_kind k)
{
    dblobs_free(&s->blobs[k]);
    dblobs_init(&s->blobs[k], s->mem, s->dir);
    return &s->blobs[k];
}

int dstore_put_blobs(struct dstore *s, enum dblob_kind k, struct err *e)
{
    if (dblobs_finish(&s->blobs[k], e)) return -1;
    if (!s->dir) return 0;
    char *path = path_in(s, s->shard, blob_names[k]);
    struct file_writer *w = path ? file_create(path, 0, e) : NULL;
    int ret = w ? dblobs_write(&s->blobs[k], w, NULL, e) : -1;
    if (!ret)
        ret = file_commit(w, e);
    else
        file_abort(w);
    if (!path) err_oom(e, strlen(s->dir), "a path");
    free(path);
    dblobs_free(&s->blobs[k]);
    return ret;
}

int dstore_open_blobs(struct dstore *s, enum dblob_kind k, struct err *e)
{
    if (!s->dir || s->read[k]) return 0;
    s->read[k] = mem_zalloc((size_t)s->shards, sizeof **s->read);
    if (!s->read[k]) return err_oom(e, (size_t)s->shards * sizeof **s->read, "data of documents");
    for (int i = 0; i < s->shards; i++) {
        char *path = path_in(s, i, blob_names[k]);
        int64_t size = path ? file_size(path, e) : err_oom(e, strlen(s->dir), "a path");
        int ret = size < 0 ? -1 : dblobs_open(&s->read[k][i], path, (uint64_t)size, e);
        free(path);
        if (ret) return -1;
    }
    return 0;
}

int dstore_get_blob(const struct dstore *s, enum dblob_kind k, int shard, uint64_t doc,
                    struct buf *scratch, const void **p, size_t *n, struct err *e)
{
    return dblobs_get(s->dir ? &s->read[k][shard] : &s->blobs[k], doc, scratch, p, n, e);
}

int dstore_marked(const struct dstore *s, const char *phase, int shard, struct dedup_stats *stats,
                  struct err *e)
{
    if (!s->dir) return 0;
    char *path = path_in(s, shard, phase);
    struct buf name = {0}, b = {0};
    buf_printf(&name, "%s.done", path ? path : "");
    free(path);
    int ret = !path || buf_ok(&name, e) ? -1 : 0;
    if (!ret && file_exists(name.data)) {
        ret = file_read_all(name.data, 1 << 20, &b, e) ? -1 : 1;
        if (ret == 1 && b.len != sizeof *stats)
            ret = err_set(e, ERR_DATA, "'%s' is damaged", name.data);
        if (ret == 1) memcpy(stats, b.data, sizeof *stats);
    }
    buf_free(&name);
    buf_free(&b);
    return ret;
}

int dstore_mark(const struct dstore *s, const char *phase, const struct dedup_stats *stats,
                struct err *e)
{
    if (!s->dir) return 0;
    char *path = path_in(s, s->shard, phase);
    struct buf name = {0};
    buf_printf(&name, "%s.done", path ? path : "");
    free(path);
    int ret = buf_ok(&name, e) ? -1 : file_write_all(name.data, stats, sizeof *stats, e);
    buf_free(&name);
    return ret;
}
