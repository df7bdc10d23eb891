#include "data/shingle.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/shingle_internal.h"
#include "data/words_class.h"

static bool grow(uint64_t **v, size_t *cap, size_t need)
{
    if (need <= *cap) return true;
    size_t to = *cap ? *cap : 1024;
    while (to < need)
        if (!ck_mul(to, 2, &to)) return false;
    uint64_t *p = mem_resize(*v, to, sizeof *p);
    if (!p) return false;
    *v = p;
    *cap = to;
    return true;
}

static inline void end_word(struct shingles *s, struct shingle_reading *r)
{
    if (!r->n) return;
    if (s->n_words == s->cap && !grow(&s->word, &s->cap, s->n_words + 1)) {
        s->oom = true;
        return;
    }
    s->word[s->n_words++] = shingle_end(r);
    *r = (struct shingle_reading){0};
}

/* 0: parts words, 1: digit, else the byte to take. */
static const uint8_t ascii_map[128] = {
    ['0'] = 1,   ['1'] = 1,   ['2'] = 1,   ['3'] = 1,   ['4'] = 1,   ['5'] = 1,   ['6'] = 1,
    ['7'] = 1,   ['8'] = 1,   ['9'] = 1,   ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd',
    ['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k',
    ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r',
    ['S'] = 's', ['T'] = 't', ['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y',
    ['Z'] = 'z', ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f',
    ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l', ['m'] = 'm',
    ['n'] = 'n', ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't',
    ['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z'};

/* Length of the digit at i, 0 if none. */
static size_t digit_at(const char *s, size_t n, size_t i)
{
    if (i >= n) return 0;
    if ((unsigned char)s[i] < 128) return s[i] >= '0' && s[i] <= '9';
    uint32_t cp;
    int k = utf8_decode(s + i, n - i, &cp);
    return k > 0 && utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_ND ? (size_t)k : 0;
}

/* Behind a number that begins at i: digits, and once a separator and digits. */
static size_t number_end(const char *s, size_t n, size_t i)
{
    size_t k;
    while ((k = digit_at(s, n, i)) > 0)
        i += k;
    if (i < n && (s[i] == '.' || s[i] == ',') && digit_at(s, n, i + 1)) {
        i++;
        while ((k = digit_at(s, n, i)) > 0)
            i += k;
    }
    return i;
}

/* What a character gives: parts words, a number, or bytes of a word. */
enum glyph_kind { GLYPH_PARTS, GLYPH_DIGIT, GLYPH_BYTES, GLYPH_ALONE };
struct glyph {
    uint8_t kind, n; /* ALONE: a word begins here */
    char bytes[14];
};

static struct glyph make_glyph(const struct words_table *t, uint32_t cp)
{
    struct glyph g = {.kind = GLYPH_PARTS};
    unsigned c = words_class(t, cp);
    if (utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_ND) {
        g.kind = GLYPH_DIGIT;
        return g;
    }
    if (c & (WC_SPACE | WC_SYMBOL)) return g;
    g.kind = shingle_unparted(cp) && !(c & WC_MARK) ? GLYPH_ALONE : GLYPH_BYTES;
    utf8proc_int32_t d[8];
    int last = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char(utf8proc_tolower((utf8proc_int32_t)cp), d, 8,
                                                 UTF8PROC_DECOMPOSE, &last);
    for (utf8proc_ssize_t i = 0; i < n && i < 8; i++) {
        char u[4];
        if (words_class(t, (uint32_t)d[i]) & WC_MARK) continue;
        int k = utf8_encode((uint32_t)d[i], u);
        for (int j = 0; j < k && g.n < sizeof g.bytes; j++)
            g.bytes[g.n++] = u[j];
    }
    return g;
}

/* Characters are looked at once, 256 at a time when the first of them comes, and
 * kept for all threads until the end of the process. */
enum { PAGE_BITS = 8, PAGES = 0x110000 >> PAGE_BITS };
static _Atomic(struct glyph *) pages[PAGES];

static struct glyph *make_page(const struct words_table *t, uint32_t page)
{
    struct glyph *v = mem_alloc((size_t)1 << PAGE_BITS, sizeof *v), *other = NULL;
    for (uint32_t i = 0; v && i < 1u << PAGE_BITS; i++)
        v[i] = make_glyph(t, page << PAGE_BITS | i);
    if (v && !atomic_compare_exchange_strong(&pages[page], &other, v)) { /* another thread was first */
        free(v);
        return other;
    }
    return v;
}

/* NULL: out of memory. */
static inline const struct glyph *glyph_of(const struct words_table *t, uint32_t cp)
{
    struct glyph *v = atomic_load_explicit(&pages[cp >> PAGE_BITS], memory_order_acquire);
    if (!v) v = make_page(t, cp >> PAGE_BITS);
    return v ? &v[cp & ((1u << PAGE_BITS) - 1)] : NULL;
}

static void wide_char(struct shingles *s, struct shingle_reading *r, const struct glyph *g)
{
    if (g->kind == GLYPH_PARTS || g->kind == GLYPH_ALONE) end_word(s, r);
    for (int i = 0; i < g->n; i++)
        shingle_feed(r, (unsigned char)g->bytes[i]);
}

enum isa { ISA_REF, ISA_AVX2, ISA_AVX512 };

/* What this CPU can do, capped by LLMCTL_ISA; asked once. */
static enum isa best_isa(void)
{
    static _Atomic int known; /* 1 more */
    int got = atomic_load_explicit(&known, memory_order_relaxed);
    if (got) return (enum isa)(got - 1);
    enum isa isa = ISA_REF;
#ifdef SHINGLE_HAVE_AVX2
    const char *cap = getenv("LLMCTL_ISA");
    bool ref = cap && strcmp(cap, "ref") == 0, avx2 = cap && strcmp(cap, "avx2") == 0;
    if (!ref && __builtin_cpu_supports("avx2")) isa = ISA_AVX2;
    if (!ref && !avx2 && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2"))
        isa = ISA_AVX512;
#endif
    atomic_store_explicit(&known, (int)isa + 1, memory_order_relaxed);
    return isa;
}

/* Words of ASCII letters, as far as they go. */
static size_t fast(enum isa isa, struct shingles *s, const char *text, size_t i, size_t n)
{
#ifdef SHINGLE_HAVE_AVX2
    if (n - i >= 72 && isa == ISA_AVX512) return shingles_ascii_avx512vbmi(text, i, n, s->word, &s->n_words);
    if (n - i >= 64 && isa != ISA_REF) return shingles_ascii_avx2(text, i, n, s->word, &s->n_words);
#endif
    (void)isa;
    (void)s;
    (void)text;
    (void)n;
    return i;
}

static int words(enum isa isa, struct shingles *s, const char *text, size_t n, struct err *e)
{
    struct shingle_reading r = {0};
    const struct words_table *t = words_table_get();
    s->n_words = 0;
    s->oom = !t || !grow(&s->word, &s->cap, n / 2 + 1);
    for (size_t i = 0; i < n && !s->oom;) {
        if (!r.n && isa != ISA_REF) i = fast(isa, s, text, i, n);
        unsigned char c = (unsigned char)text[i];
        if (c < 128) {
            unsigned char m = ascii_map[c];
            if (m > 1) {
                shingle_feed(&r, m);
                i++;
            } else if (m == 0) {
                end_word(s, &r);
                i++;
            } else {
                shingle_feed(&r, '0');
                i = number_end(text, n, i);
            }
            continue;
        }
        uint32_t cp;
        int k = utf8_decode(text + i, n - i, &cp);
        if (k < 1) {
            i++;
            continue;
        }
        const struct glyph *g = glyph_of(t, cp);
        if (!g) {
            s->oom = true;
            break;
        }
        if (g->kind == GLYPH_DIGIT) {
            shingle_feed(&r, '0');
            i = number_end(text, n, i);
            continue;
        }
        wide_char(s, &r, g);
        i += (size_t)k;
    }
    end_word(s, &r);
    return s->oom ? err_oom(e, s->cap * sizeof *s->word, "the words of a document") : 0;
}

int shingles_words(struct shingles *s, const char *text, size_t n, struct err *e)
{
    return words(best_isa(), s, text, n, e);
}

int shingles_words_ref(struct shingles *s, const char *text, size_t n, struct err *e)
{
    return words(ISA_REF, s, text, n, e);
}

void shingles_join_ref(const uint64_t *word, size_t n, size_t width, uint64_t *v)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t h = width;
        for (size_t k = 0; k < width; k++)
            h = (h ^ word[i + k]) * shingle_prime;
        v[i] = shingle_mix(h);
    }
}

int shingles_make(struct shingles *s, int width, struct err *e)
{
    size_t w = (size_t)width;
    s->n = 0;
    if (!s->n_words) return 0;
    size_t n = s->n_words > w ? s->n_words - w + 1 : 1;
    if (s->n_words < w) w = s->n_words;
    if (!grow(&s->v, &s->v_cap, n))
        return err_oom(e, n * sizeof *s->v, "the shingles of a document");
    s->n = n;
#ifdef SHINGLE_HAVE_AVX2
    if (best_isa() == ISA_AVX512) {
        shingles_join_avx512vbmi(s->word, n, w, s->v);
        return 0;
    }
#endif
    shingles_join_ref(s->word, n, w, s->v);
    return 0;
}

void shingles_free(struct shingles *s)
{
    free(s->word);
    free(s->v);
    free(s->set);
    free(s->spare);
    *s = (struct shingles){0};
}

struct hash128 shingles_identity(const struct shingles *s, const char *text, size_t n)
{
    if (!s->n_words) return hash128(text, n);
    struct hash128 h = hash128(s->word, s->n_words * sizeof *s->word);
    h.hi ^= shingle_prime; /* words and bytes never meet */
    return h;
}

/* Least significant byte first; texts have few shingles, so three passes of 11
 * bits would cost more for their tables than four of 8. */
static uint32_t *sort32(uint32_t *v, uint32_t *tmp, size_t n)
{
    enum { FEW = 64 };
    if (n <= FEW) {
        for (size_t i = 1; i < n; i++) {
            uint32_t x = v[i];
            size_t k = i;
            for (; k && v[k - 1] > x; k--)
                v[k] = v[k - 1];
            v[k] = x;
        }
        return v;
    }
    size_t count[4][256] = {{0}};
    for (size_t i = 0; i < n; i++)
        for (int p = 0; p < 4; p++)
            count[p][v[i] >> 8 * p & 255]++;
    for (int p = 0; p < 4; p++) {
        size_t sum = 0;
        for (int b = 0; b < 256; b++) {
            size_t c = count[p][b];
            count[p][b] = sum;
            sum += c;
        }
        for (size_t i = 0; i < n; i++)
            tmp[count[p][v[i] >> 8 * p & 255]++] = v[i];
        uint32_t *t = v;
        v = tmp;
        tmp = t;
    }
    return v;
}

int shingles_set(struct shingles *s, uint32_t **set, size_t *n, struct err *e)
{
    if (s->n > s->set_cap) {
        free(s->set);
        free(s->spare);
        s->set_cap = s->n * 2;
        s->set = mem_alloc(s->set_cap, sizeof *s->set);
        s->spare = mem_alloc(s->set_cap, sizeof *s->spare);
        if (!s->set || !s->spare) {
            s->set_cap = 0;
            return err_oom(e, s->n * 16, "the shingles of a document");
        }
    }
    for (size_t i = 0; i < s->n; i++)
        s->set[i] = (uint32_t)(s->v[i] >> 32);
    uint32_t *v = sort32(s->set, s->spare, s->n);
    size_t k = 0;
    for (size_t i = 0; i < s->n; i++)
        if (!i || v[i] != v[i - 1]) v[k++] = v[i];
    *set = v;
    *n = k;
    return 0;
}

double shingles_similarity(const uint32_t *a, size_t na, const uint32_t *b, size_t nb)
{
    size_t i = 0, j = 0, both = 0;
    while (i < na && j < nb) { /* without branches: which is smaller cannot be foreseen */
        uint32_t x = a[i], y = b[j];
        both += x == y;
        i += x <= y;
        j += y <= x;
    }
    return na + nb ? (double)both / (double)(na + nb - both) : 1;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

size_t shingles_to_set(uint64_t *v, size_t n)
{
    size_t k = 0;
    if (n) qsort(v, n, sizeof *v, by_value);
    for (size_t i = 0; i < n; i++)
        if (!i || v[i] != v[i - 1]) v[k++] = v[i];
    return k;
}

double shingles_jaccard(const uint64_t *a, size_t na, const uint64_t *b, size_t nb)
{
    size_t i = 0, j = 0, both = 0;
    while (i < na && j < nb) {
        uint64_t x = a[i], y = b[j];
        both += x == y;
        i += x <= y;
        j += y <= x;
    }
    return na + nb ? (double)both / (double)(na + nb - both) : 1;
}
