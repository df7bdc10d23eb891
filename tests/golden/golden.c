#include "tests/golden/golden.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/mem.h"

void report_error(struct report *r, const char *what, double error, double tol, const char *where)
{
    if (r->text.len) buf_adds(&r->text, ", ");
    buf_printf(&r->text, "%s %.1e", what, error);
    if (error <= tol) return;
    r->verdict = FAIL;
    buf_printf(&r->text, " > %.0e", tol);
    if (where && *where) buf_printf(&r->text, " at %s", where);
}

static void report_text(struct report *r, enum verdict v, const char *fmt, va_list ap)
{
    r->verdict = v;
    if (r->text.len) buf_adds(&r->text, ", ");
    buf_vprintf(&r->text, fmt, ap);
}

void report_skip(struct report *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report_text(r, SKIP, fmt, ap);
    va_end(ap);
}

void report_fail(struct report *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report_text(r, FAIL, fmt, ap);
    va_end(ap);
}

double max_abs(const float *x, int64_t n)
{
    double m = 0;
    for (int64_t i = 0; i < n; i++) m = fmax(m, fabs((double)x[i]));
    return m;
}

double rel_error(const float *a, const float *b, int64_t n, double floor)
{
    double m = 0, scale = fmax(max_abs(b, n), floor);
    for (int64_t i = 0; i < n; i++) {
        if (isinf(a[i]) && a[i] == b[i]) continue;
        double diff = fabs((double)a[i] - (double)b[i]);
        if (isnan(diff)) return HUGE_VAL;
        m = fmax(m, diff);
    }
    return m == 0 ? 0 : m / scale;
}

float *read_f32(const struct safetensors *s, const char *name, int64_t *n)
{
    int i = st_find(s, name);
    if (i < 0) return NULL;
    const struct st_tensor *t = st_tensor(s, i);
    float *x = mem_alloc((size_t)t->n + 1, sizeof *x);
    if (x) st_read_f32(s, i, x);
    if (n) *n = t->n;
    return x;
}

struct count {
    int n[3];
};

static void finish(struct count *c, const char *name, struct report *r)
{
    static const char *const word[] = {"ok  ", "FAIL", "skip"};
    printf("%s %s: %s\n", word[r->verdict], name, r->text.data ? r->text.data : "nothing compared");
    fflush(stdout);
    c->n[r->verdict]++;
    buf_free(&r->text);
}

static void run_models(struct count *c, const char *root, struct pool *pool)
{
    struct err e;
    char **names, *dir = path_join(root, "models");
    size_t n;
    if (dir && file_is_dir(dir) && dir_list(dir, &names, &n, &e) == 0) {
        for (size_t i = 0; i < n; i++) {
            struct report r = {PASS, {0}};
            char *path = path_join(dir, names[i]), *label = path_join("models", names[i]);
            if (path && label && file_is_dir(path)) {
                run_model_case(path, pool, &r);
                finish(c, label, &r);
            }
            free(path);
            free(label);
        }
        dir_list_free(names, n);
    }
    free(dir);
}

static void run_ops(struct count *c, const char *root, struct pool *pool)
{
    static const char suffix[] = ".safetensors";
    struct err e;
    char **names, *dir = path_join(root, "ops");
    size_t n;
    if (dir && file_is_dir(dir) && dir_list(dir, &names, &n, &e) == 0) {
        for (size_t i = 0; i < n; i++) {
            size_t len = strlen(names[i]);
            if (len < sizeof suffix || strcmp(names[i] + len - (sizeof suffix - 1), suffix)) continue;
            struct report r = {PASS, {0}};
            char *path = path_join(dir, names[i]);
            char *name = mem_strndup(names[i], len - (sizeof suffix - 1)), *label = name ? path_join("ops", name) : NULL;
            if (path && label) {
                run_op_case(path, name, pool, &r);
                finish(c, label, &r);
            }
            free(path);
            free(name);
            free(label);
        }
        dir_list_free(names, n);
    }
    free(dir);
}

static void run_rwkvcpp(struct count *c, const char *root, struct pool *pool)
{
    static const char prefix[] = "tiny-rwkv-";
    struct err e;
    char **names, *dir = path_join(root, "rwkvcpp");
    size_t n;
    if (dir && file_is_dir(dir) && dir_list(dir, &names, &n, &e) == 0) {
        for (size_t i = 0; i < n; i++) {
            if (strncmp(names[i], prefix, sizeof prefix - 1) || !strrchr(names[i] + sizeof prefix - 1, '-')) continue;
            struct report r = {PASS, {0}};
            char *label = path_join("rwkvcpp", names[i]);
            run_rwkvcpp_case(dir, names[i], pool, &r);
            if (label) finish(c, label, &r);
            free(label);
        }
        dir_list_free(names, n);
    }
    free(dir);
}

int main(int argc, char **argv)
{
    const char *root = argc > 1 ? argv[1] : "../shared/golden";
    struct err e;
    struct count c = {{0}};
    if (!file_is_dir(root)) {
        fprintf(stderr, "golden: there is no directory '%s'\n", root);
        return ERR_NOINPUT;
    }
    struct pool *pool = pool_new(0, &e);
    run_ops(&c, root, pool);
    run_models(&c, root, pool);
    run_rwkvcpp(&c, root, pool);
    pool_free(pool);
    printf("%d passed, %d failed, %d skipped\n", c.n[PASS], c.n[FAIL], c.n[SKIP]);
    return c.n[FAIL] ? 1 : 0;
}
