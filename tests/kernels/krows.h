/* krows.h - shared by the tests of kernels on rows: inputs, every ISA of this
 * CPU, and comparison of bits. */
#ifndef TESTS_KERNELS_KROWS_H
#define TESTS_KERNELS_KROWS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/rng.h"
#include "core/ckpt/safetensors.h"
#include "core/kernels/kernels.h"

#define EPS 0x1p-24 /* relative error of one rounding to f32 */

static inline float t_uniform(uint64_t stream, uint64_t i, float lo, float hi)
{
    struct rng_key k = rng_key(stream, RNG_TEST, 1, 0);
    return lo + (hi - lo) * rng_f32(&k, i);
}

static inline void t_fill(float *x, size_t n, uint64_t stream, float lo, float hi)
{
    for (size_t i = 0; i < n; i++) x[i] = t_uniform(stream, i, lo, hi);
}

/* Random numbers of all magnitudes, with one in four a special value. */
static inline void t_fill_wild(float *x, size_t n, uint64_t stream)
{
    static const float special[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 0x1p-149f, -0x1p-130f, 0x1p-126f,
                                    3e38f, -3e38f, 1.0f, -1.0f, 88.9f, -87.5f, 1e-20f, 1e20f};
    struct rng_key k = rng_key(stream, RNG_TEST, 2, 0);
    for (size_t i = 0; i < n; i++) {
        uint32_t w = rng_u32(&k, i);
        x[i] = w % 4 == 0 ? special[w / 4 % 16] : ldexpf(t_uniform(stream, i, -1, 1), (int)(w / 64 % 24) - 12);
    }
}

/* Calls fn for every ISA of this CPU but ref. */
static inline const struct kernels *t_isa(int i)
{
    const char *const *names = kernels_isa_names();
    for (int n = 0; n <= i; n++)
        if (!names[n]) return NULL;
    return kernels_isa(names[i]);
}

/* Equal bits; any NaN equals any NaN. */
static inline bool t_same(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i]))) return false;
    return true;
}

static inline bool t_near(double got, double want, double bound)
{
    return fabs(got - want) <= bound || (isnan(got) && isnan(want)) || (isinf(want) && got == want);
}

#define T_NEAR(got, want, bound, what, i) \
    do { \
        if (!t_near((double)(got), (want), (bound))) \
            fail_msg("%s [%d]: got %.9g, want %.9g, difference %.3g > %.3g", what, (int)(i), (double)(got), (double)(want), \
                     fabs((double)(got) - (want)), (double)(bound)); \
    } while (0)

/* A tensor of a golden file as doubles (f32 or f64 on disk); the caller frees. */
static inline double *t_golden(const struct safetensors *st, const char *name, int64_t *n)
{
    int i = st_find(st, name);
    assert_true(i >= 0);
    const struct st_tensor *t = st_tensor(st, i);
    double *d = malloc((size_t)t->n * sizeof *d);
    assert_non_null(d);
    for (int64_t k = 0; k < t->n; k++) {
        float f;
        int64_t w;
        if (t->dtype == DT_F64) memcpy(&d[k], t->data + 8 * k, 8);
        else if (t->dtype == DT_I64) memcpy(&w, t->data + 8 * k, 8), d[k] = (double)w;
        else memcpy(&f, t->data + 4 * k, 4), d[k] = (double)f;
    }
    if (n) *n = t->n;
    return d;
}

/* Opens ../shared/golden/ops/NAME or skips the test. */
static inline struct safetensors *t_golden_open(const char *name)
{
    char path[256];
    struct err e = {0};
    snprintf(path, sizeof path, "../shared/golden/ops/%s", name);
    if (access(path, R_OK) != 0) {
        print_message("skip: no %s\n", path);
        skip();
    }
    struct safetensors *s = st_open(path, &e);
    if (!s) fail_msg("%s", e.msg);
    return s;
}

#endif
