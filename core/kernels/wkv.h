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

struct wkv4 {
    int T;
    int64_t ld;                     /* floats between tokens of r .. dv */
    const float *r, *k, *v;
    const float *w, *u;             /* [C]; w = -e^decay */
    const int32_t *seg_start;       /* [T] row-relative, or NULL: one segment */
    float *state;                   /* [3][state_ld]: a, b, p; NULL = from nothing */
    int64_t state_ld;
    float *y;
    /* backward; reads no state, writes (=) all */
    const float *dy;
    float *dr, *dk, *dv;
    float *dw, *du;                 /* [C]: sums over the row's tokens */
};

#endif
