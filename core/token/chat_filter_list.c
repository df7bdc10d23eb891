/* Filters of sequences. */
#include <stdlib.h>
#include <string.h>

#include "core/token/chat_filter.h"

static const struct cstr empty = {"", 0, NULL, CHAT_TRUSTED};

int filter_first(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct clist *l;
    (void)env, (void)a;
    if (of->type == CV_LAZY) return chat_lazy_next(r, of->u.lazy, out);
    if (chat_items(r, of, &l)) return -1;
    *out = l->n ? l->v[0] : cv_undefined(NULL);
    return 0;
}

int filter_last(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct clist *l;
    (void)env, (void)a;
    if (cv_is_stream(of)) return chat_fail(r, "a %s has no last item; |list makes a list of it", cv_type_name(of));
    if (chat_items(r, of, &l)) return -1;
    *out = l->n ? l->v[l->n - 1] : cv_undefined(NULL);
    return 0;
}

int filter_list(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct clist *l;
    (void)env, (void)a;
    if (chat_items(r, of, &l)) return -1;
    *out = (struct cv){.type = CV_LIST, .u.l = l};
    return 0;
}

int filter_reverse(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                   struct cv *out)
{
    struct cv step[3] = {cv_none(), cv_none(), cv_int(-1)}, list;
    if (of->type == CV_STRING) return chat_slice(r, of, step, out);
    if (filter_list(r, env, of, a, &list) || chat_slice(r, &list, step, out)) return -1;
    if (cv_is_stream(of)) return 0; /* a list of its own */
    return cv_lazy(&r->mem, LAZY_REVERSED, out->u.l->v, out->u.l->n, out) ? 0 : chat_oom(r);
}

int chat_dict_items(struct chat_run *r, const struct cdict *d, struct cv **out)
{
    struct cv *v = *out = chat_alloc(&r->mem, d->n, sizeof *v);
    if (!v) return chat_oom(r);
    for (size_t i = 0; i < d->n; i++) {
        struct cv pair[2] = {d->key[i], d->value[i]};
        if (!cv_list(&r->mem, CV_TUPLE, pair, 2, &v[i])) return chat_oom(r);
    }
    return chat_step(r, d->n);
}

int filter_items(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    struct cv *v;
    (void)env, (void)a;
    if (of->type == CV_UNDEFINED) return chat_stream(r, NULL, 0, out);
    if (of->type != CV_DICT) return chat_fail(r, "items needs a mapping, not %s", cv_type_name(of));
    return chat_dict_items(r, of->u.d, &v) ? -1 : chat_stream(r, v, of->u.d->n, out);
}

/* "a.b.0" of a value; fallback (or NULL): what stands for each part that is not there. */
static int dotted_string(struct chat_run *r, const struct cv *of, const struct cstr *s, const struct cv *fallback, struct cv *out)
{
    *out = *of;
    for (size_t at = 0, end; at <= s->n; at = end + 1) {
        const char *dot = at < s->n ? memchr(s->s + at, '.', s->n - at) : NULL;
        end = dot ? (size_t)(dot - s->s) : s->n;
        struct cv key, from = *out;
        bool digits = end > at && end - at < 19;
        int64_t i = 0;
        for (size_t k = at; k < end; k++) {
            if (s->s[k] < '0' || s->s[k] > '9') digits = false;
            else if (digits) i = i * 10 + (s->s[k] - '0');
        }
        if (digits) key = cv_int(i);
        else if (!cv_slice(&r->mem, s, at, end, &key)) return chat_oom(r);
        if (chat_item(r, &from, &key, out)) return -1;
        if (fallback && out->type == CV_UNDEFINED) *out = *fallback;
    }
    return 0;
}

static int dotted_or(struct chat_run *r, const struct cv *of, const struct cv *path, const struct cv *fallback, struct cv *out)
{
    if (path->type == CV_NONE) return *out = *of, 0;
    if (path->type == CV_STRING) return dotted_string(r, of, path->u.s, fallback, out);
    if (chat_item(r, of, path, out)) return -1;
    if (fallback && out->type == CV_UNDEFINED) *out = *fallback;
    return 0;
}

static int dotted(struct chat_run *r, const struct cv *of, const struct cv *path, struct cv *out)
{
    return dotted_or(r, of, path, NULL, out);
}

/* A default of none is as none given. */
static const struct cv *not_none(const struct cv *v)
{
    return v && v->type != CV_NONE ? v : NULL;
}

/* Merge sort, stable; key: value of an attribute, or the items themselves. */
struct sorting {
    struct chat_run *r;
    const struct cv *attribute, *fallback;
    bool reverse, cased, in_lists; /* as |sort has keys: equal ones need no order */
};

/* Letter case of a key does not count, unless it does. */
static int fold(struct sorting *s, struct cv *key)
{
    return !s->cased && key->type == CV_STRING ? chat_case(s->r, key->u.s, CASE_LOWER, key) : 0;
}

static int sort_key(struct sorting *s, const struct cv *v, struct cv *out)
{
    if (s->attribute ? dotted_or(s->r, v, s->attribute, s->fallback, out) : (*out = *v, 0)) return -1;
    return fold(s, out);
}

/* "a,b.c": a list of values. */
static int sort_keys(struct sorting *s, const struct cv *v, struct cv *out)
{
    const struct cstr *path = s->attribute->u.s;
    struct cv key[16];
    size_t n = 0;
    for (size_t at = 0, end; at <= path->n; at = end + 1) {
        const char *comma = at < path->n ? memchr(path->s + at, ',', path->n - at) : NULL;
        end = comma ? (size_t)(comma - path->s) : path->n;
        struct cstr part = {path->s + at, end - at, NULL, 0};
        if (n == COUNT_OF(key)) return chat_fail(s->r, "too many attributes to sort by");
        if (dotted_string(s->r, v, &part, NULL, &key[n]) || fold(s, &key[n])) return -1;
        n++;
    }
    return cv_list(&s->r->mem, CV_LIST, key, n, out) ? 0 : chat_oom(s->r);
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
            int order = cv_compare(&s->r->mem, &key[b], &key[a]);
            if (order == 2 && s->in_lists && cv_equal(&s->r->mem, &key[a], &key[b])) order = 0;
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
        bool many = s->in_lists && s->attribute && s->attribute->type == CV_STRING &&
                    memchr(s->attribute->u.s->s, ',', s->attribute->u.s->n);
        if (many ? sort_keys(s, &v[i], &key[i]) : sort_key(s, &v[i], &key[i])) return -1;
    }
    if (sort_items(s, key, v, tmp, l->n)) return -1;
    return cv_list(&r->mem, CV_LIST, v, l->n, out) ? 0 : chat_oom(r);
}

int filter_sort(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct clist *l;
    const struct cv *cased = chat_arg(a, 1, "case_sensitive");
    struct sorting s = {.r = r, .attribute = chat_arg(a, 2, "attribute"), .cased = cased && cv_true(cased), .in_lists = true};
    int64_t reverse = 0;
    (void)env;
    if (chat_int_arg(r, a, 0, "reverse", &reverse)) return -1;
    s.reverse = reverse != 0;
    return chat_items(r, of, &l) || sort_list(&s, l, out) ? -1 : 0;
}

int filter_dictsort(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                    struct cv *out)
{
    struct cv *items, at;
    const struct cv *cased = chat_arg(a, 0, "case_sensitive"), *by = chat_arg(a, 1, "by");
    int64_t reverse = 0;
    (void)env;
    if (by && !cv_is(by, "key") && !cv_is(by, "value")) return chat_fail(r, "dictsort goes by 'key' or by 'value'");
    if (chat_int_arg(r, a, 2, "reverse", &reverse)) return -1;
    at = cv_int(by && cv_is(by, "value"));
    struct sorting s = {.r = r, .attribute = &at, .reverse = reverse != 0, .cased = cased && cv_true(cased)};
    if (of->type != CV_DICT) return chat_fail(r, "dictsort needs a mapping, not %s", cv_type_name(of));
    if (chat_dict_items(r, of->u.d, &items)) return -1;
    struct clist l = {items, of->u.d->n};
    return sort_list(&s, &l, out);
}

int filter_unique(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
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
        if (!cv_hashable(&r->mem, &key[n])) return chat_fail(r, "unique is not for values of type %s", cv_type_name(&key[n]));
        size_t k = 0;
        while (k < n && !cv_equal(&r->mem, &key[k], &key[n])) k++;
        if (k == n) v[n++] = l->v[i];
    }
    return chat_stream(r, v, n, out);
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
        int order = i ? cv_compare(&r->mem, &key, &best) : wanted;
        if (order == 2) return chat_fail(r, "values that have no order have no least one");
        if (order != wanted) continue;
        best = key;
        *out = l->v[i];
    }
    return 0;
}

int filter_min(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env;
    return extreme(r, of, a, -1, out);
}

int filter_max(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env;
    return extreme(r, of, a, 1, out);
}

int filter_sum(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct clist *l;
    const struct cv *attribute = chat_arg(a, 0, "attribute"), *start = chat_arg(a, 1, "start");
    (void)env;
    if (chat_items(r, of, &l)) return -1;
    if (start && start->type == CV_STRING) return chat_fail(r, "sum adds no strings; |join does");
    *out = start ? *start : cv_int(0);
    for (size_t i = 0; i < l->n; i++) {
        struct cv v = l->v[i], before = *out;
        if ((attribute && dotted(r, &l->v[i], attribute, &v)) || chat_binary(r, OP_ADD, &before, &v, out)) return -1;
    }
    return 0;
}

int filter_join(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct clist *l;
    const struct cstr *separator = &empty;
    const struct cv *given = chat_arg(a, 0, "d"), *attribute = chat_arg(a, 1, "attribute");
    (void)env;
    if (chat_items(r, of, &l) || (given && chat_as_string(r, given, &separator))) return -1;
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

/* attribute= and default=, or the name of a filter and what that takes: then *attribute is NULL. */
static int map_arguments(struct chat_run *r, const struct chat_args *a, const struct cv **attribute, const struct cv **fallback)
{
    *attribute = *fallback = NULL;
    if (a->n && !a->key[0]) return a->v[0].type == CV_STRING ? 0 : chat_fail(r, "map needs the name of a filter");
    for (size_t i = 0; i < a->n; i++) {
        if (cstr_is(a->key[i], "attribute")) *attribute = &a->v[i];
        else if (cstr_is(a->key[i], "default")) *fallback = not_none(&a->v[i]);
        else return chat_fail(r, "map has no argument '%.*s'", (int)a->key[i]->n, a->key[i]->s);
    }
    return *attribute ? 0 : chat_fail(r, "map needs a filter or an attribute");
}

int filter_map(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct clist *l;
    const struct cv *attribute, *fallback;
    if (!cv_true(of)) return chat_stream(r, NULL, 0, out); /* none, too */
    if (map_arguments(r, a, &attribute, &fallback) || chat_items(r, of, &l)) return -1;
    struct cv *v = chat_alloc(&r->mem, l->n, sizeof *v);
    struct chat_args args = rest(a, 1);
    if (!v) return chat_oom(r);
    for (size_t i = 0; i < l->n; i++) {
        if (!attribute) {
            int ret = chat_enter(r) ? -1 : chat_filter(r, env, a->v[0].u.s, &l->v[i], &args, &v[i]); /* which may be map again */
            r->depth--;
            if (ret) return -1;
            continue;
        }
        if (chat_step(r, 1) || dotted_or(r, &l->v[i], attribute, fallback, &v[i])) return -1;
    }
    return chat_stream(r, v, l->n, out);
}

/* select, reject (by_attribute = false), selectattr, rejectattr. */
static int keep_by_test(struct chat_run *r, const struct cv *of, const struct chat_args *a, bool by_attribute,
                          bool wanted, struct cv *out)
{
    const struct clist *l;
    size_t skip = by_attribute;
    if (!cv_true(of)) return chat_stream(r, NULL, 0, out);
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
    return chat_stream(r, v, n, out);
}

int filter_select(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env;
    return keep_by_test(r, of, a, false, true, out);
}

int filter_reject(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env;
    return keep_by_test(r, of, a, false, false, out);
}

int filter_selectattr(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                      struct cv *out)
{
    (void)env;
    return keep_by_test(r, of, a, true, true, out);
}

int filter_rejectattr(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                      struct cv *out)
{
    (void)env;
    return keep_by_test(r, of, a, true, false, out);
}

int filter_batch(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
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
    return chat_stream(r, v, n, out);
}

/* That many lists, the first ones longer. */
int filter_slice(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct clist *l;
    const struct cv *fill = chat_arg(a, 1, "fill_with");
    int64_t slices = 0;
    (void)env;
    if (chat_items(r, of, &l) || chat_int_arg(r, a, 0, "slices", &slices)) return -1;
    if (slices < 1 || slices > 100000) return chat_fail(r, "slice needs a number from 1 on");
    size_t each = l->n / (size_t)slices, more = l->n % (size_t)slices, at = 0;
    struct cv *v = chat_alloc(&r->mem, (size_t)slices, sizeof *v), *row = chat_alloc(&r->mem, each + 1, sizeof *row);
    if (!v || !row) return chat_oom(r);
    for (size_t i = 0; i < (size_t)slices; i++) {
        size_t n = each + (i < more);
        for (size_t k = 0; k < n; k++) row[k] = l->v[at++];
        if (fill && fill->type != CV_NONE && i >= more) row[n++] = *fill;
        if (!cv_list(&r->mem, CV_LIST, row, n, &v[i])) return chat_oom(r);
    }
    return chat_stream(r, v, (size_t)slices, out);
}

int filter_groupby(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                   struct cv *out)
{
    struct cv sorted, key, at;
    const struct cv *cased = chat_arg(a, 2, "case_sensitive");
    struct sorting s = {.r = r, .attribute = chat_arg(a, 0, "attribute"), .fallback = not_none(chat_arg(a, 1, "default")),
                        .cased = cased && cv_true(cased)};
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
        if (dotted_or(r, &l->v[from], s.attribute, s.fallback, &key) || sort_key(&s, &l->v[from], &folded)) return -1;
        for (to = from + 1; to < l->n; to++) {
            if (sort_key(&s, &l->v[to], &other)) return -1;
            if (!cv_equal(&r->mem, &folded, &other)) break;
        }
        pair[0] = key;
        if (!cv_list(&r->mem, CV_LIST, l->v + from, to - from, &pair[1]) || !cv_list(&r->mem, CV_TUPLE, pair, 2, &at))
            return chat_oom(r);
        at.safe = true;
        v[n++] = at;
    }
    return cv_list(&r->mem, CV_LIST, v, n, out) ? 0 : chat_oom(r);
}
