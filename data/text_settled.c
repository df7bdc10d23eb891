#include "data/text_settled.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static inline bool between(unsigned c, unsigned lo, unsigned hi)
{
    return c - lo <= hi - lo;
}

size_t text_settled_char(const char *s, size_t n)
{
    unsigned c = (unsigned char)s[0];
    if (c < 0x80) return (c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t';
    if (n < 2) return 0;
    unsigned d = (unsigned char)s[1];
    if (c == 0xc2) return d >= 0xa0 ? 2 : 0;
    if (c == 0xc3) return d == 0x97 || d == 0xb7 ? 0 : 2;
    if (c == 0xce) return d == 0x87 ? 0 : 2;
    if (between(c, 0xc4, 0xc9) || between(c, 0xcf, 0xd1)) return 2;
    if (n < 3) return 0;
    unsigned e = (unsigned char)s[2];
    switch (c) {
    case 0xe1: /* Latin of U+1E00...1EFF */
        return between(d, 0xb8, 0xbb) ? 3 : 0;
    case 0xe2: /* U+2000 and U+2001 become others, and some beyond are left out */
        return (d == 0x80 && e > 0x81) || d == 0x81 || d == 0x82 || between(d, 0x85, 0x8b) ||
                       between(d, 0x8d, 0xaa)
                   ? 3
                   : 0;
    case 0xe3: /* but for marks that join: U+302A...302F, U+3099, U+309A */
        return (d == 0x80 && !between(e, 0xaa, 0xaf)) || d == 0x81 || d == 0x83 ||
                       (d == 0x82 && e != 0x99 && e != 0x9a)
                   ? 3
                   : 0;
    case 0xea:
        return d >= 0xb0 ? 3 : 0;
    case 0xed:
        return d <= 0x9d ? 3 : 0;
    case 0xef:
        return between(d, 0xbc, 0xbd) ? 3 : 0;
    default:
        return between(c, 0xe4, 0xe9) || between(c, 0xeb, 0xec) ? 3 : 0;
    }
}

size_t text_settled_ref(const char *s, size_t n)
{
    size_t i = 0, k = 1;
    for (; i < n && k; i += k)
        k = text_settled_char(s + i, n - i);
    return i;
}

static text_settled_fn *choose(void)
{
#if defined(__x86_64__)
    const char *want = getenv("LLMCTL_ISA");
    if (want && strcmp(want, "ref") == 0) return text_settled_ref;
    if (__builtin_cpu_supports("avx512bw") && !(want && strcmp(want, "avx2") == 0))
        return text_settled_avx512;
    if (__builtin_cpu_supports("avx2")) return text_settled_avx2;
#endif
    return text_settled_ref;
}

size_t text_settled(const char *s, size_t n)
{
    static _Atomic(text_settled_fn *) best; /* threads that ask at once find the same */
    text_settled_fn *fn = atomic_load_explicit(&best, memory_order_relaxed);
    if (!fn) atomic_store_explicit(&best, fn = choose(), memory_order_relaxed);
    return fn(s, n);
}
