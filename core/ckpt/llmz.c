/* Opening .llmz: everything but the chunks is read and validated here. */
#include "core/ckpt/llmz.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/ckpt/elem.h"
#include "core/ckpt/llmz_internal.h"
#include "core/ckpt/llmz_reader.h"

#define ULL(x) ((unsigned long long)(x))

/* ---- preamble and footer ---- */

static int check_preamble(const struct llmz *z, struct err *e)
{
    uint8_t want[LLMZ_PREAMBLE];
    llmz_preamble_put(want);
    size_t n = z->size < sizeof want ? z->size : sizeof want, at = 0;
    while (at < n && z->data[at] == want[at]) at++;
    if (at == sizeof want) return 0;
    bool ours = at == n || at >= 8 || (n >= 12 && !memcmp(z->data + 8, "LLMZ", 4));
    const char *kind = z->size && ours ? NULL : file_kind(z->data, z->size);
    if (kind) return err_set(e, ERR_DATA, "'%s': not a .llmz checkpoint but %s", z->path, kind);
    if (at == n)
        return err_set(e, ERR_DATA, "'%s': offset %zu: the file ends within the preamble (truncated)",
                       z->path, z->size);
    if (ours && at >= 12 && at < 16 && n >= 16)
        return err_set(e, ERR_DATA, "'%s': offset 12: unknown .llmz version '%.4s'", z->path,
                       (const char *)z->data + 12);
    return err_set(e, ERR_DATA, "'%s': preamble: offset %zu is damaged, or this is not a .llmz checkpoint",
                   z->path, at);
}

static uint32_t get_u32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

/* The three parts behind the data must lie back to back and end the file. */
static int check_footer(struct llmz *z, struct err *e)
{
    struct llmz_footer *f = &z->footer;
    uint64_t at = z->size - LLMZ_FOOTER;
    if (z->size < LLMZ_PREAMBLE + LLMZ_FOOTER)
        return err_set(e, ERR_DATA, "'%s': offset %zu: the file ends before its footer (truncated)",
                       z->path, z->size);
    switch (llmz_footer_get(z->data + at, f)) {
    case LLMZ_FOOTER_OK: break;
    case LLMZ_FOOTER_ABSENT:
        return err_set(e, ERR_DATA, "'%s': no footer at offset %llu: the file is truncated or damaged",
                       z->path, ULL(at));
    case LLMZ_FOOTER_DAMAGED:
        return err_set(e, ERR_DATA, "'%s': the footer at offset %llu is damaged", z->path, ULL(at));
    }
    uint64_t payload = llmz_manifest_payload(f->manifest_offset, f->manifest_csize);
    uint64_t index_bytes = (uint64_t)f->n_records * LLMZ_RECORD;
    if (f->manifest_offset < LLMZ_PREAMBLE || f->manifest_offset > z->size ||
        f->index_offset != f->manifest_offset + LLMZ_FRAME_HEADER + payload ||
        f->index_offset > z->size || f->index_offset + LLMZ_FRAME_HEADER + index_bytes != at)
        return err_set(e, ERR_DATA, "'%s': the footer at offset %llu does not fit the file", z->path,
                       ULL(at));
    const uint8_t *m = z->data + f->manifest_offset, *i = z->data + f->index_offset;
    if (get_u32(m) != LLMZ_MAGIC_MANIFEST || get_u32(m + 4) != payload)
        return err_set(e, ERR_DATA, "'%s': the manifest's frame header at offset %llu is damaged",
                       z->path, ULL(f->manifest_offset));
    if (get_u32(i) != LLMZ_MAGIC_INDEX || get_u32(i + 4) != index_bytes)
        return err_set(e, ERR_DATA, "'%s': the index's frame header at offset %llu is damaged", z->path,
                       ULL(f->index_offset));
    if (hash64(m + LLMZ_FRAME_HEADER, payload) != f->manifest_hash)
        return err_set(e, ERR_DATA, "'%s': the manifest at offset %llu is damaged (hash mismatch)",
                       z->path, ULL(f->manifest_offset));
    z->records = i + LLMZ_FRAME_HEADER;
    if (hash64(z->records, index_bytes) != f->index_hash)
        return err_set(e, ERR_DATA, "'%s': the index at offset %llu is damaged (hash mismatch)", z->path,
                       ULL(f->index_offset));
    return 0;
}

/* ---- manifest ---- */

static int parse_shape(struct llmz_tensor *t, const struct cJSON *shape, const char *path,
                       struct err *e)
{
    uint64_t n = 1;
    for (const struct cJSON *d = shape->child; d; d = d->next) {
        double v = d->valuedouble;
        if (t->ndim == 4)
            return err_set(e, ERR_DATA, "'%s': tensor '%s' has more than 4 dimensions", path, t->name);
        if (!cJSON_IsNumber(d) || !(v >= 0 && v <= 9007199254740992.0) || v != (double)(int64_t)v)
            return err_set(e, ERR_DATA, "'%s': tensor '%s': dimension %d is not a whole number >= 0",
                           path, t->name, t->ndim);
        t->dim[t->ndim++] = (int64_t)v;
        if (__builtin_mul_overflow(n, (uint64_t)v, &n) || n > INT64_MAX / 8)
            return err_set(e, ERR_DATA, "'%s': tensor '%s': the shape overflows", path, t->name);
    }
    t->n = (int64_t)n;
    t->bytes_raw = n * dtype_size(t->dtype);
    return 0;
}

static int parse_tensor(struct llmz_tensor *t, const struct cJSON *j, const char *path,
                        struct err *e)
{
    const char *dtype, *hash;
    if (!cJSON_IsObject(j)) return err_set(e, ERR_DATA, "'%s': manifest: a tensor is not an object", path);
    if (json_get_str(j, "name", &t->name, "tensors", e) ||
        json_get_str(j, "dtype", &dtype, t->name, e) ||
        json_get_str(j, "xxh3_128", &hash, t->name, e))
        return err_wrap(e, "'%s': manifest", path);
    size_t len = strlen(t->name);
    if (!len || len > LLMZ_MAX_NAME)
        return err_set(e, ERR_DATA, "'%s': manifest: a tensor's name has %zu bytes", path, len);
    if (!elem_dtype_parse(dtype, &t->dtype))
        return err_set(e, ERR_DATA, "'%s': tensor '%s': unknown dtype '%s'", path, t->name, dtype);
    if (!hash128_parse(hash, &t->hash))
        return err_set(e, ERR_DATA, "'%s': tensor '%s': xxh3_128 is not 32 hex digits", path, t->name);
    const struct cJSON *shape = cJSON_GetObjectItemCaseSensitive(j, "shape");
    if (!cJSON_IsArray(shape))
        return err_set(e, ERR_DATA, "'%s': tensor '%s' has no shape", path, t->name);
    return parse_shape(t, shape, path, e);
}

struct named {
    const char *name;
    int i;
};

static int cmp_named(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static int sort_names(struct llmz *z, struct err *e)
{
    int ret = 0;
    struct named *v = mem_alloc((size_t)z->n, sizeof *v);
    z->by_name = mem_alloc((size_t)z->n, sizeof *z->by_name);
    if (!v || !z->by_name) {
        free(v);
        return err_oom(e, (unsigned long long)z->n * sizeof *v, "the table of tensors");
    }
    for (int i = 0; i < z->n; i++) v[i] = (struct named){z->t[i].name, i};
    qsort(v, (size_t)z->n, sizeof *v, cmp_named);
    for (int i = 0; i < z->n && !ret; i++) {
        z->by_name[i] = v[i].i;
        if (i && !strcmp(v[i - 1].name, v[i].name))
            ret = err_set(e, ERR_DATA, "'%s': manifest: two tensors are named '%s'", z->path, v[i].name);
    }
    free(v);
    return ret;
}

static int parse_tensors(struct llmz *z, struct err *e)
{
    const struct cJSON *list = cJSON_GetObjectItemCaseSensitive(z->manifest, "tensors");
    if (!cJSON_IsArray(list))
        return err_set(e, ERR_DATA, "'%s': the manifest has no list of tensors", z->path);
    int n = cJSON_GetArraySize(list);
    if (n > LLMZ_MAX_TENSORS)
        return err_set(e, ERR_DATA, "'%s': %d tensors exceed the limit of %d", z->path, n, LLMZ_MAX_TENSORS);
    z->t = mem_zalloc((size_t)n, sizeof *z->t);
    z->first_record = mem_zalloc((size_t)n + 1, sizeof *z->first_record);
    if (!z->t || !z->first_record)
        return err_oom(e, (unsigned long long)n * sizeof *z->t, "the table of tensors");
    for (const struct cJSON *j = list->child; j; j = j->next, z->n++)
        if (parse_tensor(&z->t[z->n], j, z->path, e)) return -1;
    return sort_names(z, e);
}

static int read_manifest(struct llmz *z, struct err *e)
{
    int ret = -1;
    const struct llmz_footer *f = &z->footer;
    const uint8_t *frame = z->data + f->manifest_offset + LLMZ_FRAME_HEADER;
    if (f->manifest_rsize > LLMZ_MAX_MANIFEST || !llmz_manifest_ratio_ok(f->manifest_csize, f->manifest_rsize))
        return err_set(e, ERR_DATA,
                       "'%s': the manifest at offset %llu claims %u bytes in %u: refused as a zstd bomb",
                       z->path, ULL(f->manifest_offset), f->manifest_rsize, f->manifest_csize);
    char *text = mem_alloc((size_t)f->manifest_rsize + 1, 1);
    if (!text) return err_oom(e, f->manifest_rsize, "the manifest");
    const char *why = llmz_decode_frame(z->coder[0], frame, f->manifest_csize, text, f->manifest_rsize);
    if (why) {
        err_set(e, ERR_DATA, "'%s': the manifest at offset %llu: %s", z->path, ULL(f->manifest_offset), why);
        goto out;
    }
    struct json_limits lim = {.max_bytes = LLMZ_MAX_MANIFEST};
    z->manifest = json_parse(text, f->manifest_rsize, "manifest", &lim, e);
    if (!z->manifest) {
        err_wrap(e, "'%s': offset %llu", z->path, ULL(f->manifest_offset));
        goto out;
    }
    if (!cJSON_IsObject(z->manifest)) {
        err_set(e, ERR_DATA, "'%s': the manifest is not a JSON object", z->path);
        goto out;
    }
    ret = parse_tensors(z, e);
out:
    free(text);
    return ret;
}

/* ---- index ---- */

struct walk {
    uint32_t at;        /* number of the record */
    uint64_t data;      /* where the next frame must begin */
};

static const char *check_ref(const struct llmz *z, const struct llmz_record *r, uint32_t at)
{
    struct llmz_record to;
    if (r->value >= at) return "refers to a later record";
    if (!llmz_record_get(z->records + (size_t)r->value * LLMZ_RECORD, &to)) return "refers to a bad record";
    if (to.codec != LLMZ_RAW && to.codec != LLMZ_ZSTD) return "refers to a record without data";
    if (to.plane != r->plane || to.n_planes != r->n_planes || to.transform != r->transform ||
        to.rsize != r->rsize || to.hash_raw != r->hash_raw)
        return "differs from the record that it refers to";
    return NULL;
}

/* What is wrong with a record, or NULL. */
static const char *check_record(const struct llmz *z, struct walk *w, const struct llmz_record *r)
{
    bool stored = r->codec == LLMZ_RAW || r->codec == LLMZ_ZSTD;
    if (r->codec >= LLMZ_N_CODECS) return "unknown codec";
    if (stored) {
        if (r->offset != w->data) return "its frame is out of place";
        if (!r->csize || r->csize > z->footer.manifest_offset - w->data) return "its frame is out of bounds";
        if (r->value) return "value must be 0";
        w->data += r->csize;
        return NULL;
    }
    if (r->csize || r->offset || r->hash_stored) return "it must have no frame";
    if (r->codec == LLMZ_CONST) return r->value > 255 ? "value is not a byte" : NULL;
    return check_ref(z, r, w->at);
}

static int check_chunk(struct llmz *z, struct walk *w, int tensor, uint32_t chunk, uint32_t chunks,
                       uint8_t *planes_before, struct err *e)
{
    struct llmz_tensor *t = &z->t[tensor];
    size_t size = dtype_size(t->dtype), left = (size_t)t->n - (size_t)chunk * LLMZ_CHUNK;
    size_t n = left < LLMZ_CHUNK ? left : LLMZ_CHUNK;
    uint8_t n_planes = 1, transform = 0;
    for (uint8_t k = 0; k < n_planes; k++, w->at++) {
        const char *why = NULL;
        struct llmz_record r;
        uint64_t where = z->footer.index_offset + LLMZ_FRAME_HEADER + (uint64_t)w->at * LLMZ_RECORD;
        if (w->at == z->footer.n_records)
            return err_set(e, ERR_DATA, "'%s': the index ends at offset %llu, within tensor '%s'", z->path,
                           ULL(where), t->name);
        if (!llmz_record_get(z->records + (size_t)w->at * LLMZ_RECORD, &r)) why = "reserved bytes are not 0";
        else if (r.tensor != (uint32_t)tensor || r.chunk != chunk || r.plane != k) why = "out of order";
        else if (k == 0) {
            n_planes = r.n_planes;
            transform = r.transform;
            if (n_planes != 1 && n_planes != size) why = "wrong number of planes";
            else if ((n_planes == 1) != (transform == LLMZ_NONE) || transform >= LLMZ_N_TRANSFORMS)
                why = "unknown transform";
            /* Only the last chunk may differ: record numbers are computed. */
            else if (chunk && n_planes != *planes_before && chunk + 1 < chunks)
                why = "wrong number of planes";
            if (!chunk) *planes_before = n_planes;
        } else if (r.n_planes != n_planes || r.transform != transform) why = "planes disagree";
        if (!why && r.rsize != (n_planes == 1 ? n * size : n)) why = "wrong size";
        if (!why) why = check_record(z, w, &r);
        if (why)
            return err_set(e, ERR_DATA, "'%s': index record %u at offset %llu (tensor '%s'): %s", z->path,
                           w->at, ULL(where), t->name, why);
        t->bytes_stored += r.csize;
    }
    return 0;
}

static int check_index(struct llmz *z, struct err *e)
{
    struct walk w = {0, LLMZ_PREAMBLE};
    for (int i = 0; i < z->n; i++) {
        uint64_t chunks = ((uint64_t)z->t[i].n + LLMZ_CHUNK - 1) / LLMZ_CHUNK;
        uint8_t planes = 0;
        z->first_record[i] = w.at;
        if (chunks > z->footer.n_records - w.at)
            return err_set(e, ERR_DATA, "'%s': the index at offset %llu has %u records, too few for tensor '%s'",
                           z->path, ULL(z->footer.index_offset), z->footer.n_records, z->t[i].name);
        for (uint32_t c = 0; c < chunks; c++)
            if (check_chunk(z, &w, i, c, (uint32_t)chunks, &planes, e)) return -1;
    }
    z->first_record[z->n] = w.at;
    if (w.at != z->footer.n_records)
        return err_set(e, ERR_DATA, "'%s': the index at offset %llu has %u records, of which %u belong to "
                       "tensors", z->path, ULL(z->footer.index_offset), z->footer.n_records, w.at);
    if (w.data != z->footer.manifest_offset)
        return err_set(e, ERR_DATA, "'%s': the bytes from offset %llu to %llu belong to no tensor", z->path,
                       ULL(w.data), ULL(z->footer.manifest_offset));
    return 0;
}

/* ---- opening ---- */

static int open_data(struct llmz *z, struct err *e)
{
    if (check_preamble(z, e) || check_footer(z, e)) return -1;
    if (llmz_reader_coders(z, 1, e)) return -1;
    return read_manifest(z, e) || check_index(z, e) ? -1 : 0;
}

struct llmz *llmz_open(const char *path, struct err *e)
{
    struct llmz *z = mem_zalloc(1, sizeof *z);
    if (z) z->path = mem_strdup(path);
    if (!z || !z->path) {
        err_oom(e, sizeof *z, "a checkpoint reader");
        goto fail;
    }
    if (file_map(&z->map, path, e)) goto fail;
    z->data = z->map.data;
    z->size = z->map.size;
    if (open_data(z, e)) goto fail;
    return z;
fail:
    llmz_close(z);
    return NULL;
}

struct llmz *llmz_open_memory(const void *data, size_t size, const char *name, struct err *e)
{
    struct llmz *z = mem_zalloc(1, sizeof *z);
    if (z) z->path = mem_strdup(name);
    if (!z || !z->path) {
        err_oom(e, sizeof *z, "a checkpoint reader");
        goto fail;
    }
    z->data = data;
    z->size = size;
    if (open_data(z, e)) goto fail;
    return z;
fail:
    llmz_close(z);
    return NULL;
}

void llmz_close(struct llmz *z)
{
    if (!z) return;
    for (int i = 0; i < z->n_coders; i++) llmz_coder_free(z->coder[i]);
    free(z->coder);
    json_free(z->manifest);
    free(z->t);
    free(z->first_record);
    free(z->by_name);
    file_unmap(&z->map);
    free(z->path);
    free(z);
}

const struct cJSON *llmz_manifest(const struct llmz *z) { return z->manifest; }
int llmz_n_tensors(const struct llmz *z) { return z->n; }
const struct llmz_tensor *llmz_tensor(const struct llmz *z, int i) { return &z->t[i]; }
uint64_t llmz_file_size(const struct llmz *z) { return z->size; }

/* The footer holds the hashes of manifest and index, the index those of all data. */
struct hash128 llmz_hash(const struct llmz *z)
{
    return hash128(z->data + z->size - LLMZ_FOOTER, LLMZ_FOOTER);
}

int llmz_find(const struct llmz *z, const char *name)
{
    int lo = 0, hi = z->n;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2, c = strcmp(name, z->t[z->by_name[mid]].name);
        if (!c) return z->by_name[mid];
        if (c < 0) hi = mid;
        else lo = mid + 1;
    }
    return -1;
}
