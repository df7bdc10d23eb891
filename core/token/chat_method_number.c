/* What numbers are asked, and members of values that are no methods. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/token/chat_method.h"

static uint64_t size_of(const struct cv *v)
{
    int64_t i = v->type == CV_BOOL ? v->u.b : v->u.i;
    return i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
}

int method_bit_length(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    uint64_t v = size_of(self);
    (void)r, (void)a;
    *out = cv_int(v ? 64 - __builtin_clzll(v) : 0);
    return 0;
}

int method_bit_count(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)r, (void)a;
    *out = cv_int(__builtin_popcountll(size_of(self)));
    return 0;
}

static struct cv plain(const struct cv *v)
{
    return v->type == CV_BOOL ? cv_int(v->u.b) : *v;
}

int method_conjugate(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)r, (void)a;
    *out = plain(self);
    return 0;
}

int method_as_integer_ratio(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    struct cv pair[2] = {plain(self), cv_int(1)};
    (void)a;
    if (self->type == CV_FLOAT) {
        int exponent, zeros = 0;
        double m = frexp(self->u.f, &exponent);
        if (!isfinite(self->u.f)) return chat_fail(r, "%s is no ratio", isnan(self->u.f) ? "nan" : "an infinite number");
        int64_t whole = (int64_t)ldexp(m, 53);
        exponent -= 53;
        if (whole) zeros = __builtin_ctzll((unsigned long long)whole);
        while (whole && zeros-- > 0 && exponent < 0) whole /= 2, exponent++;
        if (whole == 0) exponent = 0;
        if (exponent < -62 || exponent > 9) return chat_fail(r, "a number is too large");
        pair[0] = cv_int(exponent > 0 ? whole * ((int64_t)1 << exponent) : whole);
        pair[1] = cv_int(exponent < 0 ? (int64_t)1 << -exponent : 1);
    }
    return cv_list(&r->mem, CV_TUPLE, pair, 2, out) ? 0 : chat_oom(r);
}

int method_is_integer(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)r, (void)a;
    *out = cv_bool(isfinite(self->u.f) && !(floor(self->u.f) < self->u.f));
    return 0;
}

int method_hex(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    char text[40];
    double v = self->u.f;
    (void)a;
    if (isnan(v) || isinf(v)) snprintf(text, sizeof text, "%s", isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
    else if (v < 0 || v > 0) snprintf(text, sizeof text, "%.13a", v);
    else snprintf(text, sizeof text, "%s0x0.0p+0", signbit(v) ? "-" : "");
    return cv_string(&r->mem, text, strlen(text), 0, out) ? 0 : chat_oom(r);
}

/* ---- members ---- */

static bool number_member(const struct cv *of, const struct cstr *name, struct cv *out)
{
    bool real = of->type == CV_FLOAT;
    if (cstr_is(name, "imag")) *out = real ? cv_float(0) : cv_int(0);
    else if (cstr_is(name, "real") || (!real && cstr_is(name, "numerator"))) *out = plain(of);
    else if (!real && cstr_is(name, "denominator")) *out = cv_int(1);
    else return false;
    return true;
}

static bool range_member(const struct clazy *l, const struct cstr *name, struct cv *out)
{
    if (cstr_is(name, "start")) *out = cv_int(l->from);
    else if (cstr_is(name, "stop")) *out = cv_int(l->to);
    else if (cstr_is(name, "step")) *out = cv_int(l->step);
    else return false;
    return true;
}

static int macro_member(struct chat_run *r, const struct node *macro, const struct cstr *name, struct cv *out)
{
    static const struct { const char *name; uint8_t flag; } flags[] = {
        {"catch_varargs", MACRO_VARARGS}, {"catch_kwargs", MACRO_KWARGS}, {"caller", MACRO_CALLER}};
    if (cstr_is(name, "name")) *out = macro->op & MACRO_OF_CALL ? cv_none() : macro->value;
    for (size_t i = 0; i < COUNT_OF(flags); i++)
        if (cstr_is(name, flags[i].name)) *out = cv_bool(macro->op & flags[i].flag);
    bool explicit = false;
    for (size_t i = 0; i < macro->n_args; i++) explicit = explicit || cstr_is(macro->arg[i].key, "caller");
    if (cstr_is(name, "explicit_caller")) *out = cv_bool(explicit);
    if (!cstr_is(name, "arguments")) return 0;
    struct cv *v = chat_alloc(&r->mem, macro->n_args, sizeof *v);
    if (!v) return chat_oom(r);
    for (size_t i = 0; i < macro->n_args; i++) v[i] = (struct cv){.type = CV_STRING, .u.s = macro->arg[i].key};
    return cv_list(&r->mem, CV_TUPLE, v, macro->n_args, out) ? 0 : chat_oom(r);
}

int chat_member(struct chat_run *r, const struct cv *of, const struct cstr *name, struct cv *out)
{
    bool first = cstr_is(name, "grouper");
    *out = cv_undefined(name);
    if (cv_is_number(of)) return number_member(of, name, out), 0;
    if (of->type == CV_LAZY && of->u.lazy->kind == LAZY_RANGE) return range_member(of->u.lazy, name, out), 0;
    if (of->type == CV_TUPLE && of->safe && (first || cstr_is(name, "list"))) *out = of->u.l->v[first ? 0 : 1];
    if (of->type == CV_LOOP) return chat_loop_attribute(r, of->u.loop, name, out);
    if (of->type == CV_MACRO) return macro_member(r, of->u.macro->node, name, out);
    if (of->type == CV_CYCLER) chat_cycler_member(of->u.cycler, name, out);
    return 0;
}
