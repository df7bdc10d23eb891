/* wkv.h - the recurrences of RWKV, over the tokens of one row.
 *
 * Every entry runs the tokens in order for its lanes; with `state` it goes on
 * from there and leaves it for the next call, so training a row and decoding it
 * token by token are the same operations and give the same bits.
 *
 * RWKV-4 (arXiv:2305.13048 eq. 16-18 with the running maximum of appendix D), each
 * channel on its own: weights e^{k} of the past decay by w < 0 a step, the
 * token itself counts with e^{u+k}; y = sigmoid(r) * (weighted mean of v).
 * State a, b (sums of e^{k-p} v and e^{k-p}) and p (the maximum).
 * A token t with seg_start[t] == t begins with an empty state. */
#ifndef CORE_KERNELS_WKV_H
#define CORE_KERNELS_WKV_H

#include <stdint.h>

#include "core/base/dtype.h"

struct wkv4 {
    int T;
    int64_t ld;                     /* elements between tokens of r .. dv */
    const float *r, *k, *v;
    const float *w, *u;             /* [C]; w = -e^decay */
    const int32_t *seg_start;       /* [T] row-relative, or NULL: one segment */
    float *state;                   /* [3][state_ld]: a, b, p; NULL = from nothing */
    int64_t state_ld;
    enum dtype dt;                  /* of y and what is below it to dv: f32 or bf16 */
    void *y;
    /* backward; reads no state, writes (=) all */
    const void *dy;
    void *dr, *dk, *dv;
    float *dw, *du;                 /* [C]: sums over the row's tokens */
};

/* RWKV-5, -6 and -7, one head of one row; S [D keys][D values] is the state.
 *
 *   5, 6 (arXiv:2404.05892 eq. 19):  y_j = sum_i r_i (S_ij + u_i k_i v_j);  S_ij = w_i S_ij + k_i v_j
 *   7 (arXiv:2503.14456 eq. 15):     s_j = sum_i a_i S_ij;  S_ij = w_i S_ij + b_i s_j + k_i v_j;  y_j = sum_i r_i S_ij
 *
 * with w in (0,1) the decay of each key channel and token.  Lanes are values j,
 * sums over i run in increasing order, sums over j (backward) by a fixed tree.
 * Backward keeps the state of every WKV_CHUNK-th token and computes the others
 * again, chunk by chunk from the end: no division by w.
 * A token t with seg_start[t] == t begins with an empty state. */
enum { WKV_CHUNK = 16, WKV_COLS = 64, WKV_MAX_D = 256 };

struct wkv {
    int T, D;
    int64_t ld;                     /* floats between tokens */
    const float *r, *w, *k, *v;
    const float *a, *b;             /* rwkv7, else NULL */
    const float *u;                 /* [D]; rwkv5, rwkv6 */
    const int32_t *seg_start;
    float *state;                   /* [D][D rounded up to 16], read and written; NULL = from nothing */
    float *y;
    /* backward; reads no state, writes (=) all */
    const float *dy;
    float *dr, *dw, *dk, *dv, *da, *db;
    float *du;                      /* [D]: sums over the row's tokens */
};

static inline int64_t wkv_ld(int D)
{
    return (D + 15) / 16 * 16;
}
/* Scratch in floats. */
static inline int64_t wkv_ws_floats(int T, int D, int backward)
{
    int64_t one = (int64_t)D * WKV_COLS;
    return backward ? ((T + WKV_CHUNK - 1) / WKV_CHUNK + WKV_CHUNK + 2) * one + 6 * WKV_MAX_D : one;
}

#endif
