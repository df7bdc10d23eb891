#include "data/dedup_radix.h"

#include <stdbool.h>
#include <string.h>

/* Most significant byte first, in place ("American flag": McIlroy, Bostic and
 * McIlroy, 1993); small parts by insertion.  The top bits that all records share
 * are skipped, so document numbers sort as well as hashes.  Where a word comes in
 * order already (edges do, document by document), only equal ones are sorted on. */

enum { SMALL = 24, SLICES = 256 };

static inline int compare(const uint64_t *a, const uint64_t *b, int from, int words)
{
    for (int k = from; k < words; k++)
        if (a[k] != b[k]) return a[k] < b[k] ? -1 : 1;
    return 0;
}

static inline void swap(uint64_t *a, uint64_t *b, int words)
{
    for (int k = 0; k < words; k++) {
        uint64_t t = a[k];
        a[k] = b[k];
        b[k] = t;
    }
}

static void insertion(uint64_t *v, size_t n, int word, int words)
{
    size_t w = (size_t)words;
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k && compare(v + (k - 1) * w, v + k * w, word, words) > 0; k--)
            swap(v + (k - 1) * w, v + k * w, words);
}

/* Bits in which the records differ in this word. */
static uint64_t differing(const uint64_t *v, size_t n, int word, int words)
{
    uint64_t diff = 0, first = v[word];
    for (size_t i = 1; i < n; i++)
        diff |= v[i * (size_t)words + (size_t)word] ^ first;
    return diff;
}

static bool in_order(const uint64_t *v, size_t n, int word, int words)
{
    size_t w = (size_t)words;
    for (size_t i = 1; i < n; i++)
        if (v[i * w + (size_t)word] < v[(i - 1) * w + (size_t)word]) return false;
    return true;
}

/* Behind the records from `at` on that have this word alike. */
static size_t run_end(const uint64_t *v, size_t at, size_t n, int word, int words)
{
    size_t w = (size_t)words, end = at + 1;
    while (end < n && v[end * w + (size_t)word] == v[at * w + (size_t)word])
        end++;
    return end;
}

/* Parts by the 8 bits from `shift`; begin[256 + 1]. */
static void part(uint64_t *v, size_t n, int word, int words, int shift, size_t *begin)
{
    size_t at[256], w = (size_t)words, sum = 0;
    memset(begin, 0, 257 * sizeof *begin);
    for (size_t i = 0; i < n; i++)
        begin[(v[i * w + (size_t)word] >> shift & 255) + 1]++;
    for (int b = 0; b < 256; b++) {
        at[b] = sum;
        sum += begin[b + 1];
        begin[b + 1] = sum;
    }
    for (int b = 0; b < 256; b++)
        while (at[b] < begin[b + 1]) {
            uint64_t *x = v + at[b] * w;
            unsigned to;
            while ((to = (unsigned)(x[word] >> shift & 255)) != (unsigned)b)
                swap(x, v + at[to]++ * w, words);
            at[b]++;
        }
}

static void sort(uint64_t *v, size_t n, int word, int words);

static void sort_runs(uint64_t *v, size_t n, int word, int words)
{
    if (word + 1 == words) return;
    for (size_t at = 0, end; at < n; at = end) {
        end = run_end(v, at, n, word, words);
        if (end - at > 1) sort(v + at * (size_t)words, end - at, word + 1, words);
    }
}

static void sort(uint64_t *v, size_t n, int word, int words)
{
    while (n > SMALL) {
        uint64_t diff;
        while ((diff = differing(v, n, word, words)) == 0)
            if (++word == words) return;
        if (in_order(v, n, word, words)) {
            sort_runs(v, n, word, words);
            return;
        }
        int top = 63 - __builtin_clzll(diff), shift = top < 7 ? 0 : top - 7;
        size_t begin[257];
        part(v, n, word, words, shift, begin);
        size_t large = 0; /* the largest part goes on here, so that the stack stays small */
        for (size_t b = 1; b < 256; b++)
            if (begin[b + 1] - begin[b] > begin[large + 1] - begin[large]) large = b;
        for (size_t b = 0; b < 256; b++)
            if (b != large && begin[b + 1] - begin[b] > 1)
                sort(v + begin[b] * (size_t)words, begin[b + 1] - begin[b], word, words);
        v += begin[large] * (size_t)words;
        n = begin[large + 1] - begin[large];
    }
    insertion(v, n, word, words);
}

struct job {
    uint64_t *v;
    int word, words;
    size_t begin[SLICES + 1];
};

static void slice(void *arg, int i, int thread)
{
    struct job *j = arg;
    (void)thread;
    sort(j->v + j->begin[i] * (size_t)j->words, j->begin[i + 1] - j->begin[i], j->word, j->words);
}

/* In order by the word: parts of about the same size that end where it changes. */
static void cut(struct job *j, size_t n)
{
    for (size_t k = 1; k < SLICES; k++) {
        size_t at = n / SLICES * k, before = j->begin[k - 1];
        j->begin[k] = at <= before ? before : run_end(j->v, at - 1, n, j->word, j->words);
    }
    j->begin[SLICES] = n;
}

void dedup_radix_sort(uint64_t *v, size_t n, int words, struct pool *pool)
{
    struct job j = {.v = v, .words = words};
    uint64_t diff = 0;
    if (n <= 4096 || pool_threads(pool) == 1) {
        sort(v, n, 0, words);
        return;
    }
    while (!(diff = differing(v, n, j.word, words)))
        if (++j.word == words) return;
    int top = 63 - __builtin_clzll(diff);
    if (in_order(v, n, j.word, words))
        cut(&j, n);
    else
        part(v, n, j.word, words, top < 7 ? 0 : top - 7, j.begin);
    pool_run(pool, SLICES, slice, &j);
}
