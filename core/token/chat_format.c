/* "{} {0[a].b!r:>10}".format(...), as Python has it in Jinja's sandbox. */
#include <math.h>
#include <string.h>

#include "core/base/json.h"
#include "core/token/chat_format.h"

enum { MOST_NESTED = 3 }; /* a format, the form of a field, and that of a field in it, which has none */

struct format {
    struct chat_run *r;
    const struct chat_args *a;
    bool escape;             /* what enters is escaped */
    int64_t next;            /* of {}; -1 where fields have numbers */
    bool counted;            /* a {} was there */
};

static int format_into(struct format *x, const struct cstr *s, int depth, struct chat_text *out);

/* The digits at s[0, n) as a number; -1: it is none, or a large one. */
static int64_t number_of(const char *s, size_t n)
{
    int64_t v = 0;
    if (n == 0 || n > 9) return -1;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return -1;
        v = v * 10 + (s[i] - '0');
    }
    return v;
}

/* ---- the value of a field ---- */

/* whole: nothing follows the name; only then Python counts the field. */
static const struct cv *first_value(struct format *x, const char *s, size_t n, bool whole)
{
    int64_t at = number_of(s, n);
    struct cstr name = {s, n, NULL, 0};
    if (at >= 0 || (n == 0 && whole)) {
        if (whole && (at >= 0 ? x->counted : x->next < 0)) {
            chat_fail(x->r, "format: fields with and without numbers");
            return NULL;
        }
        if (n == 0) at = x->next++, x->counted = true;
        else if (whole) x->next = -1;
        if ((size_t)at < x->a->n && !x->a->key[at]) return &x->a->v[at];
        chat_fail(x->r, "format: nothing for field %lld", (long long)at);
        return NULL;
    }
    for (size_t k = 0; k < x->a->n; k++)
        if (x->a->key[k] && cstr_equal(x->a->key[k], &name)) return &x->a->v[k];
    chat_fail(x->r, "format: nothing for the field '{%.*s}'", (int)n, s);
    return NULL;
}

/* "name.attribute[item]" */
static int field_value(struct format *x, const struct cstr *s, struct cv *out)
{
    size_t at = 0;
    while (at < s->n && s->s[at] != '.' && s->s[at] != '[') at++;
    const struct cv *v = first_value(x, s->s, at, at == s->n);
    if (!v) return -1;
    *out = *v;
    while (at < s->n) {
        bool item = s->s[at++] == '[';
        size_t from = at;
        while (at < s->n && (item ? s->s[at] != ']' : s->s[at] != '.' && s->s[at] != '[')) at++;
        struct cv key, of = *out;
        if (at == from || (item && at >= s->n)) return chat_fail(x->r, "format: the field '{%.*s}' is not complete", (int)s->n, s->s);
        int64_t number = item ? number_of(s->s + from, at - from) : -1;
        if (number >= 0) key = cv_int(number);
        else if (!cv_slice(&x->r->mem, s, from, at, &key)) return chat_oom(x->r);
        if (item ? chat_item(x->r, &of, &key, out) : chat_attribute(x->r, &of, key.u.s, out)) return -1;
        at += item;
        if (item && at < s->n && s->s[at] != '.' && s->s[at] != '[')
            return chat_fail(x->r, "format: '.' or '[' is expected behind ']'");
    }
    return 0;
}

/* ---- how it is written ---- */

static bool is_align(char c)
{
    return c == '<' || c == '>' || c == '^' || c == '=';
}

static int read_number(const struct cstr *s, size_t *at, int most)
{
    int n = -1;
    for (; *at < s->n && s->s[*at] >= '0' && s->s[*at] <= '9'; ++*at) {
        n = (n < 0 ? 0 : n) * 10 + (s->s[*at] - '0');
        if (n > most) return -2;
    }
    return n;
}

/* "[[fill]align][sign][#][0][width][,_][.precision][type]" */
static int read_spec(struct chat_run *r, const struct cstr *s, struct chat_form *f)
{
    size_t at = 0, len = s->n ? cstr_char(s, 0).len : 0;
    *f = (struct chat_form){.width = -1, .precision = -1};
    if (len < s->n && is_align(s->s[len])) {
        memcpy(f->fill, s->s, len);
        f->mark = cstr_mark(s, 0);
        f->align = s->s[len];
        at = len + 1;
    } else if (s->n && is_align(s->s[0])) {
        f->align = s->s[at++];
    }
    if (at < s->n && s->s[at] && strchr("+- ", s->s[at])) f->sign = s->s[at++];
    if (at < s->n && s->s[at] == '#') f->alt = true, at++;
    if (at < s->n && s->s[at] == '0') f->zero = true, at++;
    f->width = read_number(s, &at, FORM_MOST_WIDTH);
    if (at < s->n && (s->s[at] == ',' || s->s[at] == '_')) f->group = s->s[at++];
    if (at < s->n && s->s[at] == '.') {
        at++;
        f->precision = read_number(s, &at, FORM_MOST_PRECISION);
        if (f->precision == -1) return chat_fail(r, "format: no precision behind '.'");
    }
    if (f->width == -2 || f->precision == -2)
        return chat_fail(r, "format: a width of more than %d or a precision of more than %d", FORM_MOST_WIDTH, FORM_MOST_PRECISION);
    if (at < s->n) f->type = s->s[at++];
    if (at < s->n) return chat_fail(r, "format: '%.*s' is no form", (int)s->n, s->s);
    return 0;
}

static int bad_form(struct chat_run *r, const struct cv *v, const struct cstr *spec)
{
    return chat_fail(r, "format: '%.*s' is no form for a value of type %s", (int)spec->n, spec->s, cv_type_name(v));
}

static int add_text(struct chat_run *r, const struct cv *v, const struct cstr *spec, struct chat_form *f, struct chat_text *out)
{
    struct chat_text text = {{0}, {0}};
    if ((f->type && f->type != 's') || f->sign || f->alt || f->group || f->align == '=') return bad_form(r, v, spec);
    if (f->zero && !f->fill[0]) f->fill[0] = '0';
    chat_text_adds(&text, v->u.s);
    chat_form_cut(&text, f);
    chat_form_fill(out, &text, 0, f, '<');
    chat_text_free(&text);
    return chat_step(r, v->u.s->n / 64);
}

/* An integer by "c": the character of that number. */
static int add_char(struct chat_run *r, const struct cv *v, const struct cstr *spec, struct chat_form *f, struct chat_text *out)
{
    struct chat_text text = {{0}, {0}};
    char c[4];
    int64_t cp = v->type == CV_BOOL ? v->u.b : v->u.i;
    int n = cp >= 0 && cp <= 0x10FFFF ? utf8_encode((uint32_t)cp, c) : 0;
    if (f->sign || f->alt || f->group || n <= 0) return bad_form(r, v, spec);
    chat_text_add(&text, c, (size_t)n, 0);
    chat_form_fill(out, &text, 0, f, '>');
    chat_text_free(&text);
    return 0;
}

static int add_number(struct chat_run *r, const struct cv *v, const struct cstr *spec, struct chat_form *f, struct chat_text *out)
{
    bool integer = v->type != CV_FLOAT, wide = f->type && strchr("eEfFgG%", f->type);
    bool bits = f->type && strchr("bxXo", f->type);
    struct cv real = cv_float(integer ? cv_number(v) : v->u.f);
    if (!strchr(integer ? "bcdoxXneEfFgG%" : "eEfFgGn%", f->type)) return bad_form(r, v, spec); /* "" ends in 0, which is found */
    if (integer && !wide && (f->precision >= 0 || (f->group == ',' && bits))) return bad_form(r, v, spec);
    if (f->group && f->type == 'n') return bad_form(r, v, spec);
    if (f->zero && !f->fill[0]) {
        f->fill[0] = '0';
        if (!f->align) f->align = '=';
    }
    if (integer && f->type == 'c') return add_char(r, v, spec, f, out);
    if (f->sign == '-') f->sign = 0;
    return chat_form_number(r, out, integer && wide ? &real : v, f);
}

static int add_value(struct format *x, const struct cv *v, const struct cstr *spec, struct chat_text *out)
{
    struct chat_run *r = x->r;
    struct chat_form f;
    if (spec->n == 0) return chat_write(r, out, v);
    if (x->escape && v->type == CV_STRING && v->safe) return chat_fail(r, "format: no form for what is marked safe");
    if (v->type != CV_STRING && !cv_is_number(v)) return bad_form(r, v, spec);
    if (read_spec(r, spec, &f)) return -1;
    return v->type == CV_STRING ? add_text(r, v, spec, &f, out) : add_number(r, v, spec, &f, out);
}

static int add_field(struct format *x, const struct cv *v, const struct cstr *spec, struct chat_text *out)
{
    struct chat_text text = {{0}, {0}};
    struct cv whole;
    if (!x->escape || (v->type == CV_STRING && v->safe)) return add_value(x, v, spec, out);
    if (chat_finish(x->r, &text, add_value(x, v, spec, &text), 0, &whole) || chat_escape(x->r, &whole, &whole)) return -1;
    chat_text_adds(out, whole.u.s);
    return 0;
}

/* The field between s[from - 1] = '{' and the '}' that ends it, at *end. */
static int find_end(struct format *x, const struct cstr *s, size_t from, size_t *end)
{
    size_t depth = 1;
    for (size_t i = from; i < s->n; i++) {
        depth += s->s[i] == '{';
        if (s->s[i] != '}' || --depth) continue;
        *end = i;
        return 0;
    }
    return chat_fail(x->r, "format: a '{' is not closed");
}

/* "name!conversion:spec" */
static int one_field(struct format *x, const struct cstr *s, size_t from, size_t to, int depth, struct chat_text *out)
{
    size_t at = from;
    bool item = false;
    for (; at < to && (item || (s->s[at] != '!' && s->s[at] != ':')); at++) {
        if (s->s[at] == '[') item = true;
        if (s->s[at] == ']') item = false;
        if (s->s[at] == '{' && !item) return chat_fail(x->r, "format: a '{' in the name of a field");
    }
    struct cv name, rest, v, text;
    struct chat_text spec = {{0}, {0}}, converted = {{0}, {0}};
    if (!cv_slice(&x->r->mem, s, from, at, &name) || field_value(x, name.u.s, &v)) return -1;
    char letter = at < to && s->s[at] == '!' ? at + 1 < to ? s->s[at + 1] : '?' : 0;
    if (letter) at += 2;
    if (letter && (!strchr("sra", letter) || (at < to && s->s[at] != ':'))) return chat_fail(x->r, "format: '!' is followed by s, r or a");
    if (!cv_slice(&x->r->mem, s, at < to ? at + 1 : to, to, &rest)) return chat_oom(x->r);
    if (letter && chat_finish(x->r, &converted, chat_form_text(x->r, &converted, &v, letter), 0, &v)) return -1;
    if (chat_finish(x->r, &spec, format_into(x, rest.u.s, depth + 1, &spec), 0, &text)) return -1;
    return add_field(x, &v, text.u.s, out);
}

static int format_into(struct format *x, const struct cstr *s, int depth, struct chat_text *out)
{
    if (depth > MOST_NESTED) return chat_fail(x->r, "format: fields in forms of fields of forms");
    for (size_t i = 0, end; i < s->n; i = end + 1) {
        char c = s->s[i];
        bool twice = i + 1 < s->n && s->s[i + 1] == c;
        end = i;
        if (c == '{' && !twice) {
            if (find_end(x, s, i + 1, &end) || one_field(x, s, i + 1, end, depth, out) || chat_step(x->r, 1)) return -1;
        } else if (c == '}' && !twice) {
            return chat_fail(x->r, "format: a '}' alone");
        } else {
            end = c == '{' || c == '}' ? i + 1 : i;
            chat_text_part(out, s, i, i + 1);
        }
        if (out->text.oom || out->text.len > x->r->mem.limit) return chat_oom(x->r);
    }
    return 0;
}

int chat_format(struct chat_run *r, const struct cv *fmt, const struct chat_args *a, struct cv *out)
{
    struct format x = {.r = r, .a = a, .escape = fmt->safe};
    struct chat_text t = {{0}, {0}};
    bool safe = fmt->safe;
    int ret = format_into(&x, fmt->u.s, 1, &t);
    if (chat_finish(r, &t, ret, t.text.len / 64, out)) return -1;
    out->safe = safe;
    return 0;
}
