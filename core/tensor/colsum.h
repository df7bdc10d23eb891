/* colsum.h - sums over tokens by a fixed binary tree, a block of columns at a
 * time: bias and norm gradients.
 *
 * Vectors are pushed one after the other; the result is the sum by the tree
 * that pairs neighbours at every level ((0+1)+(2+3))..., a left-over joining
 * from the right.  It depends on their number only.  A carry stack holds at
 * most log2 of them. */
#ifndef CORE_TENSOR_COLSUM_H
#define CORE_TENSOR_COLSUM_H

#include "core/tensor/op.h"

enum { COLSUM_WIDTH = 256, COLSUM_LEVELS = 32, COLSUM_ROWS = 128 };

struct colsum {
    const struct kernels *k;
    int width;               /* <= COLSUM_WIDTH */
    int depth;
    uint32_t count;
    float v[COLSUM_LEVELS][COLSUM_WIDTH];
};

void colsum_begin(struct colsum *s, const struct kernels *k, int width);
/* The buffer of the next vector, to be filled; then colsum_push(). */
float *colsum_next(struct colsum *s);
void colsum_push(struct colsum *s);
/* The sum of all pushed; zeros when there was none.  Valid until the next begin. */
const float *colsum_end(struct colsum *s);

/* dst[0..width) (+)= the tree over `leaves` of the tree over the `per_leaf`
 * rows of `partial` (row stride ld) of each leaf. */
void colsum_partials(const struct kernels *k, float *dst, bool accumulate, const float *partial,
                     int64_t ld, int width, int leaves, int64_t per_leaf);

/* Column sums of dy[N, ...] columns [c0, c0+width), N = leaves * leaf rows: in
 * a leaf chunks of COLSUM_ROWS rows are summed in order and the chunks by the
 * tree; dst as above. */
void colsum_rows(const struct kernels *k, float *dst, bool accumulate, const struct tensor *dy,
                 int64_t c0, int width, int leaves);
/* The same where leaf l is rows [cuts[l], cuts[l+1]). */
void colsum_cuts(const struct kernels *k, float *dst, bool accumulate, const struct tensor *dy, int64_t c0, int width,
                 const int32_t *cuts, int leaves);

#endif
