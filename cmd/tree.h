/* tree.h - tensors as a tree of their names, for people. */
#ifndef CMD_TREE_H
#define CMD_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/dtype.h"
#include "core/base/err.h"

struct tree_tensor {
    const char *name;
    enum dtype dtype;
    int ndim;
    const int64_t *dim;
    int64_t n;               /* elements */
    uint64_t raw, stored;    /* bytes; stored = raw when the format does not compress */
};

/* Numbered siblings that are alike become one line, "{0..11} 12 x", unless `all`. */
int tree_print(struct buf *out, const struct tree_tensor *t, int n, bool all, struct err *e);

void tree_add_bytes(struct buf *out, uint64_t bytes);   /* "12.3 MB" */
void tree_add_count(struct buf *out, int64_t n);        /* "7.1 M" */

#endif
