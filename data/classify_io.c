#include <math.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/ckpt/llmz.h"
#include "data/classify.h"

static const char weight_name[] = "classifier.weight", bias_name[] = "classifier.bias";
enum { MAX_LABELS = 65536 };

static void manifest(const struct classifier *c, const char *report, struct buf *b)
{
    const struct features_cfg *f = &c->features;
    buf_adds(b, "{\"format\":\"llmz\",\"kind\":\"classifier\",\"classifier\":{\"labels\":[");
    for (int i = 0; i < c->n_labels; i++) {
        if (i) buf_addc(b, ',');
        buf_adds_json(b, c->label[i]);
    }
    buf_printf(b, "],\"features\":{\"bits\":%d,\"words\":%d,\"chars_min\":%d,\"chars_max\":%d},"
                  "\"scale\":%.17g,\"shift\":%.17g}",
               f->bits, f->words, f->chars_min, f->chars_max, c->scale, c->shift);
    if (report) buf_printf(b, ",\"report\":%s", report);
    buf_addc(b, '}');
}

int classifier_save(const struct classifier *c, const char *report, const char *path,
                    struct pool *pool, struct err *e)
{
    struct buf b = {0};
    manifest(c, report, &b);
    const int64_t dim[2] = {(int64_t)1 << c->features.bits, c->outs};
    struct llmz_writer *w = buf_ok(&b, e) ? NULL : llmz_create(path, pool, e);
    int ret = -1;
    if (w && !llmz_add(w, weight_name, DT_F32, 2, dim, c->weight, e) &&
        !llmz_add(w, bias_name, DT_F32, 1, dim + 1, c->bias, e)) {
        ret = llmz_finish(w, b.data, e);
        w = NULL;
    }
    if (w) llmz_abort(w);
    buf_free(&b);
    return ret;
}

static int read_features(const struct cJSON *o, struct features_cfg *f, struct err *e)
{
    int64_t bits, words, lo, hi;
    const char *where = "classifier.features";
    if (json_get_i64(o, "bits", 8, FEATURES_MAX_BITS, &bits, where, e) ||
        json_get_i64(o, "words", 0, FEATURES_MAX_WORDS, &words, where, e) ||
        json_get_i64(o, "chars_min", 1, FEATURES_MAX_CHARS, &lo, where, e) ||
        json_get_i64(o, "chars_max", 0, FEATURES_MAX_CHARS, &hi, where, e))
        return -1;
    *f = (struct features_cfg){(int)bits, (int)words, (int)lo, (int)hi};
    return 0;
}

static struct classifier *read_manifest(const struct cJSON *root, struct err *e)
{
    const struct cJSON *o = json_member(root, "classifier"), *labels = json_member(o, "labels"), *x;
    struct features_cfg f;
    double scale, shift;
    if (!cJSON_IsObject(o) || !cJSON_IsArray(labels)) {
        err_set(e, ERR_DATA, "it holds no classifier");
        err_hint(e, "make one with llmctl clean --train-classifier");
        return NULL;
    }
    int n = cJSON_GetArraySize(labels), i = 0;
    if (n < 2 || n > MAX_LABELS) {
        err_set(e, ERR_DATA, "a classifier of %d labels", n);
        return NULL;
    }
    if (read_features(json_member(o, "features"), &f, e) ||
        json_get_f64(o, "scale", -1e6, 1e6, &scale, "classifier", e) ||
        json_get_f64(o, "shift", -1e6, 1e6, &shift, "classifier", e))
        return NULL;
    char **names = mem_alloc((size_t)n, sizeof *names);
    struct classifier *c = NULL;
    if (!names) {
        err_oom(e, (uint64_t)n * sizeof *names, "the labels");
        return NULL;
    }
    cJSON_ArrayForEach(x, labels)
    {
        if (!cJSON_IsString(x)) {
            err_set(e, ERR_DATA, "label %d is no string", i);
            goto out;
        }
        names[i++] = x->valuestring;
    }
    c = classifier_new(&f, names, n, e);
    if (c) c->scale = scale;
    if (c) c->shift = shift;
out:
    free(names);
    return c;
}

static int read_tensor(struct llmz *z, const char *name, int64_t n, float *dst, struct pool *pool,
                       struct err *e)
{
    int i = llmz_find(z, name);
    const struct llmz_tensor *t = i < 0 ? NULL : llmz_tensor(z, i);
    if (!t || t->dtype != DT_F32 || t->n != n)
        return err_set(e, ERR_DATA, "tensor '%s' is missing or of another size", name);
    if (llmz_read(z, i, dst, pool, e)) return -1;
    for (int64_t k = 0; k < n; k++)
        if (!isfinite(dst[k])) return err_set(e, ERR_DATA, "tensor '%s' is not finite", name);
    return 0;
}

/* The tensor backs the size that the manifest asks for. */
static int check_weight(const struct llmz *z, struct err *e)
{
    const struct cJSON *o = json_member(llmz_manifest(z), "classifier");
    const struct cJSON *labels = json_member(o, "labels");
    int i = llmz_find(z, weight_name), n = cJSON_IsArray(labels) ? cJSON_GetArraySize(labels) : 0;
    struct features_cfg f;
    if (i < 0 || n < 2) return 0; /* named later */
    if (read_features(json_member(o, "features"), &f, e)) return -1;
    if (llmz_tensor(z, i)->n != ((int64_t)(n == 2 ? 1 : n) << f.bits))
        return err_set(e, ERR_DATA, "tensor '%s' is of another size than its labels say", weight_name);
    return 0;
}

struct classifier *classifier_open(const char *path, struct pool *pool, struct err *e)
{
    struct llmz *z = llmz_open(path, e);
    if (!z) return NULL;
    struct classifier *c = NULL;
    if (llmz_find(z, weight_name) < 0) {
        err_set(e, ERR_DATA, "it holds no classifier");
        err_hint(e, "make one with llmctl clean --train-classifier");
    } else if (!check_weight(z, e)) {
        c = read_manifest(llmz_manifest(z), e);
    }
    if (c && (read_tensor(z, weight_name, (int64_t)c->outs << c->features.bits, c->weight, pool, e) ||
              read_tensor(z, bias_name, c->outs, c->bias, pool, e))) {
        classifier_free(c);
        c = NULL;
    }
    if (!c) err_wrap(e, "'%s'", path);
    llmz_close(z);
    return c;
}
