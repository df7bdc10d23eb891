/* Reading chunks of .llmz, in parallel, each verified before it is used. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sig.h"
#include "core/ckpt/llmz_reader.h"
#include "core/ckpt/planes.h"

int llmz_reader_coders(struct llmz *z, int n, struct err *e)
{
    if (n <= z->n_coders) return 0;
    struct llmz_coder **c = mem_resize(z->coder, (size_t)n, sizeof *c);
    if (!c) return err_oom(e, (unsigned long long)n * sizeof *c, "checkpoint coders");
    z->coder = c;
    for (; z->n_coders < n; z->n_coders++)
        if (!(z->coder[z->n_coders] = llmz_coder_new(e))) return -1;
    return 0;
}

static struct llmz_record get_record(const struct llmz *z, uint32_t i)
{
    struct llmz_record r;
    llmz_record_get(z->records + (size_t)i * LLMZ_RECORD, &r); /* llmz_open() checked it */
    return r;
}

static uint32_t n_chunks(const struct llmz_tensor *t)
{
    return (uint32_t)(((uint64_t)t->n + LLMZ_CHUNK - 1) / LLMZ_CHUNK);
}

static size_t chunk_elements(const struct llmz_tensor *t, uint32_t chunk)
{
    size_t left = (size_t)t->n - (size_t)chunk * LLMZ_CHUNK;
    return left < LLMZ_CHUNK ? left : LLMZ_CHUNK;
}

static int read_plane(const struct llmz *z, struct llmz_coder *c, const struct llmz_tensor *t,
                      const struct llmz_record *r, uint8_t *dst, struct err *e)
{
    if (r->codec == LLMZ_CONST) {
        memset(dst, (int)r->value, r->rsize);
        return 0;
    }
    struct llmz_record at = *r;
    if (r->codec == LLMZ_REF) at = get_record(z, r->value);
    const uint8_t *frame = z->data + at.offset;
    const char *why = NULL;
    if (hash64(frame, at.csize) != at.hash_stored) why = "hash mismatch";
    else why = llmz_decode_frame(c, frame, at.csize, dst, r->rsize);
    /* The first hash has covered the bytes of a plane that is only stored. */
    if (!why && at.codec != LLMZ_RAW && hash64(dst, r->rsize) != r->hash_raw)
        why = "hash mismatch after decoding";
    if (!why) return 0;
    return err_set(e, ERR_DATA, "'%s': tensor '%s' is damaged: chunk %u, plane %u at offset %llu: %s",
                   z->path, t->name, r->chunk, r->plane, (unsigned long long)at.offset, why);
}

/* One whole chunk into dst. */
static int read_chunk(const struct llmz *z, struct llmz_coder *c, int tensor, uint32_t chunk,
                      uint8_t *dst, struct err *e)
{
    const struct llmz_tensor *t = &z->t[tensor];
    uint32_t first = z->first_record[tensor];
    struct llmz_record r = get_record(z, first);
    first += chunk * r.n_planes;
    r = get_record(z, first);
    if (r.n_planes == 1) return read_plane(z, c, t, &r, dst, e);
    size_t n = r.rsize;
    uint8_t *planes = llmz_coder_scratch(c), n_planes = r.n_planes;
    for (uint8_t k = 0; k < n_planes; k++) {
        r = get_record(z, first + k);
        if (read_plane(z, c, t, &r, planes + k * n, e)) return -1;
    }
    planes_join(dst, planes, n, n_planes, r.transform == LLMZ_ROTATE);
    return 0;
}

/* ---- a range of elements ---- */

struct read_job {
    const struct llmz *z;
    int tensor;
    uint32_t first_chunk;
    size_t begin, end, size;    /* elements of the tensor that are wanted; bytes of one */
    uint8_t *dst, *edge[2];     /* whole chunks of which only a part is wanted */
    pthread_mutex_t lock;
    uint32_t bad_chunk;         /* lowest, so that the message does not depend on threads */
    struct err bad;
};

static void read_slice(void *arg, int slice, int thread)
{
    struct read_job *j = arg;
    uint32_t chunk = j->first_chunk + (uint32_t)slice;
    size_t from = (size_t)chunk * LLMZ_CHUNK, n = chunk_elements(&j->z->t[j->tensor], chunk);
    size_t lo = from < j->begin ? j->begin : from, hi = from + n < j->end ? from + n : j->end;
    bool whole = hi - lo == n;
    uint8_t *dst = j->dst + (lo - j->begin) * j->size;
    uint8_t *to = whole ? dst : j->edge[slice ? 1 : 0];
    struct err e = {0};
    if (read_chunk(j->z, j->z->coder[thread], j->tensor, chunk, to, &e)) {
        pthread_mutex_lock(&j->lock);
        if (chunk < j->bad_chunk) {
            j->bad_chunk = chunk;
            j->bad = e;
        }
        pthread_mutex_unlock(&j->lock);
    } else if (!whole) {
        memcpy(dst, to + (lo - from) * j->size, (hi - lo) * j->size);
    }
}

static int prepare(struct llmz *z, size_t n, size_t size, struct pool *pool, struct err *e)
{
    if (llmz_reader_coders(z, pool_threads(pool), e)) return -1;
    for (int i = 0; i < pool_threads(pool); i++)
        if (llmz_coder_reserve(z->coder[i], n, size, e)) return -1;
    return 0;
}

int llmz_read_range(struct llmz *z, int i, int64_t first, int64_t count, void *dst,
                    struct pool *pool, struct err *e)
{
    const struct llmz_tensor *t = &z->t[i];
    size_t size = dtype_size(t->dtype);
    if (first < 0 || count < 0 || first > t->n || count > t->n - first)
        return err_set(e, ERR_INTERNAL, "'%s': elements %lld + %lld are outside tensor '%s'", z->path,
                       (long long)first, (long long)count, t->name);
    if (count == 0) return 0;
    if (prepare(z, chunk_elements(t, 0), size, pool, e)) return -1;
    struct read_job j = {.z = z, .tensor = i, .begin = (size_t)first, .end = (size_t)(first + count),
                         .size = size, .dst = dst, .bad_chunk = UINT32_MAX,
                         .lock = PTHREAD_MUTEX_INITIALIZER};
    j.first_chunk = (uint32_t)(j.begin / LLMZ_CHUNK);
    uint32_t last = (uint32_t)((j.end - 1) / LLMZ_CHUNK);
    int ret = -1;
    bool cut[2] = {j.begin % LLMZ_CHUNK || (last == j.first_chunk && count != t->n),
                   last != j.first_chunk && j.end % LLMZ_CHUNK && j.end != (size_t)t->n};
    for (int k = 0; k < 2; k++)
        if (cut[k] && !(j.edge[k] = mem_alloc_aligned(LLMZ_CHUNK * size))) {
            err_oom(e, LLMZ_CHUNK * size, "a chunk");
            goto out;
        }
    pool_run(pool, (int)(last - j.first_chunk + 1), read_slice, &j);
    if (j.bad_chunk != UINT32_MAX) *e = j.bad;
    else ret = 0;
out:
    mem_free_aligned(j.edge[0]);
    mem_free_aligned(j.edge[1]);
    pthread_mutex_destroy(&j.lock);
    return ret;
}

int llmz_read(struct llmz *z, int i, void *dst, struct pool *pool, struct err *e)
{
    return llmz_read_range(z, i, 0, z->t[i].n, dst, pool, e);
}

/* ---- verification ---- */

/* Chunks are decoded a group at a time while slice 0 hashes the group before. */
struct group {
    uint8_t *mem;
    size_t stride;      /* bytes of the largest chunk of the file */
    uint32_t first;
    int n;
    struct err *err;    /* of each chunk; code 0 = good */
};

struct verify_job {
    const struct llmz *z;
    int tensor;
    struct hash_stream *hash;
    struct group *now, *before;
};

static void verify_slice(void *arg, int slice, int thread)
{
    struct verify_job *j = arg;
    const struct llmz_tensor *t = &j->z->t[j->tensor];
    size_t size = dtype_size(t->dtype);
    if (slice == 0) {
        for (int k = 0; k < j->before->n; k++)
            hash_stream_add(j->hash, j->before->mem + (size_t)k * j->before->stride,
                            chunk_elements(t, j->before->first + (uint32_t)k) * size);
        return;
    }
    int k = slice - 1;
    j->now->err[k].code = ERR_NONE;
    read_chunk(j->z, j->z->coder[thread], j->tensor, j->now->first + (uint32_t)k,
               j->now->mem + (size_t)k * j->now->stride, &j->now->err[k]);
}

struct report {
    llmz_bad *bad;
    void *arg;
    struct err *e;
    bool any;
};

static void report_bad(struct report *r, const struct llmz_tensor *t, const struct err *what)
{
    if (!r->any) *r->e = *what;
    r->any = true;
    if (r->bad) r->bad(r->arg, t, what->msg);
}

static int verify_tensor(struct llmz *z, int i, struct group g[2], int n_slots, struct pool *pool,
                         struct report *rep, struct err *e)
{
    const struct llmz_tensor *t = &z->t[i];
    struct verify_job j = {z, i, hash_stream_new(), &g[0], &g[1]};
    if (!j.hash) return err_oom(e, 0, "a hash");
    uint32_t chunks = n_chunks(t);
    bool bad = false;
    j.now->n = j.before->n = 0;
    for (uint32_t c = 0; !(bad && !rep->bad) && (c < chunks || j.before->n); ) {
        j.now->first = c;
        j.now->n = (int)(chunks - c < (uint32_t)n_slots ? chunks - c : (uint32_t)n_slots);
        pool_run(pool, j.now->n + 1, verify_slice, &j);
        for (int k = 0; k < j.now->n; k++)
            if (j.now->err[k].code) {
                bad = true;
                report_bad(rep, t, &j.now->err[k]);
                if (!rep->bad) break;
            }
        c += (uint32_t)j.now->n;
        struct group *swap = j.now;
        j.now = j.before;
        j.before = swap;
    }
    if (!bad && !hash128_eq(hash_stream_128(j.hash), t->hash)) {
        struct err why = {0};
        err_set(&why, ERR_DATA, "'%s': tensor '%s' (offset %llu): its chunks are sound but its hash differs",
                z->path, t->name,
                (unsigned long long)(chunks ? get_record(z, z->first_record[i]).offset : 0));
        report_bad(rep, t, &why);
    }
    hash_stream_free(j.hash);
    return 0;
}

int llmz_verify_all(struct llmz *z, struct pool *pool, llmz_bad *bad, void *arg, struct err *e)
{
    int ret = -1;
    struct group g[2] = {{0}};
    struct report rep = {bad, arg, e, false};
    size_t stride = 1;
    for (int i = 0; i < z->n; i++) {
        size_t bytes = z->t[i].n ? chunk_elements(&z->t[i], 0) * dtype_size(z->t[i].dtype) : 0;
        if (bytes > stride) stride = bytes;
    }
    int n_slots = 2 * pool_threads(pool);
    if (prepare(z, 1, stride, pool, e)) return -1;
    for (int k = 0; k < 2; k++) {
        g[k].stride = stride;
        g[k].mem = mem_alloc_aligned((size_t)n_slots * stride);
        g[k].err = mem_zalloc((size_t)n_slots, sizeof *g[k].err);
        if (!g[k].mem || !g[k].err) {
            err_oom(e, (size_t)n_slots * stride, "chunks to verify");
            goto out;
        }
    }
    for (int i = 0; i < z->n && !(rep.any && !bad); i++)
        if (sig_check(e) || verify_tensor(z, i, g, n_slots, pool, &rep, e)) goto out;
    ret = rep.any ? -1 : 0;
out:
    for (int k = 0; k < 2; k++) {
        mem_free_aligned(g[k].mem);
        free(g[k].err);
    }
    return ret;
}

int llmz_verify(struct llmz *z, struct pool *pool, struct err *e)
{
    return llmz_verify_all(z, pool, NULL, NULL, e);
}
