#include "core/token/unicode.h"

static bool cont(uint8_t b)
{
    return (b & 0xC0) == 0x80;
}

static struct uni_char found(uint32_t cp, unsigned len)
{
    return (struct uni_char){cp, len, uni_class(cp)};
}

struct uni_char uni_decode_slow(const uint8_t *s, size_t n)
{
    uint32_t b = s[0];
    if (b < 0x80) return found(b, 1);
    if (b >= 0xC2 && b < 0xE0 && n >= 2 && cont(s[1]))
        return found((b & 0x1F) << 6 | (s[1] & 0x3Fu), 2);
    if (b >= 0xE0 && b < 0xF0 && n >= 3 && cont(s[1]) && cont(s[2])) {
        uint32_t cp = (b & 0x0F) << 12 | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu);
        if (cp >= 0x800 && (cp < 0xD800 || cp > 0xDFFF)) return found(cp, 3);
    }
    if (b >= 0xF0 && b < 0xF5 && n >= 4 && cont(s[1]) && cont(s[2]) && cont(s[3])) {
        uint32_t cp = (b & 7) << 18 | (s[1] & 0x3Fu) << 12 | (s[2] & 0x3Fu) << 6 | (s[3] & 0x3Fu);
        if (cp >= 0x10000 && cp <= 0x10FFFF) return found(cp, 4);
    }
    return (struct uni_char){UNI_BAD, 1, 0};
}

struct uni_char uni_prev(const uint8_t *s, size_t at)
{
    for (unsigned back = 1; back <= 4 && back <= at; back++) {
        if (cont(s[at - back])) continue;
        struct uni_char c = uni_next(s + at - back, back);
        if (c.len == back) return c;
        break;
    }
    return (struct uni_char){UNI_BAD, 1, 0};
}
