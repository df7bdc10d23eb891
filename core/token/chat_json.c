/* JSON and the values of chat templates. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/token/chat_value.h"
#include "core/token/jlex.h"

enum { MOST_DEPTH = 100 };

struct reading {
    struct chat_mem *m;
    struct jlex x;
    uint8_t mark;
};

static int over(struct err *e)
{
    return err_set(e, ERR_DATA, "a chat needs more memory than templates may use");
}

static int read_value(struct reading *r, struct cv *out, int depth, struct err *e);

static int read_string(struct reading *r, struct cv *out, struct err *e)
{
    const char *s;
    size_t n;
    if (jlex_string(&r->x, &s, &n, e)) return -1;
    return cv_string(r->m, s, n, r->mark, out) ? 0 : over(e);
}

/* Items until the closing bracket; a growing copy lives in the arena. */
struct items {
    struct cv *v;
    size_t n, cap;
};

static int push(struct reading *r, struct items *list, struct cv v, struct err *e)
{
    if (!chat_grow(r->m, &list->v, list->n, &list->cap, sizeof *list->v)) return over(e);
    list->v[list->n++] = v;
    return 0;
}

static int read_list(struct reading *r, struct cv *out, int depth, struct err *e)
{
    struct items items = {0};
    struct cv v;
    struct clist *l = chat_alloc(r->m, 1, sizeof *l);
    if (!l) return over(e);
    if (!jlex_try(&r->x, ']')) {
        do
            if (read_value(r, &v, depth + 1, e) || push(r, &items, v, e)) return -1;
        while (jlex_try(&r->x, ','));
        if (jlex_expect(&r->x, ']', e)) return -1;
    }
    *l = (struct clist){items.v, items.n};
    *out = (struct cv){.type = CV_LIST, .u.l = l};
    return 0;
}

static int by_text(const void *a, const void *b)
{
    const struct cstr *x = ((const struct cv *)a)->u.s, *y = ((const struct cv *)b)->u.s;
    return str_order(x->s, x->n, y->s, y->n);
}

enum { FEW_KEYS = 32 }; /* each is compared with all before it; more are sorted when all are there */

static int check_many(struct reading *r, const struct items *keys, struct err *e)
{
    if (keys->n <= FEW_KEYS) return 0;
    struct cv *v = chat_alloc(r->m, keys->n, sizeof *v);
    if (!v) return over(e);
    memcpy(v, keys->v, keys->n * sizeof *v);
    qsort(v, keys->n, sizeof *v, by_text);
    for (size_t i = 1; i < keys->n; i++)
        if (by_text(&v[i - 1], &v[i]) == 0)
            return jlex_error(&r->x, e, "the key '%.*s' appears twice", (int)v[i].u.s->n, v[i].u.s->s);
    return 0;
}

static int read_dict(struct reading *r, struct cv *out, int depth, struct err *e)
{
    struct items keys = {0}, values = {0};
    struct cv v;
    struct cdict *d = chat_alloc(r->m, 1, sizeof *d);
    if (!d) return over(e);
    if (!jlex_try(&r->x, '}')) {
        do {
            if (read_string(r, &v, e)) return -1;
            for (size_t i = 0; i < keys.n && i < FEW_KEYS; i++)
                if (cv_equal(r->m, &keys.v[i], &v))
                    return jlex_error(&r->x, e, "the key '%.*s' appears twice", (int)v.u.s->n, v.u.s->s);
            if (push(r, &keys, v, e) || jlex_expect(&r->x, ':', e) ||
                read_value(r, &v, depth + 1, e) || push(r, &values, v, e))
                return -1;
        } while (jlex_try(&r->x, ','));
        if (jlex_expect(&r->x, '}', e) || check_many(r, &keys, e)) return -1;
    }
    *d = (struct cdict){keys.v, values.v, keys.n};
    *out = (struct cv){.type = CV_DICT, .u.d = d};
    return 0;
}

static bool word(struct jlex *x, const char *text)
{
    size_t n = strlen(text);
    if ((size_t)(x->end - x->p) < n || memcmp(x->p, text, n)) return false;
    x->p += n;
    return true;
}

/* An integer of n characters, which may have more than 64 bits. */
static int read_long(struct reading *r, size_t n, struct cv *out, struct err *e)
{
    enum { MOST = 4300 }; /* as Python */
    const char *s = r->x.p;
    bool minus = *s == '-';
    size_t digits = minus; /* the text ends where it ends: there is no NUL behind it */
    while (digits < n && s[digits] >= '0' && s[digits] <= '9') digits++;
    if (digits < n || s[minus] == '0') return jlex_error(&r->x, e, "an integer is expected");
    if (n - minus > MOST) return jlex_error(&r->x, e, "an integer of more than %d digits", MOST);
    if (!cv_string(r->m, s, n, r->mark, out)) return over(e);
    r->x.p += n;
    if (n > 20) {
        out->type = CV_BIG;
        return 0;
    }
    char text[24];
    memcpy(text, s, n);
    text[n] = 0;
    errno = 0;
    int64_t i = strtoll(text, NULL, 10);
    if (errno == ERANGE) out->type = CV_BIG;
    else *out = cv_int(i);
    return 0;
}

static int read_number(struct reading *r, struct cv *out, struct err *e)
{
    const char *p = r->x.p;
    bool whole = true;
    for (; p < r->x.end && strchr("+-.0123456789eE", *p) && *p; p++)
        if (*p == '.' || *p == 'e' || *p == 'E') whole = false;
    if (whole) {
        int64_t i;
        size_t n = (size_t)(p - r->x.p);
        if (n > 18) return read_long(r, n, out, e);
        if (jlex_int(&r->x, &i, e)) return -1;
        *out = cv_int(i);
        return 0;
    }
    double f;
    if (jlex_number(&r->x, &f, e)) return -1;
    *out = cv_float(f);
    return 0;
}

static int read_value(struct reading *r, struct cv *out, int depth, struct err *e)
{
    struct jlex *x = &r->x;
    if (depth > MOST_DEPTH) return jlex_error(x, e, "nested more than %d deep", MOST_DEPTH);
    if (jlex_try(x, '{')) return read_dict(r, out, depth, e);
    if (jlex_try(x, '[')) return read_list(r, out, depth, e);
    if (x->p < x->end && *x->p == '"') return read_string(r, out, e);
    if (word(x, "null")) *out = cv_none();
    else if (word(x, "true")) *out = cv_bool(true);
    else if (word(x, "false")) *out = cv_bool(false);
    else if (x->p < x->end && (*x->p == '-' || (*x->p >= '0' && *x->p <= '9'))) return read_number(r, out, e);
    else return jlex_error(x, e, x->p < x->end ? "a JSON value is expected" : "a JSON value is expected, but the text ends");
    return 0;
}

int cv_from_json(struct chat_mem *m, const char *json, size_t n, const char *name, uint8_t mark,
                 struct cv *out, struct err *e)
{
    struct reading r = {.m = m, .mark = mark};
    size_t valid = utf8_valid_prefix(json, n);
    if (valid < n) return err_set(e, ERR_DATA, "%s: invalid UTF-8 at byte %zu", name, valid);
    jlex_init(&r.x, json, (struct jlex_span){json, json + n}, name);
    int ret = read_value(&r, out, 0, e);
    jlex_try(&r.x, ' ');
    if (ret == 0 && (jlex_try(&r.x, '\0') || r.x.p < r.x.end))
        ret = jlex_error(&r.x, e, "there is something behind the value");
    jlex_free(&r.x);
    return ret;
}

/* ---- out ---- */

static void write_string(struct chat_text *out, const struct cstr *s, bool ascii)
{
    char text[16];
    chat_text_addc(out, '"', 0);
    for (size_t i = 0; i < s->n; i++) {
        uint8_t c = (uint8_t)s->s[i];
        static const char plain[] = "\"\\\n\r\t\b\f", letter[] = "\"\\nrtbf";
        const char *p = c ? strchr(plain, c) : NULL;
        uint32_t cp;
        if (p) {
            chat_text_addc(out, '\\', 0);
            chat_text_addc(out, letter[p - plain], 0);
        } else if (c < 0x20) {
            snprintf(text, sizeof text, "\\u%04x", c);
            chat_text_add(out, text, 6, 0);
        } else if (ascii && c >= 0x80) {
            int len = utf8_decode(s->s + i, s->n - i, &cp);
            if (len == 0) cp = 0xFFFD, len = 1;
            if (cp > 0xFFFF)
                snprintf(text, sizeof text, "\\u%04x\\u%04x", (unsigned)(0xD800 + ((cp - 0x10000) >> 10)),
                         (unsigned)(0xDC00 + ((cp - 0x10000) & 1023)));
            else snprintf(text, sizeof text, "\\u%04x", (unsigned)cp);
            chat_text_add(out, text, strlen(text), 0);
            i += (size_t)len - 1;
        } else {
            /* Text in JSON is data, wherever it comes from. */
            chat_text_addc(out, (char)c, (uint8_t)(cstr_mark(s, i) & ~CHAT_TRUSTED));
        }
    }
    chat_text_addc(out, '"', 0);
}

static void new_line(struct chat_text *out, const struct cjson_style *style, int depth)
{
    if (style->indent < 0 && !style->pad) return;
    chat_text_addc(out, '\n', 0);
    for (int i = 0; style->pad && i < depth; i++) chat_text_add(out, style->pad->s, style->pad->n, 0);
    for (int i = 0; i < style->indent * depth; i++) chat_text_addc(out, ' ', 0);
}

/* Of a float as Python's json has it. */
static const char *not_finite(double f)
{
    return f - f == 0 ? NULL : f > 0 ? "Infinity" : f < 0 ? "-Infinity" : "NaN";
}

/* What is no text and has no parts; false: it is something else. */
static bool write_plain(struct chat_text *out, const struct cv *v)
{
    struct buf b = {0};
    switch (v->type) {
    case CV_NONE: buf_adds(&b, "null"); break;
    case CV_BOOL: buf_adds(&b, v->u.b ? "true" : "false"); break;
    case CV_INT: buf_printf(&b, "%lld", (long long)v->u.i); break;
    case CV_BIG: chat_text_add(out, v->u.s->s, v->u.s->n, (uint8_t)(v->u.s->mark & ~CHAT_TRUSTED)); return true;
    case CV_FLOAT:
        if (not_finite(v->u.f)) buf_adds(&b, not_finite(v->u.f));
        else cv_write_float(&b, v->u.f);
        break;
    default: return false;
    }
    chat_text_add(out, b.data, b.len, 0);
    buf_free(&b);
    return true;
}

static int write_key(struct chat_text *out, const struct cv *key, const struct cjson_style *style)
{
    if (key->type == CV_STRING) {
        write_string(out, key->u.s, style->ascii);
        return 0;
    }
    chat_text_addc(out, '"', 0);
    bool known = write_plain(out, key);
    chat_text_addc(out, '"', 0);
    return known ? 0 : -1;
}

static int write_list(struct chat_text *out, const struct clist *l, const struct cjson_style *style, int depth)
{
    chat_text_addc(out, '[', 0);
    for (size_t i = 0; i < l->n; i++) {
        if (i) chat_text_add(out, style->item->s, style->item->n, 0);
        new_line(out, style, depth + 1);
        if (cv_to_json(out, &l->v[i], style, depth + 1)) return -1;
    }
    if (l->n) new_line(out, style, depth);
    chat_text_addc(out, ']', 0);
    return 0;
}

static int write_dict(struct chat_text *out, const struct cdict *d, const struct cjson_style *style, int depth)
{
    chat_text_addc(out, '{', 0);
    for (size_t i = 0; i < d->n; i++) {
        if (i) chat_text_add(out, style->item->s, style->item->n, 0);
        new_line(out, style, depth + 1);
        if (write_key(out, &d->key[i], style)) return -1;
        chat_text_add(out, style->key->s, style->key->n, 0);
        if (cv_to_json(out, &d->value[i], style, depth + 1)) return -1;
    }
    if (d->n) new_line(out, style, depth);
    chat_text_addc(out, '}', 0);
    return 0;
}

int cv_to_json(struct chat_text *out, const struct cv *v, const struct cjson_style *style, int depth)
{
    if (depth > MOST_DEPTH) return -1;
    if (out->text.oom || write_plain(out, v)) return 0;
    switch (v->type) {
    case CV_STRING: write_string(out, v->u.s, style->ascii); return 0;
    case CV_LIST:
    case CV_TUPLE: return write_list(out, v->u.l, style, depth);
    case CV_DICT: return write_dict(out, v->u.d, style, depth);
    default: return -1;
    }
}
