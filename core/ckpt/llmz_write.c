/* Writing .llmz: chunks are coded in parallel, group by group, and appended
 * in order, so the bytes do not depend on the number of threads. */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/ckpt/llmz.h"
#include "core/ckpt/llmz_internal.h"

/* A chunk already in the file, by content, for `ref` records. */
struct seen {
    struct hash128 hash;
    uint32_t bytes, record; /* bytes 0 = free slot; first record of the chunk */
    uint8_t n_planes;
};

struct wtensor {
    char *name;
    enum dtype dtype;
    int ndim;
    int64_t dim[4];
    struct hash128 hash;
};

struct llmz_writer {
    char *path;
    struct file_writer *f;
    struct pool *pool;
    struct llmz_coder **coder;  /* one a thread */
    int n_threads;
    struct llmz_coded *slot;    /* chunks in flight */
    int n_slots;
    struct buf records;
    uint32_t n_records;
    struct wtensor *t;
    int n_tensors;
    size_t cap_tensors;
    struct seen *seen;          /* open addressing, a power of two */
    size_t n_seen, cap_seen;
    bool failed;
};

void llmz_abort(struct llmz_writer *w)
{
    if (!w) return;
    file_abort(w->f);
    for (int i = 0; i < w->n_threads && w->coder; i++) llmz_coder_free(w->coder[i]);
    for (int i = 0; i < w->n_slots && w->slot; i++) llmz_coded_free(&w->slot[i]);
    for (int i = 0; i < w->n_tensors; i++) free(w->t[i].name);
    free(w->coder);
    free(w->slot);
    free(w->t);
    free(w->seen);
    buf_free(&w->records);
    free(w->path);
    free(w);
}

struct llmz_writer *llmz_create(const char *path, struct pool *pool, struct err *e)
{
    struct llmz_writer *w = mem_zalloc(1, sizeof *w);
    if (!w) {
        err_oom(e, sizeof *w, "a checkpoint writer");
        return NULL;
    }
    uint8_t preamble[LLMZ_PREAMBLE];
    llmz_preamble_put(preamble);
    w->pool = pool;
    w->n_threads = pool_threads(pool);
    w->n_slots = 2 * w->n_threads;
    w->path = mem_strdup(path);
    w->coder = mem_zalloc((size_t)w->n_threads, sizeof *w->coder);
    w->slot = mem_zalloc((size_t)w->n_slots, sizeof *w->slot);
    if (!w->path || !w->coder || !w->slot) {
        err_oom(e, sizeof *w, "a checkpoint writer");
        goto fail;
    }
    for (int i = 0; i < w->n_threads; i++)
        if (!(w->coder[i] = llmz_coder_new(e))) goto fail;
    w->f = file_create(path, 0, e);
    if (!w->f || file_write(w->f, preamble, sizeof preamble, e)) goto fail;
    return w;
fail:
    llmz_abort(w);
    return NULL;
}

size_t llmz_writer_bytes(int threads, size_t n, size_t size)
{
    size_t chunk = n < LLMZ_CHUNK ? n : LLMZ_CHUNK, chunks = (n + LLMZ_CHUNK - 1) / LLMZ_CHUNK, t = (size_t)threads;
    return t * (chunk * size + llmz_coder_bytes()) + (chunks < 2 * t ? chunks : 2 * t) * llmz_frame_bound(chunk) * size;
}

/* ---- equal chunks ---- */

static struct seen *seen_slot(const struct llmz_writer *w, struct hash128 h, uint32_t bytes,
                              uint8_t n_planes)
{
    size_t i = (size_t)h.lo & (w->cap_seen - 1);
    while (w->seen[i].bytes && !(hash128_eq(w->seen[i].hash, h) && w->seen[i].bytes == bytes &&
                                 w->seen[i].n_planes == n_planes))
        i = (i + 1) & (w->cap_seen - 1);
    return &w->seen[i];
}

static int seen_reserve(struct llmz_writer *w, struct err *e)
{
    if (2 * (w->n_seen + 1) <= w->cap_seen) return 0;
    size_t cap = w->cap_seen ? 2 * w->cap_seen : 256, old_cap = w->cap_seen;
    struct seen *old = w->seen, *table = mem_zalloc(cap, sizeof *table);
    if (!table) return err_oom(e, cap * sizeof *table, "the table of chunks");
    w->seen = table;
    w->cap_seen = cap;
    for (size_t i = 0; i < old_cap; i++)
        if (old[i].bytes) *seen_slot(w, old[i].hash, old[i].bytes, old[i].n_planes) = old[i];
    free(old);
    return 0;
}

/* ---- one group of chunks ---- */

struct job {
    struct llmz_writer *w;
    struct hash_stream *whole;  /* the tensor's hash takes slice 0 */
    const uint8_t *data;
    size_t n, size;             /* elements of the group, bytes of one */
};

static size_t chunk_elements(size_t n, size_t chunk)
{
    size_t left = n - chunk * LLMZ_CHUNK;
    return left < LLMZ_CHUNK ? left : LLMZ_CHUNK;
}

static void encode_slice(void *arg, int slice, int thread)
{
    struct job *j = arg;
    if (slice == 0) {
        hash_stream_add(j->whole, j->data, j->n * j->size);
        return;
    }
    size_t chunk = (size_t)slice - 1;
    llmz_encode(j->w->coder[thread], j->data + chunk * LLMZ_CHUNK * j->size,
                chunk_elements(j->n, chunk), j->size, &j->w->slot[chunk]);
}

static bool all_const(const struct llmz_coded *c)
{
    for (int k = 0; k < c->n_planes; k++)
        if (c->plane[k].codec != LLMZ_CONST) return false;
    return true;
}

/* Appends a coded chunk: its frames, or references to an equal chunk. */
static int append_chunk(struct llmz_writer *w, const struct llmz_coded *c, uint32_t chunk,
                        uint32_t bytes, struct err *e)
{
    const struct seen *same = NULL;
    uint8_t transform = (uint8_t)c->transform;
    if (!all_const(c)) { /* which takes no data of its own anyway */
        if (seen_reserve(w, e)) return -1;
        struct seen *s = seen_slot(w, c->hash, bytes, (uint8_t)c->n_planes);
        if (s->bytes) same = s;
        else *s = (struct seen){c->hash, bytes, w->n_records, (uint8_t)c->n_planes}, w->n_seen++;
    }
    for (int k = 0; k < c->n_planes; k++) {
        const struct llmz_plane *p = &c->plane[k];
        struct llmz_record r = {.tensor = (uint32_t)w->n_tensors, .chunk = chunk,
                                .plane = (uint8_t)k, .n_planes = (uint8_t)c->n_planes,
                                .codec = p->codec, .transform = transform, .rsize = p->rsize,
                                .csize = p->csize, .value = p->value,
                                .hash_stored = p->hash_stored, .hash_raw = p->hash_raw};
        if (same && p->codec != LLMZ_CONST) {
            r.codec = LLMZ_REF;
            r.value = same->record + (uint32_t)k;
            r.csize = 0;
            r.hash_stored = 0;
        }
        if (r.csize) {
            r.offset = file_offset(w->f);
            if (file_write(w->f, p->frame, p->csize, e)) return -1;
        }
        uint8_t bytes64[LLMZ_RECORD];
        llmz_record_put(bytes64, &r);
        buf_add(&w->records, bytes64, sizeof bytes64);
        /* The index is a skippable frame, whose size has 32 bits. */
        if (++w->n_records >= UINT32_MAX / LLMZ_RECORD)
            return err_set(e, ERR_DATA, "'%s': too many chunks for one checkpoint", w->path);
    }
    return 0;
}

static int add_data(struct llmz_writer *w, const uint8_t *data, size_t n, size_t size,
                    struct hash_stream *whole, struct err *e)
{
    size_t chunk = n < LLMZ_CHUNK ? n : LLMZ_CHUNK;
    for (int i = 0; i < w->n_threads; i++)
        if (llmz_coder_reserve(w->coder[i], chunk, size, e)) return -1;
    size_t chunks = (n + LLMZ_CHUNK - 1) / LLMZ_CHUNK;
    for (size_t c = 0; c < chunks; c += (size_t)w->n_slots) {
        size_t group = chunks - c < (size_t)w->n_slots ? chunks - c : (size_t)w->n_slots;
        size_t first = c * LLMZ_CHUNK, left = n - first;
        struct job j = {w, whole, data + first * size,
                        left < group * LLMZ_CHUNK ? left : group * LLMZ_CHUNK, size};
        for (size_t i = 0; i < group; i++)
            if (llmz_coded_reserve(&w->slot[i], chunk, size, e)) return -1;
        pool_run(w->pool, (int)group + 1, encode_slice, &j);
        for (size_t i = 0; i < group; i++)
            if (append_chunk(w, &w->slot[i], (uint32_t)(c + i),
                             (uint32_t)(chunk_elements(j.n, i) * size), e))
                return -1;
    }
    return 0;
}

static int add_tensor(struct llmz_writer *w, const char *name, enum dtype dt, int ndim,
                      const int64_t *dim, const void *data, struct err *e)
{
    size_t len = strlen(name), n = 1, bytes;
    if (len == 0 || len > LLMZ_MAX_NAME || utf8_valid_prefix(name, len) != len)
        return err_set(e, ERR_DATA, "'%s': a tensor's name must be 1 to %d bytes of UTF-8", w->path,
                       LLMZ_MAX_NAME);
    if (ndim < 0 || ndim > 4 || dt < 0 || dt >= DT_N)
        return err_set(e, ERR_INTERNAL, "tensor '%s': %d dimensions of type %d", name, ndim, (int)dt);
    if (w->n_tensors == LLMZ_MAX_TENSORS)
        return err_set(e, ERR_DATA, "'%s': more than %d tensors", w->path, LLMZ_MAX_TENSORS);
    for (int i = 0; i < ndim; i++)
        if (dim[i] < 0 || !ck_mul(n, (size_t)dim[i], &n))
            return err_set(e, ERR_INTERNAL, "tensor '%s': the shape overflows", name);
    if (!ck_mul(n, dtype_size(dt), &bytes) || n / LLMZ_CHUNK >= UINT32_MAX)
        return err_set(e, ERR_INTERNAL, "tensor '%s': the shape overflows", name);

    if (!mem_room(&w->t, &w->cap_tensors, (size_t)w->n_tensors + 1, sizeof *w->t))
        return err_oom(e, ((size_t)w->n_tensors + 1) * sizeof *w->t, "the table of tensors");
    struct hash_stream *whole = hash_stream_new();
    char *copy = mem_strdup(name);
    if (!whole || !copy) {
        hash_stream_free(whole);
        free(copy);
        return err_oom(e, len, "a tensor");
    }
    int ret = add_data(w, data, n, dtype_size(dt), whole, e);
    struct wtensor *t = &w->t[w->n_tensors++];
    *t = (struct wtensor){.name = copy, .dtype = dt, .ndim = ndim, .hash = hash_stream_128(whole)};
    for (int i = 0; i < ndim; i++) t->dim[i] = dim[i];
    hash_stream_free(whole);
    return ret;
}

int llmz_add(struct llmz_writer *w, const char *name, enum dtype dt, int ndim, const int64_t *dim,
             const void *data, struct err *e)
{
    if (w->failed) return err_set(e, ERR_INTERNAL, "'%s': an earlier write failed", w->path);
    if (!add_tensor(w, name, dt, ndim, dim, data, e)) return 0;
    w->failed = true;
    return -1;
}

/* ---- manifest, index, footer ---- */

static int cmp_name(const void *a, const void *b)
{
    return strcmp((*(const struct wtensor *const *)a)->name, (*(const struct wtensor *const *)b)->name);
}

static int check_names(const struct llmz_writer *w, struct err *e)
{
    int ret = 0;
    const struct wtensor **v = mem_alloc((size_t)w->n_tensors, sizeof *v);
    if (!v) return err_oom(e, (unsigned long long)w->n_tensors * sizeof *v, "the table of tensors");
    for (int i = 0; i < w->n_tensors; i++) v[i] = &w->t[i];
    qsort(v, (size_t)w->n_tensors, sizeof *v, cmp_name);
    for (int i = 1; i < w->n_tensors && !ret; i++)
        if (!strcmp(v[i - 1]->name, v[i]->name))
            ret = err_set(e, ERR_DATA, "'%s': two tensors are named '%s'", w->path, v[i]->name);
    free(v);
    return ret;
}

/* The caller's object with "tensors" added at its end. */
static int make_manifest(const struct llmz_writer *w, const char *text, struct buf *out,
                         struct err *e)
{
    struct json_limits lim = {.max_bytes = LLMZ_MAX_MANIFEST};
    size_t n = strlen(text);
    struct cJSON *j = json_parse(text, n, "manifest", &lim, e);
    if (!j) return err_wrap(e, "writing '%s'", w->path);
    bool object = cJSON_IsObject(j), empty = !j->child;
    bool taken = cJSON_GetObjectItemCaseSensitive(j, "tensors") != NULL;
    json_free(j);
    if (!object || taken)
        return err_set(e, ERR_INTERNAL, "the manifest must be an object without the key 'tensors'");
    while (text[n - 1] != '}') n--; /* white space may follow */
    buf_add(out, text, n - 1);
    buf_adds(out, empty ? "\"tensors\":[" : ",\"tensors\":[");
    for (int i = 0; i < w->n_tensors; i++) {
        const struct wtensor *t = &w->t[i];
        char hex[33];
        hash128_hex(t->hash, hex);
        buf_adds(out, i ? ",\n{\"name\":" : "\n{\"name\":");
        buf_adds_json(out, t->name);
        buf_printf(out, ",\"dtype\":\"%s\",\"shape\":[", dtype_name(t->dtype));
        for (int d = 0; d < t->ndim; d++)
            buf_printf(out, "%s%lld", d ? "," : "", (long long)t->dim[d]);
        buf_printf(out, "],\"xxh3_128\":\"%s\"}", hex);
    }
    buf_adds(out, "]}");
    if (buf_ok(out, e)) return -1;
    if (out->len > LLMZ_MAX_MANIFEST)
        return err_set(e, ERR_DATA, "'%s': a manifest of %zu bytes exceeds the limit of %zu", w->path,
                       out->len, LLMZ_MAX_MANIFEST);
    return 0;
}

static int write_skippable(struct llmz_writer *w, uint32_t magic, const void *p, size_t n,
                           struct err *e)
{
    uint32_t size = (uint32_t)n;
    return file_write(w->f, &magic, 4, e) || file_write(w->f, &size, 4, e) ||
           file_write(w->f, p, n, e) ? -1 : 0;
}

static int write_manifest(struct llmz_writer *w, const char *text, struct llmz_footer *f,
                          struct err *e)
{
    int ret = -1;
    uint8_t *z = NULL;
    struct buf json = {0};
    if (make_manifest(w, text, &json, e)) goto out;
    z = mem_zalloc(llmz_frame_bound(json.len) + 64, 1);
    if (!z) {
        err_oom(e, json.len, "the manifest");
        goto out;
    }
    size_t csize = llmz_frame_compress(z, json.data, json.len, 3);
    /* The reader refuses what expands too much; such a text is stored as it is. */
    if (!csize || !llmz_manifest_ratio_ok(csize, json.len))
        csize = llmz_frame_store(z, json.data, json.len);
    f->manifest_offset = file_offset(w->f);
    f->manifest_csize = (uint32_t)csize;
    f->manifest_rsize = (uint32_t)json.len;
    size_t payload = (size_t)llmz_manifest_payload(f->manifest_offset, csize);
    memset(z + csize, 0, payload - csize);
    f->manifest_hash = hash64(z, payload);
    ret = write_skippable(w, LLMZ_MAGIC_MANIFEST, z, payload, e);
out:
    free(z);
    buf_free(&json);
    return ret;
}

static int write_tail(struct llmz_writer *w, const char *manifest, struct err *e)
{
    struct llmz_footer f = {.n_records = w->n_records};
    uint8_t footer[LLMZ_FOOTER];
    if (buf_ok(&w->records, e) || check_names(w, e) || write_manifest(w, manifest, &f, e)) return -1;
    f.index_offset = file_offset(w->f);
    f.index_hash = hash64(buf_text(&w->records), w->records.len);
    if (write_skippable(w, LLMZ_MAGIC_INDEX, w->records.data, w->records.len, e)) return -1;
    llmz_footer_put(footer, &f);
    return file_write(w->f, footer, sizeof footer, e);
}

int llmz_finish(struct llmz_writer *w, const char *manifest, struct err *e)
{
    int ret = -1;
    if (w->failed) err_set(e, ERR_INTERNAL, "'%s': an earlier write failed", w->path);
    else if (!write_tail(w, manifest, e)) {
        ret = file_commit(w->f, e);
        w->f = NULL;
    }
    llmz_abort(w);
    return ret;
}
