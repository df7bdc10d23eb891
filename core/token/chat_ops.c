/* Operators, attributes, items and slices. */
#include <math.h>
#include <string.h>

#include "core/token/chat_format.h"

static int bad_operands(struct chat_run *r, const char *what, const struct cv *a, const struct cv *b)
{
    const struct cv *u = a->type == CV_UNDEFINED ? a : b->type == CV_UNDEFINED ? b : NULL;
    if (u && u->u.s) return chat_fail(r, "'%.*s' is undefined", (int)u->u.s->n, u->u.s->s);
    if (a->type == CV_BIG || b->type == CV_BIG) return chat_fail(r, "a number is too large");
    return chat_fail(r, "%s: not for values of type %s and %s", what, cv_type_name(a), cv_type_name(b));
}

/* ---- arithmetic ---- */

/* Python's remainder: exact, and of the sign of b; *whole is what goes with it. */
static double remainder_of(double a, double b, double *whole)
{
    double rest = fmod(a, b), div = (a - rest) / b;
    if (rest < 0 || rest > 0) {
        if ((b < 0) != (rest < 0)) {
            rest += b;
            div -= 1;
        }
    } else {
        rest = copysign(0, b);
    }
    *whole = div < 0 || div > 0 ? floor(div) : copysign(0, a / b);
    if (div - *whole > 0.5) *whole += 1;
    return rest;
}

static int power(struct chat_run *r, double a, double b, struct cv *out)
{
    if (!(a < 0) && !(a > 0) && b < 0) return chat_fail(r, "zero to a negative power");
    double v = pow(a, b);
    if (isnan(v) && !isnan(a) && !isnan(b)) return chat_fail(r, "complex numbers are not supported");
    if (isinf(v) && !isinf(a) && !isinf(b)) return chat_fail(r, "a number is too large");
    *out = cv_float(v);
    return 0;
}

static int reals(struct chat_run *r, uint8_t op, double a, double b, struct cv *out)
{
    double v = 0, rest;
    if (op == OP_POW) return power(r, a, b, out);
    if ((op == OP_DIV || op == OP_FLOORDIV || op == OP_MOD) && !(b < 0) && !(b > 0))
        return chat_fail(r, "division by zero");
    if (op == OP_FLOORDIV || op == OP_MOD) {
        rest = remainder_of(a, b, &v);
        if (op == OP_MOD) v = rest;
    } else {
        v = op == OP_ADD ? a + b : op == OP_SUB ? a - b : op == OP_MUL ? a * b : a / b;
    }
    *out = cv_float(v);
    return 0;
}

static int integers(struct chat_run *r, uint8_t op, int64_t a, int64_t b, struct cv *out)
{
    int64_t v = 0;
    bool over = false;
    if ((op == OP_FLOORDIV || op == OP_MOD || op == OP_DIV) && b == 0) return chat_fail(r, "division by zero");
    switch (op) {
    case OP_ADD: over = __builtin_add_overflow(a, b, &v); break;
    case OP_SUB: over = __builtin_sub_overflow(a, b, &v); break;
    case OP_MUL: over = __builtin_mul_overflow(a, b, &v); break;
    case OP_DIV: *out = cv_float((double)a / (double)b); return 0;
    case OP_FLOORDIV:
    case OP_MOD:
        if (b == -1) {
            over = op == OP_FLOORDIV && a == INT64_MIN;
            v = op == OP_FLOORDIV && !over ? -a : 0;
            break;
        }
        v = op == OP_FLOORDIV ? a / b - (a % b != 0 && (a < 0) != (b < 0)) : a % b + (a % b != 0 && (a < 0) != (b < 0) ? b : 0);
        break;
    default:
        if (b < 0) return reals(r, op, (double)a, (double)b, out);
        v = 1;
        if (a == 0 || a == 1) v = b ? a : 1;
        else if (a == -1) v = b % 2 ? -1 : 1;
        else
            for (int64_t i = 0; i < b && !over; i++) over = __builtin_mul_overflow(v, a, &v);
    }
    if (over) return chat_fail(r, "a number is too large");
    *out = cv_int(v);
    return 0;
}

static int concat(struct chat_run *r, const struct cv *a, const struct cv *b, struct cv *out)
{
    struct chat_text t = {{0}, {0}};
    int ret = chat_write(r, &t, a) || chat_write(r, &t, b) ? -1 : 0;
    return chat_finish(r, &t, ret, t.text.len / 64, out);
}

static int add_strings(struct chat_run *r, const struct cv *a, const struct cv *b, struct cv *out)
{
    struct cv x = *a, y = *b;
    bool safe = a->safe || b->safe;
    if (safe && (chat_escape(r, a, &x) || chat_escape(r, b, &y))) return -1;
    if (concat(r, &x, &y, out)) return -1;
    out->safe = safe;
    return 0;
}

static int add_lists(struct chat_run *r, const struct cv *a, const struct cv *b, struct cv *out)
{
    size_t na = a->u.l->n, nb = b->u.l->n;
    struct cv *v = chat_alloc(&r->mem, na + nb, sizeof *v);
    struct clist *l = chat_alloc(&r->mem, 1, sizeof *l);
    if (!v || !l) return chat_oom(r);
    if (na) memcpy(v, a->u.l->v, na * sizeof *v);
    if (nb) memcpy(v + na, b->u.l->v, nb * sizeof *v);
    *l = (struct clist){v, na + nb};
    *out = (struct cv){.type = a->type, .u.l = l};
    return chat_step(r, (na + nb) / 16);
}

static int repeat(struct chat_run *r, const struct cv *what, const struct cv *times, struct cv *out)
{
    int64_t n = times->type == CV_BOOL ? times->u.b : times->u.i;
    size_t len = what->type == CV_STRING ? what->u.s->n : what->u.l->n * sizeof(struct cv), total;
    if (n < 0) n = 0;
    if (!ck_mul(len, (size_t)n, &total) || total > r->mem.limit) return chat_oom(r);
    if (chat_step(r, total / 64)) return -1;
    if (what->type == CV_STRING) {
        struct chat_text t = {{0}, {0}};
        for (int64_t i = 0; i < n && len; i++) chat_text_adds(&t, what->u.s);
        bool safe = what->safe;
        int ret = chat_finish(r, &t, 0, 0, out);
        out->safe = safe;
        return ret;
    }
    struct cv *v = chat_alloc(&r->mem, what->u.l->n * (size_t)n, sizeof *v);
    struct clist *l = chat_alloc(&r->mem, 1, sizeof *l);
    if (!v || !l) return chat_oom(r);
    for (int64_t i = 0; i < n && len; i++) memcpy(v + what->u.l->n * (size_t)i, what->u.l->v, len);
    *l = (struct clist){v, what->u.l->n * (size_t)n};
    *out = (struct cv){.type = what->type, .u.l = l};
    return 0;
}

static bool is_int(const struct cv *v)
{
    return v->type == CV_INT || v->type == CV_BOOL;
}

int chat_binary(struct chat_run *r, uint8_t op, const struct cv *a, const struct cv *b, struct cv *out)
{
    static const char *const names[] = {[OP_ADD] = "+", [OP_SUB] = "-", [OP_MUL] = "*", [OP_DIV] = "/",
                                        [OP_FLOORDIV] = "//", [OP_MOD] = "%", [OP_POW] = "**"};
    if (op == OP_CONCAT) return concat(r, a, b, out);
    if (cv_is_number(a) && cv_is_number(b)) {
        if (a->type == CV_FLOAT || b->type == CV_FLOAT) return reals(r, op, cv_number(a), cv_number(b), out);
        return integers(r, op, a->type == CV_BOOL ? a->u.b : a->u.i, b->type == CV_BOOL ? b->u.b : b->u.i, out);
    }
    if (op == OP_ADD && a->type == CV_STRING && b->type == CV_STRING) return add_strings(r, a, b, out);
    if (op == OP_ADD && cv_is_list(a) && a->type == b->type) return add_lists(r, a, b, out);
    if (op == OP_MUL && (a->type == CV_STRING || cv_is_list(a)) && is_int(b)) return repeat(r, a, b, out);
    if (op == OP_MUL && (b->type == CV_STRING || cv_is_list(b)) && is_int(a)) return repeat(r, b, a, out);
    if (op == OP_MOD && a->type == CV_STRING) return chat_percent(r, a->u.s, a->safe, b, out);
    return bad_operands(r, names[op], a, b);
}

/* ---- comparisons ---- */

static int contains(struct chat_run *r, const struct cv *what, const struct cv *in, bool *out)
{
    switch (in->type) {
    case CV_STRING:
        if (what->type != CV_STRING) return bad_operands(r, "in", what, in);
        *out = what->u.s->n == 0 || memmem(in->u.s->s, in->u.s->n, what->u.s->s, what->u.s->n) != NULL;
        return chat_step(r, in->u.s->n / 64);
    case CV_LIST:
    case CV_TUPLE:
        *out = false;
        for (size_t i = 0; i < in->u.l->n && !*out; i++) *out = cv_equal(&r->mem, &in->u.l->v[i], what);
        return chat_step(r, in->u.l->n / 4);
    case CV_DICT:
        if (!cv_hashable(&r->mem, what)) return chat_fail(r, "a value of type %s is no key", cv_type_name(what));
        *out = cdict_get(&r->mem, in->u.d, what) != NULL;
        return chat_step(r, in->u.d->n / 4);
    case CV_LAZY: return chat_lazy_contains(r, in, what, out);
    case CV_UNDEFINED: *out = false; return 0;
    default: return bad_operands(r, "in", what, in);
    }
}

int chat_compare(struct chat_run *r, uint8_t op, const struct cv *a, const struct cv *b, bool *out)
{
    if (chat_step(r, 1)) return -1;
    if (op == OP_EQ || op == OP_NE) {
        *out = cv_equal(&r->mem, a, b) == (op == OP_EQ);
        return 0;
    }
    if (op == OP_IN || op == OP_NOT_IN) {
        if (contains(r, a, b, out)) return -1;
        if (op == OP_NOT_IN) *out = !*out;
        return 0;
    }
    int order = cv_compare(&r->mem, a, b);
    if (order == 2 && !(cv_is_number(a) && cv_is_number(b))) return bad_operands(r, "comparison", a, b);
    *out = order != 2 && (op == OP_LT ? order < 0 : op == OP_LE ? order <= 0 : op == OP_GT ? order > 0 : order >= 0);
    return 0;
}

/* ---- attributes and items ---- */

static int method_value(struct chat_run *r, const struct cv *of, const struct cstr *name, struct cv *out)
{
    struct cmethod *m = chat_alloc(&r->mem, 1, sizeof *m);
    if (!m) return chat_oom(r);
    *m = (struct cmethod){*of, name->s, name->n};
    *out = (struct cv){.type = CV_METHOD, .u.method = m};
    return 0;
}

/* "__class__": nothing of the machinery behind a value is there. */
static bool is_internal(const struct cstr *name)
{
    return name->n >= 2 && name->s[0] == '_' && name->s[1] == '_';
}

static int of_undefined(struct chat_run *r, const struct cv *of, const struct cstr *name)
{
    if (of->u.s && is_internal(of->u.s)) return chat_fail(r, "'%.*s' is not for templates", (int)of->u.s->n, of->u.s->s);
    if (of->u.s)
        return chat_fail(r, "'%.*s' is undefined, so it has no '%.*s'", (int)of->u.s->n, of->u.s->s,
                         name ? (int)name->n : 4, name ? name->s : "item");
    return chat_fail(r, "an undefined value has no '%.*s'", name ? (int)name->n : 4, name ? name->s : "item");
}

int chat_attribute(struct chat_run *r, const struct cv *of, const struct cstr *name, struct cv *out)
{
    struct cv key = {.type = CV_STRING, .u.s = name};
    if (of->type == CV_UNDEFINED) return of_undefined(r, of, name);
    if (chat_has_method(of, name)) return method_value(r, of, name, out);
    if (chat_lacks_member(of, name))
        return chat_fail(r, "'%.*s' of a value of type %s is not supported", (int)name->n, name->s, cv_type_name(of));
    if (chat_member(r, of, name, out)) return -1;
    if (of->type == CV_DICT || of->type == CV_NAMESPACE) {
        struct cdict d =
            of->type == CV_DICT ? *of->u.d : (struct cdict){of->u.space->key, of->u.space->value, of->u.space->n};
        const struct cv *v = cdict_get(&r->mem, &d, &key);
        if (v) *out = *v;
        r->mem.space_reads += of->type == CV_NAMESPACE;
        return chat_step(r, d.n / 16);
    }
    return 0;
}

/* An index as Python counts: from the end when negative.  False: outside. */
static bool find_index(const struct cv *key, size_t n, size_t *at)
{
    int64_t i = key->type == CV_BOOL ? key->u.b : key->u.i;
    if (i < 0) i += (int64_t)n;
    *at = (size_t)i;
    return i >= 0 && (size_t)i < n;
}

int chat_item(struct chat_run *r, const struct cv *of, const struct cv *key, struct cv *out)
{
    size_t at;
    if (of->type == CV_UNDEFINED) return of_undefined(r, of, key->type == CV_STRING ? key->u.s : NULL);
    *out = cv_undefined(key->type == CV_STRING ? key->u.s : NULL);
    if (of->type == CV_DICT) {
        const struct cv *v = cdict_get(&r->mem, of->u.d, key);
        if (v) *out = *v;
        else if (key->type == CV_STRING && chat_has_method(of, key->u.s)) return method_value(r, of, key->u.s, out);
        return chat_step(r, of->u.d->n / 16);
    }
    if (cv_is_list(of) && is_int(key)) {
        if (find_index(key, of->u.l->n, &at)) *out = of->u.l->v[at];
        return 0;
    }
    if (of->type == CV_LAZY && of->u.lazy->kind == LAZY_RANGE && is_int(key)) {
        if (find_index(key, of->u.lazy->n, &at)) *out = of->u.lazy->v[at];
        return 0;
    }
    if (of->type == CV_STRING && is_int(key)) {
        const struct cstr *s = of->u.s;
        if (!find_index(key, utf8_count(s->s, s->n), &at)) return chat_step(r, s->n / 64);
        size_t from = utf8_offset(s->s, s->n, at), len = utf8_offset(s->s + from, s->n - from, 1);
        bool safe = of->safe;
        if (!cv_slice(&r->mem, s, from, from + len, out)) return chat_oom(r);
        out->safe = safe;
        return chat_step(r, s->n / 64);
    }
    if (key->type == CV_STRING) return chat_attribute(r, of, key->u.s, out);
    return 0;
}

/* ---- slices ---- */

/* Python's rules for one bound. */
static int bound(struct chat_run *r, const struct cv *v, int64_t n, int64_t low, int64_t high, int64_t none,
                 int64_t *out)
{
    if (v->type == CV_NONE) {
        *out = none;
        return 0;
    }
    if (!is_int(v)) return chat_fail(r, "a slice needs integers, not %s", cv_type_name(v));
    int64_t i = v->type == CV_BOOL ? v->u.b : v->u.i;
    if (i < 0) i += n;
    *out = i < low ? low : i > high ? high : i;
    return 0;
}

/* A slice of a range, which is one, too. */
static int range_of(struct chat_run *r, const struct clazy *of, int64_t from, int64_t to, int64_t step, const struct clist *l,
                    struct cv *out)
{
    int64_t a, b, c;
    bool over = __builtin_mul_overflow(from, of->step, &a) || __builtin_add_overflow(a, of->from, &a) ||
                __builtin_mul_overflow(to, of->step, &b) || __builtin_add_overflow(b, of->from, &b) ||
                __builtin_mul_overflow(step, of->step, &c);
    if (over) return chat_fail(r, "a number is too large");
    if (!cv_lazy(&r->mem, LAZY_RANGE, l->v, l->n, out)) return chat_oom(r);
    out->u.lazy->from = a;
    out->u.lazy->to = b;
    out->u.lazy->step = c;
    return 0;
}

/* Of n things those that a slice takes: from, from + step ... in front of to. */
struct slice {
    int64_t n, from, to, step;
};

static int read_slice(struct chat_run *r, const struct cv part[3], struct slice *s)
{
    s->step = 1;
    if (part[2].type != CV_NONE) {
        if (!is_int(&part[2]) || (s->step = part[2].type == CV_BOOL ? part[2].u.b : part[2].u.i) == 0)
            return chat_fail(r, "the step of a slice is an integer, not 0");
    }
    int64_t n = s->n;
    if (s->step < 0) return bound(r, &part[0], n, -1, n - 1, n - 1, &s->from) ? -1 : bound(r, &part[1], n, -1, n - 1, -1, &s->to);
    return bound(r, &part[0], n, 0, n, 0, &s->from) ? -1 : bound(r, &part[1], n, 0, n, n, &s->to);
}

/* Characters one after the other. */
static int slice_text(struct chat_run *r, const struct cv *of, const struct slice *s, struct cv *out)
{
    const struct cstr *text = of->u.s;
    int64_t to = s->to < s->from ? s->from : s->to;
    size_t a = utf8_offset(text->s, text->n, (size_t)s->from);
    size_t b = a + utf8_offset(text->s + a, text->n - a, (size_t)(to - s->from));
    bool safe = of->safe;
    if (!cv_slice(&r->mem, text, a, b, out)) return chat_oom(r);
    out->safe = safe;
    return 0;
}

static struct clist *slice_items(struct chat_run *r, const struct clist *items, const struct slice *s)
{
    struct cv *v = chat_alloc(&r->mem, (size_t)s->n, sizeof *v);
    struct clist *l = chat_alloc(&r->mem, 1, sizeof *l);
    if (!v || !l) return NULL;
    size_t k = 0;
    for (int64_t i = s->from; s->step < 0 ? i > s->to : i < s->to;) {
        v[k++] = items->v[i];
        if (__builtin_add_overflow(i, s->step, &i)) break;
    }
    *l = (struct clist){v, k};
    return l;
}

int chat_slice(struct chat_run *r, const struct cv *of, const struct cv part[3], struct cv *out)
{
    static const struct cstr nothing = {"", 0, NULL, CHAT_TRUSTED};
    bool text = of->type == CV_STRING, range = of->type == CV_LAZY && of->u.lazy->kind == LAZY_RANGE;
    if (of->type == CV_UNDEFINED) return of_undefined(r, of, NULL);
    if (!text && !range && !cv_is_list(of)) return chat_fail(r, "a value of type %s has no slices", cv_type_name(of));
    struct slice s = {.n = (int64_t)(text ? utf8_count(of->u.s->s, of->u.s->n) : range ? of->u.lazy->n : of->u.l->n)};
    if (read_slice(r, part, &s) || chat_step(r, (size_t)s.n / 16)) return -1;
    if (text && s.step == 1) return slice_text(r, of, &s, out);
    const struct clist *items;
    if (chat_items(r, of, &items)) return -1;
    struct clist *l = slice_items(r, items, &s);
    if (!l) return chat_oom(r);
    if (range) return range_of(r, of->u.lazy, s.from, s.to, s.step, l, out);
    if (text) return chat_join(r, l, &nothing, out);
    *out = (struct cv){.type = of->type, .u.l = l};
    return 0;
}

int chat_items(struct chat_run *r, const struct cv *of, const struct clist **out)
{
    struct clist *l = chat_alloc(&r->mem, 1, sizeof *l);
    if (!l) return chat_oom(r);
    *l = (struct clist){NULL, 0};
    *out = l;
    if (cv_is_list(of)) {
        *out = of->u.l;
    } else if (of->type == CV_DICT) {
        *l = (struct clist){of->u.d->key, of->u.d->n};
    } else if (of->type == CV_STRING) {
        const struct cstr *s = of->u.s;
        struct cv *v = chat_alloc(&r->mem, utf8_count(s->s, s->n), sizeof *v);
        if (!v) return chat_oom(r);
        for (size_t i = 0, len; i < s->n; i += len) {
            len = utf8_offset(s->s + i, s->n - i, 1);
            if (!cv_slice(&r->mem, s, i, i + len, &v[l->n++])) return chat_oom(r);
        }
        l->v = v;
    } else if (of->type == CV_LAZY) {
        if (chat_lazy_items(r, of->u.lazy, l)) return -1;
    } else if (of->type != CV_UNDEFINED) {
        return chat_fail(r, "a value of type %s cannot be looped over", cv_type_name(of));
    }
    return chat_step(r, (*out)->n / 16);
}
