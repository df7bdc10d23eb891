/* op_linear.h - matrix product with weights, and its epilogue.
 *
 *   z = x [W_0; W_1; W_2]^T + [b_0, b_1, b_2];  y = act(z)  or  z + residual
 *
 * x [N,C] of the compute type (cast when it is not), W_i [O_i,C], b_i [O_i]
 * f32, y [N,O], O = O_0 + O_1 + O_2.  The weights are converted and packed
 * into panels at the start of the node; the packed copy lives as long as the
 * node runs.
 *
 * Backward, dz = dy act'(z):
 *   dW_i = dz_i^T x   one FMA chain a leaf, then the tree over leaves
 *   db_i = column sums of dz_i (colsum.h)
 *   dx   = dz [W_0; W_1; W_2]
 * When x is itself act(z') of a linear and has no other reader, the product
 * for dx multiplies by act'(z') on the way out and is that linear's dz; x is
 * then computed again from z' instead of being kept for dW, unless small. */
#ifndef CORE_TENSOR_OP_LINEAR_H
#define CORE_TENSOR_OP_LINEAR_H

#include "core/tensor/op.h"
#include "core/tensor/ops.h"

enum { LIN_X, LIN_W, LIN_B = LIN_W + 3, LIN_RESIDUAL = LIN_B + 3 };
enum { LIN_Y, LIN_PRE };  /* pre: z, kept for backward when there is an act */

enum {
    TILE_M = 168,  /* rows of A that the GEMM holds in L2, see gemm_drive.c */
    TILE_N = 512,  /* columns it does for one copy of A; no tile is wider */
    TILE_GM = 196, /* of a weight gradient's tile, see gemm_drive_tn.c */
    TILE_GN = 1024,
};

/* Where the compute tiles of a product are cut.  Any cut gives the same bits. */
struct tiling {
    int m, n;             /* tile size */
    int nm, nn;           /* tiles along M and N */
};
struct linear {
    int n;
    enum act act;
    int O[3], col[3];     /* columns of each weight in y and where they begin */
    int O_all;
    int pack_cols;        /* columns a packing slice */
    int pack_at[4];       /* first packing slice of each weight; the end */
    struct tiling tiles;
};

/* As many rows as are wanted, or, where that costs no more, a few more; no more than `most`. */
int whole_rows(const struct kernels *k, enum dtype dt, int64_t rows, int most);
struct tiling tile_product(const struct kernels *k, enum dtype dt, int M, int N, int n_threads);
/* C[M,N] = A^T B over many tokens. */
struct tiling tile_gradient(const struct kernels *k, enum dtype dt, int M, int N, int n_threads);

void linear_vjp(struct graph *g, struct node *n);

#endif
