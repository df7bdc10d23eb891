/* "%s %(name)05d" % values, as Python has it. */
#include <math.h>
#include <string.h>

#include "core/base/json.h"
#include "core/token/chat_format.h"

struct percent {
    struct chat_run *r;
    const struct cstr *fmt;
    bool escape;            /* what enters is escaped */
    const struct cv *values;
    size_t used;            /* of a tuple's values, or the one */
    bool named;             /* one was asked for by name */
    struct chat_text out;
};

/* Whether Python takes it for a mapping: then it need not be used. */
static bool has_items(const struct cv *v)
{
    return v->type == CV_DICT || v->type == CV_LIST || v->type == CV_UNDEFINED || (v->type == CV_LAZY && v->u.lazy->kind == LAZY_RANGE);
}

/* NULL after an error: behind a value with a name, too. */
static const struct cv *next_value(struct percent *p)
{
    bool tuple = p->values->type == CV_TUPLE;
    size_t n = tuple ? p->values->u.l->n : 1;
    if (!p->named && p->used < n) return tuple ? &p->values->u.l->v[p->used++] : (p->used++, p->values);
    chat_fail(p->r, "the format wants more values");
    return NULL;
}

/* "(name)" at fmt[*at]; NULL after an error. */
static const struct cv *named_value(struct percent *p, size_t *at)
{
    const struct cstr *s = p->fmt;
    size_t from = ++*at, depth = 1;
    for (; *at < s->n; ++*at) {
        depth += s->s[*at] == '(';
        if (s->s[*at] == ')' && --depth == 0) break;
    }
    struct cstr name = {s->s + from, *at - from, NULL, 0};
    struct cv key = {.type = CV_STRING, .u.s = &name};
    const struct cv *v = p->values->type == CV_DICT ? cdict_get(&p->r->mem, p->values->u.d, &key) : NULL;
    p->named = true;
    if (*at >= s->n) chat_fail(p->r, "a name in the format is not closed");
    else if (!v) chat_fail(p->r, "the format has no value of the name '%.*s'", (int)name.n, name.s);
    ++*at;
    return *at <= s->n ? v : NULL;
}

/* A number at fmt[*at], or "*": the next value; -1 none, *bad after an error. */
static int number_at(struct percent *p, size_t *at, int most, bool *bad)
{
    const struct cstr *s = p->fmt;
    int n = -1;
    *bad = false;
    if (*at < s->n && s->s[*at] == '*') {
        const struct cv *v = next_value(p);
        ++*at;
        *bad = !v || (v->type != CV_INT && v->type != CV_BOOL) || (v->type == CV_INT && (v->u.i > most || v->u.i < -most));
        if (*bad && v) chat_fail(p->r, "'*' in a format wants an integer up to %d", most);
        return *bad ? -1 : v->type == CV_INT ? (int)v->u.i : v->u.b;
    }
    for (; *at < s->n && s->s[*at] >= '0' && s->s[*at] <= '9'; ++*at) {
        n = (n < 0 ? 0 : n) * 10 + (s->s[*at] - '0');
        if (n <= most) continue;
        *bad = true;
        chat_fail(p->r, "a width or precision of more than %d", most);
        return -1;
    }
    return n;
}

static int read_form(struct percent *p, size_t *at, struct chat_form *f)
{
    const struct cstr *s = p->fmt;
    bool bad, left = false;
    *f = (struct chat_form){.width = -1, .precision = -1};
    for (; *at < s->n && s->s[*at] && strchr("-+ #0", s->s[*at]); ++*at) {
        char c = s->s[*at];
        left |= c == '-';
        f->alt |= c == '#';
        f->zero |= c == '0';
        if (c == '+' || (c == ' ' && !f->sign)) f->sign = c;
    }
    f->width = number_at(p, at, FORM_MOST_WIDTH, &bad);
    if (bad) return -1;
    if (f->width < -1) left = true, f->width = -f->width;
    if (*at < s->n && s->s[*at] == '.') {
        ++*at;
        f->precision = number_at(p, at, FORM_MOST_PRECISION, &bad);
        if (f->precision < 0) f->precision = 0;
    }
    if (*at < s->n && s->s[*at] && strchr("hlL", s->s[*at])) ++*at;
    f->align = left ? '<' : '>';
    return bad ? -1 : 0;
}

/* %c: a character, or its number. */
static int add_char(struct percent *p, const struct cv *v, const struct chat_form *f)
{
    struct chat_text one = {{0}, {0}};
    bool text = v->type == CV_STRING && utf8_count(v->u.s->s, v->u.s->n) == 1;
    char c[4];
    int64_t cp = v->type == CV_INT ? v->u.i : v->type == CV_BOOL ? v->u.b : -1;
    int n = cp >= 0 && cp <= 0x10FFFF ? utf8_encode((uint32_t)cp, c) : 0;
    if (!text && n <= 0) return chat_fail(p->r, "'%%c' wants a character or the number of one");
    if (text) chat_text_adds(&one, v->u.s);
    else chat_text_add(&one, c, (size_t)n, 0);
    chat_form_fill(&p->out, &one, 0, f, '>');
    chat_text_free(&one);
    return 0;
}

static int add_text(struct percent *p, const struct cv *v, const struct chat_form *f)
{
    struct chat_text text = {{0}, {0}};
    struct cv escaped;
    int ret = chat_form_text(p->r, &text, v, f->type);
    if (p->escape && !(v->type == CV_STRING && v->safe && f->type == 's')) {
        ret = chat_finish(p->r, &text, ret, 0, &escaped) || chat_escape(p->r, &escaped, &escaped) ? -1 : 0;
        if (ret == 0) chat_text_adds(&text, escaped.u.s);
    }
    if (ret == 0) chat_form_cut(&text, f);
    if (ret == 0) chat_form_fill(&p->out, &text, 0, f, '>');
    chat_text_free(&text);
    return ret;
}

static int bad_value(struct percent *p, char type)
{
    return chat_fail(p->r, "'%%%c' is not a format for this value", type ? type : ' ');
}

static int add_number(struct percent *p, const struct cv *v, struct chat_form *f)
{
    struct cv whole = *v;
    bool integer = strchr("diuxXo", f->type) != NULL, decimal = strchr("diu", f->type) != NULL;
    if (!cv_is_number(v) || (integer && !decimal && (v->type == CV_FLOAT || p->escape))) return bad_value(p, f->type);
    if (integer && v->type == CV_FLOAT) {
        if (!(fabs(v->u.f) < 9.2e18)) return bad_value(p, f->type);
        whole = cv_int((int64_t)v->u.f);
    }
    if (decimal) f->type = 'd';
    if (f->zero && f->align != '<') {
        f->fill[0] = '0';
        f->align = '=';
    }
    return chat_form_number(p->r, &p->out, &whole, f);
}

/* What begins behind the "%" at fmt[*at]. */
static int add_field(struct percent *p, size_t *at)
{
    const struct cstr *s = p->fmt;
    const struct cv *v = NULL;
    struct chat_form f;
    if (*at < s->n && s->s[*at] == '%') return chat_text_addc(&p->out, '%', cstr_mark(s, (*at)++)), 0;
    if (*at < s->n && s->s[*at] == '(' && !(v = named_value(p, at))) return -1;
    if (read_form(p, at, &f)) return -1;
    if (*at >= s->n) return chat_fail(p->r, "a '%%' at the end of the format");
    f.type = s->s[(*at)++];
    if (!f.type || !strchr("diuxXoeEfFgGcrsa", f.type)) return bad_value(p, f.type);
    if (!v && !(v = next_value(p))) return -1;
    if (strchr("sra", f.type)) return add_text(p, v, &f);
    return f.type == 'c' ? add_char(p, v, &f) : add_number(p, v, &f);
}

int chat_percent(struct chat_run *r, const struct cstr *fmt, bool escape, const struct cv *values, struct cv *out)
{
    struct percent p = {.r = r, .fmt = fmt, .escape = escape, .values = values};
    int ret = 0;
    for (size_t i = 0; ret == 0 && i < fmt->n;) {
        const char *next = memchr(fmt->s + i, '%', fmt->n - i);
        size_t end = next ? (size_t)(next - fmt->s) : fmt->n;
        chat_text_part(&p.out, fmt, i, end);
        i = end + 1;
        if (next) ret = add_field(&p, &i);
        if (ret == 0) ret = chat_step(r, 1);
        if (p.out.text.oom || p.out.text.len > r->mem.limit) ret = chat_oom(r);
    }
    size_t n = values->type == CV_TUPLE ? values->u.l->n : 1;
    if (ret == 0 && p.used < n && !p.named && !has_items(values)) ret = chat_fail(r, "not all values are used by the format");
    if (chat_finish(r, &p.out, ret, p.out.text.len / 64, out)) return -1;
    out->safe = escape;
    return 0;
}
