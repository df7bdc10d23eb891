#include "core/token/charsmap.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

static uint32_t offset_of(uint32_t unit)
{
    return (unit >> 10) << ((unit & (1u << 9)) >> 6);
}

size_t charsmap_root(const struct charsmap *m)
{
    return offset_of(m->unit[0]);
}

bool charsmap_step(const struct charsmap *m, size_t *at, uint8_t byte, bool *ends)
{
    size_t i = *at ^ byte;
    /* No rule holds a NUL, while a unit that is not used looks like one. */
    if (!byte || i >= m->n_units || (m->unit[i] & (0x80000000u | 0xFF)) != byte) return false;
    *at = i ^ offset_of(m->unit[i]);
    *ends = m->unit[i] >> 8 & 1;
    return true;
}

static bool values_in_range(const struct charsmap *m, struct err *e)
{
    /* A leaf has its top bit set; whatever a walk can reach is such a unit. */
    for (size_t i = 0; i < m->n_units; i++) {
        uint32_t u = m->unit[i];
        if (!(u >> 31)) continue;
        if ((u & 0x7FFFFFFF) >= m->n_pool) {
            err_set(e, ERR_DATA, "charsmap: unit %zu points at replacement %u of %zu bytes", i,
                    (unsigned)(u & 0x7FFFFFFF), m->n_pool);
            return false;
        }
    }
    return true;
}

/* ---- how long rules are ---- */

enum { MOST_BYTES = 256 }; /* of a rule: as far is gone for each character of a text */

/* The units that lead on from a place, as lists. */
struct depths {
    const struct charsmap *m;
    size_t n;              /* places */
    uint32_t *first, *next; /* by place and by unit: one more than the unit; 0 = there is none */
    uint16_t *below; /* by place, one more than the bytes of the longest way on; 0 = not yet known */
};

/* The bytes of the longest way on from place `at`, to which as many as `before` lead; MOST_BYTES + 1 with these: too many. */
static size_t longest_below(struct depths *d, size_t at, size_t before)
{
    const struct charsmap *m = d->m;
    size_t longest = 0;
    if (at >= d->n) return 0;
    if (d->below[at]) return d->below[at] - 1u;
    for (uint32_t more = d->first[at]; more && before + longest <= MOST_BYTES; more = d->next[more - 1]) {
        uint32_t i = more - 1;
        size_t n = 1 + (before == MOST_BYTES ? 0 : longest_below(d, i ^ offset_of(m->unit[i]), before + 1));
        if (n > longest) longest = n;
    }
    d->below[at] = (uint16_t)(longest + 1);
    return longest;
}

/* Places may lead back to themselves in data that nobody's rules made. */
static bool rules_end(const struct charsmap *m, struct err *e)
{
    size_t n = m->n_units + 256; /* a byte may lead to a unit from a place behind all */
    struct depths d = {.m = m, .n = n, .first = mem_zalloc(n, 4), .next = mem_alloc(m->n_units, 4), .below = mem_zalloc(n, 2)};
    bool ok = d.first && d.next && d.below;
    if (!ok) err_oom(e, 10 * n, "a charsmap");
    for (uint32_t i = 0; ok && i < m->n_units; i++) {
        uint32_t c = m->unit[i] & (0x80000000u | 0xFF);
        if (!c || c > 0xFF) continue;
        d.next[i] = d.first[i ^ c];
        d.first[i ^ c] = i + 1;
    }
    if (ok && longest_below(&d, charsmap_root(m), 0) > MOST_BYTES) {
        err_set(e, ERR_DATA, "charsmap: a rule of more than %d bytes, or units that lead back to themselves", MOST_BYTES);
        ok = false;
    }
    free(d.first);
    free(d.next);
    free(d.below);
    return ok;
}

/* ---- reading ---- */

static uint32_t get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

struct charsmap *charsmap_new(const void *data, size_t n, struct err *e)
{
    const uint8_t *p = data;
    uint32_t size = n < 4 ? 0 : get_u32(p);
    if (n < 4 || size > n - 4 || size < 4 || size % 4) {
        err_set(e, ERR_DATA, "charsmap: %zu bytes cannot hold a trie of %u bytes", n, (unsigned)size);
        return NULL;
    }
    struct charsmap *m = mem_zalloc(1, sizeof *m);
    if (m) {
        m->n_units = size / 4;
        m->n_pool = n - 4 - size;
        m->unit = mem_alloc(m->n_units, 4);
        m->pool = mem_zalloc(m->n_pool + 1, 1);
    }
    if (!m || !m->unit || !m->pool) {
        charsmap_free(m);
        err_oom(e, n, "a charsmap");
        return NULL;
    }
    for (size_t i = 0; i < m->n_units; i++) m->unit[i] = get_u32(p + 4 + 4 * i);
    memcpy(m->pool, p + 4 + size, m->n_pool);
    if (m->n_pool && m->pool[m->n_pool - 1]) err_set(e, ERR_DATA, "charsmap: the last replacement has no end");
    else if (values_in_range(m, e) && rules_end(m, e)) return m;
    charsmap_free(m);
    return NULL;
}

void charsmap_free(struct charsmap *m)
{
    if (!m) return;
    free(m->unit);
    free(m->pool);
    free(m);
}

size_t charsmap_match(const struct charsmap *m, const char *s, size_t n, bool shortest,
                      const char **replacement)
{
    size_t found = 0, at = charsmap_root(m);
    bool ends;
    for (size_t i = 0; i < n && charsmap_step(m, &at, (uint8_t)s[i], &ends); i++) {
        if (at >= m->n_units) break;
        if (!ends) continue;
        uint32_t value = m->unit[at] & 0x7FFFFFFF;
        if (value >= m->n_pool) break;
        *replacement = m->pool + value;
        found = i + 1;
        if (shortest) break;
    }
    return found;
}

/* ---- the characters of all rules ---- */

enum { MOST_CHARS = 32 }; /* of a rule */

struct visit {
    const struct charsmap *m;
    const struct charsmap_chars *to;
    uint64_t *opens; /* bit by place: perhaps a character begins below it */
    uint64_t *seen;  /* ... and was looked at: rules share their ends */
    size_t visits;
};

static bool get_bit(const uint64_t *bits, size_t i)
{
    return bits[i >> 6] >> (i & 63) & 1;
}

static void set_bit(uint64_t *bits, size_t i)
{
    bits[i >> 6] |= (uint64_t)1 << (i & 63);
}

static bool begins_char(uint32_t byte)
{
    return (byte > 0 && byte < 0x80) || (byte >= 0xC2 && byte < 0xF5);
}

/* So much of a character, of which `more` bytes are to come. */
struct partly {
    uint32_t cp, least;
    int more;
};

static struct partly add_byte(struct partly p, uint32_t byte)
{
    if (p.more) return (struct partly){p.cp << 6 | (byte & 0x3F), p.least, p.more - 1};
    if (byte < 0x80) return (struct partly){byte, 0, 0};
    if (byte < 0xE0) return (struct partly){byte & 0x1F, 0x80, 1};
    if (byte < 0xF0) return (struct partly){byte & 0x0F, 0x800, 2};
    return (struct partly){byte & 7, 0x10000, 3};
}

static bool visit(struct visit *x, size_t at, struct partly p, int n);

/* The byte that leads to place i, behind n characters and some of another. */
static bool visit_byte(struct visit *x, size_t i, struct partly p, int n)
{
    const struct charsmap *m = x->m;
    uint32_t u = m->unit[i];
    size_t below = i ^ offset_of(u);
    bool ends = (u >> 8 & 1) && below < m->n_units && (m->unit[below] & 0x7FFFFFFF) < m->n_pool;
    if (p.more) return !ends && (below >= m->n_units || visit(x, below, p, n));
    if (p.cp < p.least || (p.cp >= 0xD800 && p.cp < 0xE000) || p.cp > 0x10FFFF) return true; /* not in any text */
    if (n) x->to->behind(x->to->arg, p.cp);
    else if (ends) x->to->alone(x->to->arg, p.cp, m->pool + (m->unit[below] & 0x7FFFFFFF));
    if (below >= m->n_units || !get_bit(x->opens, below) || get_bit(x->seen, below)) return true;
    set_bit(x->seen, below);
    return n < MOST_CHARS && visit(x, below, p, n + 1);
}

/* Whether one of four bytes from c on, a multiple of four, may lead on from a place. */
static inline bool some_lead_on(const struct charsmap *m, size_t at, uint32_t c)
{
    size_t first = (at ^ c) & ~(size_t)3;
#if defined(__SSE2__)
    if (first + 4 > m->n_units) return true;
    __m128i unit = _mm_loadu_si128((const __m128i *)(const void *)(m->unit + first));
    __m128i byte = _mm_xor_si128(_mm_set1_epi32((int)((uint32_t)first ^ (uint32_t)at)), _mm_setr_epi32(0, 1, 2, 3));
    unit = _mm_and_si128(unit, _mm_set1_epi32((int)0x800000FF));
    return _mm_movemask_epi8(_mm_cmpeq_epi32(unit, byte)) != 0;
#else
    return first < m->n_units;
#endif
}

static bool visit(struct visit *x, size_t at, struct partly p, int n)
{
    if (++x->visits > 4 * x->m->n_units) return false; /* places that lead back */
    for (uint32_t c = p.more ? 0x80 : 1; c < (p.more ? 0xC0 : 0xF5); c++) {
        while (c % 4 == 0 && c < 0xF4 && !some_lead_on(x->m, at, c)) c += 4;
        if (p.more && c >= 0xC0) break;
        size_t i = at ^ c;
        if (i >= x->m->n_units || (x->m->unit[i] & (0x80000000u | 0xFF)) != c || (!p.more && !begins_char(c))) continue;
        if (!visit_byte(x, i, add_byte(p, c), n)) return false;
    }
    return true;
}

bool charsmap_chars(const struct charsmap *m, const struct charsmap_chars *to)
{
    size_t words = m->n_units / 64 + 8;
    struct visit x = {.m = m, .to = to};
    x.opens = mem_zalloc(words, 2 * sizeof *x.opens);
    if (!x.opens) return false;
    x.seen = x.opens + words;
    for (size_t i = 1; i < m->n_units; i++) {
        uint32_t c = m->unit[i] & (0x80000000u | 0xFF);
        if (begins_char(c)) set_bit(x.opens, i ^ c);
    }
    bool all = visit(&x, charsmap_root(m), (struct partly){0, 0, 0}, 0);
    free(x.opens);
    return all;
}
