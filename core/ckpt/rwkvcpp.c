#include "core/ckpt/rwkvcpp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/ckpt/elem.h"

enum { MAGIC = 0x67676d66, MAX_TENSORS = 1 << 16, MAX_DIM = 1 << 28, BLOCK = 32 };

struct rwkvcpp {
    struct file_map map;
    char *name;
    int version, vocab, width, layers;
    struct rwkvcpp_tensor *t;
    int n;
    size_t cap;
};

/* Types of tensors; a block has 32 elements. */
static const struct type {
    int type, block_bytes, bits;
    bool min;               /* a minimum follows the scale */
} types[] = {{2, 18, 4, false}, {3, 20, 4, true}, {7, 22, 5, false}, {8, 24, 5, true}, {9, 34, 8, false}};

static const struct type *quantized(int type)
{
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (types[i].type == type) return &types[i];
    return NULL;
}

bool rwkvcpp_is(const char *path)
{
    unsigned char b[4];
    FILE *f = file_is_dir(path) ? NULL : fopen(path, "rb");
    bool yes = f && fread(b, 1, 4, f) == 4 && b[0] == 0x66 && b[1] == 0x6d && b[2] == 0x67 && b[3] == 0x67;
    if (f) fclose(f);
    return yes;
}

static struct rwkvcpp_tensor *room(struct rwkvcpp *f, struct err *e)
{
    if (!mem_room(&f->t, &f->cap, (size_t)f->n + 1, sizeof *f->t)) {
        err_oom(e, ((size_t)f->n + 1) * sizeof *f->t, "list of tensors");
        return NULL;
    }
    memset(&f->t[f->n], 0, sizeof f->t[0]);
    return &f->t[f->n];
}

static int bad(const struct rwkvcpp *f, const struct reader *r, struct err *e, const char *what)
{
    return err_set(e, ERR_DATA, "'%s': %s at offset %zu", f->name, what, r->pos);
}

static int read_name(const struct rwkvcpp *f, struct reader *r, uint32_t length, char *out, size_t size, struct err *e)
{
    const uint8_t *p;
    if (length == 0 || length >= size) return bad(f, r, e, "a tensor's name of impossible length");
    if (!reader_bytes(r, length, &p, e)) return -1;
    for (uint32_t i = 0; i < length; i++)
        if (p[i] < 0x21 || p[i] > 0x7e) return bad(f, r, e, "a tensor's name with strange characters");
    memcpy(out, p, length);
    out[length] = '\0';
    return 0;
}

static int read_tensor(struct rwkvcpp *f, struct reader *r, struct err *e)
{
    struct rwkvcpp_tensor *t = room(f, e);
    uint32_t ndim, length, type, d;
    size_t bytes;
    if (!t || !reader_u32(r, &ndim, e) || !reader_u32(r, &length, e) || !reader_u32(r, &type, e)) return -1;
    if (ndim < 1 || ndim > 4) return bad(f, r, e, "a tensor with an impossible number of dimensions");
    t->ndim = (int)ndim;
    t->n = 1;
    for (int i = t->ndim - 1; i >= 0; i--) {
        if (!reader_u32(r, &d, e)) return -1;
        if (d < 1 || d > MAX_DIM || t->n > INT64_MAX / 64 / (int64_t)d) return bad(f, r, e, "a tensor of impossible size");
        t->dim[i] = d;
        t->n *= (int64_t)d;
    }
    if (read_name(f, r, length, t->name, sizeof t->name, e)) return -1;
    const struct type *q = quantized((int)type);
    t->type = (int)type;
    if (type > 1 && (!q || f->version == 100))
        return err_set(e, ERR_DATA, "'%s': tensor '%s' is of type %u of version %d, which is not supported", f->name,
                       t->name, type, f->version);
    if (q && t->dim[t->ndim - 1] % BLOCK)
        return err_set(e, ERR_DATA, "'%s': the rows of tensor '%s' are no multiple of %d", f->name, t->name, BLOCK);
    t->dtype = type == 1 ? DT_F16 : DT_F32;
    bool fits = q ? ck_mul((size_t)t->n / BLOCK, (size_t)q->block_bytes, &bytes)
                  : ck_mul((size_t)t->n, dtype_size(t->dtype), &bytes);
    if (!fits) return bad(f, r, e, "a tensor of impossible size");
    if (!reader_bytes(r, bytes, &t->data, e)) return -1;
    if (rwkvcpp_find(f, t->name)) return err_set(e, ERR_DATA, "'%s': two tensors '%s'", f->name, t->name);
    f->n++;
    return 0;
}

static int read_header(struct rwkvcpp *f, struct reader *r, struct err *e)
{
    uint32_t v[6];
    for (int i = 0; i < 6; i++)
        if (!reader_u32(r, &v[i], e)) return -1;
    if (v[0] != MAGIC) return err_set(e, ERR_DATA, "'%s' is no file of rwkv.cpp", f->name);
    if (v[1] != 100 && v[1] != 101)
        return err_set(e, ERR_DATA, "'%s': version %u of the file format is not supported", f->name, v[1]);
    if (v[2] < 1 || v[2] > 1 << 24 || v[3] < 1 || v[3] > 1 << 17 || v[4] < 1 || v[4] > 1024)
        return err_set(e, ERR_DATA, "'%s': %u layers of width %u with %u tokens are not possible", f->name, v[4], v[3],
                       v[2]);
    f->version = (int)v[1];
    f->vocab = (int)v[2];
    f->width = (int)v[3];
    f->layers = (int)v[4];
    return 0;
}

static int parse(struct rwkvcpp *f, const void *data, size_t size, struct err *e)
{
    struct reader r;
    reader_init(&r, data, size, f->name);
    e->code = ERR_NONE;
    if (read_header(f, &r, e)) return -1;
    while (reader_left(&r) > 0) {
        if (f->n == MAX_TENSORS) return bad(f, &r, e, "too many tensors");
        if (read_tensor(f, &r, e)) return -1;
    }
    return 0;
}

static struct rwkvcpp *new_file(const char *name, struct err *e)
{
    struct rwkvcpp *f = mem_zalloc(1, sizeof *f);
    if (f && (f->name = mem_strdup(name))) return f;
    free(f);
    err_oom(e, sizeof *f, "a model file");
    return NULL;
}

struct rwkvcpp *rwkvcpp_open_memory(const void *data, size_t size, const char *name, struct err *e)
{
    struct rwkvcpp *f = new_file(name, e);
    if (f && parse(f, data, size, e)) {
        rwkvcpp_close(f);
        return NULL;
    }
    return f;
}

struct rwkvcpp *rwkvcpp_open(const char *path, struct err *e)
{
    struct rwkvcpp *f = new_file(path, e);
    if (f && (file_map(&f->map, path, e) || parse(f, f->map.data, f->map.size, e))) {
        rwkvcpp_close(f);
        return NULL;
    }
    return f;
}

void rwkvcpp_close(struct rwkvcpp *f)
{
    if (!f) return;
    if (f->map.data) file_unmap(&f->map);
    free(f->t);
    free(f->name);
    free(f);
}

const char *rwkvcpp_name(const struct rwkvcpp *f)
{
    return f->name;
}

int rwkvcpp_vocab(const struct rwkvcpp *f)
{
    return f->vocab;
}

int rwkvcpp_width(const struct rwkvcpp *f)
{
    return f->width;
}

int rwkvcpp_layers(const struct rwkvcpp *f)
{
    return f->layers;
}

int rwkvcpp_n(const struct rwkvcpp *f)
{
    return f->n;
}

const struct rwkvcpp_tensor *rwkvcpp_at(const struct rwkvcpp *f, int i)
{
    return &f->t[i];
}

const struct rwkvcpp_tensor *rwkvcpp_find(const struct rwkvcpp *f, const char *name)
{
    for (int i = 0; i < f->n; i++)
        if (strcmp(f->t[i].name, name) == 0) return &f->t[i];
    return NULL;
}

/* The values of a block. */
static void read_block(const struct type *q, const uint8_t *p, float *out)
{
    uint16_t half[2];
    float d[2] = {0, 0};
    memcpy(half, p, sizeof half);
    elem_to_f32(d, half, DT_F16, q->min ? 2 : 1);
    p += q->min ? 4 : 2;
    if (q->bits == 8) {
        for (int i = 0; i < BLOCK; i++) out[i] = d[0] * (float)(int8_t)p[i];
        return;
    }
    uint32_t high = 0;
    if (q->bits == 5) {
        high = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        p += 4;
    }
    int zero = q->min ? 0 : 1 << (q->bits - 1);
    for (int i = 0; i < BLOCK; i++) { /* the first half in low nibbles */
        int v = (i < BLOCK / 2 ? p[i] & 15 : p[i - BLOCK / 2] >> 4) | (int)(high >> i & 1) << 4;
        out[i] = (float)(v - zero) * d[0] + d[1];
    }
}

static void read_quantized(const struct rwkvcpp_tensor *t, const struct type *q, int64_t at, int64_t n, float *out)
{
    float block[BLOCK];
    for (int64_t i = 0; i < n;) {
        int64_t in = (at + i) % BLOCK, len = BLOCK - in < n - i ? BLOCK - in : n - i;
        read_block(q, t->data + (at + i) / BLOCK * q->block_bytes, block);
        memcpy(out + i, block + in, (size_t)len * sizeof *out);
        i += len;
    }
}

void rwkvcpp_read(const struct rwkvcpp_tensor *t, int64_t at, int64_t n, float *out)
{
    size_t el = dtype_size(t->dtype);
    if (t->type > 1) {
        read_quantized(t, quantized(t->type), at, n, out);
        return;
    }
    if (t->dtype == DT_F32) {
        memcpy(out, t->data + (size_t)at * el, (size_t)n * el);
        return;
    }
    uint16_t half[256];
    for (int64_t i = 0; i < n; i += 256) {
        size_t len = (size_t)(n - i < 256 ? n - i : 256);
        memcpy(half, t->data + (size_t)(at + i) * el, len * el);
        elem_to_f32(out + i, half, DT_F16, len);
    }
}
