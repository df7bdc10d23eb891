#include "data/id_npy.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"

static const char magic[] = "\x93NUMPY";
enum { MAGIC = 6, SHORT_HEADER = 10, LONG_HEADER = 12 };

bool id_npy_begins(const char *p, size_t n)
{
    return n && memcmp(p, magic, n < MAGIC ? n : MAGIC) == 0;
}

size_t id_npy_header_size(const char *p, size_t n)
{
    const uint8_t *b = (const uint8_t *)p;
    if (n < LONG_HEADER) return 0;
    if (b[MAGIC] == 1) return SHORT_HEADER + (size_t)(b[8] | b[9] << 8);
    return LONG_HEADER + ((size_t)b[8] | (size_t)b[9] << 8 | (size_t)b[10] << 16 | (size_t)b[11] << 24);
}

/* What stands behind 'key': in the dictionary. */
static const char *value_of(const char *dict, const char *key)
{
    const char *p = strstr(dict, key);
    if (!p) return NULL;
    p += strlen(key);
    while (*p == ' ' || *p == ':') p++;
    return p;
}

/* "(3,)" or "(3, 4)" */
static bool read_shape(struct id_npy *out, const char *p)
{
    uint64_t dim[2] = {1, 1};
    int n = 0;
    if (*p++ != '(') return false;
    while (*p != ')') {
        char *end;
        unsigned long long v = strtoull(p, &end, 10);
        if (end == p || *p == '-' || n == 2 || v > UINT32_MAX * 1024ull) return false;
        dim[n++] = v;
        for (p = end; *p == ',' || *p == ' ' || *p == 'L';) p++;
    }
    out->columns = n == 2 ? dim[1] : dim[0];
    out->rows = n < 2 ? 1 : out->columns ? dim[0] : 0;
    return n > 0 && !__builtin_mul_overflow(out->rows, out->columns, &out->total);
}

int id_npy_read(struct id_npy *out, const char *p, size_t n, const char *name, struct err *e)
{
    size_t size = id_npy_header_size(p, n), from = n >= SHORT_HEADER && p[MAGIC] == 1 ? SHORT_HEADER : LONG_HEADER;
    struct buf dict = {0};
    int ret = 0;
    *out = (struct id_npy){.header = size};
    if (size == 0 || size > n) return err_set(e, ERR_DATA, "'%s' ends within the header of a NumPy array", name);
    buf_add(&dict, p + from, size - from);
    if (buf_ok(&dict, e)) return -1;
    const char *text = buf_text(&dict);
    const char *type = value_of(text, "'descr'"), *order = value_of(text, "'fortran_order'"), *shape = value_of(text, "'shape'");
    if (!type || !order || !shape || !read_shape(out, shape))
        ret = err_set(e, ERR_DATA, "'%s': ids are wanted as a NumPy array of one or two dimensions", name);
    else if (strncmp(order, "False", 5) != 0 && out->rows > 1)
        ret = err_set(e, ERR_DATA, "'%s': the array has its columns one after the other; save numpy.ascontiguousarray() of it", name);
    else if (*type != '\'' || !strchr("<|=", type[1]) || !type[1] || !strchr("ui", type[2]) || !type[2] ||
             !strchr("1248", type[3]) || !type[3] || type[4] != '\'')
        ret = err_set(e, ERR_DATA, "'%s': ids are wanted as integers, little-endian, but the array has %.*s", name, (int)strcspn(type, ",}"), type);
    if (ret == 0) {
        out->is_signed = type[2] == 'i';
        out->width = (size_t)(type[3] - '0');
    }
    buf_free(&dict);
    return ret;
}

int64_t id_npy_item(const struct id_npy *a, const void *p)
{
    uint64_t v = 0;
    memcpy(&v, p, a->width);
    if (a->is_signed && v >> (8 * a->width - 1) & 1) return -1;
    return v > INT64_MAX ? -1 : (int64_t)v;
}
