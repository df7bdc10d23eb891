/* Loops, and what they are asked about themselves. */
#include "core/token/chat_eval.h"

/* The items that pass the loop's "if"; place[]: where they stood among all. */
static int choose(struct chat_run *r, struct chat_env *env, const struct node *x, const struct clist *all, struct clist *out,
                  size_t **place)
{
    struct cv *kept = chat_alloc(&r->mem, all->n, sizeof *kept), yes;
    *place = chat_alloc(&r->mem, all->n, sizeof **place);
    if (!kept || !*place) return chat_oom(r);
    *out = (struct clist){kept, 0};
    struct chat_env *inner = chat_inner_env(r, env);
    if (!inner) return -1;
    for (size_t i = 0; i < all->n; i++) {
        if (chat_assign(r, inner, x->kid[0], &all->v[i]) || chat_eval(r, inner, x->kid[2], &yes)) return -1;
        if (!cv_true(&yes)) continue;
        (*place)[out->n] = i;
        kept[out->n++] = all->v[i];
    }
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
    for (; loop->at < loop->n && *flow != FLOW_BREAK; loop->at++) {
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
    struct clist chosen;
    size_t *place = NULL;
    size_t from = cv_is_stream(of) ? of->u.lazy->at : 0;
    enum chat_flow flow = FLOW_NEXT;
    bool whole = false;
    if (chat_items(r, of, &all)) return -1;
    if (x->kid[2]) {
        if (choose(r, env, x, all, &chosen, &place)) return -1;
        all = &chosen;
    }
    struct cloop *loop = chat_alloc(&r->mem, 1, sizeof *loop);
    if (!loop) return chat_oom(r);
    *loop = (struct cloop){.v = all->v, .n = all->n, .depth0 = depth0, .node = x->op ? x : NULL, .env = env};
    if (rounds(r, env, x, loop, &flow, &whole)) return -1;
    /* What can be gone through once keeps the items that were not looked at. */
    if (flow == FLOW_BREAK && cv_is_stream(of) && loop->seen < loop->n)
        of->u.lazy->at = from + (place ? place[loop->seen - 1] + 1 : loop->seen);
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

void chat_loop_attribute(struct cloop *l, const struct cstr *name, struct cv *out)
{
    int64_t at = (int64_t)l->at, n = (int64_t)l->n;
    size_t next = l->at + 2 < l->n ? l->at + 2 : l->n;
    const struct {
        const char *name;
        struct cv value;
        size_t seen; /* to know it */
    } known[] = {
        {"index", cv_int(at + 1), 0}, {"index0", cv_int(at), 0}, {"revindex", cv_int(n - at), l->n},
        {"revindex0", cv_int(n - at - 1), l->n}, {"first", cv_bool(at == 0), 0}, {"last", cv_bool(at == n - 1), next},
        {"length", cv_int(n), l->n}, {"depth", cv_int((int64_t)l->depth0 + 1), 0}, {"depth0", cv_int((int64_t)l->depth0), 0},
        {"previtem", at > 0 ? l->v[at - 1] : cv_undefined(name), 0},
        {"nextitem", at + 1 < n ? l->v[at + 1] : cv_undefined(name), next},
    };
    *out = cv_undefined(name);
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (cstr_is(name, known[i].name)) {
            *out = known[i].value;
            l->seen = larger(l->seen, known[i].seen);
        }
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
