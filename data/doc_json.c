#include "data/doc_json.h"

#include <stdint.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/doc_scan.h"

enum { MAX_DEPTH = 64 };

const char doc_json_no_text[] = "no text field";

int doc_json_none_good(const char *why, struct err *e)
{
    err_set(e, ERR_DATA, "no good documents: %s", why);
    return strstr(why, doc_json_no_text) ? err_hint(e, "--text-field names the member that holds the text") : -1;
}

struct cursor {
    const char *s;
    size_t n, i;
    const char *bad;
};

/* A line ends at its newline. */
static void space(struct cursor *c)
{
    while (c->i < c->n && (c->s[c->i] == ' ' || c->s[c->i] == '\t' || c->s[c->i] == '\r')) c->i++;
}

static bool fail(struct cursor *c, const char *why)
{
    if (!c->bad) c->bad = why;
    return false;
}

static int hex4(const char *s)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        int d = hex_digit(s[i]);
        if (d < 0) return -1;
        v = v * 16 + d;
    }
    return v;
}

/* What lies between the quotes of a string, and the escapes in it. */
struct span {
    size_t begin, end, escapes;
    bool unusual;
};

static bool escape(struct cursor *c, struct span *t)
{
    if (c->n - c->i < 2) return fail(c, "string without end");
    char ch = c->s[c->i + 1];
    t->escapes++;
    if (ch == 'u') {
        if (c->n - c->i < 6 || hex4(c->s + c->i + 2) < 0) return fail(c, "bad \\u escape");
        c->i += 6;
        t->unusual = true;
        return true;
    }
    if (!ch || !memchr("\"\\/bfnrt", ch, 8)) return fail(c, "unknown escape in a string");
    if (ch == '/') t->unusual = true;
    c->i += 2;
    return true;
}

#ifdef SCAN_HAVE_AVX2
static size_t scan_escaped(const char *s, size_t i, size_t n, struct scan_string *r)
{
    return (scan_have_vbmi() ? scan_escaped_avx512vbmi : scan_escaped_avx2)(s, i, n, r);
}
#endif

/* From within a string to its end; leaves i behind the closing quote. */
static bool string_rest(struct cursor *c, struct span *t)
{
    enum { APART = 256 }; /* after the fast scan gave up, before it is tried again */
    size_t try_at = 0;
    for (;;) {
        c->i = scan_json_string(c->s, c->i, c->n);
        if (c->i >= c->n) return fail(c, "string without end");
        char ch = c->s[c->i];
        if (ch == '"') {
            t->end = c->i++;
            return true;
        }
        if (ch != '\\') return fail(c, "control character in a string");
#ifdef SCAN_HAVE_AVX2
        if (c->i >= try_at && c->n - c->i >= 64 && __builtin_cpu_supports("avx2")) {
            struct scan_string r = {0};
            c->i = scan_escaped(c->s, c->i, c->n, &r);
            t->escapes += r.twice / 2;
            t->unusual |= r.unusual;
            if (r.found) {
                t->end = c->i++;
                return true;
            }
            try_at = c->i + APART;
            continue;
        }
#endif
        if (!escape(c, t)) return false;
    }
}

/* At the opening quote; leaves i behind the closing one. */
static bool string(struct cursor *c, struct span *t)
{
    *t = (struct span){.begin = ++c->i};
    return string_rest(c, t);
}

/* The same, and what it says goes into *text where the fast way takes it. */
static bool take_string(struct cursor *c, struct span *t, struct buf *text, struct doc_fields *out)
{
    *t = (struct span){.begin = ++c->i};
#ifdef SCAN_HAVE_AVX2
    enum { ROOM = 64 };
    size_t made = 0;
    bool found = false;
    size_t room = c->n - t->begin + ROOM;
    bool vbmi = scan_have_vbmi();
    if (c->n - c->i < 64 || !(vbmi || scan_have_bmi()) || !(text->len ? buf_reserve : buf_renew)(text, room)) return string_rest(c, t);
    c->i = (vbmi ? take_string_avx512vbmi : take_string_avx2bmi)(c->s, t->begin, c->n, text->data + text->len, &made, &found);
    text->len += made;
    out->taken = true;
    if (found) {
        t->end = c->i++;
        return true;
    }
    size_t at = c->i;
    if (!string_rest(c, t)) return false;
    out->refused = doc_json_unescape(c->s + at, t->end - at, text);
    return true;
#else
    (void)text;
    (void)out;
    return string_rest(c, t);
#endif
}

static size_t digits(struct cursor *c)
{
    size_t from = c->i;
    while (c->i < c->n && c->s[c->i] >= '0' && c->s[c->i] <= '9')
        c->i++;
    return c->i - from;
}

static bool number(struct cursor *c)
{
    if (c->s[c->i] == '-') c->i++;
    size_t from = c->i, n = digits(c);
    if (!n || (n > 1 && c->s[from] == '0')) return fail(c, "bad number");
    if (c->i < c->n && c->s[c->i] == '.') {
        c->i++;
        if (!digits(c)) return fail(c, "bad number");
    }
    if (c->i < c->n && (c->s[c->i] | 0x20) == 'e') {
        c->i++;
        if (c->i < c->n && (c->s[c->i] == '+' || c->s[c->i] == '-')) c->i++;
        if (!digits(c)) return fail(c, "bad number");
    }
    return true;
}

static bool word(struct cursor *c, const char *w, size_t n)
{
    if (c->n - c->i < n || memcmp(c->s + c->i, w, n) != 0) return fail(c, "not JSON");
    c->i += n;
    return true;
}

static bool scalar(struct cursor *c)
{
    struct span t;
    switch (c->s[c->i]) {
    case '"':
        return string(c, &t);
    case 't':
        return word(c, "true", 4);
    case 'f':
        return word(c, "false", 5);
    case 'n':
        return word(c, "null", 4);
    default:
        if (c->s[c->i] != '-' && (c->s[c->i] < '0' || c->s[c->i] > '9')) return fail(c, "not JSON");
        return number(c);
    }
}

/* "key" : */
static bool key(struct cursor *c, struct span *t)
{
    space(c);
    if (c->i >= c->n || c->s[c->i] != '"') return fail(c, "expected a key");
    if (!string(c, t)) return false;
    space(c);
    if (c->i >= c->n || c->s[c->i] != ':') return fail(c, "expected ':'");
    c->i++;
    space(c);
    if (c->i >= c->n) return fail(c, "line ends within the object");
    return true;
}

/* A nested array or object at its opening bracket, without recursion: bit d of
 * `objects` tells what level d is. */
static bool nested(struct cursor *c)
{
    uint64_t objects = 0;
    int depth = 0;
    bool value = true, first = false; /* value: one must follow; first: a container just opened */
    struct span k;
    for (;;) {
        space(c);
        if (c->i >= c->n) return fail(c, "line ends within the object");
        char ch = c->s[c->i];
        if (depth && (ch == ']' || ch == '}') && (!value || first)) {
            if ((ch == '}') != (objects >> (depth - 1) & 1))
                return fail(c, "brackets do not match");
            c->i++;
            if (--depth == 0) return true;
            value = first = false;
            continue;
        }
        if (!value) {
            if (ch != ',') return fail(c, "expected ','");
            c->i++;
            value = true;
            continue;
        }
        first = false;
        if (depth && (objects >> (depth - 1) & 1)) {
            if (!key(c, &k)) return false;
            ch = c->s[c->i];
        }
        if (ch == '{' || ch == '[') {
            if (depth == MAX_DEPTH - 1) return fail(c, "nested too deeply");
            objects = (objects & ~((uint64_t)1 << depth)) | (uint64_t)(ch == '{') << depth;
            depth++;
            c->i++;
            first = true;
            continue;
        }
        if (!scalar(c)) return false;
        value = false;
    }
}

static bool key_is(const struct cursor *c, const struct span *t, const char *name, size_t n)
{
    size_t b = t->begin, e = t->end;
    if (!t->escapes) return e - b == n && memcmp(c->s + b, name, n) == 0;
    if ((e - b) / 6 > n) return false; /* an escape takes at most 6 bytes */
    struct buf tmp = {0};
    bool same =
        !doc_json_unescape(c->s + b, e - b, &tmp) && tmp.len == n && memcmp(tmp.data, name, n) == 0;
    buf_free(&tmp);
    return same;
}

struct wanted {
    const char *field;
    size_t field_n;
    const char *const *extra; /* DOC_EXTRA names, or NULL */
    struct buf *text;         /* where it goes unescaped, or NULL */
};

static bool member(struct cursor *c, const struct wanted *want, struct doc_fields *out, bool *found)
{
    struct span k;
    if (!key(c, &k)) return false;
    char ch = c->s[c->i];
    if (key_is(c, &k, want->field, want->field_n)) {
        if (*found) return fail(c, "the text field comes twice");
        if (ch != '"') return fail(c, "the text field is not a string");
        *found = true;
        if (want->text ? !take_string(c, &k, want->text, out) : !string(c, &k)) return false;
        out->text_begin = k.begin;
        out->text_end = k.end;
        out->escapes = k.escapes;
        out->unusual = k.unusual;
        return true;
    }
    size_t from = c->i;
    if (ch == '{' || ch == '[' ? !nested(c) : !scalar(c)) return false;
    if (out->id_begin == out->id_end && key_is(c, &k, "id", 2)) {
        out->id_begin = from;
        out->id_end = c->i;
    }
    for (int x = 0; want->extra && x < DOC_EXTRA; x++) {
        const char *name = want->extra[x];
        if (!name || out->extra_end[x] || !key_is(c, &k, name, strlen(name))) continue;
        out->extra_begin[x] = from;
        out->extra_end[x] = c->i;
    }
    return true;
}

const char *doc_json_find(const char *s, size_t n, const char *field, struct doc_fields *out)
{
    return doc_json_find_more(s, n, field, NULL, out);
}

const char *doc_json_find_more(const char *s, size_t n, const char *field,
                               const char *const extra[DOC_EXTRA], struct doc_fields *out)
{
    return doc_json_take(s, n, field, extra, out, NULL);
}

const char *doc_json_take_line(const char *s, size_t n, const char *field, const char *const extra[DOC_EXTRA],
                               struct doc_fields *out, struct buf *text, size_t *end)
{
    struct cursor c = {s, n, 0, NULL};
    const struct wanted want = {field, strlen(field), extra, text};
    bool found = false;
    *out = (struct doc_fields){0};
    space(&c);
    if (c.i >= n || s[c.i] != '{') return "not a JSON object";
    c.i++;
    space(&c);
    if (c.i < n && s[c.i] == '}') {
        c.i++;
    } else {
        for (;;) {
            if (!member(&c, &want, out, &found)) return c.bad;
            space(&c);
            if (c.i >= n) return "line ends within the object";
            if (s[c.i] == '}') break;
            if (s[c.i] != ',') return "expected ',' or '}'";
            c.i++;
        }
        c.i++;
    }
    space(&c);
    *end = c.i;
    if (c.i < n && s[c.i] != '\n') return "bytes after the object";
    return found ? NULL : doc_json_no_text;
}

const char *doc_json_take(const char *s, size_t n, const char *field, const char *const extra[DOC_EXTRA],
                          struct doc_fields *out, struct buf *text)
{
    size_t end = n;
    const char *why = doc_json_take_line(s, n, field, extra, out, text, &end);
    return end < n ? "bytes after the object" : why;
}

/* Copies up to the next backslash; *from moves to it.  `o` has 16 bytes to spare. */
static char *copy_run(const char *s, size_t *from, size_t n, char *o)
{
    size_t i = *from;
#if defined(__SSE2__)
    const __m128i slash = _mm_set1_epi8('\\');
    for (; n - i >= 16; i += 16, o += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(s + i));
        _mm_storeu_si128((__m128i *)(void *)o, x);
        int mask = _mm_movemask_epi8(_mm_cmpeq_epi8(x, slash));
        if (!mask) continue;
        int k = __builtin_ctz((unsigned)mask);
        *from = i + (size_t)k;
        return o + k;
    }
#endif
    while (i < n && s[i] != '\\')
        *o++ = s[i++];
    *from = i;
    return o;
}

/* Copies and unescapes as far as the fast way goes; *from moves on. */
static char *unescape_blocks(const char *s, size_t *from, size_t n, char *o)
{
    size_t made = 0;
#ifdef SCAN_HAVE_AVX2
    if (scan_have_vbmi()) *from += unescape_avx512vbmi(s + *from, n - *from, o, &made);
    else if (scan_have_bmi()) *from += unescape_avx2bmi(s + *from, n - *from, o, &made);
#endif
    (void)s;
    (void)n;
    return o + made;
}

static const char *unescape(const char *s, size_t n, struct buf *out, bool plain)
{
    enum { ROOM = 64, APART = 256 }; /* after the fast way gave up, before it is tried again */
    size_t try_at = 0;
    static const char means[128] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    if (!buf_reserve(out, n + ROOM)) return NULL; /* the owner checks oom */
    char *o = out->data + out->len;
    for (size_t i = 0; i < n;) {
        if (!plain && i >= try_at) {
            o = unescape_blocks(s, &i, n, o);
            try_at = i + APART;
        }
        o = copy_run(s, &i, n, o);
        if (i >= n) break;
        if (s[i + 1] != 'u') {
            *o++ = means[(unsigned char)s[i + 1] & 127];
            i += 2;
            continue;
        }
        uint32_t cp = (uint32_t)hex4(s + i + 2);
        i += 6;
        if (cp >= 0xDC00 && cp < 0xE000) return "lone surrogate in the text";
        if (cp >= 0xD800 && cp < 0xDC00) {
            if (n - i < 6 || s[i] != '\\' || s[i + 1] != 'u') return "lone surrogate in the text";
            uint32_t lo = (uint32_t)hex4(s + i + 2);
            if (lo < 0xDC00 || lo >= 0xE000) return "lone surrogate in the text";
            cp = 0x10000 + ((cp - 0xD800) << 10) + (lo - 0xDC00);
            i += 6;
        }
        o += utf8_encode(cp, o);
    }
    out->len = (size_t)(o - out->data);
    *o = '\0';
    return NULL;
}

const char *doc_json_unescape(const char *s, size_t n, struct buf *out)
{
    return unescape(s, n, out, false);
}

const char *doc_json_unescape_ref(const char *s, size_t n, struct buf *out)
{
    return unescape(s, n, out, true);
}

void doc_json_escape(const char *s, size_t n, struct buf *out)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < n;) {
        size_t run = scan_json_string(s, i, n);
        if (run > i) buf_add(out, s + i, run - i);
        i = run;
        if (i >= n) return;
        char ch = s[i++], esc[6] = {'\\', 'u', '0', '0', hex[(ch >> 4) & 1], hex[ch & 15]};
        switch (ch) {
        case '"':
        case '\\':
            esc[1] = ch;
            break;
        case '\n':
            esc[1] = 'n';
            break;
        case '\t':
            esc[1] = 't';
            break;
        case '\r':
            esc[1] = 'r';
            break;
        case '\b':
            esc[1] = 'b';
            break;
        case '\f':
            esc[1] = 'f';
            break;
        default:
            break;
        }
        buf_add(out, esc, esc[1] == 'u' ? 6 : 2);
    }
}
