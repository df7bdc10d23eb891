/* Expressions and statements at work. */
#include "core/token/chat_eval.h"

#include <stdio.h>
#include <string.h>

enum { MOST_DEPTH = 1500 }; /* of calls of chat_eval(), chat_exec() and of filters by others: a macro that calls itself takes about six */

int chat_fail(struct chat_run *r, const char *fmt, ...)
{
    char text[700];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (r->mem.most_looks && r->mem.looks > r->mem.most_looks) /* whatever came of an answer that there was none to */
        snprintf(text, sizeof text, "the template does not end within %llu steps", (unsigned long long)r->max_steps);
    if (r->mem.too_deep) snprintf(text, sizeof text, "values nested more than %d deep", CHAT_DEEPEST);
    return err_set(r->e, ERR_DATA, "%s:%u:%u: %s", r->name, (unsigned)r->place.line, (unsigned)r->place.column, text);
}

int chat_oom(struct chat_run *r)
{
    return chat_fail(r, "the template needs more than %zu MB of memory", r->mem.limit >> 20);
}

int chat_write(struct chat_run *r, struct chat_text *t, const struct cv *v)
{
    if (v->type == CV_LOOP && chat_loop_look(r, v->u.loop, SIZE_MAX)) return -1; /* its text says how many items there are */
    if (!cv_has_text(&r->mem, v))
        return chat_fail(r, "a value of type %s has no text that means anything%s", cv_type_name(v),
                         cv_is_stream(v) ? "; |list makes a list of it" : "");
    size_t before = t->text.len;
    cv_write(t, v, 0);
    return chat_step(r, (t->text.len - before) / 64);
}

int chat_step(struct chat_run *r, size_t n)
{
    r->steps += n;
    if (r->mem.too_deep) return chat_fail(r, "too deep");
    if (r->steps + r->mem.looks / CHAT_LOOKS <= r->max_steps) return 0;
    return chat_fail(r, "the template does not end within %llu steps", (unsigned long long)r->max_steps);
}

int chat_finish(struct chat_run *r, struct chat_text *text, int ret, size_t steps, struct cv *out)
{
    if (ret == 0) ret = cv_text(&r->mem, text, out) ? chat_step(r, steps) : chat_oom(r);
    chat_text_free(text);
    return ret;
}

int chat_enter(struct chat_run *r)
{
    if (++r->depth > MOST_DEPTH) return chat_fail(r, "nested or recursive more than %d deep", MOST_DEPTH);
    return chat_step(r, 1);
}

static int enter(struct chat_run *r, const struct node *x)
{
    r->place = x->place;
    return chat_enter(r);
}

/* ---- variables ---- */

static struct chat_var *find_here(struct chat_env *env, const struct cstr *name)
{
    for (size_t i = 0; i < env->n; i++)
        if (cstr_equal(env->v[i].name, name)) return &env->v[i];
    return NULL;
}

int chat_set(struct chat_run *r, struct chat_env *env, const struct cstr *name, struct cv value)
{
    struct chat_var *var = find_here(env, name);
    if (chat_step(r, env->n / 16)) return -1;
    if (var) {
        var->value = value;
        return 0;
    }
    if (!chat_grow(&r->mem, &env->v, env->n, &env->cap, sizeof *env->v)) return chat_oom(r);
    env->v[env->n++] = (struct chat_var){name, value};
    return 0;
}

struct chat_env *chat_inner_env(struct chat_run *r, struct chat_env *env)
{
    struct chat_env *inner = chat_alloc(&r->mem, 1, sizeof *inner);
    if (inner) *inner = (struct chat_env){.up = env};
    else chat_oom(r);
    return inner;
}

static int look_up(struct chat_run *r, struct chat_env *env, const struct cstr *name, struct cv *out)
{
    for (; env; env = env->up) {
        const struct chat_var *v = find_here(env, name);
        if (chat_step(r, env->n / 16)) return -1;
        if (!v) continue;
        *out = v->value;
        return 0;
    }
    int global = chat_global_find(name);
    *out = global >= 0 ? (struct cv){.type = CV_GLOBAL, .u.global = global} : cv_undefined(name);
    return 0;
}

/* ---- calls ---- */

static const struct cstr caller_name = {"caller", 6, NULL, CHAT_TRUSTED};

struct chat_text *chat_divert(struct chat_run *r, struct chat_text *to)
{
    struct chat_text *before = r->out;
    r->out = to;
    return before;
}

int chat_collect(struct chat_run *r, struct chat_text *before, int ret, struct cv *out)
{
    return chat_finish(r, chat_divert(r, before), ret, 0, out);
}

static int capture(struct chat_run *r, struct chat_env *env, const struct node *body, enum chat_flow *flow, struct cv *out)
{
    struct chat_text text = {{0}, {0}}, *before = chat_divert(r, &text);
    return chat_collect(r, before, chat_exec(r, env, body, flow), out);
}

static int call_macro(struct chat_run *r, const struct cmacro *m, const struct chat_args *a, const struct cv *caller,
                      struct cv *out)
{
    const struct node *x = m->node;
    struct chat_args more;
    struct chat_env *env = chat_inner_env(r, m->env);
    if (!env) return -1;
    if (caller && (!(x->op & MACRO_CALLER) || chat_has_parameter(x, &caller_name))) {
        if (chat_add_arg(r, a, &caller_name, caller, &more)) return -1;
        a = &more;
    }
    if (chat_extra_args(r, env, x, a)) return -1;
    if ((x->op & MACRO_CALLER) && chat_set(r, env, &caller_name, caller ? *caller : cv_undefined(&caller_name))) return -1;
    for (size_t i = 0; i < x->n_args; i++) /* defaults see no later parameter, and no other variable of its name */
        if (chat_set(r, env, x->arg[i].key, cv_undefined(x->arg[i].key))) return -1;
    for (size_t i = 0; i < x->n_args; i++) {
        const struct cv *given = i < a->n && !a->key[i] ? &a->v[i] : NULL;
        for (size_t k = 0; k < a->n; k++)
            if (a->key[k] && cstr_equal(a->key[k], x->arg[i].key)) {
                if (given) return chat_fail(r, "argument '%.*s' is given twice", (int)a->key[k]->n, a->key[k]->s);
                given = &a->v[k];
            }
        struct cv v = cv_undefined(x->arg[i].key);
        if (given) v = *given;
        else if (x->arg[i].value && chat_eval(r, env, x->arg[i].value, &v)) return -1;
        if (chat_set(r, env, x->arg[i].key, v)) return -1;
    }
    enum chat_flow flow = FLOW_NEXT;
    return capture(r, env, x->kid[0], &flow, out);
}

static int call_value(struct chat_run *r, const struct cv *f, const struct chat_args *a, const struct cv *caller,
                      struct cv *out)
{
    if (caller && f->type != CV_MACRO && f->type != CV_UNDEFINED)
        return chat_fail(r, "{%% call %%} is for macros, not for a value of type %s", cv_type_name(f));
    switch (f->type) {
    case CV_MACRO: return call_macro(r, f->u.macro, a, caller, out);
    case CV_GLOBAL: return chat_global(r, f->u.global, a, out);
    case CV_METHOD: return chat_method(r, f->u.method, a, out);
    case CV_LOOP: return chat_loop_call(r, f->u.loop, a, out);
    case CV_JOINER: return chat_joiner_call(r, f->u.cycler, a, out);
    case CV_UNDEFINED:
        if (f->u.s && chat_would_change(f->u.s))
            return chat_fail(r, "'%.*s' is undefined: values cannot be changed by a template", (int)f->u.s->n, f->u.s->s);
        if (f->u.s) return chat_fail(r, "'%.*s' is undefined", (int)f->u.s->n, f->u.s->s);
        return chat_fail(r, "an undefined value is called");
    default: return chat_fail(r, "a value of type %s cannot be called", cv_type_name(f));
    }
}

static int eval_call(struct chat_run *r, struct chat_env *env, const struct node *x, const struct cv *caller,
                     struct cv *out)
{
    struct cv f;
    struct chat_args a;
    if (chat_eval(r, env, x->kid[0], &f) || chat_eval_args(r, env, x, &a)) return -1;
    r->place = x->place;
    return call_value(r, &f, &a, caller, out);
}

/* ---- expressions ---- */

static int eval_list(struct chat_run *r, struct chat_env *env, const struct node *x, struct cv *out)
{
    struct clist *l = chat_alloc(&r->mem, 1, sizeof *l);
    struct cv *v = chat_alloc(&r->mem, x->n, sizeof *v);
    if (!l || !v) return chat_oom(r);
    for (size_t i = 0; i < x->n; i++)
        if (chat_eval(r, env, x->kid[i], &v[i])) return -1;
    *l = (struct clist){v, x->n};
    *out = (struct cv){.type = x->kind == N_LIST ? CV_LIST : CV_TUPLE, .u.l = l};
    return 0;
}

static int eval_dict(struct chat_run *r, struct chat_env *env, const struct node *x, struct cv *out)
{
    struct cdict *d = chat_alloc(&r->mem, 1, sizeof *d);
    struct cv *key = chat_alloc(&r->mem, x->n, sizeof *key);
    if (!d || !key) return chat_oom(r);
    struct cv *value = key + x->n / 2;
    size_t n = 0;
    for (size_t i = 0; i + 1 < x->n; i += 2) {
        struct cv k, v;
        if (chat_eval(r, env, x->kid[i], &k) || chat_eval(r, env, x->kid[i + 1], &v)) return -1;
        size_t at = 0;
        while (at < n && !cv_equal(&r->mem, &key[at], &k)) at++;
        if (chat_step(r, n / 16)) return -1;
        if (!cv_hashable(&r->mem, &k)) return chat_fail(r, "a value of type %s is no key", cv_type_name(&k));
        if (at == n) key[at] = k; /* the first of equal ones stays: 1, 1.0, true */
        value[at] = v;
        if (at == n) n++;
    }
    *d = (struct cdict){key, value, n};
    *out = (struct cv){.type = CV_DICT, .u.d = d};
    return 0;
}

static int eval_binary(struct chat_run *r, struct chat_env *env, const struct node *x, struct cv *out)
{
    struct cv a, b;
    if (chat_eval(r, env, x->kid[0], &a)) return -1;
    if (x->op == OP_AND || x->op == OP_OR) {
        if (cv_true(&a) == (x->op == OP_OR)) {
            *out = a;
            return 0;
        }
        return chat_eval(r, env, x->kid[1], out);
    }
    if (chat_eval(r, env, x->kid[1], &b)) return -1;
    r->place = x->place;
    return chat_binary(r, x->op, &a, &b, out);
}

static int eval_unary(struct chat_run *r, struct chat_env *env, const struct node *x, struct cv *out)
{
    struct cv a;
    if (chat_eval(r, env, x->kid[0], &a)) return -1;
    if (x->op == OP_NOT) {
        *out = cv_bool(!cv_true(&a));
        return 0;
    }
    if (!cv_is_number(&a)) return chat_fail(r, "a value of type %s has no sign", cv_type_name(&a));
    if (a.type == CV_FLOAT) *out = cv_float(x->op == OP_NEG ? -a.u.f : a.u.f);
    else {
        int64_t i = a.type == CV_BOOL ? a.u.b : a.u.i;
        if (x->op == OP_NEG && i == INT64_MIN) return chat_fail(r, "a number is too large");
        *out = cv_int(x->op == OP_NEG ? -i : i);
    }
    return 0;
}

static int eval_compare(struct chat_run *r, struct chat_env *env, const struct node *x, struct cv *out)
{
    struct cv a, b;
    bool yes = true;
    if (chat_eval(r, env, x->kid[0], &a)) return -1;
    for (size_t i = 0; yes && i + 1 < x->n; i++) {
        if (chat_eval(r, env, x->kid[i + 1], &b)) return -1;
        r->place = x->place;
        if (chat_compare(r, x->ops[i], &a, &b, &yes)) return -1;
        a = b;
    }
    *out = cv_bool(yes);
    return 0;
}

static int eval_slice(struct chat_run *r, struct chat_env *env, const struct node *x, struct cv *out)
{
    struct cv of, part[3];
    if (chat_eval(r, env, x->kid[0], &of)) return -1;
    for (int i = 0; i < 3; i++) {
        part[i] = cv_none();
        if (x->kid[i + 1] && chat_eval(r, env, x->kid[i + 1], &part[i])) return -1;
    }
    return chat_slice(r, &of, part, out);
}

static int eval_filter(struct chat_run *r, struct chat_env *env, const struct node *x, struct cv *out)
{
    struct cv of = cv_none();
    struct chat_args a;
    if (x->kid[0] && chat_eval(r, env, x->kid[0], &of)) return -1;
    if (chat_eval_args(r, env, x, &a)) return -1;
    r->place = x->place;
    return chat_filter(r, env, x->value.u.s, &of, &a, out);
}

static int eval_test(struct chat_run *r, struct chat_env *env, const struct node *x, struct cv *out)
{
    struct cv of;
    struct chat_args a;
    bool yes = false;
    if (chat_eval(r, env, x->kid[0], &of) || chat_eval_args(r, env, x, &a)) return -1;
    r->place = x->place;
    if (chat_test(r, x->value.u.s, &of, &a, &yes)) return -1;
    *out = cv_bool(yes != (x->op != 0));
    return 0;
}

static int eval(struct chat_run *r, struct chat_env *env, const struct node *x, struct cv *out)
{
    struct cv a, b;
    switch (x->kind) {
    case N_CONST: *out = x->value; return 0;
    case N_NAME: return look_up(r, env, x->value.u.s, out);
    case N_LIST:
    case N_TUPLE: return eval_list(r, env, x, out);
    case N_DICT: return eval_dict(r, env, x, out);
    case N_ATTR:
        if (chat_eval(r, env, x->kid[0], &a)) return -1;
        r->place = x->place;
        return chat_attribute(r, &a, x->value.u.s, out);
    case N_ITEM:
        if (chat_eval(r, env, x->kid[0], &a) || chat_eval(r, env, x->kid[1], &b)) return -1;
        r->place = x->place;
        return chat_item(r, &a, &b, out);
    case N_SLICE: return eval_slice(r, env, x, out);
    case N_CALL: return eval_call(r, env, x, NULL, out);
    case N_FILTER: return eval_filter(r, env, x, out);
    case N_TEST: return eval_test(r, env, x, out);
    case N_UNARY: return eval_unary(r, env, x, out);
    case N_BINARY: return eval_binary(r, env, x, out);
    case N_COMPARE: return eval_compare(r, env, x, out);
    case N_COND:
        if (chat_eval(r, env, x->kid[1], &a)) return -1;
        if (cv_true(&a)) return chat_eval(r, env, x->kid[0], out);
        *out = cv_undefined(NULL);
        return x->kid[2] ? chat_eval(r, env, x->kid[2], out) : 0;
    default: return chat_fail(r, "not an expression");
    }
}

int chat_eval(struct chat_run *r, struct chat_env *env, const struct node *x, struct cv *out)
{
    int ret = enter(r, x) ? -1 : eval(r, env, x, out);
    r->depth--;
    return ret;
}

/* ---- statements ---- */

int chat_check_member(struct chat_run *r, const struct cstr *name)
{
    if (name->n == 0 || name->s[0] != '_') return 0;
    return chat_fail(r, "a namespace has no member '%.*s': names there do not begin with '_'", (int)name->n, name->s);
}

int chat_assign(struct chat_run *r, struct chat_env *env, const struct node *target, const struct cv *v)
{
    const struct clist *items;
    struct cv space;
    if (target->kind == N_NAME) return chat_set(r, env, target->value.u.s, *v);
    if (target->kind == N_TUPLE) {
        if (chat_items(r, v, &items)) return -1;
        if (items->n != target->n)
            return chat_fail(r, "%zu values for %zu names", items->n, target->n);
        for (size_t i = 0; i < target->n; i++)
            if (chat_assign(r, env, target->kid[i], &items->v[i])) return -1;
        return 0;
    }
    if (look_up(r, env, target->kid[0]->value.u.s, &space)) return -1;
    if (space.type != CV_NAMESPACE) return chat_fail(r, "only namespaces have attributes that can be set");
    if (chat_check_member(r, target->value.u.s)) return -1;
    struct cspace *s = space.u.space;
    size_t at = 0;
    while (at < s->n && !cv_equal(&r->mem, &s->key[at], &target->value)) at++;
    if (chat_step(r, s->n / 16)) return -1;
    size_t cap = s->cap;
    if (at == s->n && (!chat_grow(&r->mem, &s->key, at, &cap, sizeof *s->key) ||
                       !chat_grow(&r->mem, &s->value, at, &s->cap, sizeof *s->value)))
        return chat_oom(r);
    r->mem.space_sets++;
    s->key[at] = target->value;
    s->value[at] = *v;
    if (at == s->n) s->n++;
    return 0;
}

static int emit(struct chat_run *r, const struct cv *v)
{
    size_t before = r->out->text.len;
    if (chat_write(r, r->out, v)) return -1;
    size_t n = r->out->text.len - before;
    if (r->out->text.oom || r->out->marks.oom) return chat_oom(r);
    for (size_t i = 0; r->generating && i < n; i++) r->out->marks.data[before + i] |= CHAT_GENERATED;
    r->written += n;
    if (r->written > r->max_output)
        return chat_fail(r, "the template writes more than %zu MB", r->max_output >> 20);
    return chat_step(r, n / 64);
}

/* A chain of filters whose first one has no operand yet. */
static int filter_chain(struct chat_run *r, struct chat_env *env, const struct node *x, const struct cv *first,
                        struct cv *out)
{
    struct cv of = *first;
    struct chat_args a;
    int ret = enter(r, x);
    if (ret == 0 && x->kid[0]) ret = filter_chain(r, env, x->kid[0], first, &of);
    r->depth--;
    if (ret || chat_eval_args(r, env, x, &a)) return -1;
    r->place = x->place;
    return chat_filter(r, env, x->value.u.s, &of, &a, out);
}

/* What a body with variables of its own writes, through filters (or NULL) that see these, too. */
static int capture_filtered(struct chat_run *r, struct chat_env *env, const struct node *body, const struct node *filters, enum chat_flow *flow,
                            struct cv *out)
{
    struct chat_env *inner = chat_inner_env(r, env);
    struct cv text;
    if (!inner || capture(r, inner, body, flow, &text)) return -1;
    *out = text;
    return filters && *flow == FLOW_NEXT ? filter_chain(r, inner, filters, &text, out) : 0;
}

static int exec_if(struct chat_run *r, struct chat_env *env, const struct node *x, enum chat_flow *flow)
{
    size_t i = 0;
    for (; i + 1 < x->n; i += 2) {
        struct cv test;
        if (chat_eval(r, env, x->kid[i], &test)) return -1;
        if (cv_true(&test)) return chat_exec(r, env, x->kid[i + 1], flow);
    }
    return x->kid[i] ? chat_exec(r, env, x->kid[i], flow) : 0;
}

static int make_macro(struct chat_run *r, struct chat_env *env, const struct node *x, struct cv *out)
{
    struct cmacro *m = chat_alloc(&r->mem, 1, sizeof *m);
    if (!m) return chat_oom(r);
    *m = (struct cmacro){x, env};
    *out = (struct cv){.type = CV_MACRO, .u.macro = m};
    return 0;
}

static int exec_generation(struct chat_run *r, struct chat_env *env, const struct node *x, enum chat_flow *flow)
{
    bool before = r->generating;
    struct chat_env *inner = chat_inner_env(r, env);
    if (!inner || chat_extra_args(r, inner, x, &(struct chat_args){.n = 0})) return -1;
    if ((x->op & MACRO_CALLER) && chat_set(r, inner, &caller_name, cv_undefined(&caller_name))) return -1;
    r->generating = true;
    int ret = chat_exec(r, inner, x->kid[0], flow);
    r->generating = before;
    return ret;
}

/* Values are those outside. */
static int exec_with(struct chat_run *r, struct chat_env *env, const struct node *x, enum chat_flow *flow)
{
    struct chat_env *inner = chat_inner_env(r, env);
    struct cv v;
    if (!inner) return -1;
    for (size_t i = 0; i + 2 < x->n; i += 2)
        if (chat_eval(r, env, x->kid[i + 1], &v) || chat_assign(r, inner, x->kid[i], &v)) return -1;
    return chat_exec(r, inner, x->kid[x->n - 1], flow);
}

static int exec(struct chat_run *r, struct chat_env *env, const struct node *x, enum chat_flow *flow)
{
    struct cv v, w;
    switch (x->kind) {
    case N_DATA: return emit(r, &x->value);
    case N_OUTPUT:
        if (chat_eval(r, env, x->kid[0], &v)) return -1;
        r->place = x->place;
        return emit(r, &v);
    case N_BODY:
        for (size_t i = 0; i < x->n_args; i++)
            if (chat_set(r, env, x->arg[i].key, cv_undefined(x->arg[i].key))) return -1;
        for (size_t i = 0; i < x->n && *flow == FLOW_NEXT; i++)
            if (chat_exec(r, env, x->kid[i], flow)) return -1;
        return 0;
    case N_IF: return exec_if(r, env, x, flow);
    case N_FOR: return chat_exec_for(r, env, x, flow);
    case N_SET: return chat_eval(r, env, x->kid[1], &v) ? -1 : chat_assign(r, env, x->kid[0], &v);
    case N_SET_BLOCK:
        if (capture_filtered(r, env, x->kid[1], x->kid[2], flow, &v)) return -1;
        return *flow == FLOW_NEXT ? chat_assign(r, env, x->kid[0], &v) : 0; /* else the loop is left, and nothing set */
    case N_MACRO: return make_macro(r, env, x, &v) ? -1 : chat_set(r, env, x->value.u.s, v);
    case N_CALL_BLOCK:
        if (make_macro(r, env, x->kid[1], &v) || eval_call(r, env, x->kid[0], &v, &w)) return -1;
        return emit(r, &w);
    case N_FILTER_BLOCK:
        if (capture_filtered(r, env, x->kid[1], x->kid[0], flow, &v)) return -1;
        if (*flow != FLOW_NEXT) return 0; /* the loop is left, and nothing written */
        if (v.type != CV_STRING) return chat_fail(r, "the filters of a block make a text, not %s", cv_type_name(&v));
        return emit(r, &v);
    case N_WITH: return exec_with(r, env, x, flow);
    case N_GENERATION: return exec_generation(r, env, x, flow);
    case N_BREAK: *flow = FLOW_BREAK; return 0;
    case N_CONTINUE: *flow = FLOW_CONTINUE; return 0;
    default: return chat_fail(r, "not a statement");
    }
}

int chat_exec(struct chat_run *r, struct chat_env *env, const struct node *x, enum chat_flow *flow)
{
    int ret = enter(r, x) ? -1 : exec(r, env, x, flow);
    r->depth--;
    return ret;
}
