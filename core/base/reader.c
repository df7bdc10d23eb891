/* The checked reader over bytes, and the naming of foreign files. */
#include "core/base/file.h"

#include <string.h>

void reader_init(struct reader *r, const void *data, size_t size, const char *name)
{
    *r = (struct reader){.data = data, .size = size, .name = name};
}

static bool reader_take(struct reader *r, uint64_t n, const uint8_t **p, struct err *e)
{
    if (r->failed) return false;
    if (n > r->size - r->pos) {
        r->failed = true;
        err_set(e, ERR_DATA, "'%s': truncated: %llu bytes wanted at offset %zu, %zu left", r->name,
                (unsigned long long)n, r->pos, r->size - r->pos);
        return false;
    }
    *p = r->data + r->pos;
    r->pos += (size_t)n;
    return true;
}

static uint64_t little_endian(const uint8_t *p, int n)
{
    uint64_t v = 0;
    for (int i = n - 1; i >= 0; i--) v = v << 8 | p[i];
    return v;
}

bool reader_u8(struct reader *r, uint8_t *out, struct err *e)
{
    const uint8_t *p;
    if (!reader_take(r, 1, &p, e)) return false;
    *out = *p;
    return true;
}

bool reader_u16(struct reader *r, uint16_t *out, struct err *e)
{
    const uint8_t *p;
    if (!reader_take(r, 2, &p, e)) return false;
    *out = (uint16_t)little_endian(p, 2);
    return true;
}

bool reader_u32(struct reader *r, uint32_t *out, struct err *e)
{
    const uint8_t *p;
    if (!reader_take(r, 4, &p, e)) return false;
    *out = (uint32_t)little_endian(p, 4);
    return true;
}

bool reader_u64(struct reader *r, uint64_t *out, struct err *e)
{
    const uint8_t *p;
    if (!reader_take(r, 8, &p, e)) return false;
    *out = little_endian(p, 8);
    return true;
}

bool reader_bytes(struct reader *r, uint64_t n, const uint8_t **out, struct err *e)
{
    return reader_take(r, n, out, e);
}

bool reader_count(struct reader *r, uint64_t count, uint64_t min_bytes, const char *what,
                  struct err *e)
{
    uint64_t need;
    if (r->failed) return false;
    if (__builtin_mul_overflow(count, min_bytes, &need) || need > reader_left(r)) {
        r->failed = true;
        err_set(e, ERR_DATA, "'%s': %llu %s declared before offset %zu do not fit in the %zu bytes left",
                r->name, (unsigned long long)count, what, r->pos, reader_left(r));
        return false;
    }
    return true;
}

bool reader_seek(struct reader *r, uint64_t pos, struct err *e)
{
    if (r->failed) return false;
    if (pos > r->size) {
        r->failed = true;
        err_set(e, ERR_DATA, "'%s': offset %llu lies beyond the end (%zu bytes)", r->name,
                (unsigned long long)pos, r->size);
        return false;
    }
    r->pos = (size_t)pos;
    return true;
}

const char *file_kind(const void *first, size_t n)
{
    static const struct {
        const char *magic;
        size_t n;
        const char *kind;
    } kinds[] = {
        {"PK\3\4", 4, "a zip archive (a PyTorch .pt/.pth checkpoint?)"},
        {"GGUF", 4, "a GGUF file"},
        {"version https://git-lfs", 23, "a git-lfs pointer (run `git lfs pull` to get the file)"},
        {"LLMCTLTK", 8, "an llmctl token shard"},
        {"\x1f\x8b", 2, "a gzip file"},
        {"\x28\xb5\x2f\xfd", 4, "a zstd file"},
        {"\x50\x2a\x4d\x18\x38\0\0\0LLMZ", 12, "an llmctl checkpoint (.llmz)"},
        {"\x50\x2a\x4d\x18", 4, "a zstd file"},
        {"\x89HDF", 4, "an HDF5 file"},
        {"PAR1", 4, "a Parquet file"},
        {"ARROW1", 6, "an Arrow file"},
        {"\x93NUMPY", 6, "a NumPy array"},
        {"\x7f" "ELF", 4, "an executable"},
        {"%PDF", 4, "a PDF"},
        {"<!DOCTYPE", 9, "an HTML page (a failed download?)"},
        {"<!doctype", 9, "an HTML page (a failed download?)"},
        {"<html", 5, "an HTML page (a failed download?)"},
    };
    const unsigned char *p = first;
    if (n == 0) return "empty";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (n >= kinds[i].n && memcmp(p, kinds[i].magic, kinds[i].n) == 0) return kinds[i].kind;
    if (n >= 2 && p[0] == 0x80 && p[1] >= 2 && p[1] <= 5) return "a Python pickle (a PyTorch checkpoint?)";
    if (n >= 9 && p[8] == '{') {
        uint64_t len = little_endian(p, 8);
        if (len >= 2 && len <= 100000000) return "a safetensors file";
    }
    size_t i = 0;
    while (i < n && (p[i] == ' ' || p[i] == '\n' || p[i] == '\t' || p[i] == '\r')) i++;
    if (i < n && (p[i] == '{' || p[i] == '[')) return "JSON";
    return NULL;
}
