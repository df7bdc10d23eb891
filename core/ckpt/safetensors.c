#include "core/ckpt/safetensors.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/ckpt/elem.h"
#include "core/ckpt/safetensors_internal.h"

/* The header is JSON of depth 3; an index file is one of depth 2. */
static const struct json_limits st_json_limits = {.max_bytes = ST_MAX_HEADER, .max_depth = 8};

struct st_shard {
    char *path;
    struct file_map map;
    const uint8_t *data;
    size_t size;
    struct cJSON *header;       /* owns the names */
};

struct safetensors {
    struct st_shard *shard;
    int n_shards;
    struct st_tensor *t;
    int n, cap;
    int *by_name;               /* indices sorted by name */
};

static const struct {
    const char *name;
    enum dtype dtype;
} st_dtypes[] = {
    {"F32", DT_F32}, {"BF16", DT_BF16}, {"F16", DT_F16}, {"F64", DT_F64}, {"I64", DT_I64},
    {"I32", DT_I32}, {"U8", DT_U8},     {"I8", DT_I8},   {"BOOL", DT_BOOL}, {"U16", DT_U16},
    {"U32", DT_U32},
};

const char *st_dtype_name(enum dtype dt)
{
    for (size_t i = 0; i < COUNT_OF(st_dtypes); i++)
        if (st_dtypes[i].dtype == dt) return st_dtypes[i].name;
    return NULL;
}

/* A JSON number that is a whole number in [0, 2^53]. */
static bool json_size(const struct cJSON *j, uint64_t *out)
{
    if (!cJSON_IsNumber(j)) return false;
    double d = j->valuedouble;
    if (!(d >= 0 && d <= 9007199254740992.0) || d != (double)(uint64_t)d) return false;
    *out = (uint64_t)d;
    return true;
}

/* ---- header ---- */

static int parse_shape(struct st_tensor *t, const struct cJSON *shape, const char *file,
                       struct err *e)
{
    if (!cJSON_IsArray(shape))
        return err_set(e, ERR_DATA, "'%s': tensor '%s' has no shape", file, t->name);
    int64_t n = 1;
    for (const struct cJSON *d = shape->child; d; d = d->next) {
        uint64_t v;
        if (t->ndim == ST_MAX_DIMS)
            return err_set(e, ERR_DATA, "'%s': tensor '%s' has more than %d dimensions", file,
                           t->name, ST_MAX_DIMS);
        if (!json_size(d, &v))
            return err_set(e, ERR_DATA, "'%s': tensor '%s': dimension %d is not a whole number >= 0",
                           file, t->name, t->ndim);
        t->dim[t->ndim++] = (int64_t)v;
        if (__builtin_mul_overflow(n, (int64_t)v, &n))
            return err_set(e, ERR_DATA, "'%s': tensor '%s': the shape overflows", file, t->name);
    }
    t->n = n;
    return 0;
}

static int parse_tensor(struct st_tensor *t, const struct cJSON *j, const char *file, struct err *e)
{
    if (!*t->name) return err_set(e, ERR_DATA, "'%s': a tensor has an empty name", file);
    if (!cJSON_IsObject(j))
        return err_set(e, ERR_DATA, "'%s': tensor '%s' is not an object", file, t->name);
    const struct cJSON *dtype = NULL, *shape = NULL, *offsets = NULL;
    for (const struct cJSON *k = j->child; k; k = k->next) {
        if (!strcmp(k->string, "dtype")) dtype = k;
        else if (!strcmp(k->string, "shape")) shape = k;
        else if (!strcmp(k->string, "data_offsets")) offsets = k;
        else return err_set(e, ERR_DATA, "'%s': tensor '%s' has the unknown key '%s'", file, t->name,
                            k->string);
    }
    if (!cJSON_IsString(dtype))
        return err_set(e, ERR_DATA, "'%s': tensor '%s' has no dtype", file, t->name);
    size_t d = 0;
    while (d < COUNT_OF(st_dtypes) && strcmp(st_dtypes[d].name, dtype->valuestring)) d++;
    if (d == COUNT_OF(st_dtypes))
        return err_set(e, ERR_DATA, "'%s': tensor '%s': dtype '%s' is not supported", file, t->name,
                       dtype->valuestring);
    t->dtype = st_dtypes[d].dtype;
    if (parse_shape(t, shape, file, e)) return -1;

    uint64_t begin, end, bytes;
    const struct cJSON *first = cJSON_IsArray(offsets) ? offsets->child : NULL;
    if (!first || !first->next || first->next->next || !json_size(first, &begin) ||
        !json_size(first->next, &end))
        return err_set(e, ERR_DATA, "'%s': tensor '%s': data_offsets is not [begin, end]", file,
                       t->name);
    if (__builtin_mul_overflow((uint64_t)t->n, (uint64_t)dtype_size(t->dtype), &bytes))
        return err_set(e, ERR_DATA, "'%s': tensor '%s': the shape overflows", file, t->name);
    if (end < begin || end - begin != bytes)
        return err_set(e, ERR_DATA,
                       "'%s': tensor '%s': data_offsets [%llu, %llu] do not fit its dtype and shape, "
                       "which take %llu bytes",
                       file, t->name, (unsigned long long)begin, (unsigned long long)end,
                       (unsigned long long)bytes);
    t->offset = begin;      /* relative to the data; made absolute by place_tensors() */
    t->bytes = bytes;
    return 0;
}

static int cmp_offset(const void *a, const void *b)
{
    const struct st_tensor *x = a, *y = b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? -1 : 1; /* empty ones first */
    return strcmp(x->name, y->name);
}

/* Sorts the file's tensors by offset; they must tile [0, size) exactly. */
static int place_tensors(struct st_tensor *t, int n, const uint8_t *data, uint64_t data_start,
                         uint64_t size, const char *file, struct err *e)
{
    if (n) qsort(t, (size_t)n, sizeof *t, cmp_offset);
    uint64_t at = 0;
    for (int i = 0; i < n; i++) {
        if (t[i].offset != at)
            return err_set(e, ERR_DATA, "'%s': tensor '%s' begins at data offset %llu, expected %llu (%s)",
                           file, t[i].name, (unsigned long long)t[i].offset, (unsigned long long)at,
                           t[i].offset < at ? "tensors overlap" : "a hole between tensors");
        if (t[i].bytes > size - at)
            return err_set(e, ERR_DATA,
                           "'%s': tensor '%s' ends at data offset %llu but the file has only %llu bytes "
                           "of data (truncated?)",
                           file, t[i].name, (unsigned long long)(at + t[i].bytes),
                           (unsigned long long)size);
        t[i].data = data + at;
        t[i].offset = data_start + at;
        at += t[i].bytes;
    }
    if (at != size)
        return err_set(e, ERR_DATA, "'%s': %llu bytes at offset %llu belong to no tensor", file,
                       (unsigned long long)(size - at), (unsigned long long)(data_start + at));
    return 0;
}

static int grow(struct safetensors *s, int more, struct err *e)
{
    if (s->t && more <= s->cap - s->n) return 0;
    size_t cap = (size_t)s->n + (size_t)more;
    struct st_tensor *t = mem_resize(s->t, cap, sizeof *t);
    if (!t) return err_oom(e, cap * sizeof *t, "the table of tensors");
    s->t = t;
    s->cap = (int)cap;
    return 0;
}

static int parse_header(struct safetensors *s, int file, struct err *e)
{
    struct st_shard *sh = &s->shard[file];
    uint64_t len = 0;
    if (sh->size >= 8) memcpy(&len, sh->data, 8);
    if (sh->size < 8 || len > ST_MAX_HEADER || len > sh->size - 8 || len < 2 || sh->data[8] != '{') {
        const char *kind = file_kind(sh->data, sh->size);
        if (kind && strcmp(kind, "a safetensors file"))
            return err_set(e, ERR_DATA, "'%s': not a safetensors file but %s", sh->path, kind);
        if (sh->size < 8)
            return err_set(e, ERR_DATA, "'%s': not a safetensors file: only %zu bytes", sh->path,
                           sh->size);
        if (len > ST_MAX_HEADER)
            return err_set(e, ERR_DATA, "'%s': header length %llu exceeds the limit of %d bytes",
                           sh->path, (unsigned long long)len, ST_MAX_HEADER);
        if (len > sh->size - 8)
            return err_set(e, ERR_DATA, "'%s': header of %llu bytes, but %zu follow (truncated?)",
                           sh->path, (unsigned long long)len, sh->size - 8);
        return err_set(e, ERR_DATA, "'%s': offset 8: the header does not begin with '{'", sh->path);
    }
    sh->header = json_parse((const char *)sh->data + 8, (size_t)len, sh->path, &st_json_limits, e);
    if (!sh->header) return -1;

    int n = cJSON_GetArraySize(sh->header), first = s->n;
    if (grow(s, n, e)) return -1;
    for (const struct cJSON *j = sh->header->child; j; j = j->next) {
        if (!strcmp(j->string, "__metadata__")) {
            if (!cJSON_IsObject(j))
                return err_set(e, ERR_DATA, "'%s': __metadata__ is not an object", sh->path);
            for (const struct cJSON *k = j->child; k; k = k->next)
                if (!cJSON_IsString(k))
                    return err_set(e, ERR_DATA, "'%s': __metadata__: '%s' is not a string", sh->path,
                                   k->string);
            continue;
        }
        struct st_tensor *t = &s->t[s->n];
        *t = (struct st_tensor){.name = j->string, .file = file};
        if (parse_tensor(t, j, sh->path, e)) return -1;
        s->n++;
    }
    return place_tensors(s->t + first, s->n - first, sh->data + 8 + len, 8 + len, sh->size - 8 - len,
                         sh->path, e);
}

/* ---- names ---- */

struct named {
    const char *name;
    int i;
};

static int cmp_named(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static int sort_names(struct safetensors *s, struct err *e)
{
    int ret = -1;
    struct named *v = mem_alloc((size_t)s->n, sizeof *v);
    s->by_name = mem_alloc((size_t)s->n, sizeof *s->by_name);
    if (!v || !s->by_name) {
        err_oom(e, (size_t)s->n * sizeof *v, "the table of tensors");
        goto out;
    }
    for (int i = 0; i < s->n; i++) v[i] = (struct named){s->t[i].name, i};
    if (s->n) qsort(v, (size_t)s->n, sizeof *v, cmp_named);
    for (int i = 0; i < s->n; i++) {
        if (i && !strcmp(v[i - 1].name, v[i].name)) {
            err_set(e, ERR_DATA, "tensor '%s' is in both '%s' and '%s'", v[i].name,
                    st_file(s, s->t[v[i - 1].i].file), st_file(s, s->t[v[i].i].file));
            goto out;
        }
        s->by_name[i] = v[i].i;
    }
    ret = 0;
out:
    free(v);
    return ret;
}

int st_find(const struct safetensors *s, const char *name)
{
    int lo = 0, hi = s->n;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2, c = strcmp(name, s->t[s->by_name[mid]].name);
        if (!c) return s->by_name[mid];
        if (c < 0) hi = mid;
        else lo = mid + 1;
    }
    return -1;
}

/* ---- opening ---- */

/* Maps `path` (taken over) as the next shard and parses its header. */
static int add_shard(struct safetensors *s, char *path, struct err *e)
{
    if (!path) return err_oom(e, 0, "a path");
    struct st_shard *sh = &s->shard[s->n_shards++];
    *sh = (struct st_shard){.path = path};
    if (file_map(&sh->map, path, e)) return -1;
    sh->data = sh->map.data;
    sh->size = sh->map.size;
    return parse_header(s, s->n_shards - 1, e);
}

/* A shard's name is one component: an index cannot reach outside its directory. */
static bool plain_name(const char *name)
{
    return *name && *name != '.' && !strchr(name, '/');
}

static int check_weight_map(const struct safetensors *s, const struct cJSON *map, const char *path,
                            struct err *e)
{
    int ret = -1;
    bool *listed = mem_zalloc((size_t)s->n, sizeof *listed);
    if (!listed) return err_oom(e, (unsigned long long)s->n, "the index of shards");
    for (const struct cJSON *k = map->child; k; k = k->next) {
        int i = st_find(s, k->string);
        if (i < 0 || strcmp(path_base(st_file(s, s->t[i].file)), k->valuestring)) {
            err_set(e, ERR_DATA, "'%s': tensor '%s' is not in '%s'", path, k->string, k->valuestring);
            goto out;
        }
        listed[i] = true;
    }
    for (int i = 0; i < s->n; i++)
        if (!listed[i]) {
            err_set(e, ERR_DATA, "'%s': tensor '%s' of '%s' is not in the index", path, s->t[i].name,
                    st_file(s, s->t[i].file));
            goto out;
        }
    ret = 0;
out:
    free(listed);
    return ret;
}

static int cmp_str(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The distinct file names of the map, sorted; the strings stay the map's. */
static int shard_names(const struct cJSON *map, const char *path, const char ***out, int *n_out,
                       struct err *e)
{
    int n = 0, count = cJSON_GetArraySize(map);
    const char **name = mem_alloc((size_t)count, sizeof *name);
    if (!name) return err_oom(e, (size_t)count * sizeof *name, "the index of shards");
    *out = name;
    for (const struct cJSON *k = map->child; k; k = k->next) {
        if (!cJSON_IsString(k) || !plain_name(k->valuestring))
            return err_set(e, ERR_DATA, "'%s': weight_map: '%s' does not name a file of this directory",
                           path, k->string);
        name[n++] = k->valuestring;
    }
    if (n) qsort(name, (size_t)n, sizeof *name, cmp_str);
    for (int i = 0; i < n; i++)
        if (!i || strcmp(name[i], name[*n_out - 1])) name[(*n_out)++] = name[i];
    return 0;
}

static int open_index(struct safetensors *s, const char *path, struct err *e)
{
    int ret = -1, n = 0;
    const char **name = NULL;
    const char *base = path_base(path);
    char *dir = base == path ? mem_strdup(".") : mem_strndup(path, (size_t)(base - path));
    struct cJSON *j = json_read_file(path, &st_json_limits, e);
    if (!j) goto out;
    if (!dir) {
        err_oom(e, strlen(path), "a path");
        goto out;
    }
    const struct cJSON *map = cJSON_GetObjectItemCaseSensitive(j, "weight_map");
    if (!cJSON_IsObject(map)) {
        err_set(e, ERR_DATA, "'%s': no weight_map: not an index of safetensors shards", path);
        goto out;
    }
    if (shard_names(map, path, &name, &n, e)) goto out;
    s->shard = mem_zalloc((size_t)n, sizeof *s->shard);
    if (!s->shard) {
        err_oom(e, (size_t)n * sizeof *s->shard, "the table of shards");
        goto out;
    }
    for (int i = 0; i < n; i++)
        if (add_shard(s, path_join(dir, name[i]), e)) {
            err_wrap(e, "a shard listed in '%s'", path);
            goto out;
        }
    if (sort_names(s, e)) goto out;
    ret = check_weight_map(s, map, path, e);
out:
    free(name);
    free(dir);
    json_free(j);
    return ret;
}

static int open_single(struct safetensors *s, const char *path, struct err *e)
{
    s->shard = mem_zalloc(1, sizeof *s->shard);
    if (!s->shard) return err_oom(e, sizeof *s->shard, "the table of shards");
    if (add_shard(s, mem_strdup(path), e)) return -1;
    return sort_names(s, e);
}

static int open_dir(struct safetensors *s, const char *dir, struct err *e)
{
    int ret;
    char *one = path_join(dir, "model.safetensors");
    char *index = path_join(dir, "model.safetensors.index.json");
    if (!one || !index) ret = err_oom(e, strlen(dir), "a path");
    else if (file_exists(index)) ret = open_index(s, index, e);
    else if (file_exists(one)) ret = open_single(s, one, e);
    else ret = err_set(e, ERR_NOINPUT,
                       "'%s': no model.safetensors and no model.safetensors.index.json in it", dir);
    free(one);
    free(index);
    return ret;
}

struct safetensors *st_open(const char *path, struct err *e)
{
    struct safetensors *s = mem_zalloc(1, sizeof *s);
    if (!s) {
        err_oom(e, sizeof *s, "a safetensors reader");
        return NULL;
    }
    size_t n = strlen(path);
    int ret;
    if (file_is_dir(path)) ret = open_dir(s, path, e);
    else if (n > 5 && !strcmp(path + n - 5, ".json")) ret = open_index(s, path, e);
    else ret = open_single(s, path, e);
    if (ret) {
        st_close(s);
        return NULL;
    }
    return s;
}

struct safetensors *st_open_memory(const void *data, size_t size, const char *name, struct err *e)
{
    struct safetensors *s = mem_zalloc(1, sizeof *s);
    if (s) s->shard = mem_zalloc(1, sizeof *s->shard);
    if (s && s->shard) s->shard->path = mem_strdup(name);
    if (!s || !s->shard || !s->shard->path) {
        err_oom(e, sizeof *s, "a safetensors reader");
        st_close(s);
        return NULL;
    }
    s->n_shards = 1;
    s->shard->data = data;
    s->shard->size = size;
    if (parse_header(s, 0, e) || sort_names(s, e)) {
        st_close(s);
        return NULL;
    }
    return s;
}

void st_close(struct safetensors *s)
{
    if (!s) return;
    for (int i = 0; i < s->n_shards && s->shard; i++) {
        json_free(s->shard[i].header);
        file_unmap(&s->shard[i].map);
        free(s->shard[i].path);
    }
    free(s->shard);
    free(s->t);
    free(s->by_name);
    free(s);
}

int st_n(const struct safetensors *s) { return s->n; }
const struct st_tensor *st_tensor(const struct safetensors *s, int i) { return &s->t[i]; }
int st_n_files(const struct safetensors *s) { return s->n_shards; }
const char *st_file(const struct safetensors *s, int i) { return s->shard[i].path; }

void st_read_f32(const struct safetensors *s, int i, float *dst)
{
    elem_to_f32(dst, s->t[i].data, s->t[i].dtype, (size_t)s->t[i].n);
}

const char *st_metadata(const struct safetensors *s, const char *key)
{
    if (!s->n_shards) return NULL;
    const struct cJSON *m = cJSON_GetObjectItemCaseSensitive(s->shard[0].header, "__metadata__");
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(m, key));
}
