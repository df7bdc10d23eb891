/* Expressions of a template to a tree. */
#include <string.h>

#include "core/token/chat_parse.h"

static struct node *parse_unary(struct parser *p, bool with_filter);
static struct node *parse_primary(struct parser *p);
static struct node *parse_or(struct parser *p);
static struct node *list_node(struct parser *p, enum node_kind kind, const struct node_list *list);

static struct node *binary(struct parser *p, uint8_t op, struct node *a, struct node *b)
{
    struct node *v = a && b ? parse_node(p, N_BINARY, 2) : NULL;
    if (!v) return NULL;
    v->place = a->place;
    v->op = op;
    v->kid[0] = a;
    v->kid[1] = b;
    return v;
}

static struct node *unary(struct parser *p, uint8_t op, struct chat_place place, struct node *a)
{
    struct node *v = a ? parse_node(p, N_UNARY, 1) : NULL;
    if (!v) return NULL;
    v->place = place;
    v->op = op;
    v->kid[0] = a;
    return v;
}

static struct node *expect_op(struct parser *p, const char *op, struct node *v)
{
    if (!v || parse_op(p, op)) return v;
    char what[32] = "' ' is expected";
    what[1] = op[0];
    parse_fail(p, what);
    return NULL;
}

/* Of the word just consumed. */
static struct node *constant(struct parser *p, struct cv value)
{
    struct node *v = parse_node(p, N_CONST, 0);
    if (!v) return NULL;
    v->place = p->tok.v[p->at - 1].place;
    v->value = value;
    return v;
}

/* ---- calls, attributes, items ---- */

/* Where an argument may stand, as Python has it. */
static int check_order(struct parser *p, const struct node_arg *arg, size_t n)
{
    const struct node_arg *last = &arg[n];
    for (size_t i = 0; i < n; i++) {
        if (arg[i].stars == 2 || (last->stars == 1 && arg[i].stars))
            return parse_fail(p, "an argument that cannot follow unpacked ones");
        if (!last->stars && !last->key && (arg[i].stars || arg[i].key))
            return parse_fail(p, "an argument by position follows others");
    }
    return 0;
}

/* "(a, key=b, *c, **d)", the bracket consumed. */
static int parse_args(struct parser *p, struct node *call)
{
    struct node_arg *arg = NULL;
    size_t n = 0, cap = 0;
    while (!parse_op(p, ")")) {
        if (n && !parse_op(p, ",")) return parse_fail(p, "',' or ')' is expected");
        if (n && parse_op(p, ")")) break;
        if (!chat_grow(p->m, &arg, n, &cap, sizeof *arg)) return parse_fail(p, "the template is too long");
        arg[n].key = NULL;
        arg[n].stars = parse_op(p, "**") ? 2 : parse_op(p, "*") ? 1 : 0;
        const struct lexeme *next = &p->tok.v[p->at + 1];
        if (!arg[n].stars && p->tok.v[p->at].kind == TK_NAME && next->kind == TK_OP && next->n == 1 && *next->s == '=') {
            struct node *name = parse_name_node(p, N_NAME, 0);
            if (!name) return -1;
            arg[n].key = name->value.u.s;
            p->at++;
        }
        if (check_order(p, arg, n) || !(arg[n++].value = parse_expression(p))) return -1;
    }
    call->arg = arg;
    call->n_args = n;
    return 0;
}

static struct node *parse_call(struct parser *p, struct node *callee)
{
    struct node *v = parse_node(p, N_CALL, 1);
    if (!v) return NULL;
    v->kid[0] = callee;
    v->place = callee->place;
    return parse_args(p, v) ? NULL : v;
}

/* "a[1, 2]": what follows the first comma; the key is all of them. */
static struct node *parse_keys(struct parser *p, struct node *first)
{
    struct node_list list = {0};
    if (parse_push(p, &list, first)) return NULL;
    do {
        struct node *v = parse_expression(p);
        if (!v || parse_push(p, &list, v)) return NULL;
    } while (parse_op(p, ","));
    return list_node(p, N_TUPLE, &list);
}

static struct node *parse_subscript(struct parser *p, struct node *of)
{
    struct node *part[3] = {NULL};
    struct chat_place begin = p->tok.v[p->at - 1].place;
    size_t n = 0, colons = 0;
    while (!parse_is(p, TK_OP, "]")) {
        if (parse_op(p, ":")) {
            if (++colons > 2) {
                parse_fail(p, "']' is expected");
                return NULL;
            }
            continue;
        }
        if (n > colons && (colons || !parse_op(p, ","))) {
            parse_fail(p, "']' is expected");
            return NULL;
        }
        part[colons] = n > colons ? parse_keys(p, part[0]) : parse_expression(p);
        if (!part[colons]) return NULL;
        n = colons + 1;
    }
    p->at++;
    if (!colons && !n && !(part[0] = list_node(p, N_TUPLE, &(struct node_list){0}))) return NULL; /* "a[]" */
    struct node *v = parse_node(p, colons ? N_SLICE : N_ITEM, colons ? 4 : 2);
    if (!v) return NULL;
    v->kid[0] = of;
    v->place = begin;
    for (size_t i = 0; i < (colons ? 3u : 1u); i++) v->kid[i + 1] = part[i];
    return v;
}

static struct node *parse_postfix(struct parser *p, struct node *v)
{
    while (v) {
        if (parse_op(p, ".")) {
            const struct lexeme *t = &p->tok.v[p->at];
            if (t->kind == TK_INT) {
                struct node *item = parse_node(p, N_ITEM, 2);
                if (!item || !(item->kid[1] = constant(p, t->value))) return NULL;
                item->kid[0] = v;
                p->at++;
                v = item;
                continue;
            }
            struct node *attr = parse_name_node(p, N_ATTR, 1);
            if (attr) attr->kid[0] = v;
            v = attr;
        } else if (parse_op(p, "[")) {
            v = parse_subscript(p, v);
        } else if (parse_op(p, "(")) {
            v = parse_call(p, v);
        } else {
            break;
        }
    }
    return v;
}

/* A dotted name: filters and tests may have one. */
struct node *parse_filters(struct parser *p, struct node *of)
{
    bool first = of == NULL;
    while (first || parse_is(p, TK_OP, "|")) {
        if (parse_is(p, TK_OP, "|")) p->at++;
        first = false;
        struct node *v = parse_name_node(p, N_FILTER, 1);
        if (!v || parse_enter(p)) return NULL;
        v->kid[0] = of;
        if (parse_op(p, "(") && parse_args(p, v)) return NULL;
        p->depth--;
        of = v;
    }
    return of;
}

/* "x is [not] name [argument]" */
static struct node *parse_test(struct parser *p, struct node *of)
{
    bool negated = parse_word(p, "not");
    struct node *v = parse_name_node(p, N_TEST, 1);
    if (!v) return NULL;
    v->kid[0] = of;
    v->op = negated;
    const struct lexeme *t = &p->tok.v[p->at];
    bool value = t->kind == TK_NAME || t->kind == TK_STRING || t->kind == TK_INT || t->kind == TK_FLOAT ||
                 parse_is(p, TK_OP, "[") || parse_is(p, TK_OP, "{");
    if (parse_op(p, "(")) return parse_args(p, v) ? NULL : v;
    if (parse_is(p, TK_NAME, "is")) {
        parse_fail(p, "'and' or 'or' between tests is expected");
        return NULL;
    }
    if (!value || parse_is(p, TK_NAME, "else") || parse_is(p, TK_NAME, "or") || parse_is(p, TK_NAME, "and")) return v;
    v->arg = chat_alloc(p->m, 1, sizeof *v->arg);
    if (!v->arg) return NULL;
    v->n_args = 1;
    v->arg[0] = (struct node_arg){.value = parse_postfix(p, parse_primary(p))};
    return v->arg[0].value ? v : NULL;
}

static struct node *parse_filter_expr(struct parser *p, struct node *v)
{
    while (v) {
        if (parse_is(p, TK_OP, "|")) v = parse_filters(p, v);
        else if (parse_word(p, "is")) v = parse_test(p, v);
        else if (parse_op(p, "(")) v = parse_call(p, v);
        else break;
    }
    return v;
}

/* ---- values ---- */

static struct node *parse_strings(struct parser *p)
{
    struct chat_text all = {0};
    struct node *v = parse_node(p, N_CONST, 0);
    while (p->tok.v[p->at].kind == TK_STRING) chat_text_adds(&all, p->tok.v[p->at++].value.u.s);
    if (v && !cv_text(p->m, &all, &v->value)) v = NULL;
    chat_text_free(&all);
    return v;
}

static struct node *list_node(struct parser *p, enum node_kind kind, const struct node_list *list)
{
    struct node *v = parse_node(p, kind, 0);
    if (!v) return NULL;
    v->kid = list->v;
    v->n = list->n;
    return v;
}

static struct node *parse_list(struct parser *p)
{
    struct node_list list = {0};
    while (!parse_is(p, TK_OP, "]")) {
        if (list.n && !parse_op(p, ",")) {
            parse_fail(p, "',' or ']' is expected");
            return NULL;
        }
        if (parse_is(p, TK_OP, "]")) break;
        struct node *v = parse_expression(p);
        if (!v || parse_push(p, &list, v)) return NULL;
    }
    p->at++;
    return list_node(p, N_LIST, &list);
}

static struct node *parse_dict(struct parser *p)
{
    struct node_list list = {0};
    while (!parse_is(p, TK_OP, "}")) {
        if (list.n && !parse_op(p, ",")) {
            parse_fail(p, "',' or '}' is expected");
            return NULL;
        }
        if (parse_is(p, TK_OP, "}")) break;
        struct node *key = expect_op(p, ":", parse_expression(p));
        struct node *value = key ? parse_expression(p) : NULL;
        if (!value || parse_push(p, &list, key) || parse_push(p, &list, value)) return NULL;
    }
    p->at++;
    return list_node(p, N_DICT, &list);
}

static struct node *parse_primary(struct parser *p)
{
    const struct lexeme *t = &p->tok.v[p->at];
    if (t->kind == TK_STRING) return parse_strings(p);
    if (t->kind == TK_INT || t->kind == TK_FLOAT) {
        p->at++;
        return constant(p, t->value);
    }
    if (parse_word(p, "true") || parse_word(p, "True")) return constant(p, cv_bool(true));
    if (parse_word(p, "false") || parse_word(p, "False")) return constant(p, cv_bool(false));
    if (parse_word(p, "none") || parse_word(p, "None")) return constant(p, cv_none());
    if (t->kind == TK_NAME) return parse_name_node(p, N_NAME, 0);
    if (parse_op(p, "[")) return parse_list(p);
    if (parse_op(p, "{")) return parse_dict(p);
    if (parse_op(p, "(")) {
        if (parse_op(p, ")")) return list_node(p, N_TUPLE, &(struct node_list){0});
        return expect_op(p, ")", parse_tuple(p, 0));
    }
    parse_fail(p, "a value is expected");
    return NULL;
}

/* ---- operators ---- */

static struct node *parse_unary(struct parser *p, bool with_filter)
{
    struct node *v;
    struct chat_place place = p->tok.v[p->at].place;
    if (parse_enter(p)) return NULL;
    if (parse_op(p, "-")) v = unary(p, OP_NEG, place, parse_unary(p, false));
    else if (parse_op(p, "+")) v = unary(p, OP_POS, place, parse_unary(p, false));
    else v = parse_primary(p);
    v = parse_postfix(p, v);
    if (with_filter) v = parse_filter_expr(p, v);
    p->depth--;
    return v;
}

static struct node *parse_pow(struct parser *p)
{
    struct node *v = parse_unary(p, true);
    while (v && parse_op(p, "**")) v = binary(p, OP_POW, v, parse_unary(p, true));
    return v;
}

static struct node *parse_product(struct parser *p)
{
    struct node *v = parse_pow(p);
    while (v) {
        if (parse_op(p, "*")) v = binary(p, OP_MUL, v, parse_pow(p));
        else if (parse_op(p, "//")) v = binary(p, OP_FLOORDIV, v, parse_pow(p));
        else if (parse_op(p, "/")) v = binary(p, OP_DIV, v, parse_pow(p));
        else if (parse_op(p, "%")) v = binary(p, OP_MOD, v, parse_pow(p));
        else break;
    }
    return v;
}

static struct node *parse_concat(struct parser *p)
{
    struct node *v = parse_product(p);
    while (v && parse_op(p, "~")) v = binary(p, OP_CONCAT, v, parse_product(p));
    return v;
}

static struct node *parse_sum(struct parser *p)
{
    struct node *v = parse_concat(p);
    while (v) {
        if (parse_op(p, "+")) v = binary(p, OP_ADD, v, parse_concat(p));
        else if (parse_op(p, "-")) v = binary(p, OP_SUB, v, parse_concat(p));
        else break;
    }
    return v;
}

static uint8_t compare_op(struct parser *p)
{
    static const struct { const char *text; uint8_t op; } ops[] = {
        {"==", OP_EQ}, {"!=", OP_NE}, {"<=", OP_LE}, {">=", OP_GE}, {"<", OP_LT}, {">", OP_GT}};
    for (size_t i = 0; i < COUNT_OF(ops); i++)
        if (parse_op(p, ops[i].text)) return ops[i].op;
    if (parse_word(p, "in")) return OP_IN;
    if (parse_is(p, TK_NAME, "not")) {
        struct parser next = *p;
        next.at++;
        if (!parse_is(&next, TK_NAME, "in")) return 0;
        p->at += 2;
        return OP_NOT_IN;
    }
    return 0;
}

static struct node *parse_compare(struct parser *p)
{
    struct node *first = parse_sum(p);
    struct node_list list = {0};
    uint8_t ops[64], op;
    size_t n = 0;
    if (!first || parse_push(p, &list, first)) return NULL;
    while ((op = compare_op(p)) != 0) {
        struct node *next = parse_sum(p);
        if (n == sizeof ops) {
            parse_fail(p, "too many comparisons");
            return NULL;
        }
        ops[n++] = op;
        if (!next || parse_push(p, &list, next)) return NULL;
    }
    if (n == 0) return first;
    struct node *v = list_node(p, N_COMPARE, &list);
    if (!v || !(v->ops = chat_alloc(p->m, n, 1))) return NULL;
    memcpy(v->ops, ops, n);
    v->place = first->place;
    return v;
}

static struct node *parse_not(struct parser *p)
{
    struct chat_place place = p->tok.v[p->at].place;
    if (!parse_word(p, "not")) return parse_compare(p);
    if (parse_enter(p)) return NULL;
    struct node *v = unary(p, OP_NOT, place, parse_not(p));
    p->depth--;
    return v;
}

static struct node *parse_and(struct parser *p)
{
    struct node *v = parse_not(p);
    while (v && parse_word(p, "and")) v = binary(p, OP_AND, v, parse_not(p));
    return v;
}

static struct node *parse_or(struct parser *p)
{
    struct node *v = parse_and(p);
    while (v && parse_word(p, "or")) v = binary(p, OP_OR, v, parse_and(p));
    return v;
}

struct node *parse_expression(struct parser *p)
{
    if (parse_enter(p)) return NULL;
    struct node *v = parse_or(p);
    while (v && parse_word(p, "if")) {
        struct node *cond = parse_node(p, N_COND, 3);
        if (!cond || !(cond->kid[1] = parse_or(p))) return NULL;
        cond->kid[0] = v;
        if (parse_word(p, "else") && !(cond->kid[2] = parse_expression(p))) return NULL;
        v = cond;
    }
    p->depth--;
    return v;
}

static bool tuple_ends(const struct parser *p, int flags)
{
    enum tok_kind k = p->tok.v[p->at].kind;
    return k == TK_OUTPUT_END || k == TK_BLOCK_END || parse_is(p, TK_OP, ")") ||
           ((flags & PARSE_RECURSIVE) && parse_is(p, TK_NAME, "recursive"));
}

struct node *parse_tuple(struct parser *p, int flags)
{
    struct node_list list = {0};
    bool comma = false;
    do {
        if (list.n && tuple_ends(p, flags)) break;
        struct node *v = flags & PARSE_NO_COND ? parse_or(p) : parse_expression(p);
        if (!v || parse_push(p, &list, v)) return NULL;
    } while (parse_op(p, ",") && (comma = true));
    return list.n == 1 && !comma ? list.v[0] : list_node(p, N_TUPLE, &list);
}
