/* Tests: {% if value is name %}. */
#include <math.h>
#include <string.h>

#include "core/token/chat_filter.h"

static bool callable(const struct cv *v)
{
    return v->type == CV_MACRO || v->type == CV_METHOD || v->type == CV_GLOBAL || v->type == CV_UNDEFINED;
}

static bool iterable(const struct cv *v)
{
    return v->type == CV_STRING || cv_is_list(v) || v->type == CV_DICT || v->type == CV_UNDEFINED || v->type == CV_LAZY ||
           v->type == CV_LOOP;
}

static bool sequence(const struct cv *v)
{
    return v->type == CV_STRING || cv_is_list(v) || v->type == CV_DICT || v->type == CV_UNDEFINED ||
           (v->type == CV_LAZY && v->u.lazy->kind == LAZY_RANGE);
}

/* Tests without an argument; 2: not one of them. */
static int plain(const struct cstr *name, const struct cv *v)
{
    if (cstr_is(name, "defined")) return v->type != CV_UNDEFINED;
    if (cstr_is(name, "undefined")) return v->type == CV_UNDEFINED;
    if (cstr_is(name, "none")) return v->type == CV_NONE;
    if (cstr_is(name, "string")) return v->type == CV_STRING;
    if (cstr_is(name, "number")) return cv_is_number(v) || v->type == CV_BIG;
    if (cstr_is(name, "integer")) return v->type == CV_INT || v->type == CV_BIG;
    if (cstr_is(name, "float")) return v->type == CV_FLOAT;
    if (cstr_is(name, "boolean")) return v->type == CV_BOOL;
    if (cstr_is(name, "true")) return v->type == CV_BOOL && v->u.b;
    if (cstr_is(name, "false")) return v->type == CV_BOOL && !v->u.b;
    if (cstr_is(name, "mapping")) return v->type == CV_DICT;
    if (cstr_is(name, "iterable")) return iterable(v);
    if (cstr_is(name, "sequence")) return sequence(v);
    if (cstr_is(name, "escaped")) return v->type == CV_STRING && v->safe;
    if (cstr_is(name, "callable")) return callable(v);
    if (cstr_is(name, "filter")) return v->type == CV_STRING && chat_is_filter(v->u.s);
    if (cstr_is(name, "test")) return v->type == CV_STRING && chat_is_test(v->u.s);
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

bool chat_is_test(const struct cstr *name)
{
    static const char *const others[] = {"odd", "even", "upper", "lower", "divisibleby", "sameas"};
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (cstr_is(name, others[i])) return true;
    return compare_op(name) || plain(name, &(struct cv){.type = CV_NONE}) != 2;
}

static int remainder_is(struct chat_run *r, const struct cv *of, struct cv by, int64_t wanted, bool *out)
{
    struct cv rest, want = cv_int(wanted);
    if (chat_binary(r, OP_MOD, of, &by, &rest)) return -1;
    *out = cv_equal(&r->mem, &rest, &want);
    return 0;
}

/* The same object of Python: an undefined value is made anew each time that it is asked for.  Texts and numbers that
 * are equal pass for one. */
static bool same(struct chat_run *r, const struct cv *a, const struct cv *b)
{
    if (a->type != b->type || a->type == CV_UNDEFINED || (a->type == CV_STRING && a->safe != b->safe)) return false;
    if (a->type == CV_LIST) return a->u.l == b->u.l;
    if (a->type == CV_DICT) return a->u.d == b->u.d;
    return cv_equal(&r->mem, a, b);
}

int chat_test(struct chat_run *r, const struct cstr *name, const struct cv *of, const struct chat_args *a, bool *out)
{
    int yes = plain(name, of), op = compare_op(name);
    if ((cstr_is(name, "filter") || cstr_is(name, "test")) && !cv_hashable(&r->mem, of))
        return chat_fail(r, "a value of type %s is no name of a %.*s", cv_type_name(of), (int)name->n, name->s);
    if (yes != 2) {
        if (a->n) return chat_fail(r, "the test '%.*s' takes no value", (int)name->n, name->s);
        *out = yes != 0;
        return 0;
    }
    bool odd = cstr_is(name, "odd"), upper = cstr_is(name, "upper"), even = cstr_is(name, "even");
    if (a->n && (odd || upper || even || cstr_is(name, "lower")))
        return chat_fail(r, "the test '%.*s' takes no value", (int)name->n, name->s);
    if (odd || even) return remainder_is(r, of, cv_int(2), odd, out);
    if (upper || cstr_is(name, "lower")) {
        const struct cstr *s;
        if (chat_as_string(r, of, &s)) return -1;
        *out = chat_is_case(s, upper);
        return chat_step(r, s->n / 16);
    }
    if (op || cstr_is(name, "divisibleby") || cstr_is(name, "sameas")) {
        if (a->n < 1) return chat_fail(r, "the test '%.*s' needs a value", (int)name->n, name->s);
        if (op) return chat_compare(r, (uint8_t)op, of, &a->v[0], out);
        if (cstr_is(name, "sameas")) {
            *out = same(r, of, &a->v[0]);
            return 0;
        }
        return remainder_is(r, of, a->v[0], 0, out);
    }
    return chat_fail(r, "there is no test '%.*s'", (int)name->n, name->s);
}
