/* What strings are asked about their characters, and strings filled to a width. */
#include "core/base/json.h"
#include "core/token/chat_method.h"
#include "core/token/uni_props.h"

typedef bool char_fn(uint32_t cp);

/* All characters are of a kind, and there is one. */
static int all_are(struct chat_run *r, const struct cv *self, char_fn *is, struct cv *out)
{
    const struct cstr *s = self->u.s;
    bool yes = s->n > 0;
    struct uni_char c;
    for (size_t i = 0; i < s->n && yes; i += c.len) {
        c = cstr_char(s, i);
        yes = c.cp != UNI_BAD && is(c.cp);
    }
    *out = cv_bool(yes);
    return chat_step(r, s->n / 64);
}

static bool decimal(uint32_t cp)
{
    return uni_category(cp) == UNI_Nd;
}

/* Superscripts, circled digits and others that stand for a digit without being one of a number. */
static bool digit(uint32_t cp)
{
    static const uint32_t ranges[][2] = {
        {0xB2, 0xB3},     {0xB9, 0xB9},       {0x1369, 0x1371},   {0x19DA, 0x19DA},   {0x2070, 0x2070},   {0x2074, 0x2079},
        {0x2080, 0x2089}, {0x2460, 0x2468},   {0x2474, 0x247C},   {0x2488, 0x2490},   {0x24EA, 0x24EA},   {0x24F5, 0x24FD},
        {0x24FF, 0x24FF}, {0x2776, 0x277E},   {0x2780, 0x2788},   {0x278A, 0x2792},   {0x10A40, 0x10A43}, {0x10E60, 0x10E68},
        {0x11052, 0x1105A}, {0x1F100, 0x1F10A}};
    for (size_t i = 0; i < COUNT_OF(ranges); i++)
        if (cp >= ranges[i][0] && cp <= ranges[i][1]) return true;
    return decimal(cp);
}

static bool letter(uint32_t cp)
{
    return (uni_class(cp) & UNI_L) != 0;
}

/* isnumeric() is also true of Chinese numerals, which are letters. */
static bool numeral(uint32_t cp)
{
    return (uni_class(cp) & UNI_N) != 0;
}

static bool alnum(uint32_t cp)
{
    return letter(cp) || numeral(cp);
}

static bool ascii(uint32_t cp)
{
    return cp < 0x80;
}

int chat_isdigit(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return all_are(r, self, digit, out);
}

int chat_isdecimal(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return all_are(r, self, decimal, out);
}

int chat_isnumeric(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    struct cv letters = cv_bool(false);
    (void)a;
    if (all_are(r, self, numeral, out) || all_are(r, self, alnum, &letters)) return -1;
    if (out->u.b || !letters.u.b) return 0;
    for (size_t i = 0; i < self->u.s->n; i++)
        if ((self->u.s->s[i] & 0x80) == 0 && !numeral((uint8_t)self->u.s->s[i])) return 0; /* a letter that is no numeral */
    return chat_fail(r, "isnumeric() of letters is not supported");
}

int chat_isalpha(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return all_are(r, self, letter, out);
}

int chat_isalnum(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return all_are(r, self, alnum, out);
}

int chat_isspace(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return all_are(r, self, chat_white, out);
}

int chat_isascii(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    if (all_are(r, self, ascii, out)) return -1;
    if (self->u.s->n == 0) *out = cv_bool(true);
    return 0;
}

int chat_isupper(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    *out = cv_bool(chat_is_case(self->u.s, true));
    return chat_step(r, self->u.s->n / 64);
}

int chat_islower(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    *out = cv_bool(chat_is_case(self->u.s, false));
    return chat_step(r, self->u.s->n / 64);
}

/* ---- widths ---- */

enum { MOST_WIDTH = 100000 };

/* left and right: characters to put there. */
static int filled(struct chat_run *r, const struct cstr *s, const struct cstr *with, size_t left, size_t right, struct cv *out)
{
    struct chat_text t = {{0}, {0}};
    for (size_t i = 0; i < left; i++) chat_text_adds(&t, with);
    chat_text_adds(&t, s);
    for (size_t i = 0; i < right; i++) chat_text_adds(&t, with);
    int ret = cv_text(&r->mem, &t, out) ? chat_step(r, t.text.len / 64) : chat_oom(r);
    chat_text_free(&t);
    return ret;
}

/* width and fill of the arguments; *missing: characters that are to be added. */
static int width_of(struct chat_run *r, const struct cstr *s, const struct chat_args *a, const struct cstr **with, size_t *missing)
{
    int64_t width = 0;
    size_t have = utf8_count(s->s, s->n);
    if (a->n < 1 || chat_int_arg(r, a, 0, "width", &width) || chat_string_arg(r, a, 1, "fillchar", with))
        return a->n < 1 ? chat_fail(r, "a width is needed") : -1;
    if (width > MOST_WIDTH) return chat_fail(r, "a width of more than %d", MOST_WIDTH);
    if (utf8_count((*with)->s, (*with)->n) != 1) return chat_fail(r, "what fills is one character");
    *missing = width > (int64_t)have ? (size_t)width - have : 0;
    return 0;
}

static const struct cstr space = {" ", 1, NULL, 0}, zero = {"0", 1, NULL, 0};

int chat_center(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cstr *with = &space;
    size_t n;
    if (width_of(r, self->u.s, a, &with, &n)) return -1;
    size_t have = utf8_count(self->u.s->s, self->u.s->n), left = n / 2 + (n & (have + n) & 1);
    return filled(r, self->u.s, with, left, n - left, out);
}

int chat_ljust(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cstr *with = &space;
    size_t n;
    return width_of(r, self->u.s, a, &with, &n) ? -1 : filled(r, self->u.s, with, 0, n, out);
}

int chat_rjust(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cstr *with = &space;
    size_t n;
    return width_of(r, self->u.s, a, &with, &n) ? -1 : filled(r, self->u.s, with, n, 0, out);
}

int chat_zfill(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cstr *with = &zero, *s = self->u.s;
    size_t n;
    struct cv sign, rest;
    if (a->n > 1) return chat_fail(r, "zfill needs a width");
    if (width_of(r, s, a, &with, &n)) return -1;
    size_t signs = s->n && (s->s[0] == '-' || s->s[0] == '+');
    if (!cv_slice(&r->mem, s, 0, signs, &sign) || !cv_slice(&r->mem, s, signs, s->n, &rest)) return chat_oom(r);
    return filled(r, rest.u.s, with, n, 0, &rest) ? -1 : chat_binary(r, OP_CONCAT, &sign, &rest, out);
}
