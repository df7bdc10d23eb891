/* Base64, as in .tiktoken files and for bytes inside JSON. */
#include "core/token/tok_base64.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/token/bytemap.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int tok_base64(const void *bytes, size_t n, struct buf *out, struct err *e)
{
    const uint8_t *p = bytes;
    size_t room;
    if (!ck_mul(n / 3 + 1, 4, &room) || !buf_reserve(out, room)) return err_oom(e, n, "base64");
    char *to = out->data + out->len;
    for (size_t i = 0; i < n; i += 3, to += 4) {
        size_t left = n - i;
        uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                     (left > 2 ? (uint32_t)p[i + 2] : 0);
        to[0] = digits[v >> 18];
        to[1] = digits[v >> 12 & 63];
        to[2] = left > 1 ? digits[v >> 6 & 63] : '=';
        to[3] = left > 2 ? digits[v & 63] : '=';
    }
    *to = 0;
    out->len = (size_t)(to - out->data);
    return 0;
}

/* One more than a digit's value; 0: it is none. */
static const uint8_t value_of[256] = {
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
    ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64};

static inline int value(char c)
{
    return (int)value_of[(uint8_t)c] - 1;
}

/* Four digits as 24 bits, or -1. */
static inline int32_t four(const char *p)
{
    int a = value(p[0]), b = value(p[1]), c = value(p[2]), d = value(p[3]);
    return (a | b | c | d) < 0 ? -1 : a << 18 | b << 12 | c << 6 | d;
}

/* Four digits, of which the last or the last two may be '=': the bytes that they are, 0 for none, and
 * those from the top of *v's 24 bits. */
static int padded_four(const char *p, uint32_t *v)
{
    int pad = p[3] != '=' ? 0 : p[2] != '=' ? 1 : 2;
    *v = 0;
    for (int k = 0; k < 4; k++) {
        int d = k >= 4 - pad ? 0 : value(p[k]);
        if (d < 0) return 0;
        *v = *v << 6 | (uint32_t)d;
    }
    return 3 - pad;
}

static int bad_character(const char *text, size_t at, struct err *e)
{
    while (value(text[at]) >= 0) at++;
    return err_set(e, ERR_DATA, "bad base64 character at offset %zu", at);
}

int tok_unbase64(const char *text, size_t n, struct buf *out, struct err *e)
{
    if (n % 4) return err_set(e, ERR_DATA, "base64 of %zu characters: not a multiple of 4", n);
    if (!buf_reserve(out, n / 4 * 3)) return buf_ok(out, e);
    char *to = out->data + out->len;
    for (size_t i = 0; i < n; i += 4) {
        int32_t all = four(text + i);
        uint32_t v = (uint32_t)all;
        int bytes = all >= 0 ? 3 : i + 4 == n ? padded_four(text + i, &v) : 0;
        if (!bytes) return bad_character(text, i, e);
        for (int k = 0; k < bytes; k++) *to++ = (char)(v >> (16 - 8 * k));
    }
    *to = 0;
    out->len = (size_t)(to - out->data);
    return 0;
}

static inline char *spell(const struct bytemap_spelling *s, char *to, uint8_t byte)
{
    memcpy(to, &s->text[byte], 2);
    return to + s->len[byte];
}

const char *tok_spell_base64(const struct bytemap_spelling *s, const char *p, const char *end, char *to, size_t *n)
{
    const char *from = to;
    int32_t all;
    uint32_t v;
    for (; end - p >= 4 && (all = four(p)) >= 0; p += 4) {
        to = spell(s, to, (uint8_t)(all >> 16));
        to = spell(s, to, (uint8_t)(all >> 8));
        to = spell(s, to, (uint8_t)all);
    }
    if (end - p >= 4 && p[3] == '=') {
        int bytes = padded_four(p, &v);
        if (!bytes) return NULL;
        for (int k = 0; k < bytes; k++) to = spell(s, to, (uint8_t)(v >> (16 - 8 * k)));
        p += 4;
    }
    *n = (size_t)(to - from);
    return p;
}
