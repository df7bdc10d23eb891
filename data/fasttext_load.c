#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "data/fasttext_internal.h"

enum { MAGIC = 793712314, VERSION_OLD = 11, VERSION = 12, MODEL_SUPERVISED = 3 };
enum { MAX_NGRAM = 64, MAX_DIM = 1 << 20 };

static bool i32(struct reader *r, int32_t *v, struct err *e)
{
    uint32_t u;
    if (!reader_u32(r, &u, e)) return false;
    memcpy(v, &u, sizeof u);
    return true;
}

static bool i64(struct reader *r, int64_t *v, struct err *e)
{
    uint64_t u;
    if (!reader_u64(r, &u, e)) return false;
    memcpy(v, &u, sizeof u);
    return true;
}

static bool flag(struct reader *r, bool *v, struct err *e)
{
    uint8_t u;
    if (!reader_u8(r, &u, e)) return false;
    *v = u != 0;
    return true;
}

static int bad(const struct reader *r, struct err *e, const char *what, long long value)
{
    return err_set(e, ERR_DATA, "'%s': %s is %lld, which no fastText classifier has", r->name, what,
                   value);
}

static int load_args(struct fasttext *f, struct reader *r, struct err *e)
{
    int32_t magic, version, skip, model;
    const uint8_t *t;
    if (!i32(r, &magic, e)) return -1;
    if (magic != MAGIC) {
        const char *kind = file_kind(r->data, r->size);
        return err_set(e, ERR_DATA, "'%s' is no fastText model%s%s", r->name, kind ? ", it is " : "",
                       kind ? kind : "");
    }
    if (!i32(r, &version, e) || !i32(r, &f->dim, e)) return -1;
    if (version != VERSION && version != VERSION_OLD) return bad(r, e, "the format version", version);
    for (int i = 0; i < 4; i++) /* window, epochs, minimum count, negatives: of training */
        if (!i32(r, &skip, e)) return -1;
    if (!i32(r, &f->word_ngrams, e) || !i32(r, &f->loss, e) || !i32(r, &model, e) ||
        !i32(r, &f->bucket, e) || !i32(r, &f->minn, e) || !i32(r, &f->maxn, e) ||
        !i32(r, &skip, e) || !reader_bytes(r, 8, &t, e))
        return -1;
    if (model != MODEL_SUPERVISED) {
        err_set(e, ERR_DATA, "'%s' holds word vectors, not a classifier", r->name);
        return err_hint(e, "want a model made by 'fasttext supervised'");
    }
    if (version == VERSION_OLD) f->maxn = 0; /* such models have no subwords */
    if (f->dim < 1 || f->dim > MAX_DIM) return bad(r, e, "the dimension", f->dim);
    if (f->loss < FT_HS || f->loss > FT_OVA) return bad(r, e, "the loss", f->loss);
    if (f->word_ngrams > MAX_NGRAM) return bad(r, e, "wordNgrams", f->word_ngrams);
    if (f->maxn > MAX_NGRAM) return bad(r, e, "maxn", f->maxn);
    if (f->bucket < 0 || (f->bucket == 0 && (f->maxn > 0 || f->word_ngrams > 1)))
        return bad(r, e, "bucket", f->bucket);
    return 0;
}

/* ---- dictionary ---- */

static int load_entry(struct fasttext *f, struct reader *r, int32_t i, int64_t *count, struct err *e)
{
    const char *s = (const char *)r->data + r->pos;
    const char *end = memchr(s, '\0', reader_left(r));
    uint8_t type;
    const uint8_t *skip;
    if (!end || (size_t)(end - s) > UINT32_MAX)
        return err_set(e, ERR_DATA, "'%s' is cut off in word %d of its dictionary", r->name, i);
    size_t len = (size_t)(end - s);
    if (!reader_bytes(r, len + 1, &skip, e) || !i64(r, count, e) || !reader_u8(r, &type, e))
        return -1;
    if (type != (i >= f->n_words))
        return err_set(e, ERR_DATA, "'%s': entry %d of the dictionary is in the wrong place", r->name, i);
    f->entry[i] = (struct ft_entry){s, (uint32_t)len, fasttext_hash(s, len)};
    uint32_t at = f->entry[i].hash & f->table_mask;
    while (f->table[at]) {
        const struct ft_entry *x = &f->entry[f->table[at] - 1];
        if (x->hash == f->entry[i].hash && x->len == len && memcmp(x->s, s, len) == 0)
            return err_set(e, ERR_DATA, "'%s': '%.100s' is twice in the dictionary", r->name, s);
        at = (at + 1) & f->table_mask;
    }
    f->table[at] = (uint32_t)i + 1;
    return 0;
}

static int load_prune(struct fasttext *f, struct reader *r, struct err *e)
{
    if (f->prune_n < 0) return 0;
    if (!reader_count(r, (uint64_t)f->prune_n, 8, "pruned n-grams", e)) return -1;
    /* The map is as large as `bucket`, which nothing in the file backs yet. */
    if (f->bucket > 1 << 28) return bad(r, e, "bucket", f->bucket);
    if (!(f->prune = mem_alloc((size_t)f->bucket, sizeof *f->prune)))
        return err_oom(e, (uint64_t)f->bucket * 4, "pruned n-grams");
    memset(f->prune, 0xff, (size_t)f->bucket * sizeof *f->prune);
    for (int64_t i = 0; i < f->prune_n; i++) {
        int32_t from, to;
        if (!i32(r, &from, e) || !i32(r, &to, e)) return -1;
        if (from < 0 || from >= f->bucket || to < 0 || to >= f->prune_n)
            return err_set(e, ERR_DATA, "'%s': pruned n-gram %d lies outside", r->name, from);
        f->prune[from] = to;
    }
    return 0;
}

/* The tree that fastText builds from the counts, which are in falling order. */
static int build_tree(struct fasttext *f, const int64_t *count, struct err *e)
{
    int32_t n = f->n_labels, leaf = n - 1, node = n;
    size_t total = 2 * (size_t)n - 1;
    int64_t *sum = mem_alloc(total, sizeof *sum);
    f->tree = mem_alloc(total, sizeof *f->tree);
    int ret = -1;
    if (!sum || !f->tree) {
        err_oom(e, total * sizeof *sum, "the label tree");
        goto out;
    }
    for (int32_t i = 0; i < n; i++) {
        if (count[i] < 0 || count[i] > (int64_t)1e15 / n) {
            bad(&(struct reader){.name = f->name}, e, "the count of a label", count[i]);
            goto out;
        }
        sum[i] = count[i];
    }
    for (size_t i = (size_t)n; i < total; i++)
        sum[i] = (int64_t)1e15;
    for (int32_t i = n; i < (int32_t)total; i++) {
        int32_t two[2];
        for (int k = 0; k < 2; k++)
            two[k] = leaf >= 0 && sum[leaf] < sum[node] ? leaf-- : node++;
        f->tree[i] = (struct ft_node){two[0], two[1]};
        sum[i] = sum[two[0]] + sum[two[1]];
        if (two[0] >= i || two[1] >= i) {
            err_set(e, ERR_DATA, "'%s': the counts of the labels make no tree", f->name);
            goto out;
        }
    }
    ret = 0;
out:
    free(sum);
    return ret;
}

static int load_dictionary(struct fasttext *f, struct reader *r, struct err *e)
{
    int32_t size;
    int64_t tokens;
    if (!i32(r, &size, e) || !i32(r, &f->n_words, e) || !i32(r, &f->n_labels, e) ||
        !i64(r, &tokens, e) || !i64(r, &f->prune_n, e))
        return -1;
    if (f->n_words < 0 || f->n_labels < 1 || f->n_labels > 1 << 28 || size < 0 ||
        (int64_t)f->n_words + f->n_labels != size)
        return bad(r, e, "the number of labels", f->n_labels);
    if (!reader_count(r, (uint64_t)size, 10, "dictionary entries", e)) return -1;
    uint32_t slots = 16;
    while (slots < 2 * (uint64_t)size)
        slots *= 2;
    f->table_mask = slots - 1;
    f->entry = mem_alloc((size_t)size, sizeof *f->entry);
    f->table = mem_zalloc(slots, sizeof *f->table);
    int64_t *count = mem_alloc((size_t)f->n_labels, sizeof *count);
    int ret = -1;
    if (!f->entry || !f->table || !count) {
        err_oom(e, (uint64_t)size * sizeof *f->entry, "the dictionary");
        goto out;
    }
    for (int32_t i = 0; i < size; i++) {
        int64_t c = 0;
        if (load_entry(f, r, i, &c, e)) goto out;
        if (i >= f->n_words) count[i - f->n_words] = c;
    }
    if (load_prune(f, r, e)) goto out;
    if (f->loss == FT_HS && build_tree(f, count, e)) goto out;
    ret = 0;
out:
    free(count);
    return ret;
}

/* ---- matrices ---- */

static int load_quantizer(struct ft_quantizer *q, struct reader *r, struct err *e)
{
    if (!i32(r, &q->dim, e) || !i32(r, &q->nsubq, e) || !i32(r, &q->dsub, e) ||
        !i32(r, &q->lastdsub, e))
        return -1;
    if (q->dim < 1 || q->dim > MAX_DIM || q->nsubq < 1 || q->dsub < 1 || q->lastdsub < 1 ||
        q->lastdsub > q->dsub || (int64_t)(q->nsubq - 1) * q->dsub + q->lastdsub != q->dim)
        return bad(r, e, "the size of a quantizer", q->dim);
    return reader_bytes(r, (uint64_t)q->dim * FT_KSUB * 4, &q->centroids, e) ? 0 : -1;
}

static int load_matrix(struct ft_matrix *m, bool quantized, struct reader *r, struct err *e)
{
    m->quantized = quantized;
    if (quantized && !flag(r, &m->norms, e)) return -1;
    if (!i64(r, &m->rows, e) || !i64(r, &m->cols, e)) return -1;
    if (m->rows < 0 || m->cols < 1 || m->cols > MAX_DIM)
        return bad(r, e, "the size of a matrix", m->rows);
    if (!quantized)
        return reader_count(r, (uint64_t)m->rows, (uint64_t)m->cols * 4, "rows of a matrix", e) &&
                       reader_bytes(r, (uint64_t)m->rows * (uint64_t)m->cols * 4, &m->dense, e)
                   ? 0
                   : -1;
    int32_t size;
    if (!i32(r, &size, e)) return -1;
    if (size < 0) return bad(r, e, "the number of codes", size);
    if (!reader_bytes(r, (uint64_t)size, &m->codes, e) || load_quantizer(&m->q, r, e)) return -1;
    if (m->q.dim != m->cols || (uint64_t)m->rows > (uint64_t)size / (uint64_t)m->q.nsubq)
        return bad(r, e, "the number of codes", size);
    if (!m->norms) return 0;
    if (!reader_count(r, (uint64_t)m->rows, 1, "norms of a matrix", e) ||
        !reader_bytes(r, (uint64_t)m->rows, &m->norm_codes, e))
        return -1;
    if (load_quantizer(&m->norm_q, r, e)) return -1;
    return m->norm_q.dim == 1 ? 0 : bad(r, e, "the size of a norm", m->norm_q.dim);
}

static int load(struct fasttext *f, struct reader *r, struct err *e)
{
    bool in_quantized, out_quantized;
    if (load_args(f, r, e) || load_dictionary(f, r, e)) return -1;
    if (!flag(r, &in_quantized, e) || load_matrix(&f->input, in_quantized, r, e)) return -1;
    if (!in_quantized && f->prune_n >= 0)
        return err_set(e, ERR_DATA, "'%s' is pruned but not quantized", r->name);
    if (!flag(r, &out_quantized, e)) return -1;
    if (load_matrix(&f->output, in_quantized && out_quantized, r, e)) return -1;
    int64_t rows = f->n_words + (f->prune_n < 0 ? (int64_t)f->bucket : f->prune_n);
    if (f->input.rows < rows || f->input.cols != f->dim)
        return bad(r, e, "the number of input rows", f->input.rows);
    if (f->output.rows < f->n_labels || f->output.cols != f->dim)
        return bad(r, e, "the number of output rows", f->output.rows);
    return 0;
}

struct fasttext *fasttext_open_memory(const void *data, size_t size, const char *name, struct err *e)
{
    struct fasttext *f = mem_zalloc(1, sizeof *f);
    struct reader r;
    if (!f || !(f->name = mem_strdup(name))) {
        free(f);
        err_oom(e, sizeof *f, "a fastText model");
        return NULL;
    }
    reader_init(&r, data, size, f->name);
    if (load(f, &r, e)) {
        fasttext_close(f);
        return NULL;
    }
    return f;
}

struct fasttext *fasttext_open(const char *path, struct err *e)
{
    struct file_map map;
    if (file_map(&map, path, e)) return NULL;
    struct fasttext *f = fasttext_open_memory(map.data ? (const void *)map.data : "", map.size, path, e);
    if (f) f->map = map;
    else file_unmap(&map);
    return f;
}

void fasttext_close(struct fasttext *f)
{
    if (!f) return;
    file_unmap(&f->map);
    free(f->entry);
    free(f->table);
    free(f->prune);
    free(f->tree);
    free(f->name);
    free(f);
}
