#include "core/token/jlex.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/score_text.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && is_space(*p)) p++;
    return p;
}

/* p at the opening quote: past the closing one, or end. */
static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++) {
#if defined(__SSE2__)
        if (end - p >= 16) { /* most strings end within 16 bytes */
            __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
            __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')),
                                       _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
            unsigned mask = (unsigned)_mm_movemask_epi8(hit);
            p += mask ? __builtin_ctz(mask) : 15;
            if (*p == '"') break;
        }
#endif
        if (*p == '\\') p++;
    }
    return p < end ? p + 1 : end;
}

/* Past one value, by counting brackets; syntax is checked by others. */
static const char *skip_value(const char *p, const char *end)
{
    int depth = 0;
    while (p < end) {
        if (*p == '"') {
            p = skip_string(p, end);
        } else if (*p == '{' || *p == '[') {
            depth++;
            p++;
        } else if (*p == '}' || *p == ']') {
            if (depth == 0) return p;
            depth--;
            p++;
        } else if (*p == ',' && depth == 0) {
            return p;
        } else {
            p++;
            continue;
        }
        if (depth == 0) return p;
    }
    return end;
}

static bool key_is(const char *begin, const char *end, const char *key)
{
    size_t n = strlen(key);
    return (size_t)(end - begin) == n + 2 && memcmp(begin + 1, key, n) == 0;
}

/* Finds the value of a member of the object at p; with begin_only the end of
 * the span is that of the text. */
static struct jlex_span member(const char *p, const char *end, const char *key, bool begin_only)
{
    struct jlex_span none = {NULL, NULL};
    p = skip_space(p, end);
    if (p == end || *p != '{') return none;
    p++;
    while ((p = skip_space(p, end)) < end && *p == '"') {
        const char *k = p;
        p = skip_string(p, end);
        bool found = key_is(k, p, key);
        p = skip_space(p, end);
        if (p == end || *p != ':') return none;
        p = skip_space(p + 1, end);
        const char *value = p;
        if (found && begin_only) return (struct jlex_span){value, end};
        p = skip_value(p, end);
        if (found) return (struct jlex_span){value, p};
        p = skip_space(p, end);
        if (p == end || *p != ',') return none;
        p++;
    }
    return none;
}

static void blank(char *rest, const char *json, struct jlex_span s)
{
    if (!s.begin || s.end - s.begin < 2) return;
    if (*s.begin != '{' && *s.begin != '[') return;
    char *from = rest + (s.begin - json) + 1, *to = rest + (s.end - json) - 1;
    for (char *p = from; p < to; p++)
        if (*p != '\n') *p = ' ';
}

int jlex_cut(const char *json, size_t n, const char *name, struct buf *rest,
             struct jlex_span *vocab, struct jlex_span *merges, struct err *e)
{
    size_t valid = utf8_valid_prefix(json, n);
    if (valid < n)
        return err_set(e, ERR_DATA, "'%s': invalid UTF-8 at byte offset %zu", name, valid);
    struct jlex_span model = member(json, json + n, "model", true);
    *vocab = *merges = (struct jlex_span){NULL, NULL};
    if (model.begin) {
        *vocab = member(model.begin, model.end, "vocab", false);
        *merges = member(model.begin, model.end, "merges", false);
    }
    buf_add(rest, json, n);
    if (buf_ok(rest, e)) return -1;
    blank(rest->data, json, *vocab);
    blank(rest->data, json, *merges);
    return 0;
}

void jlex_init(struct jlex *x, const char *base, struct jlex_span span, const char *name)
{
    *x = (struct jlex){.base = base, .p = span.begin, .end = span.end, .name = name};
}

void jlex_free(struct jlex *x)
{
    buf_free(&x->tmp);
}

int jlex_error(const struct jlex *x, struct err *e, const char *fmt, ...)
{
    char msg[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    size_t line = 1, column = 1;
    for (const char *p = x->base; p < x->p; p++) {
        column++;
        if (*p == '\n') {
            line++;
            column = 1;
        }
    }
    return err_set(e, ERR_DATA, "'%s':%zu:%zu: %s", x->name, line, column, msg);
}

bool jlex_try(struct jlex *x, char c)
{
    x->p = skip_space(x->p, x->end);
    if (x->p == x->end || *x->p != c) return false;
    x->p++;
    return true;
}

int jlex_expect(struct jlex *x, char c, struct err *e)
{
    if (jlex_try(x, c)) return 0;
    if (x->p == x->end) return jlex_error(x, e, "'%c' expected, but the text ends", c);
    return jlex_error(x, e, "'%c' expected", c);
}

static int hex4(const char *p, const char *end)
{
    if (end - p < 4) return -1;
    int v = 0;
    for (int i = 0; i < 4; i++) {
        int d = hex_digit(p[i]);
        if (d < 0) return -1;
        v = v * 16 + d;
    }
    return v;
}

/* x->p after "\u".  Appends the character, joining surrogate pairs. */
static int unicode_escape(struct jlex *x, struct err *e)
{
    int hi = hex4(x->p, x->end);
    if (hi < 0) return jlex_error(x, e, "four hex digits must follow \\u");
    uint32_t cp = (uint32_t)hi;
    x->p += 4;
    if (cp >= 0xD800 && cp < 0xDC00 && x->end - x->p >= 6 && x->p[0] == '\\' && x->p[1] == 'u') {
        int lo = hex4(x->p + 2, x->end);
        if (lo >= 0xDC00 && lo < 0xE000) {
            cp = 0x10000 + ((cp - 0xD800) << 10) + ((uint32_t)lo - 0xDC00);
            x->p += 6;
        }
    }
    char c[4];
    int len = utf8_encode(cp, c);
    if (len <= 0) return jlex_error(x, e, "lone surrogate \\u%04X", (unsigned)cp);
    buf_add(&x->tmp, c, (size_t)len);
    return 0;
}

static int escape(struct jlex *x, struct err *e)
{
    if (x->p == x->end) return jlex_error(x, e, "the text ends inside a string");
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = *x->p++;
    if (c == 'u') return unicode_escape(x, e);
    const char *at = c ? strchr(from, c) : NULL;
    if (!at) return jlex_error(x, e, "unknown escape '\\%c' in a string", c);
    buf_addc(&x->tmp, to[at - from]);
    return 0;
}

int jlex_string(struct jlex *x, const char **s, size_t *len, struct err *e)
{
    if (jlex_expect(x, '"', e)) return -1;
    const char *begin = x->p;
    buf_clear(&x->tmp);
    bool copied = false;
    for (;;) {
        while (x->p < x->end && *x->p != '"' && *x->p != '\\' && (unsigned char)*x->p >= 0x20)
            x->p++;
        if (x->p == x->end) return jlex_error(x, e, "the text ends inside a string");
        if ((unsigned char)*x->p < 0x20)
            return jlex_error(x, e, "control character 0x%02X inside a string",
                              (unsigned)(unsigned char)*x->p);
        if (*x->p == '"' && !copied) {
            *s = begin;
            *len = (size_t)(x->p++ - begin);
            return 0;
        }
        buf_add(&x->tmp, begin, (size_t)(x->p - begin));
        if (*x->p++ == '"') break;
        copied = true;
        if (escape(x, e)) return -1;
        begin = x->p;
    }
    if (buf_ok(&x->tmp, e)) return -1;
    *s = x->tmp.data ? x->tmp.data : "";
    *len = x->tmp.len;
    return 0;
}

int jlex_int(struct jlex *x, int64_t *out, struct err *e)
{
    x->p = skip_space(x->p, x->end);
    const char *p = x->p;
    bool minus = p < x->end && *p == '-';
    if (minus) p++;
    const char *digits = p;
    int64_t v = 0;
    while (p < x->end && *p >= '0' && *p <= '9' && p - digits < 18) v = v * 10 + (*p++ - '0');
    bool zeros = p - digits > 1 && *digits == '0';
    bool more = p < x->end && (*p == '.' || *p == 'e' || *p == 'E' || (*p >= '0' && *p <= '9'));
    if (p == digits || zeros || more) return jlex_error(x, e, "an integer is expected");
    x->p = p;
    *out = minus ? -v : v;
    return 0;
}

static int number(struct jlex *x, char text[64], double *out, struct err *e)
{
    x->p = skip_space(x->p, x->end);
    size_t n = 0;
    while (n < 63 && x->p + n < x->end && x->p[n] &&
           strchr("+-.0123456789eE", x->p[n])) {
        text[n] = x->p[n];
        n++;
    }
    text[n] = 0;
    char *stop;
    double v = strtod(text, &stop);
    bool starts = n && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
    if (!starts || *stop || v - v != 0.0) return jlex_error(x, e, "a number is expected");
    x->p += n;
    *out = v;
    return 0;
}

int jlex_number(struct jlex *x, double *out, struct err *e)
{
    char text[64];
    return number(x, text, out, e);
}

int jlex_score(struct jlex *x, double *out, struct err *e)
{
    char text[64];
    if (number(x, text, out, e)) return -1;
    *out = score_parse(text);
    return isfinite(*out) ? 0 : jlex_error(x, e, "the score is too large");
}
