/* rwkvcpp.h - checked reader of rwkv.cpp's model files.
 *
 * Little-endian: six i32 (magic 'ggmf', version 100 or 101, vocabulary, width,
 * layers, type), then until the end of the file tensors: i32 dimensions, length
 * of the name, type, the dimensions reversed, the name, the data without
 * padding.  Types: 0 f32, 1 f16, and blocks of 32 elements with a scale d of f16
 * (2 Q4_0, 3 Q4_1, 7 Q5_0, 8 Q5_1, 9 Q8_0; _1 with a minimum too), which are
 * read as their values.  Quantized tensors of version 100 are refused.
 *
 * Every count and size is checked against what is left.  Tensors point into the mapping, which lives until
 * rwkvcpp_close(). */
#ifndef CORE_CKPT_RWKVCPP_H
#define CORE_CKPT_RWKVCPP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/dtype.h"
#include "core/base/err.h"

struct rwkvcpp_tensor {
    char name[64];
    enum dtype dtype;       /* DT_F32 or DT_F16; DT_F32 when quantized */
    int type;               /* of the file */
    int ndim;
    int64_t dim[4];         /* as in PyTorch */
    int64_t n;
    const uint8_t *data;    /* of any alignment */
};

struct rwkvcpp;
bool rwkvcpp_is(const char *path); /* a regular file with the magic */
struct rwkvcpp *rwkvcpp_open(const char *path, struct err *e);
struct rwkvcpp *rwkvcpp_open_memory(const void *data, size_t size, const char *name, struct err *e);
void rwkvcpp_close(struct rwkvcpp *f); /* NULL is fine */

const char *rwkvcpp_name(const struct rwkvcpp *f);
int rwkvcpp_vocab(const struct rwkvcpp *f);
int rwkvcpp_width(const struct rwkvcpp *f);
int rwkvcpp_layers(const struct rwkvcpp *f);
int rwkvcpp_n(const struct rwkvcpp *f);
const struct rwkvcpp_tensor *rwkvcpp_at(const struct rwkvcpp *f, int i);
const struct rwkvcpp_tensor *rwkvcpp_find(const struct rwkvcpp *f, const char *name); /* NULL when absent */
/* Elements [at, at + n) as f32. */
void rwkvcpp_read(const struct rwkvcpp_tensor *t, int64_t at, int64_t n, float *out);

#endif
