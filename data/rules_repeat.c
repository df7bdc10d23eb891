/* Repetition within a document (Rae et al., arXiv:2112.11446, table A1), with
 * the details of datatrove 0.10: shares are of the characters of the text. */
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "data/rules_internal.h"
#include "data/words_class.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

static bool table_size(struct hash_counter *t, size_t n)
{
    size_t slots = 64;
    while (slots < n * 2)
        slots *= 2;
    if (slots > t->slots) {
        free(t->v);
        t->v = mem_zalloc(slots, sizeof *t->v);
        t->slots = t->v ? slots : 0;
        t->round = 0;
        if (!t->v) return false;
    }
    t->mask = slots - 1;
    if (++t->round == 0) { /* stamps wrapped around */
        memset(t->v, 0, t->slots * sizeof *t->v);
        t->round = 1;
    }
    return true;
}

/* How often the hash has been counted, this time included. */
static inline uint32_t table_count(struct hash_counter *t, uint64_t h)
{
    for (size_t i = (size_t)h & t->mask;; i = (i + 1) & t->mask) {
        struct hash_count *c = &t->v[i];
        if (c->round != t->round) {
            *c = (struct hash_count){h, 1, t->round};
            return 1;
        }
        if (c->hash == h) return ++c->count;
    }
}

static inline bool table_has(const struct hash_counter *t, uint64_t h)
{
    for (size_t i = (size_t)h & t->mask; t->v[i].round == t->round; i = (i + 1) & t->mask)
        if (t->v[i].hash == h) return true;
    return false;
}

bool rules_table_size(struct hash_counter *t, size_t n)
{
    return table_size(t, n);
}

uint32_t rules_table_count(struct hash_counter *t, uint64_t h)
{
    return table_count(t, h);
}

uint32_t rules_table_get(const struct hash_counter *t, uint64_t h)
{
    for (size_t i = (size_t)h & t->mask; t->v[i].round == t->round; i = (i + 1) & t->mask)
        if (t->v[i].hash == h) return t->v[i].count;
    return 0;
}

size_t rules_chars(const char *s, size_t n)
{
#if defined(__x86_64__)
    if (n >= 64 && text_bytes_best() == text_bytes_avx512) return rules_chars_avx512(s, n);
#endif
    return rules_chars_ref(s, n);
}

size_t rules_chars_ref(const char *s, size_t n)
{
    size_t k = 0, i = 0;
#if defined(__SSE2__)
    const __m128i first = _mm_set1_epi8((char)0xbf), zero = _mm_setzero_si128();
    while (n - i >= 16) { /* -1 in each byte that begins a character; no more than 255 of them */
        size_t end = n - i < 255 * 16 ? n : i + 255 * 16;
        __m128i sum = zero;
        for (; end - i >= 16; i += 16)
            sum = _mm_sub_epi8(
                sum, _mm_cmpgt_epi8(_mm_loadu_si128((const __m128i *)(const void *)(s + i)), first));
        sum = _mm_sad_epu8(sum, zero);
        k += (size_t)_mm_cvtsi128_si64(sum) + (size_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(sum, sum));
    }
#endif
    for (; i < n; i++)
        k += ((unsigned char)s[i] & 0xc0) != 0x80;
    return k;
}

/* ---- lines and paragraphs ---- */

void rules_duplicates(struct rules_work *w, const char *s, size_t n, size_t run, bool skip_blank,
                      struct rules_dups *out)
{
    const struct words_table *t = words_table_get();
    size_t newlines = 0;
    *out = (struct rules_dups){0};
    for (size_t i = 0; i < n; i++)
        newlines += s[i] == '\n';
    if (!t || !table_size(&w->table, newlines + 1)) {
        w->oom = true;
        return;
    }
    for (size_t from = 0;;) {
        const char *p = s + from;
        size_t to, next; /* the element's end; behind the newlines that part it from the next */
        for (;;) {
            p = memchr(p, '\n', (size_t)(s + n - p));
            if (!p) {
                to = next = n;
                break;
            }
            to = (size_t)(p - s);
            next = to + 1;
            while (!skip_blank && next < n && s[next] == '\n')
                next++;
            if (next - to >= run) break;
            p = s + next;
        }
        bool blank = skip_blank && rules_blank(t, s + from, to - from);
        if (!blank) {
            out->n++;
            if (table_count(&w->table, hash64(s + from, to - from)) > 1) {
                out->dups++;
                out->dup_chars += rules_chars(s + from, to - from);
            }
        }
        if (!p) break;
        from = next;
    }
}

/* rules_duplicates() where the newlines of the text are known; elements of [begin, n). */
static void duplicates_at(struct rules_work *w, const char *s, size_t begin, size_t n, size_t run,
                          struct rules_dups *out)
{
    const uint32_t *nl = w->nl, *end = w->n_nl ? nl + w->n_nl : nl;
    *out = (struct rules_dups){0};
    while (nl < end && *nl < begin)
        nl++;
    while (end > nl && end[-1] >= n)
        end--;
    if (!table_size(&w->table, (size_t)(end - nl) + 1)) {
        w->oom = true;
        return;
    }
    for (size_t from = begin;;) {
        size_t to = n, next = n;
        bool last = true;
        while (nl < end && last) {
            to = *nl;
            next = to + 1;
            for (nl++; nl < end && *nl == next; nl++)
                next++;
            last = next - to < run;
        }
        if (last) to = next = n;
        if (out->n++ == 0 && last) break; /* the only one */
        if (table_count(&w->table, hash64(s + from, to - from)) > 1) {
            out->dups++;
            out->dup_chars += w->ascii ? to - from : rules_chars(s + from, to - from);
        }
        if (last) break;
        from = next;
    }
}

/* ---- n-grams ---- */

/* Hash of the bytes of a word such that of a concatenation follows: H(ab) =
 * H(a) * base^|b| + H(b). */
static const uint64_t base = 0x9E3779B97F4A7C15u;

static bool word_hashes(struct rules_work *w, const char *text, const struct words *words)
{
    if (words->n > w->cap) {
        free(w->hash);
        w->hash = mem_alloc(words->n, 3 * sizeof *w->hash);
        w->cap = w->hash ? words->n : 0;
        if (!w->hash) return false;
    }
    uint64_t *h = w->hash, *pow = h + words->n;
    for (size_t i = 0; i < words->n; i++) {
        const unsigned char *s = (const unsigned char *)text + words->v[i].begin;
        uint64_t x = 0, p = 1;
        for (uint32_t k = 0; k < words->v[i].len; k++) {
            x = x * base + s[k] + 1;
            p *= base;
        }
        h[i] = x;
        pow[i] = p;
    }
    return true;
}

static inline uint64_t scramble(uint64_t x)
{
    x ^= x >> 31;
    x *= 0xD6E8FEB86659FD93u;
    return x ^ x >> 29;
}

/* Characters of the most frequent n-gram (blanks between its words), times its
 * count; of several the first. */
static double top_gram(struct rules_work *w, const struct words *words, size_t n, bool *repeats)
{
    uint64_t *h = w->hash, *gram = h + 2 * words->n;
    size_t m = words->n - n + 1, best = 0;
    uint32_t most = 0;
    for (size_t i = 0; i < m; i++) {
        uint64_t x = n == 2 ? scramble(h[i]) * base : gram[i]; /* of n - 1 words */
        gram[i] = x = scramble(x + h[i + n - 1]) * base;
        uint32_t c = table_count(&w->table, x);
        if (c > most) most = c;
    }
    *repeats = most > 1;
    if (most > 1) { /* the first whose final count is the largest */
        for (; best < m; best++) {
            size_t i = (size_t)gram[best] & w->table.mask;
            while (w->table.v[i].hash != gram[best])
                i = (i + 1) & w->table.mask;
            if (w->table.v[i].count == most) break;
        }
    }
    size_t chars = n - 1;
    for (size_t k = 0; k < n; k++)
        chars += words->v[best + k].chars;
    return (double)chars * most;
}

/* The hash of an n-gram and the word behind it.  Glued: of their letters one
 * after the other, so that "ab" "c" equals "a" "bc", as datatrove has it. */
static inline uint64_t longer(uint64_t gram, uint64_t word, uint64_t pow, bool glued)
{
    return glued ? gram * pow + word : scramble(gram + word) * base;
}

/* Characters in n-grams seen before, walking on behind each such. */
static double duplicate_grams(struct rules_work *w, const struct words *words, size_t n, bool glued)
{
    uint64_t *h = w->hash, *pow = h + words->n, *gram = h + 2 * words->n;
    size_t m = words->n - n + 1, dup = 0;
    for (size_t i = 0; i < m;) {
        uint64_t x = scramble(gram[i]);
        if (!table_has(&w->table, x)) {
            table_count(&w->table, x);
            i++;
            continue;
        }
        for (size_t k = 0; k < n; k++)
            dup += words->v[i + k].chars;
        i += n;
    }
    /* The hashes of the next longer ones. */
    for (size_t i = 0; i + n < words->n; i++)
        gram[i] = longer(gram[i], h[i + n], pow[i + n], glued);
    return (double)dup;
}

static void grams(struct rules_work *w, const char *text, const struct words *words, bool glued,
                  double chars, double *m)
{
    if (!word_hashes(w, text, words)) {
        w->oom = true;
        return;
    }
    bool repeats = true;
    for (size_t n = 2; n <= 4 && n <= words->n; n++) {
        if (!repeats) { /* what is unique stays unique when it grows */
            size_t c = n - 1;
            for (size_t k = 0; k < n; k++)
                c += words->v[k].chars;
            m[METRIC_TOP_2 + n - 2] = (double)c / chars;
            continue;
        }
        if (!table_size(&w->table, words->n))
            w->oom = true;
        else
            m[METRIC_TOP_2 + n - 2] = top_gram(w, words, n, &repeats) / chars;
    }
    uint64_t *h = w->hash, *pow = h + words->n, *gram = h + 2 * words->n;
    if (words->n < 5) return;
    for (size_t i = 0; i + 5 <= words->n; i++) {
        gram[i] = glued ? h[i] : scramble(h[i]) * base;
        for (size_t k = 1; k < 5; k++)
            gram[i] = longer(gram[i], h[i + k], pow[i + k], glued);
    }
    for (size_t n = 5; n <= 10 && n <= words->n && !w->oom; n++) {
        if (!table_size(&w->table, words->n)) {
            w->oom = true;
            break;
        }
        double dup = duplicate_grams(w, words, n, glued);
        m[METRIC_DUP_5 + n - 5] = dup / chars;
        if (dup <= 0) break;
    }
}

/* Of a large text: what the tables of n-grams stand in place of. */
static void let_go(struct rules_work *w)
{
    free(w->words.v);
    free(w->masks);
    free(w->table.v);
    w->table = (struct hash_counter){0};
    w->words.v = NULL;
    w->masks = NULL;
    w->words.cap = w->masks_cap = 0;
}

void rules_repetition(const struct rules_cfg *c, struct rules_work *w, const char *text, size_t n,
                      double *m)
{
    enum { LARGE = 4 << 20 };
    for (int i = METRIC_CHARS; i <= METRIC_DUP_10; i++)
        m[i] = 0;
    bool fast = rules_fast(c);
    double chars = (double)(fast && w->ascii ? n : rules_chars(text, n));
    m[METRIC_CHARS] = chars;
    if (!n) return;
    struct rules_dups d;
    size_t from = 0, to = n;
    rules_strip(words_table_get(), text, &from, &to);
    if (fast)
        duplicates_at(w, text, from, to, 2, &d);
    else
        rules_duplicates(w, text + from, to - from, 2, false, &d);
    if (d.n) {
        m[METRIC_DUP_PARAS] = (double)d.dups / (double)d.n;
        m[METRIC_DUP_PARA_CHARS] = (double)d.dup_chars / chars;
    }
    if (fast)
        duplicates_at(w, text, 0, n, 1, &d);
    else
        rules_duplicates(w, text, n, 1, false, &d);
    if (d.n) {
        m[METRIC_DUP_LINES] = (double)d.dups / (double)d.n;
        m[METRIC_DUP_LINE_CHARS] = (double)d.dup_chars / chars;
    }
    if (w->words.n > 1 && !w->oom && fast) {
        if (!rules_words_counted(w, text, n)) return;
        if (n >= LARGE && w->last) let_go(w);
        if (c->quick && rules_grams_few(c, w, chars)) return;
        if (n >= LARGE) rules_bound_free(&w->grams);
        rules_grams(w, chars, m);
        if (n >= LARGE && w->last) rules_grams_free(&w->grams);
    } else if (w->words.n && !w->oom)
        grams(w, text, &w->words, c->words == WORDS_SPACY_EN, chars, m);
}
