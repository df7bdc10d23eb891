/* Strings in other letters, and with other characters for some. */
#include <string.h>
#include <utf8proc.h>

#include "core/base/json.h"
#include "core/token/chat_method.h"

int method_upper(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return chat_case(r, self->u.s, CASE_UPPER, out);
}

int method_lower(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return chat_case(r, self->u.s, CASE_LOWER, out);
}

int method_title(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return chat_case(r, self->u.s, CASE_TITLE, out);
}

int method_capitalize(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return chat_case(r, self->u.s, CASE_CAPITAL, out);
}

int method_swapcase(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return chat_case(r, self->u.s, CASE_SWAP, out);
}

int method_casefold(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cstr *s = self->u.s;
    struct chat_text t = {{0}, {0}};
    (void)a;
    for (size_t i = 0; i < s->n;) {
        struct uni_char c = cstr_char(s, i);
        utf8proc_int32_t to[8];
        int last;
        char bytes[4];
        utf8proc_ssize_t n = c.cp == UNI_BAD ? 0 : utf8proc_decompose_char((utf8proc_int32_t)c.cp, to, 8, UTF8PROC_CASEFOLD, &last);
        if (n <= 0 || n > 8) chat_text_part(&t, s, i, i + c.len);
        for (utf8proc_ssize_t k = 0; k < n && n <= 8; k++)
            chat_text_add(&t, bytes, (size_t)utf8_encode((uint32_t)to[k], bytes), cstr_mark(s, i));
        i += c.len;
    }
    return chat_finish(r, &t, 0, t.text.len / 16, out);
}

int method_expandtabs(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    enum { MOST_TAB = 1000 };
    const struct cstr *s = self->u.s;
    struct chat_text t = {{0}, {0}};
    int64_t size = 8;
    size_t column = 0, len;
    if (chat_int_arg(r, a, 0, "tabsize", &size)) return -1;
    if (size > MOST_TAB) return chat_fail(r, "a tab of more than %d columns", MOST_TAB);
    for (size_t i = 0; i < s->n; i += len) {
        char c = s->s[i];
        len = cstr_char(s, i).len;
        size_t spaces = c == '\t' && size > 0 ? (size_t)size - column % (size_t)size : 0;
        chat_text_repeat(&t, " ", 1, spaces, cstr_mark(s, i));
        if (c != '\t') chat_text_part(&t, s, i, i + len);
        column = c == '\n' || c == '\r' ? 0 : c == '\t' ? column + spaces : column + 1;
    }
    return chat_finish(r, &t, 0, t.text.len / 16, out);
}

/* ---- translate ---- */

/* The n-th character of a string as its number; false if there is none. */
static bool char_at(const struct cstr *s, size_t *at, struct cv *out)
{
    if (*at >= s->n) return false;
    struct uni_char c = cstr_char(s, *at);
    *out = cv_int(c.cp == UNI_BAD ? 0xFFFD : (int64_t)c.cp);
    *at += c.len;
    return true;
}

/* A key of maketrans({}): a number, or a string of one character. */
static int char_key(struct chat_run *r, const struct cv *v, struct cv *out)
{
    size_t at = 0;
    *out = *v;
    if (v->type == CV_INT || v->type == CV_BOOL) return 0;
    if (v->type == CV_STRING && char_at(v->u.s, &at, out) && at == v->u.s->n) return 0;
    return chat_fail(r, "maketrans: a key is one character or its number");
}

int method_maketrans(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cstr *part[3] = {NULL};
    const struct cdict *d = a->n == 1 && a->v[0].type == CV_DICT ? a->v[0].u.d : NULL;
    const struct cv none = cv_none();
    size_t cap = d ? d->n : 0, n = 0;
    (void)self;
    for (size_t i = 0; !d && i < a->n; i++) {
        if (a->v[i].type != CV_STRING) return chat_fail(r, "maketrans needs a mapping, or strings");
        part[i] = a->v[i].u.s;
        cap += part[i]->n;
    }
    if (!d && a->n < 2) return chat_fail(r, "maketrans needs a mapping, or two strings");
    if (!d && utf8_count(part[0]->s, part[0]->n) != utf8_count(part[1]->s, part[1]->n))
        return chat_fail(r, "maketrans needs two strings of the same length");
    struct cv *key = chat_alloc(&r->mem, cap, sizeof *key), *value = chat_alloc(&r->mem, cap, sizeof *value), k, v;
    struct cdict *made = chat_alloc(&r->mem, 1, sizeof *made);
    if (!key || !value || !made) return chat_oom(r);
    for (size_t i = 0; d && i < d->n; i++) {
        if (char_key(r, &d->key[i], &k) || chat_step(r, 1 + n / 16)) return -1;
        cdict_put(&r->mem, key, value, &n, &k, &d->value[i]);
    }
    for (size_t i = 0, j = 0; !d && char_at(part[0], &i, &k) && char_at(part[1], &j, &v);) {
        if (chat_step(r, 1 + n / 16)) return -1;
        cdict_put(&r->mem, key, value, &n, &k, &v);
    }
    for (size_t i = 0; part[2] && char_at(part[2], &i, &k);) {
        if (chat_step(r, 1 + n / 16)) return -1;
        cdict_put(&r->mem, key, value, &n, &k, &none);
    }
    *made = (struct cdict){key, value, n};
    *out = (struct cv){.type = CV_DICT, .u.d = made};
    return 0;
}

int method_translate(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cstr *s = self->u.s;
    struct chat_text t = {{0}, {0}};
    int ret = 0;
    if (a->n < 1 || a->v[0].type != CV_DICT) return chat_fail(r, "translate needs a mapping");
    for (size_t i = 0, next = 0; ret == 0 && i < s->n; i = next) {
        struct cv cp;
        char bytes[4];
        char_at(s, &next, &cp);
        const struct cv *to = cdict_get(&r->mem, a->v[0].u.d, &cp);
        ret = chat_step(r, 1 + a->v[0].u.d->n / 16);
        int len = to && to->type == CV_INT && to->u.i >= 0 && to->u.i <= 0x10FFFF ? utf8_encode((uint32_t)to->u.i, bytes) : 0;
        if (!to) chat_text_part(&t, s, i, next);
        else if (to->type == CV_STRING) chat_text_adds(&t, to->u.s);
        else if (len > 0) chat_text_add(&t, bytes, (size_t)len, 0);
        else if (to->type != CV_NONE) ret = chat_fail(r, "translate: a value of type %s is no character", cv_type_name(to));
        if (t.text.len > r->mem.limit) ret = chat_oom(r);
    }
    return chat_finish(r, &t, ret, t.text.len / 16, out);
}
