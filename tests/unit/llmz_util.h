/* llmz_util.h - what the tests of .llmz share: a scratch directory, tensors
 * like weights, a file made of them. */
#ifndef TESTS_UNIT_LLMZ_UTIL_H
#define TESTS_UNIT_LLMZ_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/ckpt/elem.h"
#include "core/ckpt/llmz.h"

static char dir[] = "/tmp/llmctl-test-XXXXXX";
static char *path_a, *path_b;

static inline int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir)) return -1;
    path_a = path_join(dir, "a.llmz");
    path_b = path_join(dir, "b.llmz");
    return 0;
}

static inline int remove_dir(void **state)
{
    (void)state;
    struct err e;
    free(path_a);
    free(path_b);
    return dir_remove(dir, &e);
}

#define OK(call)                                          \
    do {                                                  \
        if ((call) != 0) fail_msg("%s: %s", #call, e.msg); \
    } while (0)

/* Rows with scales of their own, as layers have. */
static inline float *normal(size_t n, uint64_t seed)
{
    struct rng_key k = rng_key(seed, RNG_TEST, 0, 0);
    float *x = mem_alloc(n, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = rng_normal(&k, i) * 0.02f * (1.0f + (float)(i / 1024 % 7));
    return x;
}

struct item {
    const char *name;
    enum dtype dtype;
    int ndim;
    int64_t dim[4];
    void *data;
    size_t n;
};

static inline void fill(struct item *it, uint64_t seed)
{
    it->n = 1;
    for (int i = 0; i < it->ndim; i++) it->n *= (size_t)it->dim[i];
    float *x = normal(it->n, seed);
    it->data = mem_alloc(it->n, 8);
    assert_non_null(it->data);
    if (!elem_from_f32(it->data, it->dtype, x, it->n))
        for (size_t i = 0; i < it->n * dtype_size(it->dtype); i++)
            ((uint8_t *)it->data)[i] = (uint8_t)(x[i / dtype_size(it->dtype)] * 1000.0f);
    free(x);
}

static inline void write_items(const char *path, const struct item *it, size_t n, int threads)
{
    struct err e = {0};
    struct pool *pool = pool_new(threads, &e);
    struct llmz_writer *w = llmz_create(path, pool, &e);
    if (!w) fail_msg("%s", e.msg);
    for (size_t i = 0; i < n; i++)
        OK(llmz_add(w, it[i].name, it[i].dtype, it[i].ndim, it[i].dim, it[i].data, &e));
    OK(llmz_finish(w, "{\"format\":\"llmz\",\"kind\":\"model\",\"note\":\"\\u00e9\"}\n", &e));
    pool_free(pool);
}

static inline struct buf slurp(const char *path)
{
    struct buf b = {0};
    struct err e = {0};
    OK(file_read_all(path, (size_t)1 << 30, &b, &e));
    return b;
}

#endif
