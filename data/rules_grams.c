/* The n-gram metrics of repetition without a table of all n-grams: an n-gram
 * can only repeat where both (n-1)-grams in it repeat, and few do.  What does
 * not repeat takes no part in any of these metrics (a top n-gram of count one
 * is the first of the text), so the result is that of rules_repeat.c. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "data/rules_internal.h"

static const uint64_t mul_a = 0x9E3779B97F4A7C15u;

static inline uint64_t longer(uint64_t gram, uint64_t word)
{
    uint64_t x = (gram << 23 | gram >> 41) ^ word;
    x *= mul_a;
    return x ^ x >> 32;
}

/* Twice as many slots as entries; where there are many, one in five may be all that is free. */
static unsigned table_log(size_t n)
{
    enum { MANY = 1 << 20 };
    unsigned log = 6;
    size_t want = n <= MANY ? 2 * n : n + n / 4 > 2 * (size_t)MANY ? n + n / 4 : 2 * (size_t)MANY;
    while ((size_t)1 << log < want)
        log++;
    return log;
}

static bool room(struct gram_work *g, size_t n)
{
    if (n <= g->cap) return true;
    size_t cap = n + n / 8 + 256;
    free(g->gram);
    free(g->at);
    free(g->table);
    g->gram = mem_alloc(cap, sizeof *g->gram);
    g->at = mem_alloc(cap, 2 * sizeof *g->at);
    g->table = mem_alloc((size_t)1 << table_log(cap), sizeof *g->table);
    g->cap = g->gram && g->at && g->table ? cap : 0;
    return g->cap != 0;
}

void rules_bound_free(struct gram_work *g)
{
    free(g->bound);
    g->bound = NULL;
    g->bound_cap = 0;
}

void rules_grams_free(struct gram_work *g)
{
    free(g->hash);
    free(g->chars);
    free(g->gram);
    free(g->at);
    free(g->table);
    free(g->bound);
    *g = (struct gram_work){0};
}

/* An empty table for n entries; the shift that makes a slot of a hash. */
static unsigned clear_table(struct gram_work *g, size_t n)
{
    unsigned log = table_log(n);
    memset(g->table, 0, sizeof *g->table << log);
    g->mask = ((size_t)1 << log) - 1;
    return 64 - log;
}

/* A table in hand, so that nothing is read through pointers again and again.
 * Slot and tag together are more than 40 bits of the hash: two n-grams of a
 * text that agree in them are one in many millions of texts. */
struct hand {
    struct gram_slot *table;
    size_t mask;
    unsigned shift;
    uint32_t most;
};
static const uint32_t SEEN = 1u << 31; /* a bit of count */

static inline uint32_t count(struct hand *t, uint64_t h)
{
    uint32_t tag = (uint32_t)h | 1;
    size_t i = (size_t)(h >> t->shift);
    while (t->table[i].tag != tag) {
        if (!t->table[i].tag) {
            t->table[i] = (struct gram_slot){tag, 1};
            t->most = t->most ? t->most : 1;
            return (uint32_t)i;
        }
        i = (i + 1) & t->mask;
    }
    uint32_t c = ++t->table[i].count;
    t->most = c > t->most ? c : t->most;
    return (uint32_t)i;
}

/* Positions at[0 ... n) become those whose n-gram repeats; slot[] follows. */
static size_t keep_repeated(struct gram_work *g, uint32_t *at, uint32_t *slot, size_t n)
{
    size_t kept = 0;
    for (size_t k = 0; k < n; k++) {
        at[kept] = at[k];
        slot[kept] = slot[k];
        kept += g->table[slot[k]].count > 1;
    }
    return kept;
}

static size_t gram_chars(const struct gram_work *g, size_t at, size_t n)
{
    size_t c = 0;
    for (size_t k = 0; k < n; k++)
        c += g->chars[at + k];
    return c;
}

/* 2-grams: all of them are counted. */
static size_t pairs(struct gram_work *g, uint32_t *most)
{
    uint64_t *h = g->hash, *gram = g->gram;
    uint32_t *at = g->at, *slot = at + g->n;
    unsigned shift = clear_table(g, g->n);
    struct hand t = {g->table, g->mask, shift, 0};
    size_t n = g->n - 1;
    for (size_t i = 0; i < n; i++) {
        at[i] = (uint32_t)i;
        uint64_t x = longer(h[i], h[i + 1]);
        gram[i] = x;
        slot[i] = count(&t, x);
    }
    *most = t.most;
    return n;
}

/* n-grams at positions where both (n-1)-grams repeat. */
static size_t grow(struct gram_work *g, size_t n_at, size_t n, uint32_t *most)
{
    uint64_t *h = g->hash, *gram = g->gram;
    uint32_t *at = g->at, *slot = at + g->n;
    size_t made = 0;
    unsigned shift = clear_table(g, n_at);
    struct hand t = {g->table, g->mask, shift, 0};
    for (size_t k = 0; k + 1 < n_at; k++) {
        uint32_t p = at[k];
        if (at[k + 1] != p + 1) continue;
        gram[p] = longer(gram[p], h[p + n - 1]);
        slot[made] = count(&t, gram[p]);
        at[made++] = p;
    }
    *most = t.most;
    return made;
}

/* Characters of the first n-gram of the largest count, times the count. */
static double top(const struct gram_work *g, size_t n, uint32_t most)
{
    const uint32_t *at = g->at, *slot = at + g->n;
    size_t k = 0, best = 0;
    if (most > 1) {
        while (g->table[slot[k]].count != most)
            k++;
        best = at[k];
    } else {
        most = 1;
    }
    return (double)(gram_chars(g, best, n) + n - 1) * most;
}

/* Characters in n-grams seen before, walking on behind each such. */
static double duplicates(struct gram_work *g, size_t n_at, size_t n)
{
    const uint32_t *at = g->at, *slot = at + g->n;
    size_t free_at = 0, dup = 0;
    for (size_t k = 0; k < n_at; k++) {
        if (at[k] < free_at) continue;
        struct gram_slot *s = &g->table[slot[k]];
        if (s->count & SEEN) {
            dup += gram_chars(g, at[k], n);
            free_at = at[k] + n;
        }
        s->count |= SEEN;
    }
    return (double)dup;
}

static bool grams_room(struct rules_work *work, size_t n)
{
    struct gram_work *g = &work->grams;
    g->n = n;
    if (n + GRAMS_BEHIND <= g->hash_cap) return true;
    size_t cap = n + n / 8 + 256;
    free(g->hash);
    free(g->chars);
    g->hash = mem_alloc(cap, sizeof *g->hash);
    g->chars = mem_alloc(cap, sizeof *g->chars);
    g->hash_cap = g->hash && g->chars ? cap : 0;
    work->oom |= !g->hash_cap;
    return g->hash_cap != 0;
}

bool rules_grams_words(struct rules_work *work, const struct words *w, const char *text,
                       size_t n_text)
{
    struct word_counts c = {0};
    work->hashed = false;
    if (!grams_room(work, w->n)) return false;
    rules_count_words(w, text, n_text, work->grams.hash, work->grams.chars, &c);
    return true;
}

bool rules_words_counted(struct rules_work *work, const char *text, size_t n)
{
    if (work->hashed) return true;
    if (!grams_room(work, work->words.n)) return false;
    work->counts = (struct word_counts){0};
    rules_count_words(&work->words, text, n, work->grams.hash, work->grams.chars, &work->counts);
    return work->hashed = true;
}

void rules_grams(struct rules_work *work, double chars, double *m)
{
    struct gram_work *g = &work->grams;
    if (!room(g, g->n)) {
        work->oom = true;
        return;
    }
    size_t n_at = 0;
    for (size_t n = 2; n <= 10 && n <= g->n; n++) {
        uint32_t most = 0;
        if (n > 4 && !n_at) break;
        if (n == 2 || n_at) n_at = n == 2 ? pairs(g, &most) : grow(g, n_at, n, &most);
        if (n <= 4) m[METRIC_TOP_2 + n - 2] = top(g, n, most) / chars;
        n_at = most > 1 ? keep_repeated(g, g->at, g->at + g->n, n_at) : 0;
        if (n >= 5) m[METRIC_DUP_5 + n - 5] = duplicates(g, n_at, n) / chars;
    }
}

/* ---- the other dialects ---- */

/* Of the most frequent n-grams the first, or for DCLM the longest. */
static double top_other(const struct gram_work *g, size_t n_at, size_t n,
                        uint32_t most, bool dclm)
{
    const uint32_t *at = g->at, *slot = at + g->n;
    size_t length = 0;
    if (most < 2) return dclm ? 0 : (double)gram_chars(g, 0, n);
    for (size_t k = 0; k < n_at && (dclm || !length); k++) {
        if (g->table[slot[k]].count != most) continue;
        size_t chars = gram_chars(g, at[k], n);
        if (chars > length) length = chars;
    }
    return (double)length * most;
}

/* Characters of the n-grams at the places at hand, for DCLM each counted once. */
static double repeated_other(const struct gram_work *g, size_t n_at, size_t n,
                             bool dclm)
{
    size_t sum = 0, covered = 0;
    for (size_t k = 0; k < n_at; k++) {
        size_t i = g->at[k], from = dclm && covered > i ? covered : i;
        sum += gram_chars(g, from, i + n - from);
        covered = i + n;
    }
    return (double)sum;
}

/* Characters of all n-grams. */
static double all_grams(const struct gram_work *g, size_t n)
{
    size_t one = gram_chars(g, 0, n), all = one;
    for (size_t i = 1; i + n <= g->n; i++)
        all += one = one + g->chars[i + n - 1] - g->chars[i - 1];
    return (double)all;
}

void rules_grams_other(struct rules_work *work, bool dclm, double chars, double *m)
{
    struct gram_work *g = &work->grams;
    if (!room(g, g->n)) {
        work->oom = true;
        return;
    }
    size_t n_at = 0;
    for (size_t n = 2; n <= 10 && n <= g->n; n++) {
        uint32_t most = 0;
        if (n == 2 || n_at) n_at = n == 2 ? pairs(g, &most) : grow(g, n_at, n, &most);
        double length = n <= 4 ? top_other(g, n_at, n, most, dclm) : 0;
        if (n <= 4) m[METRIC_TOP_2 + n - 2] = chars > 0 ? length / chars : 0;
        n_at = most > 1 ? keep_repeated(g, g->at, g->at + g->n, n_at) : 0;
        if (n < 5) continue;
        double all = dclm ? chars : all_grams(g, n);
        m[METRIC_DUP_5 + n - 5] = all > 0 ? repeated_other(g, n_at, n, dclm) / all : 0;
    }
}
