/* What strings are asked about their characters, and strings filled to a width. */
#include "core/token/chat_format.h"
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
    static const struct uni_range others[] = {
        {0xB2, 0xB3},     {0xB9, 0xB9},       {0x1369, 0x1371},   {0x19DA, 0x19DA},   {0x2070, 0x2070},   {0x2074, 0x2079},
        {0x2080, 0x2089}, {0x2460, 0x2468},   {0x2474, 0x247C},   {0x2488, 0x2490},   {0x24EA, 0x24EA},   {0x24F5, 0x24FD},
        {0x24FF, 0x24FF}, {0x2776, 0x277E},   {0x2780, 0x2788},   {0x278A, 0x2792},   {0x10A40, 0x10A43}, {0x10E60, 0x10E68},
        {0x11052, 0x1105A}, {0x1F100, 0x1F10A}};
    return decimal(cp) || uni_in_ranges(others, COUNT_OF(others), cp);
}

static bool letter(uint32_t cp)
{
    return (uni_class(cp) & UNI_L) != 0;
}

static bool numeral(uint32_t cp)
{
    return (uni_class(cp) & UNI_N) != 0;
}

/* Chinese numerals are letters that stand for a number. */
static bool numeric(uint32_t cp)
{
    static const struct uni_range letters[] = {
        {0x3405, 0x3405}, {0x3483, 0x3483}, {0x382A, 0x382A}, {0x3B4D, 0x3B4D}, {0x4E00, 0x4E00}, {0x4E03, 0x4E03}, {0x4E07, 0x4E07},
        {0x4E09, 0x4E09}, {0x4E5D, 0x4E5D}, {0x4E8C, 0x4E8C}, {0x4E94, 0x4E94}, {0x4E96, 0x4E96}, {0x4EBF, 0x4EC0}, {0x4EDF, 0x4EDF},
        {0x4EE8, 0x4EE8}, {0x4F0D, 0x4F0D}, {0x4F70, 0x4F70}, {0x5104, 0x5104}, {0x5146, 0x5146}, {0x5169, 0x5169}, {0x516B, 0x516B},
        {0x516D, 0x516D}, {0x5341, 0x5341}, {0x5343, 0x5345}, {0x534C, 0x534C}, {0x53C1, 0x53C4}, {0x56DB, 0x56DB}, {0x58F1, 0x58F1},
        {0x58F9, 0x58F9}, {0x5E7A, 0x5E7A}, {0x5EFE, 0x5EFF}, {0x5F0C, 0x5F0E}, {0x5F10, 0x5F10}, {0x62FE, 0x62FE}, {0x634C, 0x634C},
        {0x67D2, 0x67D2}, {0x6F06, 0x6F06}, {0x7396, 0x7396}, {0x767E, 0x767E}, {0x8086, 0x8086}, {0x842C, 0x842C}, {0x8CAE, 0x8CAE},
        {0x8CB3, 0x8CB3}, {0x8D30, 0x8D30}, {0x9621, 0x9621}, {0x9646, 0x9646}, {0x964C, 0x964C}, {0x9678, 0x9678}, {0x96F6, 0x96F6},
        {0xF96B, 0xF96B}, {0xF973, 0xF973}, {0xF978, 0xF978}, {0xF9B2, 0xF9B2}, {0xF9D1, 0xF9D1}, {0xF9D3, 0xF9D3}, {0xF9FD, 0xF9FD},
        {0x20001, 0x20001}, {0x20064, 0x20064}, {0x200E2, 0x200E2}, {0x20121, 0x20121}, {0x2092A, 0x2092A}, {0x20983, 0x20983},
        {0x2098C, 0x2098C}, {0x2099C, 0x2099C}, {0x20AEA, 0x20AEA}, {0x20AFD, 0x20AFD}, {0x20B19, 0x20B19}, {0x22390, 0x22390},
        {0x22998, 0x22998}, {0x23B1B, 0x23B1B}, {0x2626D, 0x2626D}, {0x2F890, 0x2F890}};
    return numeral(cp) || uni_in_ranges(letters, COUNT_OF(letters), cp);
}

static bool alnum(uint32_t cp)
{
    return letter(cp) || numeral(cp);
}

static bool ascii(uint32_t cp)
{
    return cp < 0x80;
}

int method_isdigit(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return all_are(r, self, digit, out);
}

int method_isdecimal(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return all_are(r, self, decimal, out);
}

int method_isnumeric(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return all_are(r, self, numeric, out);
}

int method_isalpha(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return all_are(r, self, letter, out);
}

int method_isalnum(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return all_are(r, self, alnum, out);
}

int method_isspace(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return all_are(r, self, chat_white, out);
}

int method_isascii(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    if (all_are(r, self, ascii, out)) return -1;
    if (self->u.s->n == 0) *out = cv_bool(true);
    return 0;
}

int method_isupper(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    *out = cv_bool(chat_is_case(self->u.s, true));
    return chat_step(r, self->u.s->n / 16);
}

int method_islower(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    *out = cv_bool(chat_is_case(self->u.s, false));
    return chat_step(r, self->u.s->n / 16);
}

int method_istitle(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    *out = cv_bool(chat_is_title(self->u.s));
    return chat_step(r, self->u.s->n / 16);
}

int method_isprintable(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    if (all_are(r, self, cv_printable, out)) return -1;
    if (self->u.s->n == 0) *out = cv_bool(true);
    return 0;
}

/* Unicode's XID_Start and XID_Continue: letters, marks and digits with these exceptions. */
static bool in_identifier(uint32_t cp, bool first)
{
    static const struct uni_range starts[] = {{'_', '_'}, {0x1885, 0x1886}, {0x2118, 0x2118}, {0x212E, 0x212E}};
    static const struct uni_range goes_on[] = {{0xB7, 0xB7}, {0x387, 0x387}, {0x1369, 0x1371}, {0x19DA, 0x19DA}};
    static const struct uni_range never[] = {{0x37A, 0x37A}, {0x2E2F, 0x2E2F}, {0xFC5E, 0xFC63}, {0xFDFA, 0xFDFB}, {0xFE70, 0xFE70},
                                         {0xFE72, 0xFE72}, {0xFE74, 0xFE74}, {0xFE76, 0xFE76}, {0xFE78, 0xFE78}, {0xFE7A, 0xFE7A},
                                         {0xFE7C, 0xFE7C}, {0xFE7E, 0xFE7E}};
    static const struct uni_range not_first[] = {{0xE33, 0xE33}, {0xEB3, 0xEB3}, {0xFF9E, 0xFF9F}};
    enum uni_category c = uni_category(cp);
    if (uni_in_ranges(never, COUNT_OF(never), cp) || (first && uni_in_ranges(not_first, COUNT_OF(not_first), cp))) return false;
    if (letter(cp) || c == UNI_Nl || uni_in_ranges(starts, COUNT_OF(starts), cp)) return true;
    return !first && (c == UNI_Mn || c == UNI_Mc || c == UNI_Nd || c == UNI_Pc || uni_in_ranges(goes_on, COUNT_OF(goes_on), cp));
}

bool chat_is_identifier(const struct cstr *s)
{
    for (size_t i = 0; i < s->n;) {
        struct uni_char c = cstr_char(s, i);
        if (c.cp == UNI_BAD || !in_identifier(c.cp, i == 0)) return false;
        i += c.len;
    }
    return s->n > 0;
}

int method_isidentifier(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    *out = cv_bool(chat_is_identifier(self->u.s));
    return chat_step(r, self->u.s->n / 64);
}

/* ---- widths ---- */

/* left and right: characters to put there. */
static int filled(struct chat_run *r, const struct cstr *s, const struct cstr *with, size_t left, size_t right, struct cv *out)
{
    struct chat_text t = {{0}, {0}};
    chat_text_repeat(&t, with->s, with->n, left, cstr_mark(with, 0));
    chat_text_adds(&t, s);
    chat_text_repeat(&t, with->s, with->n, right, cstr_mark(with, 0));
    return chat_finish(r, &t, 0, t.text.len / 64, out);
}

/* width and fill of the arguments; *missing: characters that are to be added. */
static int width_of(struct chat_run *r, const struct cstr *s, const struct chat_args *a, const struct cstr **with, size_t *missing)
{
    int64_t width = 0;
    size_t have = utf8_count(s->s, s->n);
    if (a->n < 1 || chat_int_arg(r, a, 0, "width", &width) || chat_string_arg(r, a, 1, "fillchar", with))
        return a->n < 1 ? chat_fail(r, "a width is needed") : -1;
    if (width > FORM_MOST_WIDTH) return chat_fail(r, "a width of more than %d", FORM_MOST_WIDTH);
    if (utf8_count((*with)->s, (*with)->n) != 1) return chat_fail(r, "what fills is one character");
    *missing = width > (int64_t)have ? (size_t)width - have : 0;
    return 0;
}

static const struct cstr space = {" ", 1, NULL, 0}, zero = {"0", 1, NULL, 0};

int method_center(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cstr *with = &space;
    size_t n;
    if (width_of(r, self->u.s, a, &with, &n)) return -1;
    size_t have = utf8_count(self->u.s->s, self->u.s->n), left = n / 2 + (n & (have + n) & 1);
    return filled(r, self->u.s, with, left, n - left, out);
}

int method_ljust(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cstr *with = &space;
    size_t n;
    return width_of(r, self->u.s, a, &with, &n) ? -1 : filled(r, self->u.s, with, 0, n, out);
}

int method_rjust(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cstr *with = &space;
    size_t n;
    return width_of(r, self->u.s, a, &with, &n) ? -1 : filled(r, self->u.s, with, n, 0, out);
}

int method_zfill(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cstr *with = &zero, *s = self->u.s;
    size_t n;
    struct cv sign, rest;
    if (width_of(r, s, a, &with, &n)) return -1;
    size_t signs = s->n && (s->s[0] == '-' || s->s[0] == '+');
    if (!cv_slice(&r->mem, s, 0, signs, &sign) || !cv_slice(&r->mem, s, signs, s->n, &rest)) return chat_oom(r);
    return filled(r, rest.u.s, with, n, 0, &rest) ? -1 : chat_binary(r, OP_CONCAT, &sign, &rest, out);
}
