/* The functions that templates may call: range, namespace, dict, cycler, joiner,
 * raise_exception, strftime_now.  Nothing else reaches outside. */
#include <string.h>
#include <time.h>

#include "core/token/chat_eval.h"

enum { MOST_RANGE = 100000 };

typedef int global_fn(struct chat_run *r, const struct chat_args *a, struct cv *out);

static int g_range(struct chat_run *r, const struct chat_args *a, struct cv *out)
{
    int64_t from = 0, to = 0, step = 1;
    if (a->n < 1 || a->n > 3) return chat_fail(r, "range needs one to three integers");
    if (a->n == 1) {
        if (chat_int_arg(r, a, 0, "stop", &to)) return -1;
    } else if (chat_int_arg(r, a, 0, "start", &from) || chat_int_arg(r, a, 1, "stop", &to) ||
               chat_int_arg(r, a, 2, "step", &step)) {
        return -1;
    }
    if (step == 0) return chat_fail(r, "range: the step is 0");
    uint64_t span =
        step > 0 ? (to > from ? (uint64_t)to - (uint64_t)from : 0) : (from > to ? (uint64_t)from - (uint64_t)to : 0);
    uint64_t stride = step > 0 ? (uint64_t)step : 0 - (uint64_t)step, n = span / stride + (span % stride != 0);
    if (n > MOST_RANGE) return chat_fail(r, "a range of more than %d numbers", MOST_RANGE);
    struct cv *v = chat_alloc(&r->mem, n, sizeof *v);
    if (!v) return chat_oom(r);
    for (uint64_t i = 0; i < n; i++) v[i] = cv_int((int64_t)((uint64_t)from + i * (uint64_t)step));
    if (chat_step(r, n / 16)) return -1;
    if (!cv_lazy(&r->mem, LAZY_RANGE, v, n, out)) return chat_oom(r);
    out->u.lazy->from = from;
    out->u.lazy->to = to;
    out->u.lazy->step = step;
    return 0;
}

/* Keyword arguments (and a mapping, or pairs, before them) as keys and values. */
static int pairs(struct chat_run *r, const struct chat_args *a, struct cv **key, struct cv **value, size_t *n)
{
    const struct cdict *d = a->n && !a->key[0] && a->v[0].type == CV_DICT ? a->v[0].u.d : NULL;
    const struct clist *l = NULL, *pair;
    bool list = a->n && !a->key[0] && !d;
    if (list && a->v[0].type == CV_UNDEFINED) return chat_fail(r, "an undefined value is no mapping");
    if (list && chat_items(r, &a->v[0], &l)) return -1;
    size_t cap = a->n + (d ? d->n : l ? l->n : 0) + 4;
    *key = chat_alloc(&r->mem, cap, sizeof **key);
    *value = chat_alloc(&r->mem, cap, sizeof **value);
    *n = 0;
    if (!*key || !*value) return chat_oom(r);
    for (size_t i = 0; d && i < d->n; i++) (*key)[*n] = d->key[i], (*value)[(*n)++] = d->value[i];
    for (size_t i = 0; l && i < l->n; i++) {
        if (chat_items(r, &l->v[i], &pair)) return -1;
        if (pair->n != 2 || !cv_hashable(&r->mem, &pair->v[0])) return chat_fail(r, "pairs of a key and a value are needed");
        if (chat_step(r, 1 + *n / 16)) return -1;
        cdict_put(&r->mem, *key, *value, n, &pair->v[0], &pair->v[1]);
    }
    for (size_t i = d || l ? 1 : 0; i < a->n; i++) {
        if (!a->key[i]) return chat_fail(r, "only arguments with a name, after one mapping");
        struct cv name = {.type = CV_STRING, .u.s = a->key[i]};
        cdict_put(&r->mem, *key, *value, n, &name, &a->v[i]);
    }
    return 0;
}

static int g_namespace(struct chat_run *r, const struct chat_args *a, struct cv *out)
{
    struct cspace *s = chat_alloc(&r->mem, 1, sizeof *s);
    if (!s) return chat_oom(r);
    if (pairs(r, a, &s->key, &s->value, &s->n)) return -1;
    s->cap = s->n;
    for (size_t i = 0; i < s->n; i++)
        if (s->key[i].type == CV_STRING && chat_check_member(r, s->key[i].u.s)) return -1;
    *out = (struct cv){.type = CV_NAMESPACE, .u.space = s};
    return 0;
}

static int g_dict(struct chat_run *r, const struct chat_args *a, struct cv *out)
{
    struct cdict *d = chat_alloc(&r->mem, 1, sizeof *d);
    struct cv *key, *value;
    if (!d) return chat_oom(r);
    if (pairs(r, a, &key, &value, &d->n)) return -1;
    d->key = key;
    d->value = value;
    *out = (struct cv){.type = CV_DICT, .u.d = d};
    return 0;
}

static int g_raise(struct chat_run *r, const struct chat_args *a, struct cv *out)
{
    struct chat_text t = {{0}, {0}};
    (void)out;
    if (a->n) cv_write(&t, &a->v[0], 0);
    int ret = chat_fail(r, "the template refuses: %.*s", (int)(t.text.len < 500 ? t.text.len : 500),
                        buf_text(&t.text));
    chat_text_free(&t);
    return ret;
}

static int g_strftime(struct chat_run *r, const struct chat_args *a, struct cv *out)
{
    const struct cstr *format = NULL;
    char text[256], pattern[200];
    time_t now = (time_t)r->now;
    struct tm tm;
    if (chat_check_args(r, "", "strftime_now", "format", a) || chat_string_arg(r, a, 0, "format", &format)) return -1;
    if (!format || format->n >= sizeof pattern) return chat_fail(r, "strftime_now needs a short format");
    size_t k = 0;
    for (size_t i = 0; i < format->n; i++) {
        const char *at = format->s + i;
        bool two = *at == '%' && i + 1 < format->n;
        size_t len = two ? 2 : 1;
        /* The time is without a zone, and in whole seconds. */
        if (two && at[1] == 'f' && k + 6 < sizeof pattern) memcpy(pattern + k, "000000", 6), k += 6;
        else if (!(two && (at[1] == 'z' || at[1] == 'Z')) && k + len < sizeof pattern) memcpy(pattern + k, at, len), k += len;
        i += len - 1;
    }
    pattern[k] = 0;
    if (!localtime_r(&now, &tm)) return chat_fail(r, "the time is out of range");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    size_t n = strftime(text, sizeof text, pattern, &tm);
#pragma GCC diagnostic pop
    if (n == 0 && k) return chat_fail(r, "strftime_now: the result is too long");
    return cv_string(&r->mem, text, n, CHAT_TRUSTED, out) ? 0 : chat_oom(r);
}

static int cycling(struct chat_run *r, enum cv_type type, const struct cv *v, size_t n, struct cv *out)
{
    struct ccycler *c = chat_alloc(&r->mem, 1, sizeof *c);
    struct cv *copy = chat_alloc(&r->mem, n, sizeof *copy);
    if (!c || !copy) return chat_oom(r);
    memcpy(copy, v, n * sizeof *v);
    *c = (struct ccycler){.v = copy, .n = n};
    *out = (struct cv){.type = type, .u.cycler = c};
    return 0;
}

static int g_cycler(struct chat_run *r, const struct chat_args *a, struct cv *out)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->key[i]) return chat_fail(r, "cycler takes no argument with a name");
    return a->n ? cycling(r, CV_CYCLER, a->v, a->n, out) : chat_fail(r, "cycler needs values");
}

static int g_joiner(struct chat_run *r, const struct chat_args *a, struct cv *out)
{
    static const struct cstr comma = {", ", 2, NULL, CHAT_TRUSTED};
    const struct cv usual = {.type = CV_STRING, .u.s = &comma}, *given = chat_arg(a, 0, "sep");
    if (chat_check_args(r, "", "joiner", "sep", a)) return -1;
    return cycling(r, CV_JOINER, given ? given : &usual, 1, out);
}

int chat_cycler_next(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    struct ccycler *c = self->u.cycler;
    (void)r, (void)a;
    *out = c->v[c->at];
    c->at = (c->at + 1) % c->n;
    return 0;
}

int chat_cycler_reset(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)r, (void)a;
    self->u.cycler->at = 0;
    *out = cv_none();
    return 0;
}

void chat_cycler_member(const struct ccycler *c, const struct cstr *name, struct cv *out)
{
    if (cstr_is(name, "current")) *out = c->v[c->at];
}

/* Nothing the first time, then what is between. */
int chat_joiner_call(struct chat_run *r, struct ccycler *j, const struct chat_args *a, struct cv *out)
{
    static const struct cstr nothing = {"", 0, NULL, CHAT_TRUSTED};
    if (chat_check_args(r, "", "a joiner", "", a)) return -1;
    *out = j->at ? j->v[0] : (struct cv){.type = CV_STRING, .u.s = &nothing};
    j->at = 1;
    return 0;
}

static int g_other(struct chat_run *r, const struct chat_args *a, struct cv *out)
{
    (void)a, (void)out;
    return chat_fail(r, "lipsum and self are not supported");
}

static const struct {
    const char *name;
    global_fn *fn;
} globals[] = {
    {"range", g_range}, {"namespace", g_namespace}, {"dict", g_dict}, {"raise_exception", g_raise},
    {"strftime_now", g_strftime}, {"cycler", g_cycler}, {"joiner", g_joiner}, {"lipsum", g_other}, {"self", g_other},
};

bool chat_global_is_dict(int which)
{
    return globals[which].fn == g_dict;
}

int chat_global_find(const struct cstr *name)
{
    for (size_t i = 0; i < COUNT_OF(globals); i++)
        if (cstr_is(name, globals[i].name)) return (int)i;
    return -1;
}

int chat_global(struct chat_run *r, int which, const struct chat_args *a, struct cv *out)
{
    return globals[which].fn(r, a, out);
}
