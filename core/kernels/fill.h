/* fill.h - who fills struct kernels; for kernels.c and the files that fill.
 *
 * kernels.c builds one table an ISA: a copy of the next weaker one, then each
 * fill function that the ISA has overwrites the entries it implements.  Every
 * function here is called once, `rows` before `gemm`, always for the same
 * table, whose address stays valid: a GEMM may keep it to call the row kernels
 * of its own ISA in its epilogue. */
#ifndef CORE_KERNELS_FILL_H
#define CORE_KERNELS_FILL_H

#include "core/kernels/kernels.h"

void kernels_fill_rows_ref(struct kernels *k);
void kernels_fill_gemm_ref(struct kernels *k);
/* Over a reference table: bf16 products as AMX sums them. */
void kernels_fill_gemm_ref_tiles(struct kernels *k);

#if defined(__x86_64__)
void kernels_fill_rows_avx2(struct kernels *k);
void kernels_fill_gemm_avx2(struct kernels *k);
void kernels_fill_rows_avx512(struct kernels *k);
void kernels_fill_gemm_avx512(struct kernels *k);
void kernels_fill_gemm_avx512bf16(struct kernels *k);
void kernels_fill_gemm_avx512amx(struct kernels *k);
#endif

#endif
