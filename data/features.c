#include "data/features.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"

/* 64 to 64 bits, so that the upper bits depend on all lower ones. */
static inline uint64_t mix(uint64_t x, uint64_t key)
{
    x = (x ^ key) * 0x9E3779B97F4A7C15u;
    x ^= x >> 32;
    return x * 0xD6E8FEB86659FD93u;
}

/* The set under construction, in registers. */
struct set {
    uint32_t *v;
    uint64_t *seen;
    size_t n;
    int shift;
};

static inline void add(struct set *s, uint64_t hash)
{
    uint32_t i = (uint32_t)(hash >> s->shift);
    uint64_t bit = (uint64_t)1 << (i & 63), old = s->seen[i >> 6];
    s->v[s->n] = i; /* there is room for one more than can be */
    s->n += !(old & bit);
    s->seen[i >> 6] = old | bit;
}

static inline bool is_blank(unsigned char c)
{
    return c == ' ' || (unsigned)c - '\t' < 5;
}

/* What each byte below 128 becomes. */
static inline uint16_t ascii(unsigned char c)
{
    if ((unsigned)c - 'A' < 26) return (uint16_t)(c + 32);
    if ((unsigned)c - '0' < 10) return '0';
    return c;
}

/* Characters folded into 16 bits; returns how many. */
static size_t fold(const char *text, size_t n, uint16_t *out)
{
    size_t k = 0;
    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)text[i];
        if (is_blank(c)) {
            uint16_t kind = ' ';
            for (; i < n && is_blank((unsigned char)text[i]); i++)
                if (text[i] == '\n') kind = '\n';
            out[k++] = kind;
        } else if (c < 128) {
            out[k++] = ascii(c);
            i++;
        } else {
            uint32_t cp = 0;
            int len = utf8_decode(text + i, n - i, &cp);
            i += len > 0 ? (size_t)len : 1;
            out[k++] = (uint16_t)(cp ^ cp >> 16);
        }
    }
    return k;
}

/* n-grams of k characters; four of them are one load. */
static void add_chars(struct set *to, const uint16_t *c, size_t n, int k)
{
    struct set s = *to;
    int low = 64 - 16 * k; /* c begins after three zeros */
    for (size_t i = (size_t)k - 1; i < n; i++) {
        uint64_t x;
        memcpy(&x, c + i - 3, sizeof x);
        add(&s, mix(x >> low, (uint64_t)k));
    }
    *to = s;
}

static inline bool in_word(uint16_t c)
{
    return (unsigned)c - 'a' < 26 || c >= 128 || c == '0';
}

static void add_words(struct set *to, const uint16_t *c, size_t n, int words)
{
    struct set s = *to;
    uint64_t last[FEATURES_MAX_WORDS] = {0};
    int n_last = 0;
    for (size_t i = 0; i < n;) {
        if (!in_word(c[i])) {
            i++;
            continue;
        }
        uint64_t h = 0;
        for (; i < n && in_word(c[i]); i++)
            h = (h + c[i]) * 0x9FB21C651E98DF25u;
        h = mix(h, 0x5bd1);
        uint64_t word = h;
        add(&s, h);
        for (int k = 0; k < n_last; k++) {
            h = mix(h ^ last[k], 0x1234567);
            add(&s, h);
        }
        for (int k = words - 2; k > 0; k--)
            last[k] = last[k - 1];
        last[0] = word * 3;
        if (n_last < words - 1) n_last++;
    }
    *to = s;
}

static int reserve(const struct features_cfg *c, struct features *f, size_t n, struct err *e)
{
    size_t buckets = (size_t)1 << c->bits;
    if (!f->v) f->v = mem_alloc(buckets + 1, sizeof *f->v);
    if (!f->seen) f->seen = mem_zalloc(buckets / 64, sizeof *f->seen);
    if (n + 4 > f->cap) {
        free(f->chars);
        f->cap = 0;
        f->chars = mem_alloc(n + 4, sizeof *f->chars);
        if (f->chars) f->cap = n + 4;
    }
    return f->v && f->seen && f->chars ? 0 : err_oom(e, buckets * 4 + n * 2, "the features of a document");
}

int features_make(const struct features_cfg *c, struct features *f, const char *text, size_t n,
                  struct err *e)
{
    if (reserve(c, f, n, e)) return -1;
    struct set s = {f->v, f->seen, 0, 64 - c->bits};
    uint16_t *chars = f->chars + 3;
    memset(f->chars, 0, 3 * sizeof *f->chars);
    size_t n_chars = fold(text, n, chars);
    if (c->words) add_words(&s, chars, n_chars, c->words);
    for (int k = c->chars_min; k <= c->chars_max; k++)
        add_chars(&s, chars, n_chars, k);
    f->n = s.n;
    for (size_t i = 0; i < f->n; i++)
        f->seen[f->v[i] >> 6] = 0;
    return 0;
}

void features_free(struct features *f)
{
    free(f->v);
    free(f->seen);
    free(f->chars);
    memset(f, 0, sizeof *f);
}
