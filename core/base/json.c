#include "core/base/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/opt.h"
#include "core/base/width.h"

static const size_t default_max_bytes = (size_t)64 << 20;
static const int default_max_depth = 64;

/* ---- the pre-scan: a complete, non-recursive check of the grammar ---- */

struct scan {
    const char *s;
    size_t n, i;
    const char *name;
    struct err *e;
};

static int scan_fail(struct scan *c, const char *what)
{
    size_t line = 1, col = 1;
    for (size_t k = 0; k < c->i && k < c->n; k++) {
        if (c->s[k] == '\n') {
            line++;
            col = 1;
        } else {
            col++;
        }
    }
    return err_set(c->e, ERR_DATA, "%s:%zu:%zu: %s", c->name, line, col, what);
}

static void scan_space(struct scan *c)
{
    while (c->i < c->n && (c->s[c->i] == ' ' || c->s[c->i] == '\n' || c->s[c->i] == '\t' || c->s[c->i] == '\r'))
        c->i++;
}

static int hex4(const char *s, size_t n, unsigned *out)
{
    unsigned v = 0;
    if (n < 4) return -1;
    for (int k = 0; k < 4; k++) {
        int d = hex_digit(s[k]);
        if (d < 0) return -1;
        v = v << 4 | (unsigned)d;
    }
    *out = v;
    return 0;
}

static int scan_escape(struct scan *c)
{
    unsigned u, low;
    char ch = c->i + 1 < c->n ? c->s[c->i + 1] : '\0';
    if (ch && strchr("\"\\/bfnrt", ch)) {
        c->i += 2;
        return 0;
    }
    if (ch != 'u' || hex4(c->s + c->i + 2, c->n - c->i - 2, &u)) return scan_fail(c, "invalid escape in a string");
    if (u == 0) return scan_fail(c, "\\u0000 in a string is not supported");
    if (u >= 0xdc00 && u < 0xe000) return scan_fail(c, "lone low surrogate in a string");
    if (u >= 0xd800 && u < 0xdc00) {
        size_t left = c->n - c->i;
        if (left < 12 || c->s[c->i + 6] != '\\' || c->s[c->i + 7] != 'u' ||
            hex4(c->s + c->i + 8, left - 8, &low) || low < 0xdc00 || low >= 0xe000)
            return scan_fail(c, "lone high surrogate in a string");
        c->i += 6;
    }
    c->i += 6;
    return 0;
}

static int scan_string(struct scan *c)
{
    for (c->i++; c->i < c->n;) {
        unsigned char ch = (unsigned char)c->s[c->i];
        if (ch == '"') {
            c->i++;
            return 0;
        }
        if (ch == '\\') {
            if (scan_escape(c)) return -1;
        } else if (ch < 0x20) {
            return scan_fail(c, "control character in a string");
        } else {
            c->i++;
        }
    }
    return scan_fail(c, "unterminated string");
}

static size_t scan_digits(struct scan *c)
{
    size_t start = c->i;
    while (c->i < c->n && c->s[c->i] >= '0' && c->s[c->i] <= '9') c->i++;
    return c->i - start;
}

static int scan_number(struct scan *c)
{
    size_t start = c->i;
    if (c->s[c->i] == '-') c->i++;
    size_t first = c->i, digits = scan_digits(c);
    bool bad = digits == 0 || (digits > 1 && c->s[first] == '0');
    if (c->i < c->n && c->s[c->i] == '.') {
        c->i++;
        bad |= scan_digits(c) == 0;
    }
    if (c->i < c->n && (c->s[c->i] == 'e' || c->s[c->i] == 'E')) {
        c->i++;
        if (c->i < c->n && (c->s[c->i] == '+' || c->s[c->i] == '-')) c->i++;
        bad |= scan_digits(c) == 0;
    }
    size_t len = c->i - start;
    char text[64];
    if (bad || len >= sizeof text) {
        c->i = start;
        return scan_fail(c, bad ? "invalid number" : "number too long");
    }
    memcpy(text, c->s + start, len);
    text[len] = '\0';
    if (!isfinite(strtod(text, NULL))) {
        c->i = start;
        return scan_fail(c, "number out of range");
    }
    return 0;
}

static int scan_literal(struct scan *c)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t k = 0; k < COUNT_OF(words); k++) {
        size_t len = strlen(words[k]);
        if (c->n - c->i >= len && memcmp(c->s + c->i, words[k], len) == 0) {
            c->i += len;
            return 0;
        }
    }
    bool mark = c->i == 0 && c->n >= 3 && memcmp(c->s, "\xEF\xBB\xBF", 3) == 0;
    return scan_fail(c, mark ? "expected a value, not a byte order mark" : c->i < c->n ? "expected a value" : "unexpected end, expected a value");
}

static int scan_scalar(struct scan *c)
{
    char ch = c->i < c->n ? c->s[c->i] : '\0';
    if (ch == '"') return scan_string(c);
    if (ch == '-' || (ch >= '0' && ch <= '9')) return scan_number(c);
    return scan_literal(c);
}

static int scan_key(struct scan *c)
{
    scan_space(c);
    if (c->i >= c->n || c->s[c->i] != '"') return scan_fail(c, "expected a key in quotes");
    if (scan_string(c)) return -1;
    scan_space(c);
    if (c->i >= c->n || c->s[c->i] != ':') return scan_fail(c, "expected ':' after a key");
    c->i++;
    return 0;
}

/* One value with everything inside it; `stack` holds the open brackets. */
static int scan_value(struct scan *c, char *stack, int max_depth)
{
    int depth = 0;
    for (;;) {
        scan_space(c);
        char ch = c->i < c->n ? c->s[c->i] : '\0';
        if (ch == '{' || ch == '[') {
            if (depth == max_depth) return scan_fail(c, "nested too deeply");
            stack[depth++] = ch;
            c->i++;
            scan_space(c);
            if (c->i < c->n && c->s[c->i] == (ch == '{' ? '}' : ']')) goto close;
            if (ch == '{' && scan_key(c)) return -1;
            continue;
        }
        if (scan_scalar(c)) return -1;
        for (;;) { /* after a value: a comma, or brackets that close */
            if (depth == 0) return 0;
            scan_space(c);
            char open = stack[depth - 1], next = c->i < c->n ? c->s[c->i] : '\0';
            if (next == ',') {
                c->i++;
                if (open == '{' && scan_key(c)) return -1;
                break;
            }
            if (next != (open == '{' ? '}' : ']'))
                return scan_fail(c, open == '{' ? "expected ',' or '}'" : "expected ',' or ']'");
        close:
            c->i++;
            depth--;
        }
    }
}

/* ---- duplicates ---- */

static int compare_keys(const void *a, const void *b)
{
    return strcmp((*(cJSON *const *)a)->string, (*(cJSON *const *)b)->string);
}

static int check_object(const cJSON *o, const char *name, struct err *e)
{
    size_t n = 0, k = 0;
    for (const cJSON *m = o->child; m; m = m->next) n++;
    if (n < 2) return 0;
    const cJSON **v = mem_alloc(n, sizeof *v);
    if (!v) return err_oom(e, n * sizeof *v, "a JSON object");
    for (const cJSON *m = o->child; m; m = m->next) v[k++] = m;
    qsort(v, n, sizeof *v, compare_keys);
    int ret = 0;
    for (k = 1; k < n && !ret; k++)
        if (strcmp(v[k]->string, v[k - 1]->string) == 0)
            ret = err_set(e, ERR_DATA, "%s: duplicate key \"%.*s\"", name, (int)text_fit(v[k]->string, strlen(v[k]->string), 80), v[k]->string);
    free(v);
    return ret;
}

/* Depth is bounded by the pre-scan. */
static int check_duplicates(const cJSON *j, const char *name, struct err *e)
{
    if (cJSON_IsObject(j) && check_object(j, name, e)) return -1;
    for (const cJSON *m = j->child; m; m = m->next)
        if (m->child && check_duplicates(m, name, e)) return -1;
    return 0;
}

/* ---- comments of config files ---- */

/* Blanks comments and trailing commas, keeping line breaks so that positions
 * in messages stay right. */
static void blank_comments(char *s, size_t n)
{
    size_t comma = SIZE_MAX; /* last comma with only space after it */
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"') {
            for (i++; i < n && s[i] != '"'; i++)
                if (s[i] == '\\') i++;
            comma = SIZE_MAX;
        } else if (s[i] == '/' && i + 1 < n && s[i + 1] == '/') {
            while (i < n && s[i] != '\n') s[i++] = ' ';
        } else if (s[i] == '/' && i + 1 < n && s[i + 1] == '*') {
            size_t end = i + 2;
            while (end + 1 < n && !(s[end] == '*' && s[end + 1] == '/')) end++;
            if (end + 1 >= n) return; /* unterminated: the scan will object */
            for (; i < end + 2; i++)
                if (s[i] != '\n') s[i] = ' ';
            i--;
        } else if (s[i] == ',') {
            comma = i;
        } else if (s[i] == '}' || s[i] == ']') {
            if (comma != SIZE_MAX) s[comma] = ' ';
            comma = SIZE_MAX;
        } else if (s[i] != ' ' && s[i] != '\n' && s[i] != '\t' && s[i] != '\r') {
            comma = SIZE_MAX;
        }
    }
}

/* A backslash stands in strings only. */
static void replace_nuls(char *s, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++) {
        if (s[i] != '\\') continue;
        if (n - i >= 6 && memcmp(s + i, "\\u0000", 6) == 0) memcpy(s + i + 2, "fffd", 4);
        i++;
    }
}

struct cJSON *json_parse(const char *text, size_t n, const char *name, const struct json_limits *lim,
                         struct err *e)
{
    size_t max_bytes = lim && lim->max_bytes ? lim->max_bytes : default_max_bytes;
    int max_depth = lim && lim->max_depth ? lim->max_depth : default_max_depth;
    struct scan c = {.s = text, .n = n, .name = name, .e = e};
    char *copy = NULL, *stack = NULL;
    cJSON *j = NULL;
    if (n > max_bytes) {
        err_set(e, ERR_DATA, "%s: %zu bytes of JSON, the limit is %zu", name, n, max_bytes);
        return NULL;
    }
    c.i = utf8_valid_prefix(text, n);
    if (c.i < n) {
        scan_fail(&c, "invalid UTF-8");
        return NULL;
    }
    c.i = 0;
    if (lim && (lim->comments || lim->nul_as_fffd)) {
        if (!(copy = mem_strndup(text, n))) {
            err_oom(e, n, "a JSON text");
            return NULL;
        }
        if (lim->comments) blank_comments(copy, n);
        if (lim->nul_as_fffd) replace_nuls(copy, n);
        c.s = copy;
    }
    if (!(stack = mem_alloc((size_t)max_depth, 1))) {
        err_oom(e, (unsigned)max_depth, "a JSON stack");
        goto out;
    }
    if (scan_value(&c, stack, max_depth)) goto out;
    scan_space(&c);
    if (c.i < n) {
        scan_fail(&c, "unexpected text after the value");
        goto out;
    }
    /* cJSON wants no NUL but a length; numbers at the very end are safe, the
     * length bounds them. */
    j = cJSON_ParseWithLength(c.s, n);
    if (!j) {
        err_oom(e, n, "a JSON value");
    } else if (check_duplicates(j, name, e)) {
        cJSON_Delete(j);
        j = NULL;
    }
out:
    free(copy);
    free(stack);
    return j;
}

struct cJSON *json_read_file(const char *path, const struct json_limits *lim, struct err *e)
{
    struct buf b = {0};
    cJSON *j = NULL;
    if (file_read_all(path, lim && lim->max_bytes ? lim->max_bytes : default_max_bytes, &b, e) == 0) {
        if (b.len == 0) err_set(e, ERR_DATA, "'%s' is empty, JSON was expected", path);
        else j = json_parse(b.data, b.len, path, lim, e);
        if (!j) {
            const char *kind = file_kind(b.data, b.len);
            if (kind && strcmp(kind, "JSON") != 0 && strcmp(kind, "empty") != 0)
                err_hint(e, "the file is %s", kind);
        }
    }
    buf_free(&b);
    return j;
}

void json_free(struct cJSON *j)
{
    cJSON_Delete(j);
}

/* ---- getters ---- */

struct cJSON *json_member(const struct cJSON *o, const char *key)
{
    return cJSON_IsObject(o) ? cJSON_GetObjectItemCaseSensitive(o, key) : NULL;
}

const char *json_text_or(const struct cJSON *o, const char *key, const char *otherwise)
{
    const struct cJSON *v = json_member(o, key);
    return cJSON_IsString(v) ? v->valuestring : otherwise;
}

/* "where.key" or "key", for messages. */
static const char *dotted(char out[160], const char *where, const char *key)
{
    snprintf(out, 160, "%s%s%s", where ? where : "", where && *where ? "." : "", key);
    return out;
}

static int missing(const char *where, const char *key, struct err *e)
{
    char name[160];
    return err_set(e, ERR_DATA, "%s is missing", dotted(name, where, key));
}

static int present(const struct cJSON *o, const char *key)
{
    const cJSON *m = json_member(o, key);
    return m && !cJSON_IsNull(m);
}

int json_get_i64(const struct cJSON *o, const char *key, int64_t min, int64_t max, int64_t *out,
                 const char *where, struct err *e)
{
    char name[160];
    const cJSON *m = json_member(o, key);
    if (!m) return missing(where, key, e);
    if (!cJSON_IsNumber(m) || m->valuedouble != floor(m->valuedouble) || fabs(m->valuedouble) > 0x1p53)
        return err_set(e, ERR_DATA, "%s must be an integer", dotted(name, where, key));
    int64_t v = (int64_t)m->valuedouble;
    if (v < min || v > max)
        return err_set(e, ERR_DATA, "%s is %lld, must be between %lld and %lld", dotted(name, where, key),
                       (long long)v, (long long)min, (long long)max);
    *out = v;
    return 0;
}

int json_get_f64(const struct cJSON *o, const char *key, double min, double max, double *out,
                 const char *where, struct err *e)
{
    char name[160];
    const cJSON *m = json_member(o, key);
    if (!m) return missing(where, key, e);
    if (!cJSON_IsNumber(m)) return err_set(e, ERR_DATA, "%s must be a number", dotted(name, where, key));
    if (!(m->valuedouble >= min && m->valuedouble <= max))
        return err_set(e, ERR_DATA, "%s is %g, must be between %g and %g", dotted(name, where, key),
                       m->valuedouble, min, max);
    *out = m->valuedouble;
    return 0;
}

int json_get_bool(const struct cJSON *o, const char *key, bool *out, const char *where, struct err *e)
{
    char name[160];
    const cJSON *m = json_member(o, key);
    if (!m) return missing(where, key, e);
    if (!cJSON_IsBool(m)) return err_set(e, ERR_DATA, "%s must be true or false", dotted(name, where, key));
    *out = cJSON_IsTrue(m);
    return 0;
}

int json_get_str(const struct cJSON *o, const char *key, const char **out, const char *where, struct err *e)
{
    char name[160];
    const cJSON *m = json_member(o, key);
    if (!m) return missing(where, key, e);
    if (!cJSON_IsString(m)) return err_set(e, ERR_DATA, "%s must be a string", dotted(name, where, key));
    *out = m->valuestring;
    return 0;
}

int json_opt_i64(const struct cJSON *o, const char *key, int64_t min, int64_t max, int64_t *out,
                 const char *where, struct err *e)
{
    return present(o, key) ? json_get_i64(o, key, min, max, out, where, e) : 0;
}

int json_opt_f64(const struct cJSON *o, const char *key, double min, double max, double *out,
                 const char *where, struct err *e)
{
    return present(o, key) ? json_get_f64(o, key, min, max, out, where, e) : 0;
}

int json_opt_bool(const struct cJSON *o, const char *key, bool *out, const char *where, struct err *e)
{
    return present(o, key) ? json_get_bool(o, key, out, where, e) : 0;
}

int json_opt_str(const struct cJSON *o, const char *key, const char **out, const char *where, struct err *e)
{
    return present(o, key) ? json_get_str(o, key, out, where, e) : 0;
}

int json_known_keys(const struct cJSON *o, const char *const *known, const char *where, struct err *e)
{
    size_t n = 0;
    while (known[n]) n++;
    for (const cJSON *m = o->child; m; m = m->next) {
        size_t i = 0;
        while (i < n && strcmp(known[i], m->string) != 0) i++;
        if (i < n) continue;
        char name[160];
        err_set(e, ERR_CONFIG, "unknown key %.150s", dotted(name, where, m->string));
        const char *near = opt_nearest(m->string, known, n);
        if (near) err_hint(e, "did you mean \"%s\"?", near);
        return -1;
    }
    return 0;
}

/* ---- printing ---- */

static void print_number(struct buf *out, double v)
{
    if (v == floor(v) && fabs(v) < 0x1p53) buf_printf(out, "%.0f", v);
    else buf_printf(out, "%.17g", v);
}

static void print_value(struct buf *out, const cJSON *j, int indent, int depth)
{
    if (cJSON_IsString(j)) {
        buf_adds_json(out, j->valuestring);
    } else if (cJSON_IsNumber(j)) {
        print_number(out, j->valuedouble);
    } else if (cJSON_IsBool(j)) {
        buf_adds(out, cJSON_IsTrue(j) ? "true" : "false");
    } else if (cJSON_IsArray(j) || cJSON_IsObject(j)) {
        bool object = cJSON_IsObject(j);
        buf_addc(out, object ? '{' : '[');
        for (const cJSON *m = j->child; m; m = m->next) {
            if (indent) buf_printf(out, "\n%*s", indent * (depth + 1), "");
            if (object) {
                buf_adds_json(out, m->string);
                buf_adds(out, indent ? ": " : ":");
            }
            print_value(out, m, indent, depth + 1);
            if (m->next) buf_addc(out, ',');
        }
        if (indent && j->child) buf_printf(out, "\n%*s", indent * depth, "");
        buf_addc(out, object ? '}' : ']');
    } else {
        buf_adds(out, "null");
    }
}

void json_print(struct buf *out, const struct cJSON *j, int indent)
{
    print_value(out, j, indent, 0);
}
