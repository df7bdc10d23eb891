/* params.h - the parameter store's own state; for params.c and grads.c. */
#ifndef CORE_TENSOR_PARAMS_H
#define CORE_TENSOR_PARAMS_H

#include "core/tensor/graph.h"

enum { NORM_CHUNK = 4096, NORM_PIECE = 256 * NORM_CHUNK }; /* elements */

/* A run of a gradient and the sum of its squares. */
struct norm_piece {
    const float *grad;
    int64_t n;
    double sum;
};

/* The four kinds of data, each in one block; pub.v[i] points into them. */
struct params_store {
    struct params pub;
    size_t cap;
    void *block[4];
    struct norm_piece *piece;
    int n_pieces;
};

#endif
