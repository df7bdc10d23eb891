/* rows_avx2.c - every kernel but GEMM, compiled for avx2 (see vec.h). */
#if defined(__x86_64__)
#include "core/kernels/rows_fill.h"

void kernels_fill_rows_avx2(struct kernels *k)
{
    fill_rows(k);
}

#endif
