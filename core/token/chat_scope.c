/* Names that a block sets before anything reads them there.
 *
 * Jinja decides at compile time what a name is at the beginning of a block (a loop's body, a
 * macro, the whole template): one that the block sets before it reads it is undefined, even
 * if the template was given a value for it.  Loops and macros inside the block that read
 * it before it is set see that: {% for m in x %}{{ y }}{% endfor %}{% set y = 1 %} writes
 * nothing.  Such names are noted at the body of their block, as its arguments. */
#include <string.h>

#include "core/token/chat_parse.h"

enum { MOST_NAMES = 4096 };

struct scope {
    struct parser *p;
    struct scope *up;
    const struct cstr **name; /* [n] that the block speaks of */
    size_t n, cap;
    struct node_arg *unset;   /* [n_unset] those that it sets first */
    size_t n_unset, cap_unset;
    struct node_list later;   /* statements with blocks of their own */
};

static int visit(struct scope *s, struct node *x, bool perhaps);
static int inside(struct scope *s, struct node *x);

static bool here(const struct scope *s, const struct cstr *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (cstr_equal(s->name[i], name)) return true;
    return false;
}

static bool known(const struct scope *s, const struct cstr *name)
{
    for (; s; s = s->up)
        if (here(s, name)) return true;
    return false;
}

static int add(struct scope *s, const struct cstr *name)
{
    if (s->n == MOST_NAMES || !chat_grow(s->p->m, &s->name, s->n, &s->cap, sizeof *s->name))
        return err_set(s->p->e, ERR_DATA, "%s: a block of too many names", s->p->name);
    s->name[s->n++] = name;
    return 0;
}

static int reads(struct scope *s, const struct cstr *name)
{
    return known(s, name) ? 0 : add(s, name);
}

/* perhaps: under a condition, where the value from outside is still what it is. */
static int sets(struct scope *s, const struct cstr *name, bool perhaps)
{
    if (here(s, name)) return 0;
    if (!perhaps && !known(s->up, name)) {
        if (!chat_grow(s->p->m, &s->unset, s->n_unset, &s->cap_unset, sizeof *s->unset))
            return err_set(s->p->e, ERR_DATA, "%s: the template is too long", s->p->name);
        s->unset[s->n_unset++] = (struct node_arg){.key = name};
    }
    return add(s, name);
}

/* Parameters and targets of loops: they have a value from the beginning on. */
static int takes(struct scope *s, const struct node *target)
{
    if (target->kind == N_NAME) return here(s, target->value.u.s) ? 0 : add(s, target->value.u.s);
    for (size_t i = 0; i < target->n; i++)
        if (takes(s, target->kid[i])) return -1;
    return 0;
}

static int sets_target(struct scope *s, const struct node *target, bool perhaps)
{
    if (target->kind == N_NAME) return sets(s, target->value.u.s, perhaps);
    if (target->kind == N_ATTR) return reads(s, target->kid[0]->value.u.s);
    for (size_t i = 0; i < target->n; i++)
        if (sets_target(s, target->kid[i], perhaps)) return -1;
    return 0;
}

/* A block of its own; what *inner takes is in it already.  The blocks inside it come when it
 * is known what this one speaks of, be it behind them. */
static int block(struct scope *inner, struct node *body)
{
    if (!body) return 0;
    if (visit(inner, body, false)) return -1;
    body->arg = inner->unset;
    body->n_args = inner->n_unset;
    for (size_t i = 0; i < inner->later.n; i++)
        if (inside(inner, inner->later.v[i])) return -1;
    return 0;
}

/* Of an expression that says nothing to a block about its names only the depth counts. */
static int apart(struct scope *s, struct node *x)
{
    struct scope alone = {.p = s->p, .up = s};
    return x ? visit(&alone, x, false) : 0;
}

static int inside_for(struct scope *s, struct node *x)
{
    struct scope body = {.p = s->p, .up = s}, other = body;
    if (apart(s, x->kid[2])) return -1;
    return takes(&body, x->kid[0]) || block(&body, x->kid[3]) || block(&other, x->kid[4]) ? -1 : 0;
}

static int inside_macro(struct scope *s, struct node *x)
{
    struct scope inner = {.p = s->p, .up = s};
    for (size_t i = 0; i < x->n_args; i++) {
        const struct cstr *name = x->arg[i].key;
        if (here(&inner, name))
            return err_set(s->p->e, ERR_DATA, "%s:%u:%u: two parameters '%.*s'", s->p->name, (unsigned)x->place.line, (unsigned)x->place.column,
                           (int)name->n, name->s);
        if (add(&inner, name)) return -1;
    }
    for (size_t i = 0; i < x->n_args; i++)
        if (x->arg[i].value && visit(&inner, x->arg[i].value, false)) return -1;
    return block(&inner, x->kid[0]);
}

static int inside_with(struct scope *s, struct node *x)
{
    struct scope inner = {.p = s->p, .up = s};
    for (size_t i = 0; i + 2 < x->n; i += 2)
        if (takes(&inner, x->kid[i])) return -1;
    return block(&inner, x->kid[x->n - 1]);
}

/* The blocks that a statement opens. */
static int inside(struct scope *s, struct node *x)
{
    struct scope inner = {.p = s->p, .up = s};
    switch (x->kind) {
    case N_FOR: return inside_for(s, x);
    case N_MACRO: return inside_macro(s, x);
    case N_CALL_BLOCK: return inside_macro(s, x->kid[1]);
    case N_WITH: return inside_with(s, x);
    case N_SET_BLOCK: return apart(s, x->kid[2]) || block(&inner, x->kid[1]) ? -1 : 0;
    case N_FILTER_BLOCK: return block(&inner, x->kid[1]);
    default: return block(&inner, x->kid[0]); /* N_GENERATION */
    }
}

/* A chain, as of filters, is as deep as it is long. */
static int visit_all(struct scope *s, struct node *x, bool perhaps)
{
    if (++s->p->chain > PARSE_MOST_CHAIN)
        return err_set(s->p->e, ERR_DATA, "%s: nested or recursive more than %d deep", s->p->name, PARSE_MOST_CHAIN);
    for (size_t i = 0; i < x->n; i++)
        if (x->kid[i] && visit(s, x->kid[i], perhaps)) return -1;
    for (size_t i = 0; i < x->n_args; i++)
        if (x->arg[i].value && visit(s, x->arg[i].value, perhaps)) return -1;
    s->p->chain--;
    return 0;
}

/* What a statement reads and sets in the block that it stands in. */
static int outside(struct scope *s, struct node *x, bool perhaps)
{
    switch (x->kind) {
    case N_FOR: return visit(s, x->kid[1], perhaps);
    case N_SET_BLOCK: return sets_target(s, x->kid[0], perhaps);
    case N_MACRO: return sets(s, x->value.u.s, perhaps);
    case N_CALL_BLOCK:
    case N_FILTER_BLOCK: return visit(s, x->kid[0], perhaps);
    case N_WITH:
        for (size_t i = 0; i + 2 < x->n; i += 2)
            if (visit(s, x->kid[i + 1], perhaps)) return -1;
        return 0;
    default: return 0;
    }
}

static int visit(struct scope *s, struct node *x, bool perhaps)
{
    switch (x->kind) {
    case N_NAME: return reads(s, x->value.u.s);
    case N_IF: return visit_all(s, x, true);
    case N_SET: return visit(s, x->kid[1], perhaps) ? -1 : sets_target(s, x->kid[0], perhaps);
    case N_FOR:
    case N_SET_BLOCK:
    case N_MACRO:
    case N_CALL_BLOCK:
    case N_FILTER_BLOCK:
    case N_WITH:
    case N_GENERATION: return outside(s, x, perhaps) ? -1 : parse_push(s->p, &s->later, x);
    default: return visit_all(s, x, perhaps);
    }
}

int parse_scopes(struct parser *p, struct node *root)
{
    struct scope s = {.p = p};
    return block(&s, root);
}
