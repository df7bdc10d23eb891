/* Filters: {{ value|name(arguments) }}. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/token/chat_eval.h"

typedef int filter_fn(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                      struct cv *out);

static const struct cstr empty = {"", 0, NULL, CHAT_TRUSTED};

static struct cv string_value(const struct cstr *s)
{
    return (struct cv){.type = CV_STRING, .u.s = s};
}

/* The operand as a string, as str() makes it. */
static int as_string(struct chat_run *r, const struct cv *of, const struct cstr **out)
{
    struct chat_text t = {{0}, {0}};
    struct cv v = *of;
    int ret = 0;
    if (of->type != CV_STRING) {
        cv_write(&t, of, 0);
        ret = cv_text(&r->mem, &t, &v) ? 0 : chat_oom(r);
        chat_text_free(&t);
    }
    if (ret == 0) *out = v.u.s;
    return ret;
}

/* ---- text ---- */

static int case_filter(struct chat_run *r, const struct cv *of, enum case_kind kind, struct cv *out)
{
    const struct cstr *s;
    return as_string(r, of, &s) || chat_case(r, s, kind, out) ? -1 : 0;
}

static int f_upper(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env, (void)a;
    return case_filter(r, of, CASE_UPPER, out);
}

static int f_lower(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env, (void)a;
    return case_filter(r, of, CASE_LOWER, out);
}

static int f_title(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env, (void)a;
    return case_filter(r, of, CASE_WORDS, out);
}

static int f_capitalize(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                        struct cv *out)
{
    (void)env, (void)a;
    return case_filter(r, of, CASE_CAPITAL, out);
}

static int f_trim(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct cstr *s, *chars = NULL;
    (void)env;
    if (as_string(r, of, &s) || chat_string_arg(r, a, 0, "chars", &chars)) return -1;
    return chat_strip(r, s, chars, STRIP_LEFT | STRIP_RIGHT, out);
}

static int f_replace(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                     struct cv *out)
{
    const struct cstr *s, *from = NULL, *to = NULL;
    int64_t most = -1;
    (void)env;
    if (as_string(r, of, &s) || chat_string_arg(r, a, 0, "old", &from) || chat_string_arg(r, a, 1, "new", &to) ||
        chat_int_arg(r, a, 2, "count", &most))
        return -1;
    if (!from || !to) return chat_fail(r, "replace needs what and by what");
    return chat_replace(r, s, from, to, most, out);
}

static int f_string(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct cstr *s;
    (void)env, (void)a;
    if (as_string(r, of, &s)) return -1;
    *out = string_value(s);
    return 0;
}

static int f_escape(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    struct cv v = *of;
    (void)env, (void)a;
    if (v.type != CV_STRING) {
        v = (struct cv){.type = CV_STRING};
        if (as_string(r, of, &v.u.s)) return -1;
    }
    return chat_escape(r, &v, out);
}

static int f_safe(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct cstr *s;
    (void)env, (void)a;
    if (as_string(r, of, &s)) return -1;
    *out = string_value(s);
    out->safe = true;
    return 0;
}

static int f_indent(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct cstr *s, *pad = NULL;
    struct chat_text t = {{0}, {0}};
    const struct cv *width = chat_arg(a, 0, "width"), *first = chat_arg(a, 1, "first"), *blank = chat_arg(a, 2, "blank");
    int64_t n = 4;
    (void)env;
    if (as_string(r, of, &s)) return -1;
    if (width && width->type == CV_STRING) pad = width->u.s;
    else if (chat_int_arg(r, a, 0, "width", &n)) return -1;
    if (n < 0) n = 0;
    if (n > 1000) return chat_fail(r, "indent by %lld is too much", (long long)n);
    for (size_t i = 0; i < s->n;) {
        const char *nl = memchr(s->s + i, '\n', s->n - i);
        size_t end = nl ? (size_t)(nl - s->s) : s->n;
        bool wanted = i == 0 ? first && cv_true(first) : end > i || (blank && cv_true(blank));
        if (wanted && pad) chat_text_adds(&t, pad);
        for (int64_t k = 0; wanted && !pad && k < n; k++) chat_text_addc(&t, ' ', CHAT_TRUSTED);
        chat_text_part(&t, s, i, nl ? end + 1 : end);
        i = nl ? end + 1 : end;
    }
    int ret = cv_text(&r->mem, &t, out) ? chat_step(r, t.text.len / 64) : chat_oom(r);
    chat_text_free(&t);
    return ret;
}

static int f_tojson(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    struct cjson_style style = {.indent = -1, .item = ", ", .key = ": "};
    const struct cv *indent = chat_arg(a, 0, "indent"), *ascii = NULL, *sort = NULL, *separators = NULL;
    char item[64], key[64];
    struct chat_text t = {{0}, {0}};
    (void)env;
    for (size_t i = 0; i < a->n; i++) {
        if (!a->key[i]) continue;
        if (cstr_is(a->key[i], "ensure_ascii")) ascii = &a->v[i];
        if (cstr_is(a->key[i], "sort_keys")) sort = &a->v[i];
        if (cstr_is(a->key[i], "separators")) separators = &a->v[i];
    }
    if (indent && indent->type == CV_INT) {
        if (indent->u.i < 0 || indent->u.i > 100) return chat_fail(r, "tojson: indent 0 to 100");
        style.indent = (int)indent->u.i;
        style.item = ",";
    }
    style.ascii = ascii && cv_true(ascii);
    style.sort_keys = sort && cv_true(sort);
    if (separators && cv_is_list(separators) && separators->u.l->n == 2 &&
        separators->u.l->v[0].type == CV_STRING && separators->u.l->v[1].type == CV_STRING) {
        const struct cstr *x = separators->u.l->v[0].u.s, *y = separators->u.l->v[1].u.s;
        if (x->n >= sizeof item || y->n >= sizeof key) return chat_fail(r, "tojson: the separators are too long");
        memcpy(item, x->s, x->n);
        item[x->n] = 0;
        memcpy(key, y->s, y->n);
        key[y->n] = 0;
        style.item = item;
        style.key = key;
    }
    int ret = 0;
    if (cv_to_json(&t, of, &style, 0)) ret = chat_fail(r, "tojson: no JSON for a value of type %s", cv_type_name(of));
    else if (!cv_text(&r->mem, &t, out)) ret = chat_oom(r);
    else ret = chat_step(r, t.text.len / 16);
    chat_text_free(&t);
    return ret;
}

/* ---- numbers ---- */

static int f_length(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env, (void)a;
    switch (of->type) {
    case CV_STRING: *out = cv_int((int64_t)utf8_count(of->u.s->s, of->u.s->n)); return chat_step(r, of->u.s->n / 64);
    case CV_LIST:
    case CV_TUPLE: *out = cv_int((int64_t)of->u.l->n); return 0;
    case CV_DICT: *out = cv_int((int64_t)of->u.d->n); return 0;
    case CV_UNDEFINED: *out = cv_int(0); return 0;
    default: return chat_fail(r, "a value of type %s has no length", cv_type_name(of));
    }
}

/* What a string begins with, as a number; false if it is not all a number. */
static bool parse_number(const struct cstr *s, double *out)
{
    char text[64], *end;
    size_t n = s->n, i = 0;
    while (n && (s->s[n - 1] == ' ' || s->s[n - 1] == '\n')) n--;
    while (i < n && (s->s[i] == ' ' || s->s[i] == '\n')) i++;
    if (n - i == 0 || n - i >= sizeof text) return false;
    memcpy(text, s->s + i, n - i);
    text[n - i] = 0;
    *out = strtod(text, &end);
    return *end == 0 && !strpbrk(text, "xXpP");
}

static int f_int(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    int64_t fallback = 0;
    double v = 0;
    (void)env;
    if (chat_int_arg(r, a, 0, "default", &fallback)) return -1;
    bool ok = true;
    if (of->type == CV_INT || of->type == CV_BOOL) {
        *out = cv_int(of->type == CV_INT ? of->u.i : of->u.b);
        return 0;
    }
    if (of->type == CV_FLOAT) v = of->u.f;
    else if (of->type == CV_STRING) ok = parse_number(of->u.s, &v);
    else ok = false;
    ok = ok && fabs(v) < 9.2e18;
    *out = cv_int(ok ? (int64_t)v : fallback);
    return 0;
}

static int f_float(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct cv *fallback = chat_arg(a, 0, "default");
    double v = fallback && cv_is_number(fallback) ? cv_number(fallback) : 0, got;
    (void)env, (void)r;
    if (cv_is_number(of)) v = cv_number(of);
    else if (of->type == CV_STRING && parse_number(of->u.s, &got)) v = got;
    *out = cv_float(v);
    return 0;
}

static int f_abs(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env, (void)a;
    if (!cv_is_number(of)) return chat_fail(r, "abs needs a number, not %s", cv_type_name(of));
    if (of->type == CV_FLOAT) *out = cv_float(fabs(of->u.f));
    else {
        int64_t i = of->type == CV_BOOL ? of->u.b : of->u.i;
        *out = cv_int(i < 0 ? (int64_t)(0 - (uint64_t)i) : i);
    }
    return 0;
}

static int f_round(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    int64_t digits = 0;
    const struct cv *method = chat_arg(a, 1, "method");
    (void)env;
    if (!cv_is_number(of)) return chat_fail(r, "round needs a number, not %s", cv_type_name(of));
    if (chat_int_arg(r, a, 0, "precision", &digits)) return -1;
    double scale = pow(10, (double)digits), v = cv_number(of) * scale;
    bool up = method && cv_is(method, "ceil"), down = method && cv_is(method, "floor");
    *out = cv_float((up ? ceil(v) : down ? floor(v) : nearbyint(v)) / scale);
    return 0;
}

/* ---- sequences ---- */

static int f_first(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct clist *l;
    (void)env, (void)a;
    if (chat_items(r, of, &l)) return -1;
    *out = l->n ? l->v[0] : cv_undefined(NULL);
    return 0;
}

static int f_last(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct clist *l;
    (void)env, (void)a;
    if (chat_items(r, of, &l)) return -1;
    *out = l->n ? l->v[l->n - 1] : cv_undefined(NULL);
    return 0;
}

static int f_list(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct clist *l;
    (void)env, (void)a;
    if (chat_items(r, of, &l)) return -1;
    *out = (struct cv){.type = CV_LIST, .u.l = l};
    return 0;
}

static int f_reverse(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                     struct cv *out)
{
    struct cv step[3] = {cv_none(), cv_none(), cv_int(-1)}, list;
    if (of->type == CV_STRING) return chat_slice(r, of, step, out);
    return f_list(r, env, of, a, &list) || chat_slice(r, &list, step, out) ? -1 : 0;
}

static int f_items(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env, (void)a;
    if (of->type == CV_UNDEFINED) return cv_list(&r->mem, CV_LIST, NULL, 0, out) ? 0 : chat_oom(r);
    if (of->type != CV_DICT) return chat_fail(r, "items needs a mapping, not %s", cv_type_name(of));
    struct cv *v = chat_alloc(&r->mem, of->u.d->n, sizeof *v);
    struct clist *l = chat_alloc(&r->mem, 1, sizeof *l);
    if (!v || !l) return chat_oom(r);
    for (size_t i = 0; i < of->u.d->n; i++) {
        struct cv pair[2] = {of->u.d->key[i], of->u.d->value[i]};
        if (!cv_list(&r->mem, CV_TUPLE, pair, 2, &v[i])) return chat_oom(r);
    }
    *l = (struct clist){v, of->u.d->n};
    *out = (struct cv){.type = CV_LIST, .u.l = l};
    return chat_step(r, l->n);
}

/* "a.b.0" of a value. */
static int dotted(struct chat_run *r, const struct cv *of, const struct cv *path, struct cv *out)
{
    *out = *of;
    if (path->type != CV_STRING) return chat_item(r, of, path, out);
    const struct cstr *s = path->u.s;
    for (size_t at = 0, end; at <= s->n; at = end + 1) {
        const char *dot = at < s->n ? memchr(s->s + at, '.', s->n - at) : NULL;
        end = dot ? (size_t)(dot - s->s) : s->n;
        struct cv key, from = *out;
        bool digits = end > at && end - at < 10;
        int64_t i = 0;
        for (size_t k = at; k < end; k++) {
            if (s->s[k] < '0' || s->s[k] > '9') digits = false;
            else if (digits) i = i * 10 + (s->s[k] - '0');
        }
        if (digits) key = cv_int(i);
        else if (!cv_slice(&r->mem, s, at, end, &key)) return chat_oom(r);
        if (chat_item(r, &from, &key, out)) return -1;
    }
    return 0;
}

/* Merge sort, stable; key: value of an attribute, or the items themselves. */
struct sorting {
    struct chat_run *r;
    const struct cv *attribute;
    bool reverse, cased;
    int failed;
};

static int sort_key(struct sorting *s, const struct cv *v, struct cv *out)
{
    if (s->attribute ? dotted(s->r, v, s->attribute, out) : (*out = *v, 0)) return -1;
    if (!s->cased && out->type == CV_STRING) return chat_case(s->r, out->u.s, CASE_LOWER, out);
    return 0;
}

static int sort_items(struct sorting *s, struct cv *key, struct cv *v, struct cv *tmp, size_t n)
{
    if (n < 2) return 0;
    size_t half = n / 2;
    if (sort_items(s, key, v, tmp, half) || sort_items(s, key + half, v + half, tmp, n - half)) return -1;
    size_t a = 0, b = half;
    for (size_t i = 0; i < n; i++) {
        bool second = a == half;
        if (a < half && b < n) {
            int order = cv_compare(&key[b], &key[a]);
            if (order == 2)
                return chat_fail(s->r, "values of type %s and %s have no order", cv_type_name(&key[a]),
                                 cv_type_name(&key[b]));
            second = s->reverse ? order > 0 : order < 0;
        }
        size_t from = second ? b++ : a++;
        tmp[2 * i] = key[from];
        tmp[2 * i + 1] = v[from];
    }
    for (size_t i = 0; i < n; i++) key[i] = tmp[2 * i], v[i] = tmp[2 * i + 1];
    return chat_step(s->r, n);
}

static int sort_list(struct sorting *s, const struct clist *l, struct cv *out)
{
    struct chat_run *r = s->r;
    struct cv *key = chat_alloc(&r->mem, l->n, sizeof *key), *v = chat_alloc(&r->mem, l->n, sizeof *v);
    struct cv *tmp = chat_alloc(&r->mem, 2 * l->n, sizeof *tmp);
    if (!key || !v || !tmp) return chat_oom(r);
    for (size_t i = 0; i < l->n; i++) {
        v[i] = l->v[i];
        if (sort_key(s, &v[i], &key[i])) return -1;
    }
    if (sort_items(s, key, v, tmp, l->n)) return -1;
    return cv_list(&r->mem, CV_LIST, v, l->n, out) ? 0 : chat_oom(r);
}

static int f_sort(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct clist *l;
    const struct cv *reverse = chat_arg(a, 0, "reverse"), *cased = chat_arg(a, 1, "case_sensitive");
    struct sorting s = {.r = r, .attribute = chat_arg(a, 2, "attribute"), .reverse = reverse && cv_true(reverse),
                        .cased = cased && cv_true(cased)};
    (void)env;
    return chat_items(r, of, &l) || sort_list(&s, l, out) ? -1 : 0;
}

static int f_dictsort(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                      struct cv *out)
{
    struct cv items, at;
    const struct cv *cased = chat_arg(a, 0, "case_sensitive"), *by = chat_arg(a, 1, "by"),
                    *reverse = chat_arg(a, 2, "reverse");
    at = cv_int(by && cv_is(by, "value"));
    struct sorting s = {.r = r, .attribute = &at, .reverse = reverse && cv_true(reverse), .cased = cased && cv_true(cased)};
    return f_items(r, env, of, a, &items) || sort_list(&s, items.u.l, out) ? -1 : 0;
}

static int f_unique(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct clist *l;
    const struct cv *cased = chat_arg(a, 0, "case_sensitive");
    struct sorting s = {.r = r, .attribute = chat_arg(a, 1, "attribute"), .cased = cased && cv_true(cased)};
    (void)env;
    if (chat_items(r, of, &l)) return -1;
    struct cv *v = chat_alloc(&r->mem, l->n, sizeof *v), *key = chat_alloc(&r->mem, l->n, sizeof *key);
    size_t n = 0;
    if (!v || !key) return chat_oom(r);
    for (size_t i = 0; i < l->n; i++) {
        if (sort_key(&s, &l->v[i], &key[n]) || chat_step(r, 1 + n / 8)) return -1;
        size_t k = 0;
        while (k < n && !cv_equal(&key[k], &key[n])) k++;
        if (k == n) v[n++] = l->v[i];
    }
    return cv_list(&r->mem, CV_LIST, v, n, out) ? 0 : chat_oom(r);
}

static int extreme(struct chat_run *r, const struct cv *of, const struct chat_args *a, int wanted, struct cv *out)
{
    const struct clist *l;
    const struct cv *cased = chat_arg(a, 0, "case_sensitive");
    struct sorting s = {.r = r, .attribute = chat_arg(a, 1, "attribute"), .cased = cased && cv_true(cased)};
    struct cv best, key;
    if (chat_items(r, of, &l)) return -1;
    *out = cv_undefined(NULL);
    for (size_t i = 0; i < l->n; i++) {
        if (sort_key(&s, &l->v[i], &key)) return -1;
        int order = i ? cv_compare(&key, &best) : wanted;
        if (order == 2) return chat_fail(r, "values that have no order have no least one");
        if (order != wanted) continue;
        best = key;
        *out = l->v[i];
    }
    return 0;
}

static int f_min(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env;
    return extreme(r, of, a, -1, out);
}

static int f_max(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env;
    return extreme(r, of, a, 1, out);
}

static int f_sum(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct clist *l;
    const struct cv *attribute = chat_arg(a, 0, "attribute"), *start = chat_arg(a, 1, "start");
    (void)env;
    if (chat_items(r, of, &l)) return -1;
    *out = start ? *start : cv_int(0);
    for (size_t i = 0; i < l->n; i++) {
        struct cv v = l->v[i], before = *out;
        if ((attribute && dotted(r, &l->v[i], attribute, &v)) || chat_binary(r, OP_ADD, &before, &v, out)) return -1;
    }
    return 0;
}

static int f_join(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct clist *l;
    const struct cstr *separator = &empty;
    const struct cv *attribute = chat_arg(a, 1, "attribute");
    (void)env;
    if (chat_items(r, of, &l) || chat_string_arg(r, a, 0, "d", &separator)) return -1;
    if (!attribute) return chat_join(r, l, separator, out);
    struct cv *v = chat_alloc(&r->mem, l->n, sizeof *v);
    if (!v) return chat_oom(r);
    for (size_t i = 0; i < l->n; i++)
        if (dotted(r, &l->v[i], attribute, &v[i])) return -1;
    struct clist mapped = {v, l->n};
    return chat_join(r, &mapped, separator, out);
}

/* The arguments from the n-th on. */
static struct chat_args rest(const struct chat_args *a, size_t n)
{
    return n < a->n ? (struct chat_args){a->v + n, a->key + n, a->n - n} : (struct chat_args){NULL, NULL, 0};
}

static int f_map(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct clist *l;
    const struct cv *attribute = NULL, *fallback = NULL;
    if (!cv_true(of)) return cv_list(&r->mem, CV_LIST, NULL, 0, out) ? 0 : chat_oom(r); /* none, too */
    for (size_t i = 0; i < a->n; i++) {
        if (a->key[i] && cstr_is(a->key[i], "attribute")) attribute = &a->v[i];
        if (a->key[i] && cstr_is(a->key[i], "default")) fallback = &a->v[i];
    }
    if (!attribute && (a->n == 0 || a->v[0].type != CV_STRING)) return chat_fail(r, "map needs a filter or an attribute");
    if (chat_items(r, of, &l)) return -1;
    struct cv *v = chat_alloc(&r->mem, l->n, sizeof *v);
    struct chat_args args = rest(a, 1);
    if (!v) return chat_oom(r);
    for (size_t i = 0; i < l->n; i++) {
        if (chat_step(r, 1)) return -1;
        if (!attribute) {
            if (chat_filter(r, env, a->v[0].u.s, &l->v[i], &args, &v[i])) return -1;
            continue;
        }
        if (dotted(r, &l->v[i], attribute, &v[i])) return -1;
        if (fallback && v[i].type == CV_UNDEFINED) v[i] = *fallback;
    }
    return cv_list(&r->mem, CV_LIST, v, l->n, out) ? 0 : chat_oom(r);
}

/* select, reject (by_attribute = false), selectattr, rejectattr. */
static int filter_by_test(struct chat_run *r, const struct cv *of, const struct chat_args *a, bool by_attribute,
                          bool wanted, struct cv *out)
{
    const struct clist *l;
    size_t skip = by_attribute;
    if (!cv_true(of)) return cv_list(&r->mem, CV_LIST, NULL, 0, out) ? 0 : chat_oom(r);
    if (a->n < skip) return chat_fail(r, "an attribute is needed");
    if (chat_items(r, of, &l)) return -1;
    struct cv *v = chat_alloc(&r->mem, l->n, sizeof *v);
    size_t n = 0;
    if (!v) return chat_oom(r);
    if (a->n > skip && a->v[skip].type != CV_STRING) return chat_fail(r, "the name of a test is needed");
    struct chat_args args = rest(a, skip + 1);
    for (size_t i = 0; i < l->n; i++) {
        struct cv x = l->v[i];
        if (chat_step(r, 1) || (by_attribute && dotted(r, &l->v[i], &a->v[0], &x))) return -1;
        bool yes = cv_true(&x);
        if (a->n > skip && chat_test(r, a->v[skip].u.s, &x, &args, &yes)) return -1;
        if (yes == wanted) v[n++] = l->v[i];
    }
    return cv_list(&r->mem, CV_LIST, v, n, out) ? 0 : chat_oom(r);
}

static int f_select(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env;
    return filter_by_test(r, of, a, false, true, out);
}

static int f_reject(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env;
    return filter_by_test(r, of, a, false, false, out);
}

static int f_selectattr(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                        struct cv *out)
{
    (void)env;
    return filter_by_test(r, of, a, true, true, out);
}

static int f_rejectattr(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                        struct cv *out)
{
    (void)env;
    return filter_by_test(r, of, a, true, false, out);
}

static int f_batch(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct clist *l;
    int64_t size = 0;
    const struct cv *fill = chat_arg(a, 1, "fill_with");
    (void)env;
    if (chat_items(r, of, &l) || chat_int_arg(r, a, 0, "linecount", &size)) return -1;
    if (size < 1 || size > 1000000) return chat_fail(r, "batch needs a size from 1 on");
    struct cv *v = chat_alloc(&r->mem, l->n / (size_t)size + 1, sizeof *v),
              *row = chat_alloc(&r->mem, (size_t)size, sizeof *row);
    size_t n = 0;
    if (!v || !row) return chat_oom(r);
    for (size_t at = 0; at < l->n; at += (size_t)size) {
        size_t k = 0;
        for (; k < (size_t)size && at + k < l->n; k++) row[k] = l->v[at + k];
        while (fill && fill->type != CV_NONE && k < (size_t)size) row[k++] = *fill;
        if (!cv_list(&r->mem, CV_LIST, row, k, &v[n++])) return chat_oom(r);
    }
    return cv_list(&r->mem, CV_LIST, v, n, out) ? 0 : chat_oom(r);
}

static int f_groupby(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                     struct cv *out)
{
    struct cv sorted, key, at;
    struct sorting s = {.r = r, .attribute = chat_arg(a, 0, "attribute")};
    const struct clist *l;
    (void)env;
    if (!s.attribute) return chat_fail(r, "groupby needs an attribute");
    if (chat_items(r, of, &l) || sort_list(&s, l, &sorted)) return -1;
    l = sorted.u.l;
    struct cv *v = chat_alloc(&r->mem, l->n, sizeof *v);
    size_t n = 0;
    if (!v) return chat_oom(r);
    for (size_t from = 0, to; from < l->n; from = to) {
        struct cv folded, other, pair[2];
        if (dotted(r, &l->v[from], s.attribute, &key) || sort_key(&s, &l->v[from], &folded)) return -1;
        for (to = from + 1; to < l->n; to++) {
            if (sort_key(&s, &l->v[to], &other)) return -1;
            if (!cv_equal(&folded, &other)) break;
        }
        pair[0] = key;
        if (!cv_list(&r->mem, CV_LIST, l->v + from, to - from, &pair[1]) || !cv_list(&r->mem, CV_TUPLE, pair, 2, &at))
            return chat_oom(r);
        v[n++] = at;
    }
    return cv_list(&r->mem, CV_LIST, v, n, out) ? 0 : chat_oom(r);
}

/* ---- the rest ---- */

static int f_default(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                     struct cv *out)
{
    const struct cv *value = chat_arg(a, 0, "default_value"), *boolean = chat_arg(a, 1, "boolean");
    (void)env, (void)r;
    bool use = of->type == CV_UNDEFINED || (boolean && cv_true(boolean) && !cv_true(of));
    *out = !use ? *of : value ? *value : string_value(&empty);
    return 0;
}

static int f_attr(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env;
    if (a->n < 1 || a->v[0].type != CV_STRING) return chat_fail(r, "attr needs a name");
    if (of->type == CV_DICT) { /* members of a mapping are no attributes */
        *out = cv_undefined(a->v[0].u.s);
        return 0;
    }
    return chat_attribute(r, of, a->v[0].u.s, out);
}

static int f_format(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct cstr *s;
    (void)env;
    return as_string(r, of, &s) || chat_format(r, s, a->v, a->n, out) ? -1 : 0;
}

static int f_wordcount(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                       struct cv *out)
{
    const struct cstr *s;
    int64_t n = 0;
    (void)env, (void)a;
    if (as_string(r, of, &s)) return -1;
    bool inside = false;
    for (size_t i = 0; i < s->n; i++) {
        char c = s->s[i];
        bool word = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || (c & 0x80);
        n += word && !inside;
        inside = word;
    }
    *out = cv_int(n);
    return chat_step(r, s->n / 64);
}

static const struct {
    const char *name;
    filter_fn *fn;
} filters[] = {
    {"abs", f_abs}, {"attr", f_attr}, {"batch", f_batch}, {"capitalize", f_capitalize}, {"count", f_length},
    {"d", f_default}, {"default", f_default}, {"dictsort", f_dictsort}, {"e", f_escape}, {"escape", f_escape},
    {"first", f_first}, {"float", f_float}, {"format", f_format}, {"groupby", f_groupby}, {"indent", f_indent},
    {"int", f_int}, {"items", f_items}, {"join", f_join}, {"last", f_last}, {"length", f_length},
    {"list", f_list}, {"lower", f_lower}, {"map", f_map}, {"max", f_max}, {"min", f_min}, {"reject", f_reject},
    {"rejectattr", f_rejectattr}, {"replace", f_replace}, {"reverse", f_reverse}, {"round", f_round},
    {"safe", f_safe}, {"select", f_select}, {"selectattr", f_selectattr}, {"sort", f_sort},
    {"string", f_string}, {"sum", f_sum}, {"title", f_title}, {"tojson", f_tojson}, {"trim", f_trim},
    {"unique", f_unique}, {"upper", f_upper}, {"wordcount", f_wordcount},
};

int chat_filter(struct chat_run *r, struct chat_env *env, const struct cstr *name, const struct cv *of,
                const struct chat_args *a, struct cv *out)
{
    static const char *const keep[] = {"capitalize", "indent", "lower", "reverse", "string", "trim", "upper"};
    struct cv operand = *of; /* out may be the same place */
    size_t i = 0;
    while (i < COUNT_OF(filters) && !cstr_is(name, filters[i].name)) i++;
    if (i < COUNT_OF(filters)) {
        if (filters[i].fn(r, env, &operand, a, out)) return -1;
        for (size_t k = 0; operand.safe && k < COUNT_OF(keep); k++)
            if (cstr_is(name, keep[k])) out->safe = true;
        return 0;
    }
    return chat_fail(r, "there is no filter '%.*s'", (int)name->n, name->s);
}
