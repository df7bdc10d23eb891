#include "data/doc_path.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/doc_json.h"
#include "data/doc_scan.h"

/* Behind one "[index]" at p, or NULL. */
static const char *skip_index(const char *p)
{
    p += p[1] == '-' ? 2 : 1;
    size_t digits = strspn(p, "0123456789");
    return digits && digits < 10 && p[digits] == ']' ? p + digits + 1 : NULL;
}

int doc_path_check(const char *path, const char *option, struct err *e)
{
    const char *p = path;
    size_t name = strcspn(p, ".[]");
    while (name) {
        p += name;
        while (p && *p == '[')
            p = skip_index(p);
        if (p && !*p) return 0;
        if (!p || *p != '.') break;
        name = strcspn(++p, ".[]");
    }
    return err_set(e, ERR_USAGE, "%s '%s': want a path like label, meta.source or messages[-1].content", option, path);
}

/* ---- walking over text that is known to be JSON ---- */

static void blanks(struct doc_walk *a)
{
    while (a->i < a->n && (a->s[a->i] == ' ' || a->s[a->i] == '\t' || a->s[a->i] == '\r' || a->s[a->i] == '\n'))
        a->i++;
}

/* At a quote; leaves i behind the closing one. */
static struct doc_value string(struct doc_walk *a)
{
    size_t from = ++a->i;
    while ((a->i = scan_json_string(a->s, a->i, a->n)) < a->n && a->s[a->i] == '\\')
        a->i = a->n - a->i < 2 ? a->n : a->i + 2;
    size_t to = a->i;
    if (a->i < a->n) a->i++;
    return (struct doc_value){DOC_V_STRING, a->s + from, to - from};
}

static struct doc_value value(struct doc_walk *a)
{
    struct doc_value v = {DOC_V_NONE, a->s + a->i, 0};
    if (a->i >= a->n) return v;
    size_t from = a->i;
    char c = a->s[a->i];
    if (c == '"') return string(a);
    if (c == '{' || c == '[') {
        v.type = c == '{' ? DOC_V_OBJECT : DOC_V_ARRAY;
        int depth = 0;
        while (a->i < a->n) {
            c = a->s[a->i];
            if (c == '"') {
                string(a);
                continue;
            }
            a->i++;
            if (c == '{' || c == '[') depth++;
            if ((c == '}' || c == ']') && --depth == 0) break;
        }
    } else {
        v.type = c == 't' || c == 'f' ? DOC_V_BOOL : c == 'n' ? DOC_V_NULL : DOC_V_NUMBER;
        while (a->i < a->n && !strchr(",]} \t\r\n", a->s[a->i]))
            a->i++;
        if (a->i == from) a->i = a->n; /* no JSON after all: stop */
    }
    v.n = a->i - from;
    return v;
}

static bool same(const struct doc_value *key, const char *name, size_t n)
{
    if (!memchr(key->s, '\\', key->n)) return key->n == n && memcmp(key->s, name, n) == 0;
    struct buf b = {0};
    bool eq = doc_value_text(key, &b) && b.len == n && memcmp(b.data, name, n) == 0;
    buf_free(&b);
    return eq;
}

struct doc_walk doc_walk(const struct doc_value *v)
{
    bool inside = v->type == DOC_V_OBJECT || v->type == DOC_V_ARRAY;
    return (struct doc_walk){v->s, inside ? v->n : 0, 1};
}

bool doc_walk_next(struct doc_walk *a, struct doc_value *key, struct doc_value *v)
{
    *key = *v = (struct doc_value){0};
    blanks(a);
    if (a->i > 1 && a->i < a->n && a->s[a->i] == ',') {
        a->i++;
        blanks(a);
    }
    if (a->i >= a->n || a->s[a->i] == '}' || a->s[a->i] == ']') return false;
    if (a->s[0] == '{') {
        if (a->s[a->i] != '"') return false;
        *key = string(a);
        blanks(a);
        a->i++; /* ':' */
        blanks(a);
    }
    *v = value(a);
    return v->type != DOC_V_NONE;
}

static struct doc_value member(const struct doc_value *o, const char *name, size_t n)
{
    struct doc_walk a = doc_walk(o);
    struct doc_value key, v;
    while (doc_walk_next(&a, &key, &v))
        if (same(&key, name, n)) return v;
    return (struct doc_value){0};
}

struct doc_value doc_value_member(const struct doc_value *object, const char *name)
{
    return member(object, name, strlen(name));
}

static struct doc_value element(const struct doc_value *o, long index)
{
    for (int pass = 0; pass < 2; pass++) {
        struct doc_walk a = doc_walk(o);
        struct doc_value key, v;
        long k = 0;
        for (; doc_walk_next(&a, &key, &v); k++)
            if (k == index) return v;
        if (index >= 0 || -index > k) break;
        index += k;
    }
    return (struct doc_value){0};
}

struct doc_value doc_path_find(const char *line, size_t n, const char *path)
{
    if (!line) return (struct doc_value){0};
    struct doc_walk a = {line, n, 0};
    blanks(&a);
    struct doc_value v = value(&a);
    for (const char *p = path; *p && v.type;) {
        if (*p == '[') {
            char *end;
            long index = strtol(p + 1, &end, 10);
            v = v.type == DOC_V_ARRAY ? element(&v, index) : (struct doc_value){0};
            p = end + (*end == ']');
        } else {
            p += *p == '.';
            size_t len = strcspn(p, ".[");
            v = v.type == DOC_V_OBJECT ? member(&v, p, len) : (struct doc_value){0};
            p += len;
        }
    }
    return v;
}

bool doc_value_text(const struct doc_value *v, struct buf *out)
{
    size_t before = out->len;
    if (v->type != DOC_V_STRING || !memchr(v->s, '\\', v->n)) {
        buf_add(out, v->s, v->n);
        return true;
    }
    if (!doc_json_unescape(v->s, v->n, out)) return true;
    out->len = before;
    return false;
}

bool doc_value_number(const struct doc_value *v, double *out)
{
    char text[64], *end;
    if ((v->type != DOC_V_NUMBER && v->type != DOC_V_STRING) || v->n >= sizeof text || !v->n) return false;
    memcpy(text, v->s, v->n);
    text[v->n] = '\0';
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out);
}
