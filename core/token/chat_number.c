/* Numbers in the forms of Python's % and format(). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/token/chat_format.h"

/* A number taken apart: sign and prefix, digits before the point, the rest. */
struct parts {
    char lead[4];
    char digits[FORM_MOST_PRECISION + 320];
    const char *rest; /* behind them, within digits */
    size_t n;         /* digits before the rest */
    bool name;        /* nan, inf: no digits */
};

static void set_sign(struct parts *p, bool negative, const struct chat_form *f)
{
    p->lead[0] = negative ? '-' : f->sign;
    p->lead[1] = 0;
}

static void write_integer(struct parts *p, int64_t v, const struct chat_form *f)
{
    uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    char t = f->type;
    unsigned base = t == 'b' ? 2 : t == 'o' ? 8 : t == 'x' || t == 'X' ? 16 : 10;
    const char *letters = t == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char back[72];
    size_t n = 0, k = 0;
    set_sign(p, v < 0, f);
    if (f->alt && base != 10) {
        size_t at = strlen(p->lead);
        p->lead[at] = '0';
        p->lead[at + 1] = t;
        p->lead[at + 2] = 0;
    }
    do back[n++] = letters[left % base];
    while (left /= base);
    for (int i = (int)n; i < f->precision && k < FORM_MOST_PRECISION; i++) p->digits[k++] = '0';
    while (n) p->digits[k++] = back[--n];
    p->digits[k] = 0;
    p->n = k;
    p->rest = p->digits + k;
}

/* Without the zeros at the end of s[0, n), and the point before them. */
static size_t without_zeros(const char *s, size_t n)
{
    if (!memchr(s, '.', n)) return n;
    while (s[n - 1] == '0') n--;
    return n - (s[n - 1] == '.');
}

/* "%.{precision}g".  plain: as Python writes a number without a letter, with a digit behind the point
 * at least, and an exponent one power earlier. */
static void write_short(char *text, size_t size, double v, int precision, bool alt, bool plain)
{
    char sci[FORM_MOST_PRECISION + 40];
    int digits = precision > 0 ? precision : 1;
    snprintf(sci, sizeof sci, "%.*e", digits - 1, v);
    const char *e = strchr(sci, 'e');
    int exp10 = atoi(e + 1);
    bool exponent = exp10 < -4 || exp10 >= digits - plain;
    if (!exponent) snprintf(text, size, "%.*f", digits - 1 - exp10, v);
    size_t n = exponent ? (size_t)(e - sci) : strlen(text);
    if (exponent) memcpy(text, sci, n);
    if (!alt) n = without_zeros(text, n);
    bool point = memchr(text, '.', n) != NULL;
    snprintf(text + n, size - n, "%s%s", point ? "" : !exponent && plain ? ".0" : alt ? "." : "", exponent ? e : "");
}

/* The shortest digits that are v; alt: there is a point. */
static void write_repr(char *text, size_t size, double v, bool alt)
{
    struct buf b = {0};
    cv_write_float(&b, v);
    if (!b.oom) {
        size_t n = strcspn(b.data, "e");
        snprintf(text, size, "%.*s%s%s", (int)n, b.data, alt && !memchr(b.data, '.', n) ? "." : "", b.data + n);
    }
    buf_free(&b);
}

static void to_capitals(char *text)
{
    for (; *text; text++)
        if (*text >= 'a' && *text <= 'z') *text = (char)(*text - 'a' + 'A');
}

static int write_real(struct chat_run *r, struct parts *p, double of, const struct chat_form *f)
{
    char *text = p->digits, t = (char)(f->type | (f->type ? 0x20 : 0));
    size_t size = sizeof p->digits - 2;
    int precision = f->precision < 0 ? 6 : f->precision;
    double v = fabs(of);
    set_sign(p, signbit(of) && !isnan(of), f);
    if (precision > FORM_MOST_PRECISION) return chat_fail(r, "a precision of more than %d", FORM_MOST_PRECISION);
    if (f->type == '%') t = 'f', v *= 100;
    if (isnan(v) || isinf(v)) snprintf(text, size, "%s", isnan(v) ? "nan" : "inf");
    else if (t == 0 && f->precision < 0) write_repr(text, size, v, f->alt);
    else if (t == 0 || t == 'g' || t == 'n') write_short(text, size, v, precision, f->alt, t == 0);
    else if (t == 'e') snprintf(text, size, f->alt ? "%#.*e" : "%.*e", precision, v);
    else snprintf(text, size, f->alt ? "%#.*f" : "%.*f", precision, v);
    if (f->type && f->type != t && f->type != '%') to_capitals(text);
    if (f->type == '%') strcat(text, "%");
    p->name = !isfinite(v);
    p->n = p->name ? 3 : strspn(text, "0123456789");
    p->rest = text + p->n;
    return 0;
}

/* The digits with a mark between groups, at least `width` of all; zeros in front count as digits. */
static void add_groups(struct chat_text *out, const struct parts *p, const struct chat_form *f, int width)
{
    bool three = f->type != 'b' && f->type != 'o' && f->type != 'x' && f->type != 'X';
    size_t each = three ? 3 : 4, need = p->n;
    while (width > 0 && need + (need - 1) / each < (size_t)width) need++;
    for (size_t i = need; i-- > 0;) {
        chat_text_addc(out, i < p->n ? p->digits[p->n - 1 - i] : '0', 0);
        if (i && i % each == 0) chat_text_addc(out, f->group, 0);
    }
}

int chat_form_number(struct chat_run *r, struct chat_text *out, const struct cv *v, const struct chat_form *f)
{
    struct parts *p = chat_alloc(&r->mem, 1, sizeof *p);
    struct chat_text text = {{0}, {0}};
    bool real = v->type == CV_FLOAT || (f->type && strchr("eEfFgG%", f->type));
    if (!p) return chat_oom(r);
    p->name = false;
    if (!real) write_integer(p, v->type == CV_BOOL ? v->u.b : v->u.i, f);
    else if (write_real(r, p, cv_number(v), f)) return -1;
    size_t lead = strlen(p->lead);
    chat_text_add(&text, p->lead, lead, 0);
    bool inside = f->fill[0] == '0' && f->align == '=' && f->width > 0;
    int width = inside ? f->width - (int)(lead + strlen(p->rest)) : 0;
    if (f->group && !p->name) add_groups(&text, p, f, width);
    else chat_text_add(&text, p->digits, p->n, 0);
    chat_text_add(&text, p->rest, strlen(p->rest), 0);
    chat_form_fill(out, &text, lead, f, '>');
    chat_text_free(&text);
    return 0;
}

void chat_form_fill(struct chat_text *out, const struct chat_text *s, size_t lead, const struct chat_form *f, char usual)
{
    char align = f->align ? f->align : usual;
    size_t have = utf8_count(s->text.data, s->text.len), missing = f->width > 0 && (size_t)f->width > have ? (size_t)f->width - have : 0;
    size_t before = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
    const char *fill = f->fill[0] ? f->fill : " ";
    struct cstr all = {buf_text(&s->text), s->text.len, (const uint8_t *)s->marks.data, 0};
    if (s->text.oom || s->marks.oom) out->text.oom = true;
    if (align != '=') lead = 0;
    chat_text_part(out, &all, 0, lead);
    chat_text_repeat(out, fill, strlen(fill), before, f->mark);
    chat_text_part(out, &all, lead, all.n);
    chat_text_repeat(out, fill, strlen(fill), missing - before, f->mark);
}

void chat_form_cut(struct chat_text *t, const struct chat_form *f)
{
    if (f->precision < 0 || !t->text.data) return;
    t->text.len = utf8_offset(t->text.data, t->text.len, (size_t)f->precision);
    if (t->marks.len > t->text.len) t->marks.len = t->text.len;
}

/* What ascii() leaves as it is, it takes from repr(). */
static void add_ascii(struct chat_text *out, const struct chat_text *in)
{
    const struct cstr s = {buf_text(&in->text), in->text.len, (const uint8_t *)in->marks.data, 0};
    char escape[16];
    for (size_t i = 0; i < s.n;) {
        struct uni_char c = cstr_char(&s, i);
        if (c.cp < 0x80 || c.cp == UNI_BAD) {
            chat_text_part(out, &s, i, i + 1);
        } else {
            snprintf(escape, sizeof escape, c.cp < 0x100 ? "\\x%02x" : c.cp < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)c.cp);
            chat_text_add(out, escape, strlen(escape), 0);
        }
        i += c.len;
    }
}

int chat_form_text(struct chat_run *r, struct chat_text *out, const struct cv *v, char letter)
{
    struct chat_text text = {{0}, {0}};
    if (letter == 's') return chat_write(r, out, v);
    if (!cv_has_text(&r->mem, v)) return chat_fail(r, "a value of type %s has no text that means anything", cv_type_name(v));
    cv_repr(letter == 'a' ? &text : out, v, 0, 0);
    if (letter == 'a') add_ascii(out, &text);
    if (text.text.oom || text.marks.oom) out->text.oom = true;
    chat_text_free(&text);
    return chat_step(r, out->text.len / 64);
}
