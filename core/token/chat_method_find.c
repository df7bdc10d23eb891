/* Strings that look for others in them. */
#include <string.h>

#include "core/token/chat_method.h"

/* The part of s between the positions at a->v[at] and behind it, which may be missing, none, or count from the
 * end; *inside: the first is not behind the second, or the end. */
static int positions(struct chat_run *r, const struct cstr *s, const struct chat_args *a, size_t at, struct cstr *out, bool *inside)
{
    int64_t n = (int64_t)utf8_count(s->s, s->n), from = 0, to = n;
    if (chat_int_or_none(r, a, at, "start", &from) || chat_int_or_none(r, a, at + 1, "end", &to)) return -1;
    if (to > n) to = n;
    if (to < 0) to = to + n < 0 ? 0 : to + n;
    if (from < 0) from = from + n < 0 ? 0 : from + n;
    *inside = from <= to;
    if (!*inside) from = to;
    size_t begin = utf8_offset(s->s, s->n, (size_t)from);
    size_t len = utf8_offset(s->s + begin, s->n - begin, (size_t)(to - from));
    *out = (struct cstr){s->s + begin, len, s->marks ? s->marks + begin : NULL, s->mark};
    return chat_step(r, s->n / 64);
}

static bool affix(const struct cstr *s, const struct cstr *part, bool at_end)
{
    return part->n <= s->n && memcmp(s->s + (at_end ? s->n - part->n : 0), part->s, part->n) == 0;
}

static int has_affix(struct chat_run *r, const struct cv *self, const struct chat_args *a, bool at_end, struct cv *out)
{
    const struct cv *v = chat_arg(a, 0, NULL);
    struct cstr part;
    bool inside;
    *out = cv_bool(false);
    if (positions(r, self->u.s, a, 1, &part, &inside)) return -1;
    if (v && v->type == CV_STRING) {
        *out = cv_bool(inside && affix(&part, v->u.s, at_end));
        return 0;
    }
    if (!v || v->type != CV_TUPLE) return chat_fail(r, "a string or a tuple of strings is needed");
    for (size_t i = 0; i < v->u.l->n && !out->u.b; i++) {
        if (v->u.l->v[i].type != CV_STRING) return chat_fail(r, "a tuple of strings is needed");
        out->u.b = inside && affix(&part, v->u.l->v[i].u.s, at_end);
    }
    return 0;
}

int method_startswith(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return has_affix(r, self, a, false, out);
}

int method_endswith(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return has_affix(r, self, a, true, out);
}

static int remove_affix(struct chat_run *r, const struct cv *self, const struct chat_args *a, bool at_end, struct cv *out)
{
    const struct cstr *part = NULL, *s = self->u.s;
    if (chat_string_arg(r, a, 0, "affix", &part)) return -1;
    if (!part) return chat_fail(r, "a string to remove is needed");
    size_t n = affix(s, part, at_end) ? part->n : 0;
    return cv_slice(&r->mem, s, at_end ? 0 : n, at_end ? s->n - n : s->n, out) ? 0 : chat_oom(r);
}

int method_removeprefix(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return remove_affix(r, self, a, false, out);
}

int method_removesuffix(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return remove_affix(r, self, a, true, out);
}

static int search(struct chat_run *r, const struct cv *self, const struct chat_args *a, bool last, bool must, struct cv *out)
{
    const struct cstr *s = self->u.s, *what = NULL;
    struct cstr part;
    struct chat_back back;
    bool inside;
    if (chat_string_arg(r, a, 0, "sub", &what) || positions(r, s, a, 1, &part, &inside)) return -1;
    if (!what) return chat_fail(r, "a string to look for is needed");
    if (last && chat_back_init(r, &back, what)) return -1;
    size_t at = inside && last ? chat_back_find(&back, part.s, part.n) : SIZE_MAX;
    const char *p = inside && !last ? memmem(part.s, part.n, what->s, what->n) : NULL;
    if (p) at = (size_t)(p - part.s);
    if (inside && !last && what->n == 0) at = 0;
    if (at == SIZE_MAX && must) return chat_fail(r, "substring not found");
    *out = cv_int(at != SIZE_MAX ? (int64_t)utf8_count(s->s, (size_t)(part.s - s->s) + at) : -1);
    return chat_step(r, s->n / 16);
}

int method_find(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return search(r, self, a, false, false, out);
}

int method_rfind(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return search(r, self, a, true, false, out);
}

int method_index(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return search(r, self, a, false, true, out);
}

int method_rindex(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return search(r, self, a, true, true, out);
}

int method_count(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cstr *what = NULL;
    struct cstr s;
    bool inside;
    int64_t n = 0;
    if (chat_string_arg(r, a, 0, "sub", &what) || positions(r, self->u.s, a, 1, &s, &inside)) return -1;
    if (!what) return chat_fail(r, "a string to count is needed");
    if (what->n == 0 && inside) n = (int64_t)utf8_count(s.s, s.n) + 1;
    for (size_t at = 0; what->n && at < s.n; n++) {
        const char *q = memmem(s.s + at, s.n - at, what->s, what->n);
        if (!q) break;
        at = (size_t)(q - s.s) + what->n;
    }
    *out = cv_int(n);
    return chat_step(r, s.n / 64);
}

int method_replace(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cstr *from = NULL, *to = NULL;
    int64_t most = -1;
    if (chat_string_arg(r, a, 0, "old", &from) || chat_string_arg(r, a, 1, "new", &to) ||
        chat_int_arg(r, a, 2, "count", &most))
        return -1;
    if (!from || !to) return chat_fail(r, "replace needs what and by what");
    return chat_replace(r, self->u.s, from, to, most, out);
}
