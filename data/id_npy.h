/* id_npy.h - what the header of a NumPy array (.npy) of integers says.
 *
 * Format 1.0 to 3.0 (numpy.lib.format): a magic number, the version, the length of the
 * header, and a Python dictionary as text: descr, fortran_order, shape. */
#ifndef DATA_ID_NPY_H
#define DATA_ID_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct id_npy {
    size_t header;   /* bytes in front of the numbers */
    size_t width;    /* bytes of a number, little-endian */
    bool is_signed;
    uint64_t rows, columns, total; /* of one dimension: one row */
};

bool id_npy_begins(const char *p, size_t n);         /* whether it is one, as far as can be seen */
size_t id_npy_header_size(const char *p, size_t n);  /* 0: more bytes are needed to know */
int id_npy_read(struct id_npy *out, const char *p, size_t n, const char *name, struct err *e);
int64_t id_npy_item(const struct id_npy *a, const void *p); /* -1: too large for any id */

#endif
