/* Filters of text. */
#include <string.h>

#include "core/base/json.h"
#include "core/token/chat_filter.h"

static int case_filter(struct chat_run *r, const struct cv *of, enum case_kind kind, struct cv *out)
{
    const struct cstr *s;
    return chat_as_string(r, of, &s) || chat_case(r, s, kind, out) ? -1 : 0;
}

int filter_upper(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env, (void)a;
    return case_filter(r, of, CASE_UPPER, out);
}

int filter_lower(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env, (void)a;
    return case_filter(r, of, CASE_LOWER, out);
}

int filter_title(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env, (void)a;
    return case_filter(r, of, CASE_WORDS, out);
}

int filter_capitalize(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                      struct cv *out)
{
    (void)env, (void)a;
    return case_filter(r, of, CASE_CAPITAL, out);
}

int filter_trim(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct cstr *s, *chars = NULL;
    (void)env;
    if (chat_as_string(r, of, &s) || chat_string_arg(r, a, 0, "chars", &chars)) return -1;
    return chat_strip(r, s, chars, STRIP_LEFT | STRIP_RIGHT, out);
}

int filter_replace(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                   struct cv *out)
{
    const struct cstr *s, *from = NULL, *to = NULL;
    int64_t most = -1;
    (void)env;
    if (chat_as_string(r, of, &s) || chat_string_arg(r, a, 0, "old", &from) || chat_string_arg(r, a, 1, "new", &to) ||
        chat_int_arg(r, a, 2, "count", &most))
        return -1;
    if (!from || !to) return chat_fail(r, "replace needs what and by what");
    return chat_replace(r, s, from, to, most, out);
}

int filter_string(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct cstr *s;
    (void)env, (void)a;
    if (chat_as_string(r, of, &s)) return -1;
    *out = chat_string_value(s);
    return 0;
}

int filter_escape(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    struct cv v = *of;
    (void)env, (void)a;
    if (v.type != CV_STRING) {
        v = (struct cv){.type = CV_STRING};
        if (chat_as_string(r, of, &v.u.s)) return -1;
    }
    return chat_escape(r, &v, out);
}

int filter_safe(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct cstr *s;
    (void)env, (void)a;
    if (chat_as_string(r, of, &s)) return -1;
    *out = chat_string_value(s);
    out->safe = true;
    return 0;
}

int filter_indent(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct cstr *s, *pad = NULL;
    struct chat_text t = {{0}, {0}};
    const struct cv *width = chat_arg(a, 0, "width"), *first = chat_arg(a, 1, "first"), *blank = chat_arg(a, 2, "blank");
    int64_t n = 4;
    (void)env;
    if (of->type != CV_STRING) return chat_fail(r, "indent needs a string, not %s", cv_type_name(of));
    s = of->u.s;
    if (width && width->type == CV_STRING) pad = width->u.s;
    else if (chat_int_arg(r, a, 0, "width", &n)) return -1;
    if (n < 0) n = 0;
    if (n > 1000) return chat_fail(r, "indent by %lld is too much", (long long)n);
    for (size_t i = 0; i < s->n;) {
        const char *nl = memchr(s->s + i, '\n', s->n - i);
        size_t end = nl ? (size_t)(nl - s->s) : s->n;
        bool wanted = i == 0 ? first && cv_true(first) : end > i || (blank && cv_true(blank));
        if (wanted && pad) chat_text_adds(&t, pad);
        for (int64_t k = 0; wanted && !pad && k < n; k++) chat_text_addc(&t, ' ', CHAT_TRUSTED);
        chat_text_part(&t, s, i, nl ? end + 1 : end);
        i = nl ? end + 1 : end;
    }
    int ret = cv_text(&r->mem, &t, out) ? chat_step(r, t.text.len / 64) : chat_oom(r);
    chat_text_free(&t);
    return ret;
}

int filter_tojson(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    struct cjson_style style = {.indent = -1, .item = ", ", .key = ": "};
    const struct cv *indent = chat_arg(a, 0, "indent"), *ascii = NULL, *sort = NULL, *separators = NULL;
    char item[64], key[64];
    struct chat_text t = {{0}, {0}};
    (void)env;
    for (size_t i = 0; i < a->n; i++) {
        if (!a->key[i]) continue;
        if (cstr_is(a->key[i], "ensure_ascii")) ascii = &a->v[i];
        if (cstr_is(a->key[i], "sort_keys")) sort = &a->v[i];
        if (cstr_is(a->key[i], "separators")) separators = &a->v[i];
    }
    if (indent && indent->type == CV_INT) {
        if (indent->u.i < 0 || indent->u.i > 100) return chat_fail(r, "tojson: indent 0 to 100");
        style.indent = (int)indent->u.i;
        style.item = ",";
    }
    style.ascii = ascii && cv_true(ascii);
    style.sort_keys = sort && cv_true(sort);
    if (separators && cv_is_list(separators) && separators->u.l->n == 2 &&
        separators->u.l->v[0].type == CV_STRING && separators->u.l->v[1].type == CV_STRING) {
        const struct cstr *x = separators->u.l->v[0].u.s, *y = separators->u.l->v[1].u.s;
        if (x->n >= sizeof item || y->n >= sizeof key) return chat_fail(r, "tojson: the separators are too long");
        memcpy(item, x->s, x->n);
        item[x->n] = 0;
        memcpy(key, y->s, y->n);
        key[y->n] = 0;
        style.item = item;
        style.key = key;
    }
    int ret = 0;
    if (cv_to_json(&t, of, &style, 0)) ret = chat_fail(r, "tojson: no JSON for a value of type %s", cv_type_name(of));
    else if (!cv_text(&r->mem, &t, out)) ret = chat_oom(r);
    else ret = chat_step(r, t.text.len / 16);
    chat_text_free(&t);
    return ret;
}

int filter_format(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct cstr *s;
    (void)env;
    return chat_as_string(r, of, &s) || chat_format(r, s, a->v, a->n, out) ? -1 : 0;
}

int filter_wordcount(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                     struct cv *out)
{
    const struct cstr *s;
    int64_t n = 0;
    (void)env, (void)a;
    if (chat_as_string(r, of, &s)) return -1;
    bool inside = false;
    for (size_t i = 0; i < s->n; i++) {
        char c = s->s[i];
        bool word = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || (c & 0x80);
        n += word && !inside;
        inside = word;
    }
    *out = cv_int(n);
    return chat_step(r, s->n / 64);
}
