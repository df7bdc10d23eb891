/* Strings taken apart and put together. */
#include <string.h>

#include "core/token/chat_method.h"

static int strip_side(struct chat_run *r, const struct cv *self, const struct chat_args *a, int sides, struct cv *out)
{
    const struct cstr *chars = NULL;
    return chat_string_or_none(r, a, 0, "chars", &chars) || chat_strip(r, self->u.s, chars, sides, out) ? -1 : 0;
}

int method_strip(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return strip_side(r, self, a, STRIP_LEFT | STRIP_RIGHT, out);
}

int method_lstrip(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return strip_side(r, self, a, STRIP_LEFT, out);
}

int method_rstrip(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return strip_side(r, self, a, STRIP_RIGHT, out);
}

struct parts {
    struct chat_run *r;
    struct cv *v;
    size_t n, cap;
};

static int push_part(struct parts *p, const struct cstr *s, size_t from, size_t to)
{
    if (!chat_grow(&p->r->mem, &p->v, p->n, &p->cap, sizeof *p->v)) return chat_oom(p->r);
    return cv_slice(&p->r->mem, s, from, to, &p->v[p->n++]) ? 0 : chat_oom(p->r);
}

static bool white_at(const struct cstr *s, size_t i, size_t *len)
{
    struct uni_char c = cstr_char(s, i);
    *len = c.len;
    return chat_white(c.cp);
}

static int split_white(struct parts *p, const struct cstr *s, int64_t most)
{
    size_t i = 0, len;
    for (;;) {
        while (i < s->n && white_at(s, i, &len)) i += len;
        if (i >= s->n) return 0;
        size_t from = i;
        if (most == 0) return push_part(p, s, from, s->n);
        while (i < s->n && !white_at(s, i, &len)) i += len;
        if (push_part(p, s, from, i)) return -1;
        most -= most > 0;
    }
}

static int split_at(struct parts *p, const struct cstr *s, const struct cstr *by, int64_t most)
{
    size_t at = 0;
    for (;; most -= most > 0) {
        const char *q = most ? memmem(s->s + at, s->n - at, by->s, by->n) : NULL;
        if (!q) return push_part(p, s, at, s->n);
        if (push_part(p, s, at, (size_t)(q - s->s))) return -1;
        at = (size_t)(q - s->s) + by->n;
    }
}

static void reverse_parts(struct parts *p)
{
    for (size_t i = 0; i < p->n / 2; i++) {
        struct cv t = p->v[i];
        p->v[i] = p->v[p->n - 1 - i];
        p->v[p->n - 1 - i] = t;
    }
}

/* The character that ends at `end` is white space of *len bytes. */
static bool white_before(const struct cstr *s, size_t end, size_t *len)
{
    struct uni_char c = uni_prev((const uint8_t *)s->s, end);
    *len = c.len;
    return chat_white(c.cp);
}

static int split_white_back(struct parts *p, const struct cstr *s, int64_t most)
{
    size_t end = s->n, len;
    for (;;) {
        while (end > 0 && white_before(s, end, &len)) end -= len;
        if (end == 0) break;
        size_t to = end;
        if (most == 0) end = 0;
        while (end > 0 && !white_before(s, end, &len)) end -= len;
        if (push_part(p, s, end, to)) return -1;
        most -= most > 0;
    }
    reverse_parts(p);
    return 0;
}

/* From the end; the parts come out in reverse. */
static int split_back(struct parts *p, const struct cstr *s, const struct cstr *by, int64_t most)
{
    struct chat_back back;
    size_t end = s->n;
    if (chat_back_init(p->r, &back, by)) return -1;
    for (size_t at; most != 0 && (at = chat_back_find(&back, s->s, end)) != SIZE_MAX; most -= most > 0) {
        if (push_part(p, s, at + by->n, end)) return -1;
        end = at;
    }
    if (push_part(p, s, 0, end)) return -1;
    reverse_parts(p);
    return 0;
}

static int split(struct chat_run *r, const struct cv *self, const struct chat_args *a, bool back, struct cv *out)
{
    const struct cstr *by = NULL;
    int64_t most = -1;
    struct parts p = {.r = r};
    if (chat_string_or_none(r, a, 0, "sep", &by) || chat_int_arg(r, a, 1, "maxsplit", &most)) return -1;
    if (by && by->n == 0) return chat_fail(r, "split by an empty string");
    int ret = !by    ? (back ? split_white_back : split_white)(&p, self->u.s, most)
              : back ? split_back(&p, self->u.s, by, most)
                     : split_at(&p, self->u.s, by, most);
    if (ret || chat_step(r, p.n + self->u.s->n / 16)) return -1;
    return cv_list(&r->mem, CV_LIST, p.v, p.n, out) ? 0 : chat_oom(r);
}

int method_split(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return split(r, self, a, false, out);
}

int method_rsplit(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return split(r, self, a, true, out);
}

int method_splitlines(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cstr *s = self->u.s;
    int64_t keep = 0;
    struct parts p = {.r = r};
    if (chat_int_arg(r, a, 0, "keepends", &keep)) return -1;
    for (size_t i = 0, end, next; i < s->n; i = next) {
        next = chat_line(s, i, &end);
        if (push_part(&p, s, i, keep ? next : end)) return -1;
    }
    if (chat_step(r, p.n)) return -1;
    return cv_list(&r->mem, CV_LIST, p.v, p.n, out) ? 0 : chat_oom(r);
}

static int partition(struct chat_run *r, const struct cv *self, const struct chat_args *a, bool back, struct cv *out)
{
    const struct cstr *s = self->u.s, *by = NULL;
    struct cv v[3];
    if (chat_string_arg(r, a, 0, "sep", &by)) return -1;
    if (!by || by->n == 0) return chat_fail(r, "partition needs a string");
    struct chat_back search;
    if (back && chat_back_init(r, &search, by)) return -1;
    const char *p = back ? NULL : memmem(s->s, s->n, by->s, by->n);
    size_t at = back ? chat_back_find(&search, s->s, s->n) : p ? (size_t)(p - s->s) : SIZE_MAX;
    size_t found = at == SIZE_MAX ? 0 : by->n;
    if (!found) at = back ? 0 : s->n;
    if (!cv_slice(&r->mem, s, 0, at, &v[0]) || !cv_slice(&r->mem, s, at, at + found, &v[1]) ||
        !cv_slice(&r->mem, s, at + found, s->n, &v[2]))
        return chat_oom(r);
    v[1].safe = found && a->v[0].safe; /* what is looked for, itself */
    if (!cv_list(&r->mem, CV_TUPLE, v, 3, out)) return chat_oom(r);
    return chat_step(r, s->n / 16);
}

int method_partition(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return partition(r, self, a, false, out);
}

int method_rpartition(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return partition(r, self, a, true, out);
}

int method_join(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cv *v = chat_arg(a, 0, NULL);
    const struct clist *l;
    if (!v) return chat_fail(r, "join needs a list");
    if (chat_items(r, v, &l)) return -1;
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i].type != CV_STRING)
            return chat_fail(r, "join: item %zu is of type %s, not a string", i, cv_type_name(&l->v[i]));
    return chat_join(r, l, self->u.s, out);
}
