#include "core/train/rundir.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/mem.h"

char *rundir_path(const char *run, struct err *e, const char *fmt, ...)
{
    struct buf b = {0};
    va_list ap;
    buf_printf(&b, "%s/", run);
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    char *s = buf_steal(&b);
    if (!s) err_oom(e, 0, "a path");
    return s;
}

int rundir_make(const char *run, struct err *e)
{
    static const char *const sub[] = {"ckpt", "samples"};
    for (size_t i = 0; i < COUNT_OF(sub); i++) {
        char *p = rundir_path(run, e, "%s", sub[i]);
        int bad = !p || dir_make(p, e);
        free(p);
        if (bad) return -1;
    }
    return 0;
}

/* "step-123" -> 123, anything else -1. */
static int64_t parse_step(const char *name)
{
    if (strncmp(name, "step-", 5) || !name[5]) return -1;
    int64_t v = 0;
    for (const char *p = name + 5; *p; p++) {
        if (*p < '0' || *p > '9' || v > INT64_MAX / 10 - 1) return -1;
        v = v * 10 + (*p - '0');
    }
    return v;
}

static int cmp_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int rundir_steps(const char *run, int64_t **steps, size_t *n, struct err *e)
{
    char **names = NULL;
    size_t n_names = 0;
    int ret = -1;
    char *dir = rundir_path(run, e, "ckpt");
    *steps = NULL;
    *n = 0;
    if (!dir) return -1;
    if (!file_is_dir(dir)) {
        ret = 0;
        goto out;
    }
    if (dir_list(dir, &names, &n_names, e)) goto out;
    *steps = mem_alloc(n_names + 1, sizeof **steps);
    if (!*steps) {
        err_oom(e, n_names * sizeof **steps, "list of checkpoints");
        goto out;
    }
    for (size_t i = 0; i < n_names; i++) {
        int64_t s = parse_step(names[i]);
        if (s >= 0) (*steps)[(*n)++] = s;
    }
    qsort(*steps, *n, sizeof **steps, cmp_i64);
    ret = 0;
out:
    dir_list_free(names, n_names);
    free(dir);
    return ret;
}

int rundir_clean(const char *run, struct err *e)
{
    char **names = NULL;
    size_t n = 0;
    int ret = -1;
    char *dir = rundir_path(run, e, "ckpt");
    if (!dir || dir_list(dir, &names, &n, e)) goto out;
    for (size_t i = 0; i < n; i++) {
        if (names[i][0] != '.') continue;
        char *p = path_join(dir, names[i]);
        int bad = !p || dir_remove(p, e);
        free(p);
        if (bad) goto out;
    }
    ret = 0;
out:
    dir_list_free(names, n);
    free(dir);
    return ret;
}

static int remove_step(const char *run, int64_t step, struct err *e)
{
    char *p = rundir_path(run, e, "ckpt/step-%lld", (long long)step);
    if (!p) return -1;
    int ret = dir_remove(p, e);
    free(p);
    return ret;
}

int rundir_prune(const char *run, const struct keep_policy *k, struct err *e)
{
    int64_t *steps;
    size_t n;
    int ret = rundir_steps(run, &steps, &n, e);
    for (size_t i = 0; !ret && i + (size_t)k->last < n; i++) {
        int64_t s = steps[i];
        bool keep = (k->every > 0 && s % k->every == 0) || s == k->protect[0] || s == k->protect[1];
        if (!keep) ret = remove_step(run, s, e);
    }
    free(steps);
    return ret;
}

int rundir_drop_after(const char *run, int64_t step, struct err *e)
{
    int64_t *steps;
    size_t n;
    int ret = rundir_steps(run, &steps, &n, e);
    for (size_t i = 0; !ret && i < n; i++)
        if (steps[i] > step) ret = remove_step(run, steps[i], e);
    free(steps);
    return ret;
}

/* ---- comparing configurations ---- */

struct diff {
    struct buf text;
    int n;
};

/* As few digits as name the value. */
static void add_number(struct buf *b, double v)
{
    char t[32];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(t, sizeof t, "%.*g", digits, v);
        double back = strtod(t, NULL);
        if (memcmp(&back, &v, sizeof v) == 0) break;
    }
    buf_adds(b, t);
}

static void add_value(struct buf *b, const cJSON *v)
{
    struct buf t = {0};
    if (!v) buf_adds(&t, "nothing");
    else if (cJSON_IsNumber(v)) add_number(&t, v->valuedouble);
    else json_print(&t, v, 0);
    size_t most = 60;
    buf_add(b, t.data, t.len > most ? most : t.len);
    if (t.len > most) buf_adds(b, "...");
    buf_free(&t);
}

static void differ(struct diff *d, const char *path, const cJSON *a, const cJSON *b)
{
    if (d->n++ >= 8) return;
    buf_printf(&d->text, "%s%s: the run has ", d->n > 1 ? "; " : "", path);
    add_value(&d->text, a);
    buf_adds(&d->text, ", asked for is ");
    add_value(&d->text, b);
}

static void compare(struct diff *d, const char *path, const cJSON *a, const cJSON *b);

static void compare_child(struct diff *d, const char *path, const char *key, const cJSON *a, const cJSON *b)
{
    struct buf p = {0};
    buf_printf(&p, "%s%s%s", path, *path ? "." : "", key);
    if (p.data) compare(d, p.data, a, b);
    buf_free(&p);
}

static void compare_items(struct diff *d, const char *path, const cJSON *a, const cJSON *b)
{
    int i = 0;
    for (a = a->child, b = b->child; a && b; a = a->next, b = b->next, i++) {
        struct buf p = {0};
        buf_printf(&p, "%s[%d]", path, i);
        if (p.data) compare(d, p.data, a, b);
        buf_free(&p);
    }
}

static void compare(struct diff *d, const char *path, const cJSON *a, const cJSON *b)
{
    if (cJSON_IsArray(a) && cJSON_IsArray(b) && cJSON_GetArraySize(a) == cJSON_GetArraySize(b)) {
        compare_items(d, path, a, b);
        return;
    }
    if (!cJSON_IsObject(a) || !cJSON_IsObject(b)) {
        if (!cJSON_Compare(a, b, true)) differ(d, path, a, b);
        return;
    }
    for (const cJSON *c = a->child; c; c = c->next)
        if (*path || strcmp(c->string, "run"))
            compare_child(d, path, c->string, c, cJSON_GetObjectItemCaseSensitive(b, c->string));
    for (const cJSON *c = b->child; c; c = c->next)
        if ((*path || strcmp(c->string, "run")) && !cJSON_GetObjectItemCaseSensitive(a, c->string))
            compare_child(d, path, c->string, NULL, c);
}

int rundir_compare(const cJSON *saved, const cJSON *now, const char *name, struct err *e)
{
    struct diff d = {{0}, 0};
    compare(&d, "", saved, now);
    if (!d.n) return 0;
    err_set(e, ERR_CONFIG, "'%s' differs in %d key%s: %s%s", name, d.n, d.n == 1 ? "" : "s",
            buf_text(&d.text), d.n > 8 ? "; ..." : "");
    buf_free(&d.text);
    return -1;
}
