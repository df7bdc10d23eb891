/* op_span_mean.h - the mean over spans of tokens of each row: one vector for
 * each of the texts that lie side by side in it.
 *
 *   y[r M + i] = 1/(hi - lo) sum_{lo <= t < hi} x[r T + t],  zeros where lo is -1
 *
 * x [rows T, C], lo and hi [rows M] i32 row-relative, y of x's type.  Sums are
 * f32 chains in the order of tokens.  Spans may overlap: backward adds in the
 * order of i, into zeros. */
#ifndef CORE_TENSOR_OP_SPAN_MEAN_H
#define CORE_TENSOR_OP_SPAN_MEAN_H

#include "core/tensor/ops.h"

#endif
