#include "core/tensor/colsum.h"

#include <string.h>

void colsum_begin(struct colsum *s, const struct kernels *k, int width)
{
    s->k = k;
    s->width = width;
    s->depth = 0;
    s->count = 0;
}

float *colsum_next(struct colsum *s)
{
    return s->v[s->depth];
}

static void merge_top(struct colsum *s)
{
    float *a = s->v[s->depth - 2];
    s->k->add(a, a, s->v[s->depth - 1], (size_t)s->width);
    s->depth--;
}

void colsum_push(struct colsum *s)
{
    s->depth++;
    s->count++;
    for (uint32_t c = s->count; !(c & 1); c >>= 1) merge_top(s);
}

const float *colsum_end(struct colsum *s)
{
    if (s->depth == 0) memset(s->v[0], 0, (size_t)s->width * sizeof(float));
    while (s->depth > 1) merge_top(s);
    return s->v[0];
}

static void finish(struct colsum *s, float *dst, bool accumulate)
{
    const float *total = colsum_end(s);
    if (accumulate) s->k->add(dst, dst, total, (size_t)s->width);
    else memcpy(dst, total, (size_t)s->width * sizeof *dst);
}

void colsum_partials(const struct kernels *k, float *dst, bool accumulate, const float *partial,
                     int64_t ld, int width, int leaves, int64_t per_leaf)
{
    struct colsum tree, leaf;
    size_t bytes = (size_t)width * sizeof(float);
    colsum_begin(&tree, k, width);
    for (int l = 0; l < leaves; l++) {
        colsum_begin(&leaf, k, width);
        for (int64_t i = 0; i < per_leaf; i++) {
            memcpy(colsum_next(&leaf), partial + (l * per_leaf + i) * ld, bytes);
            colsum_push(&leaf);
        }
        memcpy(colsum_next(&tree), colsum_end(&leaf), bytes);
        colsum_push(&tree);
    }
    finish(&tree, dst, accumulate);
}

/* v = rows [r0, r1) of dy's columns [c0, c0+width), added in order. */
static void sum_chunk(const struct kernels *k, float *v, const struct tensor *dy, int64_t r0,
                      int64_t r1, int64_t c0, int width)
{
    float tmp[COLSUM_WIDTH];
    int64_t ld = dy->dim[1];
    memset(v, 0, (size_t)width * sizeof *v);
    for (int64_t r = r0; r < r1; r++)
        k->add(v, v, load_row(k, dy, r * ld + c0, width, tmp), (size_t)width);
}

/* The tree over leaves; leaf l is rows [cut(l), cut(l + 1)). */
static void sum_leaves(const struct kernels *k, float *dst, bool accumulate, const struct tensor *dy, int64_t c0,
                       int width, const int32_t *cuts, int64_t per_leaf, int leaves)
{
    struct colsum tree, leaf;
    colsum_begin(&tree, k, width);
    for (int64_t l = 0; l < leaves; l++) {
        int64_t first = cuts ? cuts[l] : l * per_leaf, end = cuts ? cuts[l + 1] : first + per_leaf;
        colsum_begin(&leaf, k, width);
        for (int64_t r = first; r < end; r += COLSUM_ROWS) {
            sum_chunk(k, colsum_next(&leaf), dy, r, min_i64(r + COLSUM_ROWS, end), c0, width);
            colsum_push(&leaf);
        }
        memcpy(colsum_next(&tree), colsum_end(&leaf), (size_t)width * sizeof(float));
        colsum_push(&tree);
    }
    finish(&tree, dst, accumulate);
}

void colsum_rows(const struct kernels *k, float *dst, bool accumulate, const struct tensor *dy,
                 int64_t c0, int width, int leaves)
{
    sum_leaves(k, dst, accumulate, dy, c0, width, NULL, dy->dim[0] / leaves, leaves);
}

void colsum_cuts(const struct kernels *k, float *dst, bool accumulate, const struct tensor *dy, int64_t c0, int width,
                 const int32_t *cuts, int leaves)
{
    sum_leaves(k, dst, accumulate, dy, c0, width, cuts, 0, leaves);
}
