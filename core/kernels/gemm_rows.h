/* gemm_rows.h - repetition over the rows of a microkernel's block, and over microkernels.
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

/* GEMM_UPTO_n(X, name) is X(name, i) for i = 1 .. n: a family of microkernels, or with GEMM_ENTRY its table. */
#define GEMM_UPTO_4(X, name) X(name, 1) X(name, 2) X(name, 3) X(name, 4)
#define GEMM_UPTO_6(X, name) GEMM_UPTO_4(X, name) X(name, 5) X(name, 6)
#define GEMM_UPTO_12(X, name) \
    GEMM_UPTO_6(X, name) X(name, 7) X(name, 8) X(name, 9) X(name, 10) X(name, 11) X(name, 12)
#define GEMM_UPTO_14(X, name) GEMM_UPTO_12(X, name) X(name, 13) X(name, 14)
#define GEMM_ENTRY(name, n) [n] = name##_##n,

#endif
