#include "data/prompt_norm.h"

#include <string.h>
#include <utf8proc.h>

#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/token/unicode.h"

static bool ascii_digit(const char *s, size_t n, size_t i)
{
    return i < n && s[i] >= '0' && s[i] <= '9';
}

/* Does a mark of punctuation say something at this place? */
static bool speaks(const char *s, size_t n, size_t i, uint32_t cp)
{
    bool before = i > 0 && ascii_digit(s, n, i - 1);
    switch (cp) {
    case '.':
    case ',':
        return before && ascii_digit(s, n, i + 1);
    case '-':
        for (i++; i < n && s[i] == ' ';)
            i++;
        return ascii_digit(s, n, i);
    case '/':
    case '*':
    case '%':
    case '&':
    case '#':
    case '@':
    case '_':
    case '\\':
        return true;
    default:
        return false;
    }
}

void prompt_norm(const char *text, size_t n, struct buf *out)
{
    size_t from = out->len;
    bool blank = false, sign = false; /* one is due; the character before was a sign */
    for (size_t i = 0; i < n;) {
        struct uni_char c = uni_next((const uint8_t *)text + i, n - i);
        unsigned word = c.class & (UNI_L | UNI_N | UNI_M);
        bool point = (c.cp == '.' || c.cp == ',') && speaks(text, n, i, c.cp);
        bool is_sign = !word && !point && ((c.class & UNI_S) || ((c.class & UNI_P) && speaks(text, n, i, c.cp)));
        /* An apostrophe inside a word is of it: "it's". */
        bool skip = (c.cp == '\'' || c.cp == 0x2019) && i > 0 && !blank && out->len > from;
        if (word || point || is_sign) {
            if ((blank || is_sign != sign) && out->len > from) buf_addc(out, ' ');
            char b[4];
            uint32_t low = c.cp < 128 ? (c.cp >= 'A' && c.cp <= 'Z' ? c.cp + 32 : c.cp)
                                      : (uint32_t)utf8proc_tolower((utf8proc_int32_t)c.cp);
            buf_add(out, b, (size_t)utf8_encode(low, b));
            blank = false;
            sign = is_sign;
        } else if (!skip) {
            blank = true;
        }
        i += c.len;
    }
    if (out->len == from) buf_add(out, text, n);
}

void prompt_pairs(const char *norm, size_t n, struct buf *pairs, uint64_t *digits)
{
    uint64_t last = 0, numbers = 0;
    size_t words = 0;
    for (size_t i = 0; i < n;) {
        const char *end = memchr(norm + i, ' ', n - i);
        size_t len = end ? (size_t)(end - norm) - i : n - i;
        uint64_t h = hash64(norm + i, len);
        for (size_t k = 0; k < len; k++)
            if (norm[i + k] >= '0' && norm[i + k] <= '9') {
                numbers = hash64_seed(&h, sizeof h, numbers + 1);
                break;
            }
        if (words++) {
            uint64_t two[2] = {last, h}, pair = hash64(two, sizeof two);
            buf_add(pairs, &pair, sizeof pair);
        }
        last = h;
        i += len + 1;
    }
    if (words == 1) buf_add(pairs, &last, sizeof last);
    *digits = numbers;
}
