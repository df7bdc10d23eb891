/* Tests: {% if value is name %}. */
#include <math.h>
#include <string.h>

#include "core/token/chat_eval.h"

static bool is_integer(const struct cv *v)
{
    return v->type == CV_INT;
}

static bool callable(const struct cv *v)
{
    return v->type == CV_MACRO || v->type == CV_METHOD || v->type == CV_GLOBAL;
}

static bool iterable(const struct cv *v)
{
    return v->type == CV_STRING || cv_is_list(v) || v->type == CV_DICT || v->type == CV_UNDEFINED;
}

/* Tests without an argument; 2: not one of them. */
static int plain(const struct cstr *name, const struct cv *v)
{
    if (cstr_is(name, "defined")) return v->type != CV_UNDEFINED;
    if (cstr_is(name, "undefined")) return v->type == CV_UNDEFINED;
    if (cstr_is(name, "none")) return v->type == CV_NONE;
    if (cstr_is(name, "string")) return v->type == CV_STRING;
    if (cstr_is(name, "number")) return cv_is_number(v);
    if (cstr_is(name, "integer")) return is_integer(v);
    if (cstr_is(name, "float")) return v->type == CV_FLOAT;
    if (cstr_is(name, "boolean")) return v->type == CV_BOOL;
    if (cstr_is(name, "true")) return v->type == CV_BOOL && v->u.b;
    if (cstr_is(name, "false")) return v->type == CV_BOOL && !v->u.b;
    if (cstr_is(name, "mapping")) return v->type == CV_DICT;
    if (cstr_is(name, "iterable")) return iterable(v);
    if (cstr_is(name, "sequence")) return v->type == CV_STRING || cv_is_list(v) || v->type == CV_DICT;
    if (cstr_is(name, "callable")) return callable(v);
    if (cstr_is(name, "upper")) return v->type == CV_STRING && chat_is_case(v->u.s, true);
    if (cstr_is(name, "lower")) return v->type == CV_STRING && chat_is_case(v->u.s, false);
    return 2;
}

static int compare_op(const struct cstr *name)
{
    static const struct { const char *name; int op; } ops[] = {
        {"eq", OP_EQ}, {"==", OP_EQ}, {"equalto", OP_EQ}, {"ne", OP_NE}, {"!=", OP_NE}, {"lt", OP_LT}, {"<", OP_LT},
        {"lessthan", OP_LT}, {"le", OP_LE}, {"<=", OP_LE}, {"gt", OP_GT}, {">", OP_GT}, {"greaterthan", OP_GT},
        {"ge", OP_GE}, {">=", OP_GE}, {"in", OP_IN}};
    for (size_t i = 0; i < COUNT_OF(ops); i++)
        if (cstr_is(name, ops[i].name)) return ops[i].op;
    return 0;
}

int chat_test(struct chat_run *r, const struct cstr *name, const struct cv *of, const struct chat_args *a, bool *out)
{
    int yes = plain(name, of), op = compare_op(name);
    if (yes != 2) {
        *out = yes != 0;
        return 0;
    }
    bool odd = cstr_is(name, "odd"), even = cstr_is(name, "even");
    if (odd || even) {
        if (of->type != CV_INT) return chat_fail(r, "%s needs an integer", odd ? "odd" : "even");
        *out = (of->u.i % 2 != 0) == odd;
        return 0;
    }
    if (op || cstr_is(name, "divisibleby") || cstr_is(name, "sameas")) {
        if (a->n < 1) return chat_fail(r, "the test '%.*s' needs a value", (int)name->n, name->s);
        if (op) return chat_compare(r, (uint8_t)op, of, &a->v[0], out);
        if (cstr_is(name, "sameas")) {
            *out = of->type == a->v[0].type && cv_equal(of, &a->v[0]);
            return 0;
        }
        if (of->type != CV_INT || a->v[0].type != CV_INT || a->v[0].u.i == 0)
            return chat_fail(r, "divisibleby needs integers, not 0");
        *out = a->v[0].u.i == -1 || of->u.i % a->v[0].u.i == 0;
        return 0;
    }
    return chat_fail(r, "there is no test '%.*s'", (int)name->n, name->s);
}
