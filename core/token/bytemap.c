#include "core/token/bytemap.h"

#include <string.h>

#include "core/base/json.h"
#include "core/token/isa.h"

static bool printable(unsigned b)
{
    return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
}

/* The 68 bytes that are not printable take U+0100.. in order. */
uint32_t bytemap_char(uint8_t byte)
{
    unsigned b = byte;
    if (printable(b)) return b;
    if (b <= 0x20) return 0x100 + b;
    if (b <= 0xA0) return 0x121 + (b - 0x7F);
    return 0x143; /* 0xAD */
}

static inline int byte_of(uint32_t cp)
{
    if (cp >= 0x100 && cp <= 0x120) return (int)(cp - 0x100); /* most often the space */
    if (cp < 0x100) return printable((unsigned)cp) ? (int)cp : -1;
    if (cp <= 0x142) return (int)(cp - 0x121 + 0x7F);
    return cp == 0x143 ? 0xAD : -1;
}

int bytemap_byte(uint32_t cp)
{
    return byte_of(cp);
}

void bytemap_spell(struct buf *out, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    if (n > SIZE_MAX / 4 || !buf_reserve(out, 2 * n)) { /* none of the characters is beyond U+07FF */
        out->oom = true;
        return;
    }
    char *to = out->data + out->len;
    for (size_t i = 0; i < n; i++) {
        if ((uint8_t)(p[i] - 0x21) < 0x7F - 0x21) *to++ = (char)p[i]; /* most are themselves */
        else to += utf8_encode(bytemap_char(p[i]), to);
    }
    *to = '\0';
    out->len = (size_t)(to - out->data);
}

void bytemap_spellings(struct bytemap_spelling *s)
{
    for (unsigned b = 0; b < 256; b++) {
        char text[4] = {0};
        s->len[b] = (uint8_t)utf8_encode(bytemap_char((uint8_t)b), text);
        s->text[b] = (uint16_t)((uint8_t)text[0] | (uint8_t)text[1] << 8);
    }
}

/* Whether none of eight characters is outside of 0x21..0x7E. */
static inline bool all_themselves(uint64_t v)
{
    const uint64_t ones = 0x0101010101010101u, high = ones * 0x80;
    return !((v | (v - ones * 0x21) | (v + ones)) & high);
}

long bytemap_unspell_base(const char *text, size_t n, uint8_t *out)
{
    long count = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp = (uint8_t)text[i];
        if (cp - 0x21 < 0x7F - 0x21) { /* most are themselves */
            uint64_t eight = 0;
            if (n - i >= 8) memcpy(&eight, text + i, 8);
            if (all_themselves(eight)) { /* not where there are fewer */
                memcpy(out + count, &eight, 8);
                count += 8;
                i += 8;
                continue;
            }
            out[count++] = (uint8_t)cp;
            i++;
            continue;
        }
        int len = 1;
        if (cp >= 0xC2 && cp <= 0xDF && n - i >= 2 && ((uint8_t)text[i + 1] & 0xC0) == 0x80) {
            cp = (cp & 31) << 6 | ((uint8_t)text[i + 1] & 63);
            len = 2;
        } else if (cp >= 0x80) {
            return -1; /* three bytes and more, or broken */
        }
        int byte = byte_of(cp);
        if (byte < 0) return -1;
        out[count++] = (uint8_t)byte;
        i += (size_t)len;
    }
    return count;
}

long bytemap_unspell(const char *text, size_t n, uint8_t *out)
{
    if (n && n < 64 && token_has_vbmi()) return bytemap_unspell_avx512vbmi(text, n, out);
    return bytemap_unspell_base(text, n, out);
}
