/* Filters: the table, numbers, and what is neither text nor a sequence. */
#include "core/token/chat_filter.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/token/uni_props.h"

static const struct cstr empty = {"", 0, NULL, CHAT_TRUSTED};

int chat_as_string(struct chat_run *r, const struct cv *of, const struct cstr **out)
{
    struct chat_text t = {{0}, {0}};
    struct cv v = *of;
    if (of->type != CV_STRING && chat_finish(r, &t, chat_write(r, &t, of), 0, &v)) return -1;
    *out = v.u.s;
    return 0;
}

/* ---- numbers ---- */

int chat_length(struct chat_run *r, const struct cv *of, int64_t *out)
{
    size_t n;
    switch (of->type) {
    case CV_STRING: n = utf8_count(of->u.s->s, of->u.s->n); break;
    case CV_LIST:
    case CV_TUPLE: n = of->u.l->n; break;
    case CV_DICT: n = of->u.d->n; break;
    case CV_UNDEFINED: n = 0; break;
    case CV_LOOP:
        if (chat_loop_look(r, of->u.loop, SIZE_MAX)) return -1;
        n = of->u.loop->n;
        break;
    case CV_LAZY:
        if (cv_is_stream(of)) return chat_fail(r, "a %s has no length; |list makes a list of it", cv_type_name(of));
        n = of->u.lazy->n;
        break;
    default: return chat_fail(r, "a value of type %s has no length", cv_type_name(of));
    }
    *out = (int64_t)n;
    return chat_step(r, of->type == CV_STRING ? of->u.s->n / 64 : 0);
}

static int f_length(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    int64_t n;
    (void)env, (void)a;
    if (chat_length(r, of, &n)) return -1;
    *out = cv_int(n);
    return 0;
}

/* What a decimal digit of any script is worth, or -1: each ten stand together, from zero on. */
static int digit_of(uint32_t cp)
{
    uint32_t first = cp;
    if (cp == UNI_BAD || uni_category(cp) != UNI_Nd) return -1;
    while (uni_category(first - 1) == UNI_Nd) first--;
    return (int)((cp - first) % 10);
}

static bool joins_digits(char before, char after, bool real)
{
    if (before >= '0' && before <= '9' && after >= '0' && after <= '9') return true;
    return !real && isalnum((unsigned char)before) && isalnum((unsigned char)after); /* of a base up to 36 */
}

/* What Python strips from a number: of ASCII less than from a text. */
static bool is_white(uint32_t cp)
{
    return chat_white(cp) && !(cp >= 0x1C && cp <= 0x1F);
}

/* A string without white space around it and without the "_" between digits, which become those of ASCII.
 * 1; 0: an "_" elsewhere, or nothing; -1: an error. */
static int plain_number(struct chat_run *r, const struct cstr *s, bool real, char **out)
{
    size_t n = 0, k = 0, end = 0;
    char *text = chat_alloc(&r->mem, s->n + 1, 1);
    if (!text) return chat_oom(r);
    struct uni_char c;
    for (size_t i = 0; i < s->n; i += c.len) {
        c = cstr_char(s, i);
        int digit = digit_of(c.cp);
        bool white = is_white(c.cp);
        if (white && n == 0) continue;
        if (digit >= 0) text[n++] = (char)('0' + digit);
        else if (c.cp > 0 && c.cp < 0x80) text[n++] = (char)c.cp;
        else text[n++] = '?'; /* no part of a number */
        if (!white) end = n;
    }
    for (size_t i = 0; i < end; i++) {
        if (text[i] != '_') text[k++] = text[i];
        else if (i == 0 || i + 1 == end || text[i - 1] == '_' || !joins_digits(k ? text[k - 1] : 0, text[i + 1], real)) return 0;
    }
    text[k] = 0;
    *out = text;
    return k > 0;
}

/* A string as a number: 1, 0 if it is not all one, -1: an error. */
static int parse_number(struct chat_run *r, const struct cstr *s, double *out)
{
    char *text, *end;
    int ret = plain_number(r, s, true, &text);
    if (ret <= 0) return ret;
    *out = strtod(text, &end);
    return *end == 0 && !strpbrk(text, "xXpP(");
}

/* int(text, base): 1; 0 where it is no such number; 2 where it is one that is too large; -1: an error. */
static int parse_integer(struct chat_run *r, const struct cstr *s, int64_t base, int64_t *out)
{
    static const struct { char letter; int base; } prefixes[] = {{'x', 16}, {'o', 8}, {'b', 2}};
    char *p, *end;
    if (base < 0 || base == 1 || base > 36) return 0;
    int ret = plain_number(r, s, false, &p);
    if (ret <= 0) return ret;
    bool minus = *p == '-';
    p += *p == '-' || *p == '+';
    for (size_t i = 0; i < COUNT_OF(prefixes); i++)
        if (p[0] == '0' && (p[1] | 0x20) == prefixes[i].letter && (base == 0 || base == prefixes[i].base)) {
            base = prefixes[i].base;
            p += 2;
            break;
        }
    if (base == 0 && p[0] == '0' && strspn(p, "0") < strlen(p)) return 0;
    if (!isalnum((unsigned char)*p)) return 0;
    errno = 0;
    long long v = strtoll(p, &end, base ? (int)base : 10);
    if (*end || end == p) return 0;
    if (errno == ERANGE) return 2;
    *out = minus ? -v : v;
    return 1;
}

/* A real number of more than 64 bits; others (known = false) are not read. */
static int large_integer(struct chat_run *r, double v, bool known, struct cv *out)
{
    char digits[400];
    if (!known || isinf(v)) return chat_fail(r, "a number is too large");
    int n = snprintf(digits, sizeof digits, "%.0f", v);
    if (!cv_string(&r->mem, digits, (size_t)n, 0, out)) return chat_oom(r);
    out->type = CV_BIG;
    return 0;
}

static int f_int(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct cv *fallback = chat_arg(a, 0, "default"), *given = chat_arg(a, 1, "base");
    int64_t base = 10, whole = 0;
    double v = 0;
    (void)env;
    if (given) base = given->type == CV_INT ? given->u.i : given->type == CV_BOOL ? given->u.b : -1; /* which no text is a number of */
    if (of->type == CV_UNDEFINED) return chat_fail(r, "int needs a value, not an undefined one");
    if (of->type == CV_BIG) return *out = *of, 0;
    bool ok = of->type == CV_FLOAT;
    int got = of->type == CV_INT || of->type == CV_BOOL ? 1 : 0;
    if (got) whole = of->type == CV_INT ? of->u.i : of->u.b;
    else if (ok) v = of->u.f;
    else if (of->type == CV_STRING && (got = parse_integer(r, of->u.s, base, &whole)) == 0) {
        int number = parse_number(r, of->u.s, &v);
        if (number < 0) return -1;
        ok = number;
    }
    if (got < 0) return -1;
    if (got == 0 && ok && !isnan(v) && !(isinf(v) && of->type == CV_STRING)) {
        got = v >= -0x1p63 && v < 0x1p63 ? 1 : 2;
        if (got == 1) whole = (int64_t)v;
    }
    if (got == 2) return large_integer(r, v, ok, out);
    *out = got ? cv_int(whole) : fallback ? *fallback : cv_int(0);
    return 0;
}

int chat_real(struct chat_run *r, const struct cv *of, double *out)
{
    if (cv_is_number(of)) return *out = cv_number(of), 0;
    int got = of->type == CV_STRING ? parse_number(r, of->u.s, out) : 0;
    if (got == 0) return chat_fail(r, "a number is needed, not %s", cv_type_name(of));
    return got < 0 ? -1 : 0;
}

static int f_float(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct cv *fallback = chat_arg(a, 0, "default");
    double v = 0;
    int got = 1;
    (void)env;
    if (of->type == CV_UNDEFINED) return chat_fail(r, "float needs a value, not an undefined one");
    if (of->type == CV_BIG) return chat_fail(r, "a number is too large");
    if (cv_is_number(of)) v = cv_number(of);
    else got = of->type == CV_STRING ? parse_number(r, of->u.s, &v) : 0;
    if (got < 0) return -1;
    if (got == 0) return *out = fallback ? *fallback : cv_float(0), 0;
    *out = cv_float(v);
    return 0;
}

static int f_abs(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env, (void)a;
    if (!cv_is_number(of)) return chat_fail(r, "abs needs a number, not %s", cv_type_name(of));
    if (of->type == CV_FLOAT) *out = cv_float(fabs(of->u.f));
    else {
        int64_t i = of->type == CV_BOOL ? of->u.b : of->u.i;
        if (i == INT64_MIN) return chat_fail(r, "a number is too large");
        *out = cv_int(i < 0 ? -i : i);
    }
    return 0;
}

/* The decimal number nearest to v, as Python takes it: not by way of v times 10. */
static double rounded(double v, int64_t digits)
{
    char text[400];
    if (digits > 22 || !isfinite(v)) return v;
    snprintf(text, sizeof text, "%.*f", (int)digits, v);
    return strtod(text, NULL);
}

/* An integer to a power of ten, halves to the even one. */
static int round_integer(struct chat_run *r, int64_t v, int64_t zeros, struct cv *out)
{
    static const int64_t half_of_most = 5000000000000000000; /* of 10 ** 19 */
    int64_t unit = 1, up;
    for (int64_t i = 0; i < zeros && unit; i++)
        if (__builtin_mul_overflow(unit, 10, &unit)) unit = 0;
    *out = cv_int(v);
    if (unit == 1) return 0;
    if (unit == 0 && zeros == 19 && (v > half_of_most || v < -half_of_most)) return chat_fail(r, "a number is too large");
    if (unit == 0) return *out = cv_int(0), 0; /* at most half of it */
    int64_t rest = v % unit, half = unit / 2, size = rest < 0 ? -rest : rest;
    up = size > half || (size == half && (v / unit) % 2 != 0) ? (v < 0 ? -unit : unit) : 0;
    if (__builtin_add_overflow(v - rest, up, &v)) return chat_fail(r, "a number is too large");
    *out = cv_int(v);
    return 0;
}

/* round(of, none) of Python. */
static int nearest_integer(struct chat_run *r, const struct cv *of, struct cv *out)
{
    if (of->type != CV_FLOAT) return *out = cv_int(of->type == CV_INT ? of->u.i : of->u.b), 0;
    double v = nearbyint(of->u.f);
    if (!isfinite(v)) return chat_fail(r, "round: %s has no integer beside it", isnan(v) ? "nan" : "an infinite number");
    if (v < -0x1p63 || v >= 0x1p63) return large_integer(r, v, true, out);
    *out = cv_int((int64_t)v);
    return 0;
}

static int f_round(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    int64_t digits = 0;
    const struct cv *precision = chat_arg(a, 0, "precision"), *method = chat_arg(a, 1, "method");
    (void)env;
    if (!cv_is_number(of)) return chat_fail(r, "round needs a number, not %s", cv_type_name(of));
    bool up = method && cv_is(method, "ceil"), down = method && cv_is(method, "floor");
    if (method && !up && !down && !cv_is(method, "common")) return chat_fail(r, "round goes 'common', 'ceil' or 'floor'");
    if (precision && precision->type == CV_NONE && !up && !down) return nearest_integer(r, of, out);
    if (chat_int_arg(r, a, 0, "precision", &digits)) return -1;
    double scale = pow(10, (double)digits), v = cv_number(of) * scale;
    if ((up || down) && !isfinite(v)) return chat_fail(r, "round: %s has no integer beside it", isnan(v) ? "nan" : "an infinite number");
    if (up || down) *out = cv_float(((up ? ceil(v) : floor(v)) + 0.0) / scale); /* Python's integers have no -0 */
    else if (of->type != CV_FLOAT) return round_integer(r, of->type == CV_INT ? of->u.i : of->u.b, digits < 0 ? -digits : 0, out);
    else *out = cv_float(digits < 0 ? nearbyint(of->u.f / pow(10, -(double)digits)) * pow(10, -(double)digits) : rounded(of->u.f, digits));
    return 0;
}

/* ---- the rest ---- */

static int f_default(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                     struct cv *out)
{
    const struct cv *value = chat_arg(a, 0, "default_value"), *boolean = chat_arg(a, 1, "boolean");
    (void)env, (void)r;
    bool use = of->type == CV_UNDEFINED || (boolean && cv_true(boolean) && !cv_true(of));
    *out = !use ? *of : value ? *value : chat_string_value(&empty);
    return 0;
}

static int f_attr(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env;
    if (a->n < 1 || a->v[0].type != CV_STRING) return chat_fail(r, "attr needs a name");
    if (of->type == CV_DICT && !chat_has_method(of, a->v[0].u.s)) { /* members of a mapping are no attributes */
        *out = cv_undefined(a->v[0].u.s);
        return 0;
    }
    return chat_attribute(r, of, a->v[0].u.s, out);
}

static int f_random(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    (void)env, (void)of, (void)a, (void)out;
    return chat_fail(r, "random is not supported: a chat is the same text each time");
}

/* params: the names of the arguments by position, NULL where the filter looks itself. */
static const struct {
    const char *name;
    filter_fn *fn;
    const char *params;
} filters[] = {
    {"abs", f_abs, ""}, {"attr", f_attr, "name"}, {"batch", filter_batch, "linecount fill_with"},
    {"capitalize", filter_capitalize, ""}, {"center", filter_center, "width"}, {"count", f_length, ""},
    {"d", f_default, "default_value boolean"}, {"default", f_default, "default_value boolean"},
    {"dictsort", filter_dictsort, "case_sensitive by reverse"}, {"e", filter_escape, ""}, {"escape", filter_escape, ""},
    {"filesizeformat", filter_filesizeformat, "binary"}, {"first", filter_first, ""}, {"float", f_float, "default"},
    {"forceescape", filter_forceescape, ""}, {"format", filter_format, NULL},
    {"groupby", filter_groupby, "attribute default case_sensitive"}, {"indent", filter_indent, "width first blank"},
    {"int", f_int, "default base"}, {"items", filter_items, ""}, {"join", filter_join, "d attribute"},
    {"last", filter_last, ""}, {"length", f_length, ""}, {"list", filter_list, ""}, {"lower", filter_lower, ""},
    {"map", filter_map, NULL}, {"max", filter_max, "case_sensitive attribute"},
    {"min", filter_min, "case_sensitive attribute"}, {"pprint", filter_pprint, ""}, {"random", f_random, ""},
    {"reject", filter_reject, NULL},
    {"rejectattr", filter_rejectattr, NULL}, {"replace", filter_replace, "old new count"},
    {"reverse", filter_reverse, ""}, {"round", f_round, "precision method"}, {"safe", filter_safe, ""},
    {"select", filter_select, NULL}, {"selectattr", filter_selectattr, NULL},
    {"slice", filter_slice, "slices fill_with"}, {"sort", filter_sort, "reverse case_sensitive attribute"},
    {"string", filter_string, ""}, {"striptags", filter_striptags, ""}, {"sum", filter_sum, "attribute start"},
    {"title", filter_title, ""},
    {"tojson", filter_tojson, "ensure_ascii indent separators sort_keys"}, {"trim", filter_trim, "chars"},
    {"truncate", filter_truncate, "length killwords end leeway"}, {"unique", filter_unique, "case_sensitive attribute"},
    {"upper", filter_upper, ""}, {"urlencode", filter_urlencode, ""},
    {"urlize", filter_urlize, "trim_url_limit nofollow target rel extra_schemes"}, {"wordcount", filter_wordcount, ""},
    {"wordwrap", filter_wordwrap, "width break_long_words wrapstring break_on_hyphens"}, {"xmlattr", filter_xmlattr, "autospace"},
};

bool chat_is_filter(const struct cstr *name)
{
    for (size_t i = 0; i < COUNT_OF(filters); i++)
        if (cstr_is(name, filters[i].name)) return true;
    return false;
}

int chat_filter(struct chat_run *r, struct chat_env *env, const struct cstr *name, const struct cv *of,
                const struct chat_args *a, struct cv *out)
{
    static const char *const keep[] = {"capitalize", "center", "indent", "lower", "reverse", "string", "trim", "upper"};
    struct cv operand = *of; /* out may be the same place */
    size_t i = 0;
    while (i < COUNT_OF(filters) && !cstr_is(name, filters[i].name)) i++;
    if (i == COUNT_OF(filters)) return chat_fail(r, "there is no filter '%.*s'", (int)name->n, name->s);
    if (filters[i].params && chat_check_args(r, "the filter ", filters[i].name, filters[i].params, a)) return -1;
    uint64_t reads = r->mem.space_reads;
    if (filters[i].fn(r, env, &operand, a, out)) return -1;
    if (cv_is_stream(out) && r->mem.space_reads > reads) {
        out->u.lazy->of_space = true;
        out->u.lazy->space_sets = r->mem.space_sets;
    }
    for (size_t k = 0; operand.type == CV_STRING && operand.safe && k < COUNT_OF(keep); k++)
        if (cstr_is(name, keep[k])) out->safe = true;
    return 0;
}
