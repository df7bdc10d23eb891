/* What filters and methods do to strings. */
#include <string.h>

#include "core/token/chat_eval.h"
#include "core/token/unicode.h"

int chat_string_arg(struct chat_run *r, const struct chat_args *a, size_t at, const char *name, const struct cstr **out)
{
    const struct cv *v = chat_arg(a, at, name);
    if (!v) return 0;
    if (v->type != CV_STRING) return chat_fail(r, "'%s' is a string, not %s", name, cv_type_name(v));
    *out = v->u.s;
    return 0;
}

int chat_string_or_none(struct chat_run *r, const struct chat_args *a, size_t at, const char *name, const struct cstr **out)
{
    const struct cv *v = chat_arg(a, at, name);
    return v && v->type == CV_NONE ? 0 : chat_string_arg(r, a, at, name, out);
}

int chat_int_arg(struct chat_run *r, const struct chat_args *a, size_t at, const char *name, int64_t *out)
{
    const struct cv *v = chat_arg(a, at, name);
    if (!v) return 0;
    if (v->type != CV_INT && v->type != CV_BOOL) return chat_fail(r, "'%s' is an integer, not %s", name, cv_type_name(v));
    *out = v->type == CV_INT ? v->u.i : v->u.b;
    return 0;
}

int chat_int_or_none(struct chat_run *r, const struct chat_args *a, size_t at, const char *name, int64_t *out)
{
    const struct cv *v = chat_arg(a, at, name);
    return v && v->type == CV_NONE ? 0 : chat_int_arg(r, a, at, name, out);
}

/* *yes: is the character at i one to strip? */
static int stripped(struct chat_run *r, const struct cstr *s, size_t i, size_t len, const struct cstr *chars, bool *yes)
{
    size_t k = 0, n = 0;
    *yes = !chars && chat_white(cstr_char(s, i).cp);
    for (; chars && k < chars->n && !*yes; k += n) {
        n = cstr_char(chars, k).len;
        *yes = n == len && memcmp(chars->s + k, s->s + i, len) == 0;
    }
    return chat_step(r, k / 16);
}

int chat_strip(struct chat_run *r, const struct cstr *s, const struct cstr *chars, int sides, struct cv *out)
{
    size_t from = 0, to = s->n;
    bool yes = (sides & STRIP_LEFT) != 0;
    while (yes && from < to) {
        size_t len = cstr_char(s, from).len;
        if (stripped(r, s, from, len, chars, &yes)) return -1;
        from += yes ? len : 0;
    }
    yes = (sides & STRIP_RIGHT) != 0;
    while (yes && to > from) {
        size_t begin = to - 1;
        while (begin > from && (s->s[begin] & 0xC0) == 0x80) begin--;
        if (stripped(r, s, begin, to - begin, chars, &yes)) return -1;
        to = yes ? begin : to;
    }
    return cv_slice(&r->mem, s, from, to, out) ? chat_step(r, s->n / 64) : chat_oom(r);
}

size_t chat_line(const struct cstr *s, size_t from, size_t *end)
{
    struct uni_char c;
    for (size_t i = from; i < s->n; i += c.len) {
        c = cstr_char(s, i);
        bool ends = (c.cp >= '\n' && c.cp <= '\r') || (c.cp >= 0x1C && c.cp <= 0x1E) || c.cp == 0x85 || c.cp == 0x2028 ||
                    c.cp == 0x2029;
        if (!ends) continue;
        *end = i;
        return i + c.len + (c.cp == '\r' && i + 1 < s->n && s->s[i + 1] == '\n');
    }
    return *end = s->n;
}

int chat_back_init(struct chat_run *r, struct chat_back *b, const struct cstr *what)
{
    const char *last = what->s + what->n - 1;
    if (what->n > UINT32_MAX) return chat_oom(r);
    *b = (struct chat_back){what, chat_alloc(&r->mem, what->n, sizeof *b->fail)};
    if (!b->fail) return chat_oom(r);
    uint32_t k = 0;
    for (size_t i = 0; i < what->n; i++) {
        while (i && k && last[-(ptrdiff_t)i] != last[-(ptrdiff_t)k]) k = b->fail[k - 1];
        k += i && last[-(ptrdiff_t)i] == last[-(ptrdiff_t)k];
        b->fail[i] = k;
    }
    return chat_step(r, what->n / 16);
}

size_t chat_back_find(const struct chat_back *b, const char *s, size_t end)
{
    size_t n = b->what->n, k = 0;
    const char *last = b->what->s + n - 1;
    if (n == 0) return end;
    for (size_t i = end; i-- > 0;) {
        while (k && s[i] != last[-(ptrdiff_t)k]) k = b->fail[k - 1];
        k += s[i] == last[-(ptrdiff_t)k];
        if (k == n) return i;
    }
    return SIZE_MAX;
}

int chat_replace(struct chat_run *r, const struct cstr *s, const struct cstr *from, const struct cstr *to,
                 int64_t most, struct cv *out)
{
    struct chat_text t = {{0}, {0}};
    size_t at = 0;
    int ret = 0;
    while (most != 0 && ret == 0) {
        const char *p = from->n ? memmem(s->s + at, s->n - at, from->s, from->n) : NULL;
        size_t next = p ? (size_t)(p - s->s) : at;
        if (from->n && !p) break;
        chat_text_part(&t, s, at, next);
        chat_text_adds(&t, to);
        if (most > 0) most--;
        at = next + from->n;
        ret = chat_step(r, 1 + to->n / 64);
        if (ret == 0 && t.text.len > r->mem.limit) ret = chat_oom(r);
        if (from->n) continue;
        if (at >= s->n) break;
        size_t len = cstr_char(s, at).len;
        chat_text_part(&t, s, at, at + len);
        at += len;
    }
    if (ret == 0) chat_text_part(&t, s, at, s->n);
    return chat_finish(r, &t, ret, s->n / 64, out);
}

int chat_escape(struct chat_run *r, const struct cv *of, struct cv *out)
{
    static const struct {
        char c;
        const char *to;
    } table[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'\'', "&#39;"}, {'"', "&#34;"}};
    const struct cstr *s = of->u.s;
    struct chat_text t = {{0}, {0}};
    *out = *of;
    if (of->safe) return 0;
    for (size_t i = 0; i < s->n; i++) {
        size_t k = 0;
        while (k < COUNT_OF(table) && table[k].c != s->s[i]) k++;
        if (k < COUNT_OF(table)) chat_text_add(&t, table[k].to, strlen(table[k].to), 0);
        else chat_text_part(&t, s, i, i + 1);
    }
    int ret = chat_finish(r, &t, 0, s->n / 64, out);
    out->safe = true;
    return ret;
}

int chat_join(struct chat_run *r, const struct clist *l, const struct cstr *separator, struct cv *out)
{
    struct chat_text t = {{0}, {0}};
    int ret = 0;
    for (size_t i = 0; ret == 0 && i < l->n; i++) {
        if (i) chat_text_adds(&t, separator);
        ret = chat_write(r, &t, &l->v[i]);
        if (ret == 0 && t.text.len > r->mem.limit) ret = chat_oom(r);
    }
    return chat_finish(r, &t, ret, l->n + t.text.len / 64, out);
}
