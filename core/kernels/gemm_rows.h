/* gemm_rows.h - repetition over the rows of a microkernel's block.
 *
 * GEMM_ROWS_n(X) is X(row, base, offset) for n rows.  Row r of A starts at
 * base + offset with base = a(r/3 * 3) and offset in {0, rs, 2 rs}: five
 * pointers and one stride address 14 rows, and every accumulator is a variable
 * of its own (an array would be kept in memory). */
#ifndef CORE_KERNELS_GEMM_ROWS_H
#define CORE_KERNELS_GEMM_ROWS_H

#define GEMM_ROWS_1(X) X(0, a0, 0)
#define GEMM_ROWS_2(X) GEMM_ROWS_1(X) X(1, a0, rs)
#define GEMM_ROWS_3(X) GEMM_ROWS_2(X) X(2, a0, 2 * rs)
#define GEMM_ROWS_4(X) GEMM_ROWS_3(X) X(3, a3, 0)
#define GEMM_ROWS_5(X) GEMM_ROWS_4(X) X(4, a3, rs)
#define GEMM_ROWS_6(X) GEMM_ROWS_5(X) X(5, a3, 2 * rs)
#define GEMM_ROWS_7(X) GEMM_ROWS_6(X) X(6, a6, 0)
#define GEMM_ROWS_8(X) GEMM_ROWS_7(X) X(7, a6, rs)
#define GEMM_ROWS_9(X) GEMM_ROWS_8(X) X(8, a6, 2 * rs)
#define GEMM_ROWS_10(X) GEMM_ROWS_9(X) X(9, a9, 0)
#define GEMM_ROWS_11(X) GEMM_ROWS_10(X) X(10, a9, rs)
#define GEMM_ROWS_12(X) GEMM_ROWS_11(X) X(11, a9, 2 * rs)
#define GEMM_ROWS_13(X) GEMM_ROWS_12(X) X(12, a12, 0)
#define GEMM_ROWS_14(X) GEMM_ROWS_13(X) X(13, a12, rs)

#endif
