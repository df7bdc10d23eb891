/* Words of a template to a tree, by Jinja's grammar. */
#include <string.h>

#include "core/token/chat_ast.h"
#include "core/token/chat_parse.h"

/* ---- what the parsers of expressions and statements share ---- */

int parse_fail(struct parser *p, const char *what)
{
    const struct lexeme *t = &p->tok.v[p->at];
    if (t->kind == TK_NAME || t->kind == TK_OP)
        return err_set(p->e, ERR_DATA, "%s:%u:%u: %s, not '%.*s'", p->name, (unsigned)t->place.line, (unsigned)t->place.column, what, (int)t->n, t->s);
    return err_set(p->e, ERR_DATA, "%s:%u:%u: %s", p->name, (unsigned)t->place.line, (unsigned)t->place.column, what);
}

bool parse_is(const struct parser *p, enum tok_kind kind, const char *text)
{
    const struct lexeme *t = &p->tok.v[p->at];
    return t->kind == kind && t->n == strlen(text) && memcmp(t->s, text, t->n) == 0;
}

bool parse_op(struct parser *p, const char *text)
{
    if (!parse_is(p, TK_OP, text)) return false;
    p->at++;
    return true;
}

bool parse_word(struct parser *p, const char *text)
{
    if (!parse_is(p, TK_NAME, text)) return false;
    p->at++;
    return true;
}

struct node *parse_node(struct parser *p, enum node_kind kind, size_t n)
{
    struct node *v = chat_alloc(p->m, 1, sizeof *v);
    struct node **kid = v && n ? chat_alloc(p->m, n, sizeof *kid) : NULL;
    if (!v || (n && !kid)) {
        err_set(p->e, ERR_DATA, "%s: the template is too long", p->name);
        return NULL;
    }
    memset(v, 0, sizeof *v);
    for (size_t i = 0; i < n; i++) kid[i] = NULL;
    v->kind = kind;
    v->place = p->tok.v[p->at].place;
    v->kid = kid;
    v->n = n;
    return v;
}

int parse_push(struct parser *p, struct node_list *l, struct node *v)
{
    if (!chat_grow(p->m, &l->v, l->n, &l->cap, sizeof *l->v))
        return err_set(p->e, ERR_DATA, "%s: the template is too long", p->name);
    l->v[l->n++] = v;
    return 0;
}

struct node *parse_name_node(struct parser *p, enum node_kind kind, size_t n)
{
    const struct lexeme *t = &p->tok.v[p->at];
    if (t->kind != TK_NAME) {
        parse_fail(p, "a name is expected");
        return NULL;
    }
    struct node *v = parse_node(p, kind, n);
    if (!v || !cv_string(p->m, t->s, t->n, CHAT_TRUSTED, &v->value)) return NULL;
    p->at++;
    return v;
}

/* ---- statements ---- */

static struct node *parse_body(struct parser *p, const char *const *ends);

static bool block_ends(const struct parser *p, const char *const *ends)
{
    if (p->tok.v[p->at].kind != TK_BLOCK_BEGIN) return false;
    struct parser next = *p;
    next.at++;
    for (; *ends; ends++)
        if (parse_is(&next, TK_NAME, *ends)) return true;
    return false;
}

static int block_end(struct parser *p)
{
    if (p->tok.v[p->at].kind != TK_BLOCK_END) return parse_fail(p, "the end of the tag is expected");
    p->at++;
    return 0;
}

/* "%} ... {% endX %}": the body; consumes the end tag. */
static struct node *body_until(struct parser *p, const char *end)
{
    const char *const ends[] = {end, NULL};
    if (block_end(p)) return NULL;
    struct node *body = parse_body(p, ends);
    if (!body) return NULL;
    p->at += 2;
    return block_end(p) ? NULL : body;
}

static struct node *parse_if(struct parser *p)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    struct node_list kids = {0};
    struct chat_place place = p->tok.v[p->at].place;
    for (bool more = true; more;) {
        struct node *test = parse_tuple(p, PARSE_NO_COND);
        if (!test || block_end(p)) return NULL;
        struct node *body = parse_body(p, ends);
        if (!body || parse_push(p, &kids, test) || parse_push(p, &kids, body)) return NULL;
        p->at++;
        more = parse_word(p, "elif");
    }
    struct node *other = NULL;
    if (parse_word(p, "else")) {
        other = body_until(p, "endif");
        if (!other) return NULL;
    } else {
        p->at++;
        if (block_end(p)) return NULL;
    }
    if (parse_push(p, &kids, other)) return NULL;
    struct node *v = parse_node(p, N_IF, 0);
    if (!v) return NULL;
    v->place = place;
    v->kid = kids.v;
    v->n = kids.n;
    return v;
}

/* Words that stand for a value are no names. */
static struct node *parse_target_name(struct parser *p)
{
    static const char *const values[] = {"true", "True", "false", "False", "none", "None"};
    for (size_t i = 0; i < COUNT_OF(values); i++)
        if (parse_is(p, TK_NAME, values[i])) {
            parse_fail(p, "a name is expected");
            return NULL;
        }
    return parse_name_node(p, N_NAME, 0);
}

/* Names to assign to: a name, several of them with brackets inside, or (in set) namespace.name. */
static struct node *parse_target(struct parser *p, bool attributes)
{
    struct node_list names = {0};
    bool comma = false;
    if (parse_enter(p)) return NULL;
    do {
        if (names.n && parse_is(p, TK_OP, ")")) break;
        struct node *name;
        if (parse_op(p, "(")) {
            name = parse_target(p, attributes);
            if (name && !parse_op(p, ")")) {
                parse_fail(p, "')' is expected");
                return NULL;
            }
        } else {
            name = parse_target_name(p);
        }
        if (!name) return NULL;
        if (attributes && name->kind == N_NAME && parse_op(p, ".")) {
            struct node *v = parse_name_node(p, N_ATTR, 1);
            if (!v) return NULL;
            v->kid[0] = name;
            name = v;
        } else if (p->inside_for && name->kind == N_NAME && cstr_is(name->value.u.s, "loop")) {
            parse_fail(p, "'loop' is what a loop calls itself");
            return NULL;
        }
        if (parse_push(p, &names, name)) return NULL;
    } while (parse_op(p, ",") && (comma = true));
    p->depth--;
    if (names.n == 1 && !comma) return names.v[0];
    struct node *v = parse_node(p, N_TUPLE, 0);
    if (!v) return NULL;
    v->kid = names.v;
    v->n = names.n;
    return v;
}

/* Of {% with %}, where 'loop' is a name like any other. */
static struct node *parse_with_target(struct parser *p)
{
    int inside = p->inside_for;
    p->inside_for = 0;
    struct node *v = parse_target(p, false);
    p->inside_for = inside;
    return v;
}

/* "target in items if test recursive" */
static int parse_for_head(struct parser *p, struct node *v)
{
    if (!(v->kid[0] = parse_target(p, false))) return -1;
    if (!parse_word(p, "in")) return parse_fail(p, "'in' is expected");
    if (!(v->kid[1] = parse_tuple(p, PARSE_NO_COND | PARSE_RECURSIVE))) return -1;
    if (parse_word(p, "if") && !(v->kid[2] = parse_expression(p))) return -1;
    v->op = parse_word(p, "recursive");
    return block_end(p);
}

static struct node *parse_for(struct parser *p)
{
    static const char *const ends[] = {"else", "endfor", NULL};
    struct node *v = parse_node(p, N_FOR, 5);
    p->inside_for++;
    if (!v || parse_for_head(p, v)) return NULL;
    p->loops++;
    v->kid[3] = parse_body(p, ends);
    p->loops--;
    if (!v->kid[3]) return NULL;
    p->at++;
    if (parse_word(p, "else")) {
        if (!(v->kid[4] = body_until(p, "endfor"))) return NULL;
    } else {
        p->at++;
        if (block_end(p)) return NULL;
    }
    p->inside_for--;
    return v;
}

static struct node *parse_set(struct parser *p)
{
    struct node *target = parse_target(p, true);
    if (!target) return NULL;
    if (parse_op(p, "=")) {
        struct node *v = parse_node(p, N_SET, 2);
        if (!v) return NULL;
        v->kid[0] = target;
        v->kid[1] = parse_tuple(p, 0);
        return v->kid[1] && block_end(p) == 0 ? v : NULL;
    }
    struct node *v = parse_node(p, N_SET_BLOCK, 3);
    if (!v) return NULL;
    v->kid[0] = target;
    if (parse_is(p, TK_OP, "|") && !(v->kid[2] = parse_filters(p, NULL))) return NULL;
    v->kid[1] = body_until(p, "endset");
    return v->kid[1] ? v : NULL;
}

/* "(a, b=1)" */
static int parse_parameters(struct parser *p, struct node *macro)
{
    struct node_arg *arg = NULL;
    size_t n = 0, cap = 0;
    if (!parse_op(p, "(")) return parse_fail(p, "'(' is expected");
    while (!parse_op(p, ")")) {
        if (n && !parse_op(p, ",")) return parse_fail(p, "',' is expected");
        if (n && parse_op(p, ")")) break;
        struct node *name = parse_name_node(p, N_NAME, 0);
        if (!name) return -1;
        if (!chat_grow(p->m, &arg, n, &cap, sizeof *arg)) return parse_fail(p, "the template is too long");
        arg[n] = (struct node_arg){name->value.u.s, NULL, 0};
        if (parse_op(p, "=") && !(arg[n].value = parse_expression(p))) return -1;
        if (!arg[n].value && cstr_is(arg[n].key, "caller")) return parse_fail(p, "a parameter 'caller' needs a default");
        if (n && arg[n - 1].value && !arg[n].value) return parse_fail(p, "a parameter without a default follows one that has one");
        n++;
    }
    macro->arg = arg;
    macro->n_args = n;
    return 0;
}

/* Below x, which is inside of `depth` others.  Blocks and a chain in them come to less than two chains; what is
 * deeper is refused (parse_scopes()). */
static bool mentions(const struct node *x, const char *name, int depth)
{
    if (!x || depth > 2 * PARSE_MOST_CHAIN) return false;
    if (x->kind == N_NAME && cstr_is(x->value.u.s, name)) return true;
    for (size_t i = 0; i < x->n; i++)
        if (mentions(x->kid[i], name, depth + 1)) return true;
    for (size_t i = 0; i < x->n_args; i++)
        if (mentions(x->arg[i].value, name, depth + 1)) return true;
    return false;
}

/* What a macro takes beyond its parameters. */
static uint8_t macro_flags(const struct node *body)
{
    return (mentions(body, "varargs", 0) ? MACRO_VARARGS : 0) | (mentions(body, "kwargs", 0) ? MACRO_KWARGS : 0) |
           (mentions(body, "caller", 0) ? MACRO_CALLER : 0);
}

/* The body of something that is called: no loop outside can be left from there. */
static struct node *called_until(struct parser *p, const char *end)
{
    int loops = p->loops;
    p->loops = 0;
    struct node *body = body_until(p, end);
    p->loops = loops;
    return body;
}

static struct node *parse_macro(struct parser *p)
{
    struct node *v = parse_name_node(p, N_MACRO, 1);
    if (!v || parse_parameters(p, v) || !(v->kid[0] = called_until(p, "endmacro"))) return NULL;
    v->op = macro_flags(v->kid[0]);
    return v;
}

static struct node *parse_call_block(struct parser *p)
{
    struct node *v = parse_node(p, N_CALL_BLOCK, 2), *macro = parse_node(p, N_MACRO, 1);
    if (!v || !macro || !cv_string(p->m, "caller", 6, CHAT_TRUSTED, &macro->value)) return NULL;
    if (parse_is(p, TK_OP, "(") && parse_parameters(p, macro)) return NULL;
    v->kid[0] = parse_expression(p);
    v->kid[1] = macro;
    if (!v->kid[0]) return NULL;
    if (v->kid[0]->kind != N_CALL) {
        parse_fail(p, "a call is expected");
        return NULL;
    }
    if (!(macro->kid[0] = called_until(p, "endcall"))) return NULL;
    macro->op = macro_flags(macro->kid[0]) | MACRO_OF_CALL;
    return v;
}

/* "a = 1, b = 2 %} ... {% endwith %}" */
static struct node *parse_with(struct parser *p)
{
    struct node_list kids = {0};
    struct node *v = parse_node(p, N_WITH, 0), *target, *value;
    while (p->tok.v[p->at].kind != TK_BLOCK_END) {
        if (kids.n && !parse_op(p, ",")) {
            parse_fail(p, "',' is expected");
            return NULL;
        }
        if (!(target = parse_with_target(p)) || parse_push(p, &kids, target)) return NULL;
        if (!parse_op(p, "=")) {
            parse_fail(p, "'=' is expected");
            return NULL;
        }
        if (!(value = parse_expression(p)) || parse_push(p, &kids, value)) return NULL;
    }
    struct node *body = body_until(p, "endwith");
    if (!v || !body || parse_push(p, &kids, body)) return NULL;
    v->kid = kids.v;
    v->n = kids.n;
    return v;
}

/* "print a, b": one behind the other. */
static struct node *parse_print(struct parser *p)
{
    struct node_list all = {0};
    struct node *v = parse_node(p, N_BODY, 0);
    while (p->tok.v[p->at].kind != TK_BLOCK_END) {
        if (all.n && !parse_op(p, ",")) {
            parse_fail(p, "',' is expected");
            return NULL;
        }
        struct node *one = parse_node(p, N_OUTPUT, 1);
        if (!one || !(one->kid[0] = parse_expression(p)) || parse_push(p, &all, one)) return NULL;
    }
    if (!v || block_end(p)) return NULL;
    v->kid = all.v;
    v->n = all.n;
    return v;
}

static struct node *parse_block(struct parser *p)
{
    struct node *v;
    if (parse_word(p, "if")) return parse_if(p);
    if (parse_word(p, "for")) return parse_for(p);
    if (parse_word(p, "set")) return parse_set(p);
    if (parse_word(p, "macro")) return parse_macro(p);
    if (parse_word(p, "call")) return parse_call_block(p);
    if (parse_word(p, "with")) return parse_with(p);
    if (parse_word(p, "print")) return parse_print(p);
    if (parse_word(p, "generation")) {
        v = parse_node(p, N_GENERATION, 1);
        if (!v || !(v->kid[0] = called_until(p, "endgeneration"))) return NULL;
        v->op = macro_flags(v->kid[0]); /* in transformers it is one, without arguments */
        return v;
    }
    if (parse_word(p, "filter")) {
        v = parse_node(p, N_FILTER_BLOCK, 2);
        if (!v || !(v->kid[0] = parse_filters(p, NULL))) return NULL;
        v->kid[1] = body_until(p, "endfilter");
        return v->kid[1] ? v : NULL;
    }
    if (parse_is(p, TK_NAME, "break") || parse_is(p, TK_NAME, "continue")) {
        v = parse_node(p, parse_is(p, TK_NAME, "break") ? N_BREAK : N_CONTINUE, 0);
        if (p->loops == 0) parse_fail(p, "outside of a loop another statement is expected");
        else if (v && (p->at++, block_end(p) == 0)) return v;
        return NULL;
    }
    parse_fail(p, "a statement is expected");
    return NULL;
}

/* Statements up to a tag that begins with one of `ends` (or to the end of the
 * template, when there are none). */
static struct node *parse_body(struct parser *p, const char *const *ends)
{
    struct node_list list = {0};
    struct node *body = parse_node(p, N_BODY, 0);
    if (!body || parse_enter(p)) return NULL;
    for (;;) {
        const struct lexeme *t = &p->tok.v[p->at];
        struct node *v = NULL;
        if (t->kind == TK_EOF) {
            if (!*ends) break;
            while (ends[1]) ends++; /* the last of them is the end itself */
            err_set(p->e, ERR_DATA, "%s:%u:%u: '%s' is missing", p->name, (unsigned)body->place.line, (unsigned)body->place.column, *ends);
            return NULL;
        }
        if (block_ends(p, ends)) break;
        if (t->kind == TK_DATA) {
            v = parse_node(p, N_DATA, 0);
            if (!v || !cv_string(p->m, t->s, t->n, CHAT_TRUSTED, &v->value)) return NULL;
            p->at++;
        } else if (t->kind == TK_OUTPUT_BEGIN) {
            p->at++;
            v = parse_node(p, N_OUTPUT, 1);
            if (!v || !(v->kid[0] = parse_tuple(p, 0))) return NULL;
            if (p->tok.v[p->at].kind != TK_OUTPUT_END) {
                parse_fail(p, "'}}' is expected");
                return NULL;
            }
            p->at++;
        } else {
            p->at++;
            v = parse_block(p);
        }
        if (!v || parse_push(p, &list, v)) return NULL;
    }
    p->depth--;
    body->kid = list.v;
    body->n = list.n;
    return body;
}

int chat_parse(struct chat_mem *m, const char *text, size_t n, const char *name, struct node **out,
               struct err *e)
{
    struct parser p = {.m = m, .name = name, .e = e};
    static const char *const none[] = {NULL};
    /* Windows line ends and the last newline are not part of a template. */
    char *clean = chat_alloc(m, n + 1, 1);
    size_t len = 0;
    if (!clean) return err_set(e, ERR_DATA, "%s: the template is too long", name);
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\r') {
            clean[len++] = '\n';
            i += i + 1 < n && text[i + 1] == '\n';
        } else {
            clean[len++] = text[i];
        }
    }
    if (len && clean[len - 1] == '\n') len--;
    if (chat_lex(m, clean, len, name, &p.tok, e)) return -1;
    *out = parse_body(&p, none);
    if (!*out && !e->msg[0]) err_set(e, ERR_DATA, "%s: the template is too long", name);
    return !*out || parse_scopes(&p, *out) ? -1 : parse_names(&p, *out);
}
