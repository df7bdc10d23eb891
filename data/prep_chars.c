/* Steps that look at one character at a time. */
#include <string.h>
#include <utf8proc.h>

#include "core/base/json.h"
#include "core/token/unicode.h"
#include "data/prep.h"

uint64_t prep_lower(const char *s, size_t n, struct buf *out)
{
    uint64_t count = 0;
    size_t from = 0;
    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)s[i];
        uint32_t cp = c;
        size_t k = c < 0x80 ? 1 : (size_t)utf8_decode(s + i, n - i, &cp);
        uint32_t low = c < 0x80 ? (c >= 'A' && c <= 'Z' ? c + 32u : c) : (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
        if (low != cp) {
            char b[4];
            buf_add(out, s + from, i - from);
            buf_add(out, b, (size_t)utf8_encode(low, b));
            from = i + k;
            count++;
        }
        i += k;
    }
    if (count) buf_add(out, s + from, n - from);
    return count;
}

/* Decimal digits of any script. */
static bool is_digit(uint32_t cp)
{
    if (cp < 0x80) return cp >= '0' && cp <= '9';
    return (uni_class(cp) & UNI_N) && utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_ND;
}

uint64_t prep_digits(const char *s, size_t n, enum prep_digits how, struct buf *out)
{
    uint64_t count = 0;
    size_t from = 0;
    for (size_t i = 0; i < n;) {
        struct uni_char c = uni_next((const uint8_t *)s + i, n - i);
        if (is_digit(c.cp) && !(how == DIGITS_ZERO && c.cp == '0')) {
            buf_add(out, s + from, i - from);
            if (how == DIGITS_ZERO) buf_addc(out, '0');
            from = i + c.len;
            count++;
        }
        i += c.len;
    }
    if (count) buf_add(out, s + from, n - from);
    return count;
}

/* A run of punctuation and symbols becomes a blank where it parted words, and
 * nothing beside white space; an apostrophe or hyphen inside a word stays. */
uint64_t prep_punct(const char *s, size_t n, struct buf *out)
{
    uint64_t count = 0;
    size_t from = 0;
    unsigned before = UNI_SPACE;
    for (size_t i = 0; i < n;) {
        struct uni_char c = uni_next((const uint8_t *)s + i, n - i);
        if (!(c.class & (UNI_P | UNI_S))) {
            before = c.class;
            i += c.len;
            continue;
        }
        size_t j = i + c.len;
        while (j < n) {
            struct uni_char d = uni_next((const uint8_t *)s + j, n - j);
            if (!(d.class & (UNI_P | UNI_S))) break;
            j += d.len;
        }
        unsigned after = j < n ? uni_next((const uint8_t *)s + j, n - j).class : UNI_SPACE;
        bool inside = (before & UNI_L) && (after & UNI_L);
        if (inside && j == i + c.len && (c.cp == '\'' || c.cp == '-' || c.cp == 0x2019)) {
            before = after;
            i = j;
            continue;
        }
        buf_add(out, s + from, i - from);
        if (!(before & UNI_SPACE) && !(after & UNI_SPACE)) buf_addc(out, ' ');
        from = i = j;
        count++;
        if (!(before & UNI_SPACE) && !(after & UNI_SPACE)) before = UNI_SPACE;
    }
    if (count) buf_add(out, s + from, n - from);
    return count;
}

/* Runs of blanks and tabs become one blank, blanks at the ends of lines go,
 * more than one empty line becomes one, and so do the text's own ends. */
uint64_t prep_space(const char *s, size_t n, struct buf *out)
{
    size_t base = out->len;
    bool blank = false;
    int newlines = 0;
    for (size_t i = 0; i < n;) {
        struct uni_char c = uni_next((const uint8_t *)s + i, n - i);
        if (c.cp == '\n') {
            newlines += newlines < 2;
            blank = false;
        } else if (c.class & UNI_SPACE) {
            blank = !newlines;
        } else {
            if (out->len > base) {
                for (int k = 0; k < newlines; k++)
                    buf_addc(out, '\n');
                if (blank) buf_addc(out, ' ');
            }
            newlines = 0;
            blank = false;
            buf_add(out, s + i, c.len);
        }
        i += c.len;
    }
    return out->len - base != n || (n && memcmp(out->data + base, s, n) != 0);
}
