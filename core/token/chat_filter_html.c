/* Filters for HTML and addresses. */
#include <stdlib.h>
#include <string.h>

#include "core/base/html_entity.h"
#include "core/base/json.h"
#include "core/token/chat_filter.h"

/* A value as a string that is not marked. */
static int unmarked(struct chat_run *r, const struct cv *of, struct cv *out)
{
    *out = (struct cv){.type = CV_STRING};
    return chat_as_string(r, of, &out->u.s);
}

int filter_forceescape(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    struct cv s;
    (void)env, (void)a;
    return unmarked(r, of, &s) || chat_escape(r, &s, out) ? -1 : 0;
}

/* ---- striptags ---- */

/* Without tags and comments; what follows one that is not closed stays. */
static void without_tags(const struct cstr *s, struct chat_text *out)
{
    size_t at = 0;
    for (;;) {
        const char *p = at < s->n ? memchr(s->s + at, '<', s->n - at) : NULL, *end;
        if (!p) break;
        size_t tag = (size_t)(p - s->s), left = s->n - tag;
        bool comment = left >= 4 && memcmp(p, "<!--", 4) == 0;
        end = comment ? memmem(p + 4, left - 4, "-->", 3) : memchr(p, '>', left);
        if (!end) break;
        chat_text_part(out, s, at, tag);
        at = (size_t)(end - s->s) + (comment ? 3 : 1);
    }
    chat_text_part(out, s, at, s->n);
}

/* One space for each run of white space, none at the ends. */
static void without_runs(const struct cstr *s, struct chat_text *out)
{
    struct uni_char c;
    bool space = false;
    for (size_t i = 0; i < s->n; i += c.len) {
        c = cstr_char(s, i);
        if (chat_white(c.cp)) {
            space = out->text.len > 0;
            continue;
        }
        if (space) chat_text_addc(out, ' ', cstr_mark(s, i));
        space = false;
        chat_text_part(out, s, i, i + c.len);
    }
}

static void add_point(struct chat_text *out, uint32_t cp, uint8_t mark)
{
    char bytes[4];
    int n = utf8_encode(cp, bytes);
    if (n > 0) chat_text_add(out, bytes, (size_t)n, mark);
}

/* The character of "&#123" or "&#x1f", as browsers read it: those of Windows-1252 among the control
 * characters, none for numbers that are no character. */
static void add_number(struct chat_text *out, uint64_t v, uint8_t mark)
{
    static const uint16_t windows[32] = {0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021, 0x2C6, 0x2030, 0x160,
                                         0x2039, 0x152,  0x8D,   0x17D,  0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
                                         0x2013, 0x2014, 0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E, 0x178};
    if (v == 0 || (v >= 0xD800 && v < 0xE000) || v > 0x10FFFF) v = 0xFFFD;
    else if (v >= 0x80 && v < 0xA0) v = windows[v - 0x80];
    else if (v == 0xB || (v < 0x20 && v != '\t' && v != '\n' && v != '\r' && v != '\f') || v == 0x7F ||
             (v & 0xFFFE) == 0xFFFE || (v >= 0xFDD0 && v < 0xFDF0))
        return;
    add_point(out, (uint32_t)v, mark);
}

/* "&#..." at s[at]: bytes of it, 0 if there is no number. */
static size_t number_entity(const struct cstr *s, size_t at, struct chat_text *out)
{
    size_t i = at + 2, digits = 0;
    bool hex = i < s->n && (s->s[i] | 0x20) == 'x';
    uint64_t v = 0;
    for (i += hex; i < s->n; i++, digits++) {
        int d = hex_digit(s->s[i]);
        if (d < 0 || (!hex && d > 9)) break;
        if (v <= 0x10FFFF) v = v * (hex ? 16 : 10) + (unsigned)d;
    }
    if (!digits) return 0;
    add_number(out, v, cstr_mark(s, at));
    return i + (i < s->n && s->s[i] == ';') - at;
}

/* "&name;" at s[at]: bytes of it, 0 if it is none.  Some need no ';', and then what follows does not count. */
static size_t named_entity(const struct cstr *s, size_t at, struct chat_text *out)
{
    enum { LONGEST = 32 };
    size_t n = 0;
    uint32_t cp = 0, second = 0;
    while (n < LONGEST && at + 1 + n < s->n && !strchr("\t\n\f <&#;", s->s[at + 1 + n]) && s->s[at + 1 + n]) n++;
    const char *name = s->s + at + 1;
    bool closed = at + 1 + n < s->n && name[n] == ';';
    size_t len = n + 2;
    if (closed) cp = html_entity(name, n, &second);
    for (size_t k = n; !cp && k > 1; k--)
        if (html_entity_open(name, k)) {
            cp = html_entity(name, k, &second);
            len = k + 1;
        }
    if (!cp) return 0;
    add_point(out, cp, cstr_mark(s, at));
    if (second) add_point(out, second, cstr_mark(s, at));
    return len;
}

static void unescape(const struct cstr *s, struct chat_text *out)
{
    for (size_t i = 0; i < s->n;) {
        size_t n = s->s[i] != '&' ? 0 : i + 1 < s->n && s->s[i + 1] == '#' ? number_entity(s, i, out) : named_entity(s, i, out);
        if (!n) chat_text_part(out, s, i, i + 1);
        i += n ? n : 1;
    }
}

typedef void pass_fn(const struct cstr *s, struct chat_text *out);

int filter_striptags(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    static pass_fn *const passes[] = {without_tags, without_runs, unescape};
    int ret = unmarked(r, of, out);
    (void)env, (void)a;
    for (size_t i = 0; ret == 0 && i < COUNT_OF(passes); i++) {
        struct chat_text t = {{0}, {0}};
        size_t n = out->u.s->n;
        passes[i](out->u.s, &t);
        ret = chat_finish(r, &t, 0, n / 16, out);
    }
    return ret;
}

/* ---- attributes, addresses ---- */

/* A value as a string, which keeps its mark. */
static int as_text(struct chat_run *r, const struct cv *of, struct cv *out)
{
    return of->type == CV_STRING ? (*out = *of, 0) : unmarked(r, of, out);
}

int filter_xmlattr(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    const struct cv *space = chat_arg(a, 0, "autospace");
    struct chat_text t = {{0}, {0}};
    int ret = 0;
    (void)env;
    if (of->type != CV_DICT) return chat_fail(r, "xmlattr needs a mapping, not %s", cv_type_name(of));
    for (size_t i = 0; ret == 0 && i < of->u.d->n; i++) {
        const struct cv *key = &of->u.d->key[i], *value = &of->u.d->value[i];
        struct cv k, v;
        if (value->type == CV_NONE || value->type == CV_UNDEFINED) continue;
        bool bad = key->type != CV_STRING;
        for (size_t at = 0; !bad && at < key->u.s->n; at++) bad = key->u.s->s[at] && strchr(" \t\n\v\f\r/>=", key->u.s->s[at]);
        if (bad) ret = chat_fail(r, "xmlattr: a name of an attribute is a string without white space, '/', '>' and '='");
        else if (chat_escape(r, key, &k) || as_text(r, value, &v) || chat_escape(r, &v, &v)) ret = -1;
        if (ret) break;
        if (t.text.len || !space || cv_true(space)) chat_text_addc(&t, ' ', CHAT_TRUSTED);
        chat_text_adds(&t, k.u.s);
        chat_text_add(&t, "=\"", 2, CHAT_TRUSTED);
        chat_text_adds(&t, v.u.s);
        chat_text_addc(&t, '"', CHAT_TRUSTED);
    }
    return chat_finish(r, &t, ret, 0, out);
}

/* query: of a query, where "/" is quoted and a space is "+". */
static int add_quoted(struct chat_run *r, const struct cv *v, bool query, struct chat_text *out)
{
    static const char hex[] = "0123456789ABCDEF", plain[] = "_.-~";
    const struct cstr *s;
    if (chat_as_string(r, v, &s)) return -1;
    for (size_t i = 0; i < s->n; i++) {
        uint8_t c = (uint8_t)s->s[i], mark = cstr_mark(s, i);
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z', digit = c >= '0' && c <= '9';
        if (letter || digit || (c && strchr(plain, c)) || (c == '/' && !query)) {
            chat_text_addc(out, (char)c, mark);
        } else if (c == ' ' && query) {
            chat_text_addc(out, '+', mark);
        } else {
            const char code[3] = {'%', hex[c >> 4], hex[c & 15]};
            chat_text_add(out, code, 3, mark);
        }
    }
    return chat_step(r, s->n / 16);
}

static int add_pair(struct chat_run *r, const struct cv *key, const struct cv *value, struct chat_text *out)
{
    if (out->text.len) chat_text_addc(out, '&', CHAT_TRUSTED);
    if (add_quoted(r, key, true, out)) return -1;
    chat_text_addc(out, '=', CHAT_TRUSTED);
    return add_quoted(r, value, true, out);
}

int filter_urlencode(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    struct chat_text t = {{0}, {0}};
    const struct clist *l, *pair;
    bool many = cv_is_list(of) || of->type == CV_DICT || of->type == CV_LAZY || of->type == CV_UNDEFINED;
    int ret = 0;
    (void)env, (void)a;
    if (!many) ret = add_quoted(r, of, false, &t);
    else if (of->type == CV_DICT)
        for (size_t i = 0; ret == 0 && i < of->u.d->n; i++) ret = add_pair(r, &of->u.d->key[i], &of->u.d->value[i], &t);
    else if (chat_items(r, of, &l)) ret = -1;
    else
        for (size_t i = 0; ret == 0 && i < l->n; i++) {
            if (chat_items(r, &l->v[i], &pair)) ret = -1;
            else if (pair->n != 2) ret = chat_fail(r, "urlencode needs pairs of a name and a value");
            else ret = add_pair(r, &pair->v[0], &pair->v[1], &t);
        }
    return chat_finish(r, &t, ret, 0, out);
}
