/* golden.h - runs reference cases of public implementations.
 *
 *     golden [DIR]      (default ../shared/golden; `make golden GOLDEN=DIR`)
 *
 * DIR/rwkvcpp/: the test models and logits of rwkv.cpp.
 * DIR/models/NAME: config.json, model.safetensors, golden.safetensors and
 * traj.json; DIR/ops/op_KIND_SETTINGS.safetensors.  One line a case with its
 * largest errors; the last line counts.  Exit status 1 when a case failed.
 *
 * An error is relative to the largest magnitude of the reference tensor. */
#ifndef TESTS_GOLDEN_GOLDEN_H
#define TESTS_GOLDEN_GOLDEN_H

#include <stdbool.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/pool.h"
#include "core/ckpt/safetensors.h"
#include "core/tensor/ops.h"

static const double tol_forward = 2e-5, tol_grad = 1e-4, tol_traj = 1e-4;

/* What became of a case. */
enum verdict { PASS, FAIL, SKIP };

struct report {
    enum verdict verdict;
    struct buf text;    /* errors of the case, or why it was skipped */
};

/* Notes "what 1.2e-06" and fails the case above tol (or on NaN). */
void report_error(struct report *r, const char *what, double error, double tol, const char *where);
void report_skip(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void report_fail(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* max |a - b| / max(|b|, floor); NaN counts as infinite. */
double rel_error(const float *a, const float *b, int64_t n, double floor);
double max_abs(const float *x, int64_t n);

/* A tensor's values as f32 (caller frees), NULL when it is absent; its
 * element count in *n when n is not NULL. */
float *read_f32(const struct safetensors *s, const char *name, int64_t *n);

void run_model_case(const char *dir, struct pool *pool, struct report *r);
/* rwkvcpp_case.c; name: tiny-rwkv-….bin in dir. */
void run_rwkvcpp_case(const char *dir, const char *name, struct pool *pool, struct report *r);
/* op_moe.c; name: after "router_". */
int run_router_case(struct report *r, const struct safetensors *s, const char *name, struct pool *pool, struct err *e);
/* op_wkv.c */
int run_wkv_case(struct report *r, const struct safetensors *s, struct pool *pool, struct err *e);
void run_op_case(const char *path, const char *name, struct pool *pool, struct report *r);

#endif
