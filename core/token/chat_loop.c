/* Loops, and what they are asked about themselves. */
#include "core/token/chat_eval.h"

/* An item as the target of a loop with an "if" holds it: lists that are taken apart become tuples. */
static int as_target(struct chat_run *r, const struct node *target, const struct cv *of, struct cv *out)
{
    const struct clist *l;
    *out = *of;
    if (target->kind != N_TUPLE) return 0;
    if (chat_items(r, of, &l)) return -1;
    struct cv *v = chat_alloc(&r->mem, l->n, sizeof *v);
    if (!v) return chat_oom(r);
    for (size_t i = 0; i < l->n; i++) {
        v[i] = l->v[i];
        if (i < target->n && as_target(r, target->kid[i], &l->v[i], &v[i])) return -1;
    }
    return cv_list(&r->mem, CV_TUPLE, v, l->n, out) ? 0 : chat_oom(r);
}

int chat_loop_look(struct chat_run *r, struct cloop *l, size_t want)
{
    struct cloop_rest *rest = l->rest;
    bool more = rest ? l->n < want && rest->next < rest->all->n : l->seen < want && l->seen < l->n;
    if (more && l->of && chat_lazy_current(r, l->of)) return -1;
    while (rest && l->n < want && rest->next < rest->all->n) {
        const struct node *x = rest->loop;
        struct cv item, yes;
        if (as_target(r, x->kid[0], &rest->all->v[rest->next], &item) || chat_assign(r, rest->env, x->kid[0], &item)) return -1;
        rest->next++;
        if (chat_step(r, 1) || chat_eval(r, rest->env, x->kid[2], &yes)) return -1;
        if (cv_true(&yes)) rest->kept[l->n++] = item;
    }
    return 0;
}

/* Makes a loop over `all` one with an "if". */
static int begin_asking(struct chat_run *r, struct chat_env *env, const struct node *x, const struct clist *all, struct cloop *l)
{
    l->rest = chat_alloc(&r->mem, 1, sizeof *l->rest);
    struct cv *kept = chat_alloc(&r->mem, all->n, sizeof *kept);
    if (!l->rest || !kept) return chat_oom(r);
    struct chat_env *inner = chat_inner_env(r, env);
    if (!inner) return -1;
    *l->rest = (struct cloop_rest){.all = all, .kept = kept, .loop = x, .env = inner};
    l->v = kept;
    l->n = 0;
    return 0;
}

/* Rounds over the items of *loop; *whole: one came to its end. */
static int rounds(struct chat_run *r, struct chat_env *env, const struct node *x, struct cloop *loop, enum chat_flow *flow,
                  bool *whole)
{
    static const struct cstr loop_name = {"loop", 4, NULL, CHAT_TRUSTED};
    struct cv self = {.type = CV_LOOP, .u.loop = loop};
    struct chat_env *inner = chat_inner_env(r, env);
    if (!inner) return -1;
    for (; *flow != FLOW_BREAK; loop->at++) {
        if (chat_loop_look(r, loop, loop->at + 1)) return -1;
        if (loop->at >= loop->n) break;
        inner->n = 0;
        *flow = FLOW_NEXT;
        if (loop->seen <= loop->at) loop->seen = loop->at + 1;
        if (chat_step(r, 1) || chat_set(r, inner, &loop_name, self) || chat_assign(r, inner, x->kid[0], &loop->v[loop->at]) ||
            chat_exec(r, inner, x->kid[3], flow))
            return -1;
        *whole = *whole || *flow == FLOW_NEXT;
    }
    return 0;
}

/* {% else %} runs where no round came to its end, be it by {% continue %}; what it says
 * of a loop, it says of the outer one. */
static int loop_over(struct chat_run *r, struct chat_env *env, const struct node *x, const struct cv *of, size_t depth0,
                     enum chat_flow *outer)
{
    const struct clist *all;
    size_t from = cv_is_stream(of) ? of->u.lazy->at : 0;
    enum chat_flow flow = FLOW_NEXT;
    bool whole = false;
    if (chat_items(r, of, &all)) return -1;
    struct cloop *loop = chat_alloc(&r->mem, 1, sizeof *loop);
    if (!loop) return chat_oom(r);
    *loop = (struct cloop){.v = all->v, .n = all->n, .depth0 = depth0, .node = x->op ? x : NULL, .env = env,
                           .of = of->type == CV_LAZY ? of->u.lazy : NULL};
    if ((x->kid[2] && begin_asking(r, env, x, all, loop)) || rounds(r, env, x, loop, &flow, &whole)) return -1;
    /* What can be gone through once keeps the items that were not looked at. */
    size_t seen = loop->rest ? loop->rest->next : loop->seen;
    if (flow == FLOW_BREAK && cv_is_stream(of) && seen < all->n) of->u.lazy->at = from + seen;
    return !whole && x->kid[4] ? chat_exec(r, env, x->kid[4], outer) : 0;
}

int chat_exec_for(struct chat_run *r, struct chat_env *env, const struct node *x, enum chat_flow *outer)
{
    struct cv of;
    return chat_eval(r, env, x->kid[1], &of) || loop_over(r, env, x, &of, 0, outer) ? -1 : 0;
}

/* "loop(items)": what a recursive loop writes of them. */
int chat_loop_call(struct chat_run *r, const struct cloop *l, const struct chat_args *a, struct cv *out)
{
    struct chat_text text = {{0}, {0}};
    enum chat_flow flow = FLOW_NEXT;
    const struct cv *of = chat_arg(a, 0, "iterable");
    if (!l->node) return chat_fail(r, "a loop that calls itself must be marked 'recursive'");
    if (!of || a->n != 1) return chat_fail(r, "a loop is called with what it goes through");
    struct chat_text *before = chat_divert(r, &text);
    return chat_collect(r, before, loop_over(r, l->env, l->node, of, l->depth0 + 1, &flow), out);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

int chat_loop_attribute(struct chat_run *r, struct cloop *l, const struct cstr *name, struct cv *out)
{
    bool whole = cstr_is(name, "length") || cstr_is(name, "revindex") || cstr_is(name, "revindex0");
    bool ahead = cstr_is(name, "last") || cstr_is(name, "nextitem");
    if ((whole || ahead) && chat_loop_look(r, l, whole ? SIZE_MAX : l->at + 2)) return -1;
    int64_t at = (int64_t)l->at, n = (int64_t)l->n;
    const struct {
        const char *name;
        struct cv value;
    } known[] = {
        {"index", cv_int(at + 1)}, {"index0", cv_int(at)}, {"revindex", cv_int(n - at)},
        {"revindex0", cv_int(n - at - 1)}, {"first", cv_bool(at == 0)}, {"last", cv_bool(at == n - 1)},
        {"length", cv_int(n)}, {"depth", cv_int((int64_t)l->depth0 + 1)}, {"depth0", cv_int((int64_t)l->depth0)},
        {"previtem", at > 0 ? l->v[at - 1] : cv_undefined(name)},
        {"nextitem", ahead && at + 1 < n ? l->v[at + 1] : cv_undefined(name)},
    };
    *out = cv_undefined(name);
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (cstr_is(name, known[i].name)) *out = known[i].value;
    if (whole || ahead) l->seen = larger(l->seen, whole || l->at + 2 > l->n ? l->n : l->at + 2);
    return 0;
}

int chat_loop_cycle(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    if (a->n == 0) return chat_fail(r, "cycle needs values");
    *out = a->v[self->u.loop->at % a->n];
    return 0;
}

int chat_loop_changed(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    struct cloop *l = self->u.loop;
    struct cv now;
    if (!cv_list(&r->mem, CV_TUPLE, a->v, a->n, &now)) return chat_oom(r);
    *out = cv_bool(!l->has_last || !cv_equal(&r->mem, &l->last, &now));
    l->last = now;
    l->has_last = true;
    return 0;
}
