/* rows_avx512.c - every kernel but GEMM, compiled for avx512 (see vec.h). */
#if defined(__x86_64__)
#include "core/kernels/rows_fill.h"

void kernels_fill_rows_avx512(struct kernels *k)
{
    fill_rows(k);
}

#endif
