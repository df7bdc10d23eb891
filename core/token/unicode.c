#include "core/token/unicode.h"

struct uni_char uni_decode_slow(const uint8_t *s, size_t n)
{
    return uni_next_inline(s, n);
}

struct uni_char uni_prev(const uint8_t *s, size_t at)
{
    for (unsigned back = 1; back <= 4 && back <= at; back++) {
        if (uni_cont(s[at - back])) continue;
        struct uni_char c = uni_next(s + at - back, back);
        if (c.len == back) return c;
        break;
    }
    return (struct uni_char){UNI_BAD, 1, 0};
}
