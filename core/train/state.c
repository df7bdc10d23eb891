#include "core/train/state.h"

#include <cjson/cJSON.h>
#include <float.h>
#include <string.h>

#include "core/base/json.h"

#define I64_BIG ((int64_t)1 << 53)

static void print_ring(struct buf *out, const char *key, const double *v, int n)
{
    buf_printf(out, ",\"%s\":[", key);
    for (int i = 0; i < n; i++) buf_printf(out, "%s%.17g", i ? "," : "", v[i]);
    buf_addc(out, ']');
}

void train_state_print(const struct train_state *s, struct buf *out)
{
    buf_printf(out, "{\"step\":%lld,\"updates\":%lld,\"tokens\":%lld,\"metrics_lines\":%lld,",
               (long long)s->step, (long long)s->updates, (long long)s->tokens,
               (long long)s->metrics_lines);
    buf_printf(out, "\"best_val\":%.17g,\"best_step\":%lld,\"bad_evals\":%lld,\"stopped_early\":%s,",
               s->best_val, (long long)s->best_step, (long long)s->bad_evals,
               s->stopped_early ? "true" : "false");
    if (s->val_due) buf_adds(out, "\"val_due\":true,");
    const struct guard *g = &s->guard;
    buf_printf(out, "\"guard\":{\"pos\":%d,\"in_row\":%d,\"rollbacks\":%d,\"skipped\":%lld,"
               "\"data_shift\":%lld", g->pos, g->in_row, g->rollbacks, (long long)g->skipped,
               (long long)g->data_shift);
    print_ring(out, "loss", g->loss, g->n);
    print_ring(out, "norm", g->norm, g->n);
    buf_adds(out, "}}");
}

static int get_int(const cJSON *j, const char *key, int max, int *out, const char *where, struct err *e)
{
    int64_t v;
    if (json_get_i64(j, key, 0, max, &v, where, e)) return -1;
    *out = (int)v;
    return 0;
}

static int parse_ring(const cJSON *j, const char *key, double *v, int *n, const char *where, struct err *e)
{
    const cJSON *a = cJSON_GetObjectItemCaseSensitive(j, key), *x;
    if (!cJSON_IsArray(a) || cJSON_GetArraySize(a) > GUARD_WINDOW)
        return err_set(e, ERR_DATA, "%s.%s: not an array of at most %d numbers", where, key, GUARD_WINDOW);
    *n = 0;
    cJSON_ArrayForEach(x, a) {
        if (!cJSON_IsNumber(x)) return err_set(e, ERR_DATA, "%s.%s: not numbers", where, key);
        v[(*n)++] = x->valuedouble;
    }
    return 0;
}

static int parse_guard(struct guard *g, const cJSON *j, const char *where, struct err *e)
{
    int n_norm;
    if (get_int(j, "pos", GUARD_WINDOW - 1, &g->pos, where, e) ||
        get_int(j, "in_row", 1 << 30, &g->in_row, where, e) ||
        get_int(j, "rollbacks", 1 << 30, &g->rollbacks, where, e) ||
        json_get_i64(j, "skipped", 0, I64_BIG, &g->skipped, where, e) ||
        json_get_i64(j, "data_shift", 0, I64_BIG, &g->data_shift, where, e) ||
        parse_ring(j, "loss", g->loss, &g->n, where, e) ||
        parse_ring(j, "norm", g->norm, &n_norm, where, e))
        return -1;
    if (n_norm != g->n || (g->n < GUARD_WINDOW && g->pos != g->n))
        return err_set(e, ERR_DATA, "%s: the guard's windows do not fit together", where);
    return 0;
}

int train_state_parse(struct train_state *s, const cJSON *j, const char *where, struct err *e)
{
    memset(s, 0, sizeof *s);
    if (!cJSON_IsObject(j)) return err_set(e, ERR_DATA, "%s: no training state", where);
    if (json_get_i64(j, "step", 0, I64_BIG, &s->step, where, e) ||
        json_get_i64(j, "updates", 0, I64_BIG, &s->updates, where, e) ||
        json_get_i64(j, "tokens", 0, I64_BIG, &s->tokens, where, e) ||
        json_get_i64(j, "metrics_lines", 0, I64_BIG, &s->metrics_lines, where, e) ||
        json_get_f64(j, "best_val", -DBL_MAX, DBL_MAX, &s->best_val, where, e) ||
        json_get_i64(j, "best_step", 0, I64_BIG, &s->best_step, where, e) ||
        json_get_i64(j, "bad_evals", 0, I64_BIG, &s->bad_evals, where, e) ||
        json_get_bool(j, "stopped_early", &s->stopped_early, where, e))
        return -1;
    if (cJSON_GetObjectItemCaseSensitive(j, "val_due") && json_get_bool(j, "val_due", &s->val_due, where, e)) return -1;
    const cJSON *g = cJSON_GetObjectItemCaseSensitive(j, "guard");
    if (!cJSON_IsObject(g)) return err_set(e, ERR_DATA, "%s: no guard state", where);
    return parse_guard(&s->guard, g, where, e);
}
