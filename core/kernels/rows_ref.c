/* rows_ref.c - every kernel but GEMM, compiled for ref (see vec.h). */

#include "core/kernels/rows_fill.h"

void kernels_fill_rows_ref(struct kernels *k)
{
    fill_rows(k);
}

