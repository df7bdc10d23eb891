/* UTF-8 as in the Unicode Standard, table 3-7: no overlong forms, no
 * surrogates, nothing beyond U+10FFFF. */
#include "core/base/json.h"

#include <string.h>

#include "core/base/utf8_internal.h"

int utf8_decode(const char *s, size_t n, uint32_t *cp)
{
    const unsigned char *p = (const unsigned char *)s;
    if (n == 0) return 0;
    if (p[0] < 0x80) {
        *cp = p[0];
        return 1;
    }
    int len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n < (size_t)len) return 0;
    uint32_t c = p[0] & (0x7fu >> len);
    for (int i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    static const uint32_t min[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (c < min[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return 0;
    *cp = c;
    return len;
}

int utf8_encode(uint32_t cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        if (cp >= 0xd800 && cp < 0xe000) return 0;
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    if (cp > 0x10ffff) return 0;
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

size_t utf8_valid_prefix_ref(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        uint64_t word;
        while (i + 8 <= n) { /* ASCII goes eight bytes at a time */
            memcpy(&word, s + i, 8);
            if (word & 0x8080808080808080u) break;
            i += 8;
        }
        uint32_t cp;
        int len = i < n ? utf8_decode(s + i, n - i, &cp) : 0;
        if (!len) break;
        i += (size_t)len;
    }
    return i;
}

#ifdef UTF8_HAVE_AVX2
static bool have_vbmi(void)
{
    return __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2");
}

/* Back to where the character begins that may go on behind s[0..i). */
static size_t char_begin(const char *s, size_t i)
{
    for (int k = 0; k < 3 && i && ((unsigned char)s[i - 1] & 0xc0) == 0x80; k++) i--;
    return i && (unsigned char)s[i - 1] >= 0xc0 ? i - 1 : i;
}
#endif

size_t utf8_valid_prefix(const char *s, size_t n)
{
    size_t i = 0;
#ifdef UTF8_HAVE_AVX2
    if (n >= 2 * UTF8_BLOCK && __builtin_cpu_supports("avx2"))
        i = char_begin(s, (have_vbmi() ? utf8_valid_blocks_avx512vbmi : utf8_valid_blocks_avx2)(s, n));
#endif
    return i + utf8_valid_prefix_ref(s + i, n - i);
}

int utf8_check(const char *s, size_t n, const char *name, struct err *e)
{
    size_t valid = utf8_valid_prefix(s, n);
    return valid < n ? err_set(e, ERR_DATA, "'%s': invalid UTF-8 at byte offset %zu", name, valid) : 0;
}

size_t utf8_valid_lines(const char *s, size_t n, size_t *lines, size_t *counted)
{
    *lines = *counted = 0;
#ifdef UTF8_HAVE_AVX2
    if (n >= 2 * UTF8_BLOCK && have_vbmi()) {
        *counted = utf8_valid_lines_avx512vbmi(s, n, lines);
        size_t i = char_begin(s, *counted);
        return i + utf8_valid_prefix_ref(s + i, n - i);
    }
#endif
    return utf8_valid_prefix(s, n);
}
