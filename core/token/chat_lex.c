/* Cuts a template into text, tags and the words inside tags, and takes white
 * space away as Jinja does with trim_blocks and lstrip_blocks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/chat_ast.h"

struct lexer {
    struct chat_mem *m;
    const char *s, *name;
    size_t n, at, from;       /* from: where what is read now begins */
    size_t seen;              /* up to here `place` has come */
    struct chat_place place;
    bool line_start;   /* the text at hand begins where a line does */
    struct lexemes *out;
    struct err *e;
};

/* Of x->from, which never goes back. */
static struct chat_place place_of(struct lexer *x)
{
    for (; x->seen < x->from && x->seen < x->n; x->seen++) {
        unsigned char c = (unsigned char)x->s[x->seen];
        if (c == '\n') x->place = (struct chat_place){x->place.line + 1, 1};
        else if ((c & 0xC0) != 0x80) x->place.column++;
    }
    return x->place;
}

static int fail(struct lexer *x, const char *what)
{
    struct chat_place p = place_of(x);
    return err_set(x->e, ERR_DATA, "%s:%u:%u: %s", x->name, (unsigned)p.line, (unsigned)p.column, what);
}

static int push(struct lexer *x, struct lexeme t)
{
    struct lexemes *o = x->out;
    if (!chat_grow(x->m, &o->v, o->n, &o->cap, sizeof *o->v)) return fail(x, "the template is too long");
    t.place = place_of(x);
    o->v[o->n++] = t;
    return 0;
}

/* Bytes of the white space at s[at], at s[end - 1]: what Python takes for it; 0 = none. */
static size_t space_at(const struct lexer *x, size_t at)
{
    if (at >= x->n) return 0;
    struct uni_char c = uni_next((const uint8_t *)x->s + at, x->n - at);
    return chat_white(c.cp) ? c.len : 0;
}

static size_t space_before(const struct lexer *x, size_t from, size_t end)
{
    if (end <= from) return 0;
    struct uni_char c = uni_prev((const uint8_t *)x->s, end);
    return chat_white(c.cp) ? c.len : 0;
}

/* The next "{{", "{%" or "{#" at or after `from`. */
static size_t find_tag(const struct lexer *x, size_t from)
{
    for (; from < x->n; from++) {
        const char *p = memchr(x->s + from, '{', x->n - from);
        if (!p) return x->n;
        from = (size_t)(p - x->s);
        if (from + 1 < x->n && (p[1] == '{' || p[1] == '%' || p[1] == '#')) return from;
    }
    return x->n;
}

/* Where the text before a tag ends, once the tag's "-" or lstrip_blocks have
 * had their share. */
static size_t text_end(const struct lexer *x, size_t from, size_t tag)
{
    char sign = tag + 2 < x->n ? x->s[tag + 2] : 0;
    size_t end = tag, len;
    if (tag >= x->n) return end;
    if (sign == '-') {
        while ((len = space_before(x, from, end)) != 0) end -= len;
        return end;
    }
    if (sign == '+' || x->s[tag + 1] == '{') return end;
    while ((len = space_before(x, from, end)) != 0 && x->s[end - 1] != '\n') end -= len;
    bool begins_line = end > from ? x->s[end - 1] == '\n' : x->line_start;
    return begins_line ? end : tag;
}

static int push_text(struct lexer *x, size_t from, size_t to)
{
    struct lexeme t = {.kind = TK_DATA, .s = x->s + from, .n = to - from};
    x->from = from;
    return to > from ? push(x, t) : 0;
}

/* Behind a tag that ended at x->at: `sign` is the "-" or "+" of its end. */
static void after_tag(struct lexer *x, char sign, bool block)
{
    size_t begin = x->at;
    size_t len;
    if (sign == '-')
        while ((len = space_at(x, x->at)) != 0) x->at += len;
    else if (block && sign != '+' && x->at < x->n && x->s[x->at] == '\n')
        x->at++;
    x->line_start = x->at > begin && x->s[x->at - 1] == '\n';
}

static int skip_comment(struct lexer *x)
{
    size_t end = x->at + 2;
    x->from = x->at;
    while (end + 1 < x->n && !(x->s[end] == '#' && x->s[end + 1] == '}')) end++;
    if (end + 1 >= x->n) return fail(x, "a comment is not closed");
    char sign = end > x->at + 2 && (x->s[end - 1] == '-' || x->s[end - 1] == '+') ? x->s[end - 1] : 0;
    x->at = end + 2;
    after_tag(x, sign, true);
    return 0;
}

/* ---- inside a tag ---- */

/* \xHH, \uHHHH, \UHHHHHHHH: digits at s into *cp; false if they are none. */
static bool hex_digits(const char *s, size_t left, size_t n, uint32_t *cp)
{
    *cp = 0;
    for (size_t i = 0; i < n; i++) {
        if (i >= left || hex_digit(s[i]) < 0) return false;
        *cp = *cp * 16 + (uint32_t)hex_digit(s[i]);
    }
    return true;
}

/* \1, \12, \123: how many digits, and *cp. */
static size_t octal_digits(const char *s, size_t left, uint32_t *cp)
{
    size_t n = 0;
    for (*cp = 0; n < 3 && n < left && s[n] >= '0' && s[n] <= '7'; n++) *cp = *cp * 8 + (uint32_t)(s[n] - '0');
    return n;
}

/* The escape whose letter, behind '\\', is at s: what it stands for is added; how many more bytes belong to it, or -1:
 * \N{NAME}, or digits that are none or no character. */
static int take_escape(const char *s, size_t left, struct buf *out)
{
    static const char letters[] = "nrtbfav\\'\"", plain[] = "\n\r\t\b\f\a\v\\'\"";
    const char *p = memchr(letters, *s, sizeof letters - 1);
    size_t digits = *s == 'x' ? 2 : *s == 'u' ? 4 : *s == 'U' ? 8 : 0, octal;
    uint32_t cp;
    char bytes[4];
    if (p) {
        buf_addc(out, plain[p - letters]);
    } else if ((octal = octal_digits(s, left, &cp)) != 0) {
        buf_add(out, bytes, (size_t)utf8_encode(cp, bytes));
        return (int)octal - 1;
    } else if (digits) {
        int n = hex_digits(s + 1, left - 1, digits, &cp) ? utf8_encode(cp, bytes) : 0;
        if (n == 0) return -1;
        buf_add(out, bytes, (size_t)n);
        return (int)digits;
    } else if (*s == 'N') {
        return -1;
    } else if (*s != '\n') { /* which joins lines */
        buf_addc(out, '\\');
        buf_addc(out, *s);
    }
    return 0;
}

static int lex_string(struct lexer *x)
{
    char quote = x->s[x->at++];
    struct buf b = {0};
    struct lexeme t = {.kind = TK_STRING};
    size_t i = x->at;
    int more = 0, ret;
    for (; i < x->n && x->s[i] != quote; i++) {
        if (x->s[i] != '\\' || i + 1 >= x->n) {
            buf_addc(&b, x->s[i]);
            continue;
        }
        i++;
        more = take_escape(x->s + i, x->n - i, &b);
        if (more < 0) break;
        i += (size_t)more;
    }
    if (more < 0) {
        x->from = i - 1; /* of the '\\' */
        ret = fail(x, x->s[i] == 'N' ? "'\\N{...}' in a string is not supported" : "a '\\' in a string with digits that are no character");
    } else if (i >= x->n) ret = fail(x, "a string is not closed");
    else if (b.oom || !cv_string(x->m, b.data, b.len, CHAT_TRUSTED, &t.value)) ret = fail(x, "out of memory");
    else ret = push(x, t);
    buf_free(&b);
    x->at = i + 1;
    return ret;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool in_name(char c)
{
    return c == '_' || is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c & 0x80);
}

/* 0x1F, 0b11, 0o17 */
static int lex_based(struct lexer *x, int base)
{
    struct lexeme t = {.kind = TK_INT};
    uint64_t v = 0;
    size_t i = x->at + 2, digits = 0;
    for (; i < x->n; i++) {
        int d = x->s[i] == '_' && i + 1 < x->n ? hex_digit(x->s[i + 1]) : hex_digit(x->s[i]);
        if (d < 0 || d >= base) break;
        if (x->s[i] == '_') continue;
        if (v > (uint64_t)INT64_MAX / 16) return fail(x, "a number is too large");
        v = v * (uint64_t)base + (uint64_t)d;
        digits++;
    }
    if (!digits) return fail(x, "digits are expected");
    t.value = cv_int((int64_t)v);
    x->at = i;
    return push(x, t);
}

static int lex_number(struct lexer *x)
{
    enum { MOST = 63 }; /* characters; an exponent may bring its sign, too */
    char text[MOST + 2], mark = x->at + 1 < x->n ? (char)(x->s[x->at + 1] | 0x20) : 0;
    int base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    bool member = x->at > 0 && x->s[x->at - 1] == '.'; /* list.0.1: no real number */
    if (x->s[x->at] == '0' && base && !member) return lex_based(x, base);
    size_t n = 0;
    bool real = false, raised = false; /* raised: there was an exponent */
    const char *s = x->s;
    size_t i = x->at;
    for (; i < x->n && n < MOST; i++) {
        bool exponent = (s[i] | 0x20) == 'e' && !member && !raised && i + 1 < x->n &&
                        (is_digit(s[i + 1]) || ((s[i + 1] == '-' || s[i + 1] == '+') && i + 2 < x->n && is_digit(s[i + 2])));
        bool point = s[i] == '.' && i + 1 < x->n && is_digit(s[i + 1]) && !real && !member;
        if (s[i] == '_' && n && i + 1 < x->n && is_digit(s[i + 1])) continue;
        if (!is_digit(s[i]) && !exponent && !point) break;
        real = real || exponent || point;
        raised = raised || exponent;
        text[n++] = s[i];
        if (exponent && !is_digit(s[i + 1])) text[n++] = s[++i];
    }
    text[n] = 0;
    x->at = i;
    if (n >= MOST && i < x->n && is_digit(s[i])) return fail(x, "a number of too many digits");
    struct lexeme t = {.kind = real ? TK_FLOAT : TK_INT};
    if (!real && n > 1 && text[0] == '0' && strspn(text, "0") < n) return fail(x, "a number begins with 0");
    errno = 0;
    t.value = real ? cv_float(strtod(text, NULL)) : cv_int((int64_t)strtoll(text, NULL, 10));
    if (!real && errno == ERANGE) return fail(x, "a number is too large");
    return push(x, t);
}

static int lex_operator(struct lexer *x, int *depth)
{
    static const char *const two[] = {"==", "!=", "<=", ">=", "//", "**"};
    size_t n = 0;
    char c = x->s[x->at];
    for (size_t i = 0; i < COUNT_OF(two); i++)
        if (x->n - x->at >= 2 && memcmp(x->s + x->at, two[i], 2) == 0) n = 2;
    if (!n && c && strchr("+-*/%~<>=()[]{}.,:|", c)) n = 1;
    if (!n) return fail(x, "a character that means nothing here");
    if (strchr("([{", c)) ++*depth;
    if (strchr(")]}", c) && --*depth < 0) return fail(x, "a closing bracket without an opening one");
    struct lexeme t = {.kind = TK_OP, .s = x->s + x->at, .n = n};
    x->at += n;
    return push(x, t);
}

/* Words up to the end of the tag; x->at is behind its beginning. */
static int lex_tag(struct lexer *x, bool block)
{
    const char *end = block ? "%}" : "}}";
    int depth = 0;
    for (;;) {
        for (size_t len; (len = space_at(x, x->at)) != 0;) x->at += len;
        if (x->at >= x->n) return fail(x, block ? "a '{%' is not closed" : "a '{{' is not closed");
        x->from = x->at;
        char c = x->s[x->at], sign = c == '-' || (c == '+' && block) ? c : 0;
        size_t at = x->at + (sign != 0);
        if (depth == 0 && x->n - at >= 2 && memcmp(x->s + at, end, 2) == 0) {
            struct lexeme t = {.kind = block ? TK_BLOCK_END : TK_OUTPUT_END};
            x->at = at + 2;
            if (push(x, t)) return -1;
            after_tag(x, sign, block);
            return 0;
        }
        if (c == '"' || c == '\'') {
            if (lex_string(x)) return -1;
        } else if (is_digit(c)) {
            if (lex_number(x)) return -1;
        } else if (in_name(c)) {
            struct lexeme t = {.kind = TK_NAME, .s = x->s + x->at};
            while (x->at < x->n && in_name(x->s[x->at])) x->at++;
            t.n = (size_t)(x->s + x->at - t.s);
            if (t.n > 1000) return fail(x, "a name of more than 1000 bytes"); /* names are compared at each use */
            if (!chat_is_identifier(&(struct cstr){t.s, t.n, NULL, 0})) return fail(x, "a name is of letters, digits and _");
            if (push(x, t)) return -1;
        } else if (lex_operator(x, &depth)) {
            return -1;
        }
    }
}

/* "{% WORD %}" at `at`: the offset behind the word's tag, before what its end
 * strips; 0 if it is not that. */
static size_t simple_tag(const struct lexer *x, size_t at, const char *word, char *sign)
{
    size_t n = strlen(word);
    if (x->n - at < 2 || memcmp(x->s + at, "{%", 2)) return 0;
    at += 2;
    if (at < x->n && (x->s[at] == '-' || x->s[at] == '+')) at++;
    for (size_t len; (len = space_at(x, at)) != 0;) at += len;
    if (x->n - at < n || memcmp(x->s + at, word, n)) return 0;
    at += n;
    for (size_t len; (len = space_at(x, at)) != 0;) at += len;
    *sign = at < x->n && (x->s[at] == '-' || x->s[at] == '+') ? x->s[at++] : 0;
    return x->n - at >= 2 && memcmp(x->s + at, "%}", 2) == 0 ? at + 2 : 0;
}

static int lex_raw(struct lexer *x, size_t behind, char sign)
{
    char end_sign;
    x->from = x->at;
    x->at = behind;
    after_tag(x, sign, false); /* the line end behind it is text */
    for (size_t at = x->at; (at = find_tag(x, at)) < x->n; at++) {
        size_t end = simple_tag(x, at, "endraw", &end_sign);
        if (!end) continue;
        if (push_text(x, x->at, text_end(x, x->at, at))) return -1;
        x->at = end;
        after_tag(x, end_sign, true);
        return 0;
    }
    return fail(x, "a '{% raw %}' is not closed");
}

int chat_lex(struct chat_mem *m, const char *text, size_t n, const char *name, struct lexemes *out,
             struct err *e)
{
    struct lexer x = {.m = m, .s = text, .n = n, .name = name, .place = {1, 1}, .line_start = true, .out = out, .e = e};
    while (x.at < n) {
        size_t tag = find_tag(&x, x.at), behind;
        char sign;
        if (push_text(&x, x.at, text_end(&x, x.at, tag))) return -1;
        x.at = tag;
        if (tag >= n) break;
        if (text[tag + 1] == '#') {
            if (skip_comment(&x)) return -1;
        } else if (text[tag + 1] == '%' && (behind = simple_tag(&x, tag, "raw", &sign)) != 0 && sign != '+') {
            if (lex_raw(&x, behind, sign)) return -1;
        } else {
            bool block = text[tag + 1] == '%';
            struct lexeme t = {.kind = block ? TK_BLOCK_BEGIN : TK_OUTPUT_BEGIN};
            x.from = tag;
            x.at = tag + 2;
            if (x.at < n && (text[x.at] == '-' || text[x.at] == '+')) x.at++;
            if (push(&x, t) || lex_tag(&x, block)) return -1;
        }
    }
    struct lexeme last = {.kind = TK_EOF};
    x.from = n;
    return push(&x, last);
}
