/* muon.h - momentum orthogonalised by Newton-Schulz, for one hidden matrix.
 *
 *   m = lerp(m, g, 1 - mu);  u = lerp(g, m, mu)                (Nesterov)
 *   X = u / (|u| + 1e-7), transposed when tall
 *   5 times:  A = X X^T;  X = a X + (b A + c A^2) X            (a, b, c) = (3.4445, -4.7750, 2.0315)
 *   p = p (1 - lr wd) - lr sqrt(max(1, rows / cols)) X
 *
 * K. Jordan et al., "Muon" (2024), in torch.optim.Muon's order.  All in f32
 * through the GEMM kernels, on one thread: the same bits everywhere.  Other
 * threads work on other matrices. */
#ifndef CORE_TRAIN_MUON_H
#define CORE_TRAIN_MUON_H

#include <stdint.h>

#include "core/base/err.h"

struct muon_ws {
    float *x, *y;       /* [r, c], r <= c */
    float *a, *b;       /* [r, r] */
    void *packed;       /* right operand of a product */
    void *gemm;         /* the kernel's own workspace */
    int64_t bytes;
};
/* Room for matrices of at most max_r x max_c (r <= c) and max_n elements. */
int muon_ws_init(struct muon_ws *w, int64_t max_r, int64_t max_c, int64_t max_n, struct err *e);
void muon_ws_free(struct muon_ws *w);

/* p, m [rows, cols] are updated, g [rows, cols] is read. */
void muon_update(struct muon_ws *w, float *p, float *m, const float *g, int64_t rows, int64_t cols,
                 float gscale, double lr, double mu, double wd);

#endif
