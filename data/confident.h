/* confident.h - confident learning: which labels are probably wrong
 * (Northcutt, Jiang and Chuang, arXiv:1911.00068).
 *
 *   t_j    = mean of p_j over the documents labelled j
 *   C[i][j] = documents labelled i whose likeliest class among those with
 *            p_j >= t_j is j; rows are scaled to the number of documents
 *            labelled i and rounded with their sums kept
 *
 * For each i and j != i, the C[i][j] documents labelled i of largest p_j - p_i
 * are errors, unless their label is the likeliest class after all ("prune by
 * noise rate").  p must be of models that have not seen the document. */
#ifndef DATA_CONFIDENT_H
#define DATA_CONFIDENT_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

/* p[n][k], label[n] in [0, k).  suggested[i]: the likeliest class of a document
 * whose label is an error, else -1.  joint[k * k] and threshold[k] may be NULL. */
int confident_find(const float *p, const int32_t *label, size_t n, size_t k, int32_t *suggested, uint64_t *joint,
                   double *threshold, struct err *e);

#endif
