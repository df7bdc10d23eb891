#include "data/text_masks.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void text_bytes_ref(const char *s, size_t n_blocks, struct text_bytes *out)
{
    for (size_t b = 0; b < n_blocks; b++) {
        struct text_bytes m = {0};
        for (int i = 0; i < 64; i++) {
            unsigned char c = (unsigned char)s[64 * b + (size_t)i];
            uint64_t bit = (uint64_t)1 << i;
            if ((c >= 9 && c <= 13) || (c >= 28 && c <= 32)) m.space |= bit;
            if (c == '\n') m.newline |= bit;
            if ((unsigned)((c | 0x20) - 'a') < 26) m.letter |= bit;
            if (c >= '0' && c <= '9') m.digit |= bit;
            if (c >= 0x80) m.high |= bit;
            if ((c >= 0xc3 && c <= 0xc9) || c == 0xd0 || c == 0xd1) m.lead |= bit;
            if (c == 0xc3) m.c3 |= bit;
            if (c == '#') m.hash |= bit;
            if (c == '.') m.dot |= bit;
            if ((c >= 11 && c <= 13) || (c >= 28 && c <= 30)) m.vertical |= bit;
            if (c == 0x97 || c == 0xb7) m.sign |= bit;
            if (c >= 'a' && c <= 'z') m.lower |= bit;
            if (c && strchr("!\"#&'()*,:;<>?[]`{}", c)) m.edge |= bit;
        }
        out[b] = m;
    }
}

static int isa(void)
{
    static _Atomic int best = -1; /* threads that ask at once find the same */
    int found = atomic_load_explicit(&best, memory_order_relaxed);
    if (found >= 0) return found;
    found = 0;
#if defined(__x86_64__)
    const char *want = getenv("LLMCTL_ISA");
    if (!want || strcmp(want, "ref") != 0) {
        if (__builtin_cpu_supports("avx2")) found = 1;
        if (__builtin_cpu_supports("avx512bw") && (!want || strcmp(want, "avx2") != 0)) found = 2;
    }
#endif
    atomic_store_explicit(&best, found, memory_order_relaxed);
    return found;
}

text_bytes_fn *text_bytes_best(void)
{
#if defined(__x86_64__)
    if (isa() == 2) return text_bytes_avx512;
    if (isa() == 1) return text_bytes_avx2;
#endif
    return text_bytes_ref;
}

text_phrases_fn *text_phrases_best(void)
{
#if defined(__x86_64__)
    if (isa() == 2) return text_phrases_avx512;
    if (isa() == 1) return text_phrases_avx2;
#endif
    return text_phrases_ref;
}

/* Whether the letter at a lead byte is one depends on the byte behind it. */
static void finish(const struct text_bytes *b, size_t n, uint64_t lead_before, uint64_t sign_behind,
                   struct text_masks *out)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t sign = b[i].sign >> 1 | (i + 1 < n ? b[i + 1].sign & 1 : sign_behind) << 63;
        uint64_t lead = b[i].lead & ~(b[i].c3 & sign);
        uint64_t second = lead << 1 | lead_before;
        lead_before = lead >> 63;
        out[i] = (struct text_masks){.space = b[i].space,
                                     .newline = b[i].newline,
                                     .letter = b[i].letter | lead | second,
                                     .digit = b[i].digit,
                                     .second = second,
                                     .wide = b[i].high & ~(lead | second),
                                     .hash = b[i].hash,
                                     .dot = b[i].dot,
                                     .vertical = b[i].vertical,
                                     .lower = b[i].lower,
                                     .edge = b[i].edge};
    }
}

void text_masks(const char *s, size_t n, struct text_masks *out)
{
    enum { STEP = 32 };
    text_bytes_fn *fn = text_bytes_best();
    struct text_bytes b[STEP];
    size_t whole = n / 64, at = 0;
    uint64_t lead_before = 0;
    for (size_t k; at < whole; at += k) {
        k = whole - at < STEP ? whole - at : STEP;
        fn(s + at * 64, k, b);
        uint64_t behind = 0;
        if ((at + k) * 64 < n) {
            unsigned char c = (unsigned char)s[(at + k) * 64];
            behind = c == 0x97 || c == 0xb7;
        }
        finish(b, k, lead_before, behind, out + at);
        uint64_t last = b[k - 1].lead & ~(b[k - 1].c3 & behind << 63);
        lead_before = last >> 63;
    }
    if (n % 64) {
        char tail[64] = {0};
        memcpy(tail, s + whole * 64, n % 64);
        fn(tail, 1, b);
        finish(b, 1, lead_before, 0, out + whole);
    }
}

/* ---- phrases ---- */

static const struct {
    char text[16];
} phrases[] = {{"lorem ipsum"}, {"javascript"}, {"policy"}, {"cookies"}, {"terms of use"}};

bool text_phrases_ref(const char *s, size_t n)
{
    for (size_t p = 0; p < sizeof phrases / sizeof *phrases; p++) {
        const char *x = phrases[p].text;
        size_t m = strlen(x);
        for (size_t i = 0; i + m <= n; i++) {
            size_t k = 0;
            while (k < m && (s[i + k] | 0x20) == x[k])
                k++;
            if (k == m) return true;
        }
    }
    return false;
}
