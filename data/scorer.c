#include "data/scorer.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "data/classify.h"
#include "data/fasttext.h"

static const char prefix[] = "__label__";

struct scorer_work {
    struct fasttext_work ft;
    struct features features;
    float *p32;
    double *p, *z;
};

struct scorer {
    struct fasttext *ft; /* one of the two */
    struct classifier *own;
    struct scorer_work work[SCORER_MAX_THREADS];
};

static bool is_fasttext(const char *path)
{
    struct file_map map;
    struct err ignored;
    static const uint8_t magic[4] = {0xba, 0x16, 0x4f, 0x2f};
    if (file_map(&map, path, &ignored)) return false;
    bool is = map.size >= 4 && memcmp(map.data, magic, 4) == 0;
    file_unmap(&map);
    return is;
}

struct scorer *scorer_open(const char *path, struct pool *pool, struct err *e)
{
    struct scorer *s = mem_zalloc(1, sizeof *s);
    if (!s) {
        err_oom(e, sizeof *s, "a classifier");
        return NULL;
    }
    if (is_fasttext(path)) s->ft = fasttext_open(path, e);
    else s->own = classifier_open(path, pool, e);
    if (s->ft || s->own) return s;
    free(s);
    return NULL;
}

void scorer_close(struct scorer *s)
{
    if (!s) return;
    for (int i = 0; i < SCORER_MAX_THREADS; i++) {
        fasttext_work_free(&s->work[i].ft);
        features_free(&s->work[i].features);
        free(s->work[i].p32);
        free(s->work[i].p);
    }
    fasttext_close(s->ft);
    classifier_free(s->own);
    free(s);
}

int scorer_n_labels(const struct scorer *s)
{
    return s->ft ? fasttext_n_labels(s->ft) : s->own->n_labels;
}

const char *scorer_label(const struct scorer *s, int i)
{
    if (!s->ft) return s->own->label[i];
    const char *label = fasttext_label(s->ft, i);
    size_t n = sizeof prefix - 1;
    return strncmp(label, prefix, n) == 0 && label[n] ? label + n : label;
}

int scorer_find_label(const struct scorer *s, const char *label)
{
    if (!s->ft) return classifier_find_label(s->own, label);
    int i = fasttext_find_label(s->ft, label);
    char *full = i < 0 ? mem_alloc(strlen(label) + sizeof prefix, 1) : NULL;
    if (full) {
        memcpy(full, prefix, sizeof prefix);
        strcat(full, label);
        i = fasttext_find_label(s->ft, full);
        free(full);
    }
    return i;
}

static int reserve(const struct scorer *s, struct scorer_work *w, struct err *e)
{
    size_t n = (size_t)scorer_n_labels(s);
    if (!w->p32) w->p32 = mem_alloc(n, sizeof *w->p32);
    if (!w->p) w->p = mem_alloc(n, 2 * sizeof *w->p);
    if (!w->p || !w->p32) return err_oom(e, n * 2 * sizeof *w->p, "probabilities");
    w->z = w->p + n;
    return 0;
}

const double *scorer_run(struct scorer *s, int thread, const char *text, size_t n, struct err *e)
{
    struct scorer_work *w = &s->work[thread];
    if (reserve(s, w, e)) return NULL;
    if (s->own) return classifier_predict(s->own, &w->features, text, n, w->z, w->p, e) ? NULL : w->p;
    if (fasttext_predict(s->ft, &w->ft, text, n, w->p32, e)) return NULL;
    for (int i = 0; i < fasttext_n_labels(s->ft); i++)
        w->p[i] = (double)w->p32[i];
    return w->p;
}
