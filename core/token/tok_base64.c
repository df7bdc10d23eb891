/* Base64, as in .tiktoken files and for bytes inside JSON. */
#include <string.h>

#include "core/token/tok_internal.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int tok_base64(const struct buf *bytes, struct buf *out, struct err *e)
{
    const uint8_t *p = (const uint8_t *)bytes->data;
    for (size_t i = 0; i < bytes->len; i += 3) {
        size_t left = bytes->len - i;
        uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                     (left > 2 ? (uint32_t)p[i + 2] : 0);
        buf_addc(out, digits[v >> 18]);
        buf_addc(out, digits[v >> 12 & 63]);
        buf_addc(out, left > 1 ? digits[v >> 6 & 63] : '=');
        buf_addc(out, left > 2 ? digits[v & 63] : '=');
    }
    return buf_ok(out, e);
}

static int value(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int tok_unbase64(const char *text, size_t n, struct buf *out, struct err *e)
{
    if (n % 4) return err_set(e, ERR_DATA, "base64 of %zu characters: not a multiple of 4", n);
    if (!buf_reserve(out, n / 4 * 3)) return buf_ok(out, e);
    char *to = out->data + out->len;
    for (size_t i = 0; i < n; i += 4) {
        int pad = i + 4 == n ? (text[i + 3] == '=') + (text[i + 2] == '=' && text[i + 3] == '=') : 0;
        uint32_t v = 0;
        for (int k = 0; k < 4; k++) {
            int d = k >= 4 - pad ? 0 : value(text[i + (size_t)k]);
            if (d < 0) return err_set(e, ERR_DATA, "bad base64 character at offset %zu", i + (size_t)k);
            v = v << 6 | (uint32_t)d;
        }
        *to++ = (char)(v >> 16);
        if (pad < 2) *to++ = (char)(v >> 8);
        if (pad < 1) *to++ = (char)v;
    }
    *to = 0;
    out->len = (size_t)(to - out->data);
    return 0;
}
