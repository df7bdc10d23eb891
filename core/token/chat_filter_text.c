/* Filters of text. */
#include <string.h>

#include "core/token/chat_filter.h"
#include "core/token/chat_format.h"
#include "core/token/chat_method.h"

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
    if (chat_as_string(r, of, &s) || chat_string_or_none(r, a, 0, "chars", &chars)) return -1;
    return chat_strip(r, s, chars, STRIP_LEFT | STRIP_RIGHT, out);
}

int filter_replace(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                   struct cv *out)
{
    const struct cv *old = chat_arg(a, 0, "old"), *new = chat_arg(a, 1, "new");
    const struct cstr *s, *from, *to;
    int64_t most = -1;
    (void)env;
    if (!old || !new) return chat_fail(r, "replace needs what and by what");
    if (chat_as_string(r, of, &s) || chat_as_string(r, old, &from) || chat_as_string(r, new, &to) ||
        chat_int_or_none(r, a, 2, "count", &most))
        return -1;
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
    bool all = blank && cv_true(blank);
    /* The lines of the string with a line end behind it: "a\n" has two, "a\r" one. */
    for (size_t i = 0, end, next;; i = next) {
        next = chat_line(s, i, &end);
        bool wanted = i == 0 ? first && cv_true(first) : end > i || all;
        if (wanted && pad) chat_text_adds(&t, pad);
        for (int64_t k = 0; wanted && !pad && k < n; k++) chat_text_addc(&t, ' ', CHAT_TRUSTED);
        chat_text_part(&t, s, i, end);
        if (end == s->n || (next == s->n && s->s[next - 1] == '\r')) break;
        chat_text_addc(&t, '\n', CHAT_TRUSTED);
    }
    return chat_finish(r, &t, 0, t.text.len / 64, out);
}

int filter_tojson(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    static const struct cstr comma_space = {", ", 2, NULL, 0}, comma = {",", 1, NULL, 0}, colon = {": ", 2, NULL, 0};
    struct cjson_style style = {.indent = -1, .item = &comma_space, .key = &colon};
    const struct cv *ascii = chat_arg(a, 0, "ensure_ascii"), *indent = chat_arg(a, 1, "indent"),
                    *separators = chat_arg(a, 2, "separators"), *sort = chat_arg(a, 3, "sort_keys");
    struct chat_text t = {{0}, {0}};
    struct cv v = *of;
    int ret = 0;
    (void)env;
    if (indent && indent->type != CV_NONE) {
        int64_t n = -1;
        if (indent->type == CV_STRING) style.pad = indent->u.s;
        else if (chat_int_arg(r, a, 1, "indent", &n)) return -1;
        if (n > 100 || (style.pad && style.pad->n > 100)) return chat_fail(r, "tojson: an indent of more than 100");
        style.indent = n < 0 && !style.pad ? 0 : (int)n;
        style.item = &comma;
    }
    style.ascii = ascii && cv_true(ascii);
    if (separators && separators->type != CV_NONE) {
        if (!cv_is_list(separators) || separators->u.l->n != 2 || separators->u.l->v[0].type != CV_STRING ||
            separators->u.l->v[1].type != CV_STRING)
            return chat_fail(r, "tojson: separators are two strings");
        style.item = separators->u.l->v[0].u.s;
        style.key = separators->u.l->v[1].u.s;
    }
    bool json = cv_has_text(&r->mem, of);
    if (json && sort && cv_true(sort) && chat_sorted(r, "tojson", of, &v)) return -1;
    if (!json || cv_to_json(&t, &v, &style, 0)) ret = chat_fail(r, "tojson: no JSON for a value of type %s", cv_type_name(of));
    return chat_finish(r, &t, ret, t.text.len / 16, out);
}

int filter_format(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct cstr *s;
    struct cv values;
    size_t named = 0;
    bool escape = of->type == CV_STRING && of->safe;
    (void)env;
    for (size_t i = 0; i < a->n; i++) named += a->key[i] != NULL;
    if (named && named < a->n) return chat_fail(r, "format takes values by position or by name");
    if (named ? chat_named_args(r, a, &values) : !cv_list(&r->mem, CV_TUPLE, a->v, a->n, &values) && chat_oom(r)) return -1;
    return chat_as_string(r, of, &s) || chat_percent(r, s, escape, &values, out) ? -1 : 0;
}

int filter_wordcount(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                     struct cv *out)
{
    const struct cstr *s;
    int64_t n = 0;
    (void)env, (void)a;
    if (chat_as_string(r, of, &s)) return -1;
    bool inside = false;
    struct uni_char c;
    for (size_t i = 0; i < s->n; i += c.len) {
        c = cstr_char(s, i);
        bool word = (c.class & (UNI_L | UNI_N)) || c.cp == '_';
        n += word && !inside;
        inside = word;
    }
    *out = cv_int(n);
    return chat_step(r, s->n / 64);
}

int filter_center(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    struct cv v = {.type = CV_STRING}, width = cv_int(80);
    const struct cstr *no_name = NULL;
    struct chat_args args = {&width, &no_name, 1};
    const struct cv *given = chat_arg(a, 0, "width");
    (void)env;
    if (given) width = *given;
    return chat_as_string(r, of, &v.u.s) || method_center(r, &v, &args, out) ? -1 : 0;
}
