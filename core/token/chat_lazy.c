/* What can be gone through but is no list: results of filters, views of mappings, ranges. */
#include "core/token/chat_eval.h"

/* As a filter makes it of the n values, which stay where they are. */
int chat_stream(struct chat_run *r, const struct cv *v, size_t n, struct cv *out)
{
    return cv_lazy(&r->mem, LAZY_GENERATOR, v, n, out) ? 0 : chat_oom(r);
}

int chat_lazy_current(struct chat_run *r, const struct clazy *lazy)
{
    if (!lazy->of_space) return 0;
    r->mem.space_reads++; /* what is computed from its items is computed from those members, too */
    if (lazy->space_sets == r->mem.space_sets) return 0;
    return chat_fail(r, "what a filter makes of members of a namespace is gone through after some were set; |list takes them before");
}

int chat_lazy_items(struct chat_run *r, struct clazy *lazy, struct clist *out)
{
    if (chat_lazy_current(r, lazy)) return -1;
    *out = (struct clist){lazy->n ? lazy->v + lazy->at : NULL, lazy->n - lazy->at};
    if (lazy->kind <= LAZY_REVERSED) lazy->at = lazy->n;
    return 0;
}

int chat_lazy_next(struct chat_run *r, struct clazy *lazy, struct cv *out)
{
    if (chat_lazy_current(r, lazy)) return -1;
    *out = lazy->at < lazy->n ? lazy->v[lazy->at] : cv_undefined(NULL);
    if (lazy->kind <= LAZY_REVERSED && lazy->at < lazy->n) lazy->at++;
    return 0;
}

int chat_lazy_contains(struct chat_run *r, const struct cv *in, const struct cv *what, bool *out)
{
    struct clazy *lazy = in->u.lazy;
    size_t i = lazy->at;
    if (chat_lazy_current(r, lazy)) return -1;
    if (lazy->kind == LAZY_KEYS && !cv_hashable(&r->mem, what)) return chat_fail(r, "a value of type %s is no key", cv_type_name(what));
    while (i < lazy->n && !cv_equal(&r->mem, &lazy->v[i], what)) i++;
    *out = i < lazy->n;
    if (lazy->kind <= LAZY_REVERSED) lazy->at = i + *out; /* what was looked at is gone */
    return chat_step(r, lazy->n / 4);
}
