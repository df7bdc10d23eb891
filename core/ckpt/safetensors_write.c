/* Writing safetensors files.  Order of a shard: header, padded with spaces to
 * a multiple of 8, then the tensors back to back in the order given. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/ckpt/safetensors.h"
#include "core/ckpt/safetensors_internal.h"

static int spec_bytes(const struct st_spec *s, uint64_t *out, struct err *e)
{
    uint64_t n = dtype_size(s->dtype);
    if (s->ndim < 0 || s->ndim > ST_MAX_DIMS)
        return err_set(e, ERR_INTERNAL, "tensor '%s' has %d dimensions", s->name, s->ndim);
    for (int i = 0; i < s->ndim; i++)
        if (s->dim[i] < 0 || __builtin_mul_overflow(n, (uint64_t)s->dim[i], &n))
            return err_set(e, ERR_INTERNAL, "tensor '%s': the shape overflows", s->name);
    *out = n;
    return 0;
}

static int make_header(struct buf *h, const struct st_spec *spec, int n, uint64_t *total,
                       uint64_t *largest, struct err *e)
{
    buf_adds(h, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (int i = 0; i < n; i++) {
        const struct st_spec *s = &spec[i];
        uint64_t bytes;
        if (spec_bytes(s, &bytes, e)) return -1;
        buf_addc(h, ',');
        buf_adds_json(h, s->name);
        buf_printf(h, ":{\"dtype\":\"%s\",\"shape\":[", st_dtype_name(s->dtype));
        for (int d = 0; d < s->ndim; d++)
            buf_printf(h, "%s%lld", d ? "," : "", (long long)s->dim[d]);
        buf_printf(h, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)*total,
                   (unsigned long long)(*total + bytes));
        *total += bytes;
        if (bytes > *largest) *largest = bytes;
    }
    buf_addc(h, '}');
    while (h->len % 8) buf_addc(h, ' ');
    if (h->len > ST_MAX_HEADER)
        return err_set(e, ERR_DATA, "a safetensors header of %zu bytes exceeds the format's limit of %d",
                       h->len, ST_MAX_HEADER);
    return buf_ok(h, e);
}

/* Tensors [first, first+n) of the caller's list; fill() keeps the caller's numbers. */
static int write_shard(const char *path, const struct st_spec *spec, int first, int n, st_fill *fill,
                       void *arg, struct err *e)
{
    int ret = -1;
    struct file_writer *w = NULL;
    void *data = NULL;
    struct buf h = {0};
    uint64_t total = 0, largest = 0;
    if (make_header(&h, spec + first, n, &total, &largest, e)) goto out;
    data = mem_alloc_aligned(largest);
    if (!data) {
        err_oom(e, largest, "a tensor");
        goto out;
    }
    w = file_create(path, 8 + h.len + total, e);
    if (!w) goto out;
    uint64_t len = h.len;
    if (file_write(w, &len, 8, e) || file_write(w, h.data, h.len, e)) goto out;
    for (int i = first; i < first + n; i++) {
        uint64_t bytes;
        if (spec_bytes(&spec[i], &bytes, e) || fill(arg, i, data, e) || file_write(w, data, bytes, e))
            goto out;
    }
    ret = file_commit(w, e);
    w = NULL;
out:
    file_abort(w);
    mem_free_aligned(data);
    buf_free(&h);
    return ret;
}

/* First tensor of each shard: start[0] = 0, start[shards] = n. */
static int cut_shards(const struct st_spec *spec, int n, uint64_t max, int *start, int *shards,
                      uint64_t *total, struct err *e)
{
    uint64_t in_shard = 0;
    *shards = 1;
    start[0] = 0;
    for (int i = 0; i < n; i++) {
        uint64_t bytes;
        if (spec_bytes(&spec[i], &bytes, e)) return -1;
        if (max && in_shard && (bytes > max || in_shard > max - bytes)) {
            start[(*shards)++] = i;
            in_shard = 0;
        }
        in_shard += bytes;
        *total += bytes;
    }
    start[*shards] = n;
    return 0;
}

static void shard_name(char out[48], int i, int shards)
{
    snprintf(out, 48, "model-%05d-of-%05d.safetensors", i + 1, shards);
}

static int write_index(const char *dir, const struct st_spec *spec, const int *start, int shards,
                       uint64_t total, struct err *e)
{
    struct buf b = {0};
    char name[48], *path = path_join(dir, "model.safetensors.index.json");
    buf_printf(&b, "{\n  \"metadata\": {\"total_size\": %llu},\n  \"weight_map\": {",
               (unsigned long long)total);
    for (int s = 0; s < shards; s++) {
        shard_name(name, s, shards);
        for (int i = start[s]; i < start[s + 1]; i++) {
            buf_adds(&b, i ? ",\n    " : "\n    ");
            buf_adds_json(&b, spec[i].name);
            buf_printf(&b, ": \"%s\"", name);
        }
    }
    buf_adds(&b, "\n  }\n}\n");
    int ret = path ? buf_ok(&b, e) : err_oom(e, strlen(dir), "a path");
    if (!ret) ret = file_write_all(path, b.data, b.len, e);
    free(path);
    buf_free(&b);
    return ret;
}

int st_write_dir(const char *dir, const struct st_spec *spec, int n, uint64_t max_shard,
                 st_fill *fill, void *arg, struct err *e)
{
    int ret = -1, shards = 0;
    uint64_t total = 0;
    int *start = mem_alloc((size_t)n + 2, sizeof *start);
    if (!start) return err_oom(e, ((size_t)n + 2) * sizeof *start, "the table of shards");
    if (cut_shards(spec, n, max_shard, start, &shards, &total, e)) goto out;
    for (int s = 0; s < shards; s++) {
        char name[48] = "model.safetensors";
        if (shards > 1) shard_name(name, s, shards);
        char *path = path_join(dir, name);
        ret = path ? write_shard(path, spec, start[s], start[s + 1] - start[s], fill, arg, e)
                   : err_oom(e, strlen(dir), "a path");
        free(path);
        if (ret) goto out;
    }
    ret = shards > 1 ? write_index(dir, spec, start, shards, total, e) : 0;
out:
    free(start);
    return ret;
}
