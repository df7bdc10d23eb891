/* shift.h - RWKV's token shift: a token mixed with the one before it.
 *
 *   y = x + m (x' - x),  x' the token before (zeros at the start of a segment)
 *   m = mu, or 1 - mu (complement), or mu + d with d the token's own
 *
 * with every product rounded.  Backward, of one of the outputs that x has:
 *   dx += dy (1 - m) + dy' m',  the ' of the token after;  dmu += +-dy (x' - x);  dd = dy (x' - x). */
#ifndef CORE_KERNELS_SHIFT_H
#define CORE_KERNELS_SHIFT_H

#include <stdbool.h>

#include "core/kernels/kernels.h"

struct shift_token {
    const void *x, *prev;           /* prev NULL: zeros */
    enum dtype x_dt, d_dt;          /* f32 or bf16, like those below */
    const float *mu;
    const void *d;                  /* or NULL */
    bool complement;
};

struct shift_grad {
    const void *dy, *dy_next;       /* dy_next NULL: no token after */
    const void *d_next;             /* of the token after, where d is */
    enum dtype dy_dt, dd_dt;
    float *dx;                      /* += */
    float *dmu;                     /* +=, or NULL */
    void *dd;                       /* =, or NULL */
};

#endif
